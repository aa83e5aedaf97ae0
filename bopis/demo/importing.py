"""Brings a scenario's network, catalog and stock into the service through gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TypeVar

from bopis.demo.server_process import DemoError
from bopis.demo.wire import make_channel, money, plain, request_id
from bopis.scenario.model import Node, Scenario
from bopis.v1 import (
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    common_pb2,
    stock_service_pb2,
    stock_service_pb2_grpc,
    store_service_pb2,
    store_service_pb2_grpc,
)

STORES_A_MESSAGE = 100
ITEMS_A_MESSAGE = 1000
LEVELS_A_MESSAGE = 2000
IMPORT_TIMEOUT_S = 300.0

Element = TypeVar("Element")
Advance = Callable[[str, int, int], None]
"""Told of (what, done, total) as an import goes on."""


async def import_scenario(address: str, scenario: Scenario, *, seed: int, advance: Advance) -> None:
    """Imports everything. Raises DemoError where a level was refused, AioRpcError otherwise."""
    async with make_channel(address) as channel:
        nodes = [_store(node) for node in scenario.nodes]
        await store_service_pb2_grpc.StoreServiceStub(channel).ImportStores(
            (
                store_service_pb2.ImportStoresRequest(stores=part)
                async for part in _parts(nodes, STORES_A_MESSAGE, "nodes", advance)
            ),
            timeout=IMPORT_TIMEOUT_S,
        )
        items = [
            catalog_service_pb2.Item(
                sku=sku.sku,
                description=plain(sku.description, 500),
                unit_price=money(sku.unit_price_micro),
                weight_g=sku.weight_g or 0,
            )
            for sku in scenario.skus
        ]
        await catalog_service_pb2_grpc.CatalogServiceStub(channel).ImportItems(
            (
                catalog_service_pb2.ImportItemsRequest(items=part)
                async for part in _parts(items, ITEMS_A_MESSAGE, "articles", advance)
            ),
            timeout=IMPORT_TIMEOUT_S,
        )
        levels = list(scenario.on_hand.items())
        if not levels:
            return
        answer = await stock_service_pb2_grpc.StockServiceStub(channel).ImportStock(
            _stock(levels, seed=seed, advance=advance), timeout=IMPORT_TIMEOUT_S
        )
    if answer.failure_count or answer.imported_count != len(levels):
        raise DemoError(
            f"{answer.failure_count} of {len(levels)} stock levels were refused: "
            f"{list(answer.failures)[:3]}"
        )


def _store(node: Node) -> store_service_pb2.Store:
    return store_service_pb2.Store(
        node_id=node.node_id,
        kind=store_service_pb2.Store.Kind.Value(f"KIND_{node.kind}"),
        name=plain(node.name, 200),
        city=plain(node.city, 200),
        place=common_pb2.Place(
            latitude=node.latitude,
            longitude=node.longitude,
            postal_code=plain(node.postal_code, 32),
            region=plain(node.region, 64),
        ),
        time_zone=node.time_zone,
        open_minute=node.open_minute,
        close_minute=node.close_minute,
        pick_lines_per_hour=node.pick_lines_per_hour,
    )


async def _stock(
    levels: Sequence[tuple[tuple[str, str], int]], *, seed: int, advance: Advance
) -> AsyncIterator[stock_service_pb2.ImportStockRequest]:
    identifier, sequence = request_id(seed, "stock"), 0
    async for part in _parts(levels, LEVELS_A_MESSAGE, "stock levels", advance):
        yield stock_service_pb2.ImportStockRequest(
            request_id=identifier,
            message_sequence=sequence,
            levels=[
                stock_service_pb2.StockLevel(node_id=node_id, sku=sku, on_hand=quantity)
                for (node_id, sku), quantity in part
            ],
        )
        sequence += 1


async def _parts(
    elements: Sequence[Element], size: int, what: str, advance: Advance
) -> AsyncIterator[Sequence[Element]]:
    for start in _starts(len(elements), size):
        yield elements[start : start + size]
        advance(what, min(start + size, len(elements)), len(elements))


def _starts(count: int, size: int) -> Iterator[int]:
    return iter(range(0, count, size))
