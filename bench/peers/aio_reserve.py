"""The peer of the door: InventoryService.Reserve as a grpc.aio servicer over the same engine.

Written to be fast, not safe: it checks no field rules and no deadlines, knows no positions and
keeps no request ids but the ledger's. The engine, its journal and the adapter are the product's.
"""

import argparse
import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp

from bopis._allocator_rs import Engine
from bopis.adapters.clock_native import system_clock
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.domain.ledger import (
    CellKey,
    Hold,
    RegisterItems,
    RegisterNodes,
    ReservationLine,
    ReservationNow,
    SetOnHand,
)
from bopis.v1 import catalog_service_pb2 as catalog
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores

REQUEST_WINDOW_MAX = 16_000_000
CELLS_MAX = 4_096


class Peer:
    """The rpcs that a run of the benchmark needs."""

    def __init__(self, ledger: NativeLedger) -> None:
        self._ledger = ledger

    async def reserve(self, request: inventory.ReserveRequest, _: object) -> bytes:
        """One hold of stock lines."""
        hold = Hold(
            reservation_id=request.reservation_id or request.request_id,
            order_id=request.order_id,
            lines=tuple(
                ReservationLine(line.node_id, line.quantity, line.sku) for line in request.lines
            ),
            ttl_ms=request.ttl.ToMilliseconds(),
            priority=request.priority,
        )
        done = await self._ledger.act([hold], request_id=request.request_id)
        (outcome,) = done.outcomes
        if not isinstance(outcome, ReservationNow):
            raise RuntimeError("the bench never runs out of stock")
        held = outcome.reservation
        expire_time = Timestamp()
        expire_time.FromMilliseconds(held.expire_wall_ms)
        reservation = inventory.Reservation(
            reservation_id=held.reservation_id,
            state=inventory.Reservation.STATE_HELD,
            lines=[
                inventory.ReservationLine(
                    node_id=line.node_id, sku=line.sku or "", quantity=line.quantity
                )
                for line in held.lines
            ],
            expire_time=expire_time,
            priority=held.priority,
        )
        return inventory.ReserveResponse(reservation=reservation).SerializeToString()

    async def availability(
        self, request: inventory.BatchGetAvailabilityRequest, _: object
    ) -> AsyncIterator[bytes]:
        """What is held, cell by cell."""
        cells = [CellKey(node, sku) for node in request.node_ids for sku in request.skus]
        for begin in range(0, len(cells), CELLS_MAX):
            part = cells[begin : begin + CELLS_MAX]
            read = await self._ledger.read(part)
            found = [
                inventory.Availability(node_id=cell.node_id, sku=cell.sku or "", held=view.held)
                for cell, view in zip(part, read.cells, strict=True)
            ]
            response = inventory.BatchGetAvailabilityResponse(availabilities=found)
            yield response.SerializeToString()

    async def import_stock(
        self, requests: AsyncIterator[stock.ImportStockRequest], _: object
    ) -> bytes:
        """Sets on hand."""
        imported = 0
        async for request in requests:
            commands = [SetOnHand(x.node_id, x.sku, x.on_hand) for x in request.levels]
            await self._ledger.act(commands, request_id=request.request_id)
            imported += len(commands)
        return stock.ImportStockResponse(imported_count=imported).SerializeToString()

    async def import_stores(
        self, requests: AsyncIterator[stores.ImportStoresRequest], _: object
    ) -> bytes:
        """Registers nodes, by name only."""
        nodes = [store.node_id async for request in requests for store in request.stores]
        await self._ledger.act([RegisterNodes(tuple(nodes))], request_id=_id(1))
        return stores.ImportStoresResponse(imported_count=len(nodes)).SerializeToString()

    async def import_items(
        self, requests: AsyncIterator[catalog.ImportItemsRequest], _: object
    ) -> bytes:
        """Registers SKUs, by name only."""
        skus = [item.sku async for request in requests for item in request.items]
        await self._ledger.act([RegisterItems(tuple(skus))], request_id=_id(2))
        return catalog.ImportItemsResponse(imported_count=len(skus)).SerializeToString()

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """The rpcs by service."""
        upload = grpc.stream_unary_rpc_method_handler
        methods: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {
            "InventoryService": {
                "Reserve": grpc.unary_unary_rpc_method_handler(
                    self.reserve, inventory.ReserveRequest.FromString
                ),
                "BatchGetAvailability": grpc.unary_stream_rpc_method_handler(
                    self.availability, inventory.BatchGetAvailabilityRequest.FromString
                ),
            },
            "StockService": {
                "ImportStock": upload(self.import_stock, stock.ImportStockRequest.FromString)
            },
            "StoreService": {
                "ImportStores": upload(self.import_stores, stores.ImportStoresRequest.FromString)
            },
            "CatalogService": {
                "ImportItems": upload(self.import_items, catalog.ImportItemsRequest.FromString)
            },
        }
        return [
            grpc.method_handlers_generic_handler(f"bopis.v1.{service}", rpcs)
            for service, rpcs in methods.items()
        ]


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


async def serve(data: Path, port: int) -> None:
    """Serves until SIGTERM; announces the bound port as one JSON line."""
    engine = Engine.open(data / "ledger", system_clock(), REQUEST_WINDOW_MAX)
    engine.start_time()
    loop = asyncio.get_running_loop()
    calls = NativeCalls(engine, loop)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(Peer(NativeLedger(engine, calls)).handlers())
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print(json.dumps({"port": bound}), flush=True)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await server.stop(grace=1)
    calls.close()
    engine.drain()


def main() -> None:
    """The command line: --data FOLDER --port N."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    uvloop.run(serve(options.data, options.port))


if __name__ == "__main__":
    main()
