"""The tills: they sell what lies on the shelf, whatever it is promised to, and report in batches.

A few batches are sent a second time under a new request: each sale must still count once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from google.protobuf import timestamp_pb2

from bopis.demo.client_process import Client
from bopis.demo.disturbances import Disturbances, TillSale
from bopis.demo.shelf import Shelves
from bopis.demo.wire import Answer, request_id
from bopis.v1 import stock_service_pb2, stock_service_pb2_grpc

BATCH_EVERY_S = 300
BATCH_MAX = 500


class Tills:
    """All tills of all stores; an associate can hold back the sales of one node."""

    def __init__(self, client: Client, shelves: Shelves, disturbances: Disturbances) -> None:
        self._client = client
        self._shelves = shelves
        self._disturbances = disturbances
        self._stub = stock_service_pb2_grpc.StockServiceStub(client.caller.channel)
        self._pending: list[tuple[TillSale, int]] = []
        self._sending = asyncio.Lock()
        self._reporting: set[str] = set()
        self._urgent: dict[str, list[tuple[TillSale, int]]] = {}
        self._batches = 0

    async def run(self) -> None:
        """Sells through the day and reports; returns when every sale is reported."""
        clock = self._client.clock
        next_batch_s = 0.0
        for sale in self._disturbances.sales:
            if self._pending and sale.time_s >= next_batch_s:
                await clock.sleep_until(next_batch_s)
                self._client.spawn(self._report_others())
            if sale.time_s >= next_batch_s:
                next_batch_s = sale.time_s + BATCH_EVERY_S
            await clock.sleep_until(sale.time_s)
            sold = self._shelves.sell(sale.node_id, sale.sku, sale.quantity)
            if sold:
                self._pending.append((sale, sold))
        while self._pending:
            await clock.sleep_until(clock.now_s() + BATCH_EVERY_S)
            await self._report_others()
        self._client.counts["tills_closed"] = 1

    def hold(self, node_id: str) -> None:
        """From now on the node's sales wait: an associate counts a shelf. The count covers the
        sales until now, so these are to be reported before it (`settle`), later ones after it.
        """
        self._reporting.add(node_id)
        mine = [item for item in self._pending if item[0].node_id == node_id]
        self._pending = [item for item in self._pending if item[0].node_id != node_id]
        self._urgent[node_id] = mine

    async def settle(self, node_id: str) -> None:
        """Returns once every sale before `hold` is recorded."""
        async with self._sending:
            await self._send(self._urgent.pop(node_id, []))

    def reopen(self, node_id: str) -> None:
        """The count is recorded: the node's sales are reported again."""
        self._reporting.discard(node_id)

    async def _report_others(self) -> None:
        async with self._sending:
            ready = [item for item in self._pending if item[0].node_id not in self._reporting]
            self._pending = [item for item in self._pending if item[0].node_id in self._reporting]
            for start in range(0, len(ready), BATCH_MAX):
                await self._send(ready[start : start + BATCH_MAX])

    async def _send(self, batch: Sequence[tuple[TillSale, int]]) -> None:
        if not batch:
            return
        self._batches += 1
        key = f"batch-{self._batches}"
        sales = [_to_wire(sale, sold) for sale, sold in batch]
        answer = await self._record(key, sales)
        counts = self._client.counts
        for (sale, sold), outcome in zip(batch, answer.response.outcomes, strict=True):
            if outcome.WhichOneof("outcome") != "recorded_deficit_quantity":
                raise RuntimeError(f"sale {sale.source_id} was not recorded: {outcome}")
            counts["till_sales"] += 1
            counts["till_units"] += sold
            counts["deficit_sales"] += outcome.recorded_deficit_quantity > 0
            self._client.log.write(
                "sale",
                answer.sent,
                answer.acknowledged,
                node_id=sale.node_id,
                sku=sale.sku,
                quantity=sold,
                source_id=sale.source_id,
            )
        if self._batches == 1 or self._disturbances.is_sent_twice(key):
            again = await self._record(f"{key}/again", sales)
            duplicates = sum(outcome.duplicate for outcome in again.response.outcomes)
            counts["duplicate_sales"] += duplicates
            counts["duplicate_sales_recorded"] += len(sales) - duplicates

    async def _record(
        self, key: str, sales: Sequence[stock_service_pb2.Sale]
    ) -> Answer[stock_service_pb2.RecordSalesResponse]:
        request = stock_service_pb2.RecordSalesRequest(
            request_id=request_id(self._client.config.seed, "sales", key), sales=sales
        )
        return await self._client.caller.call(self._stub.RecordSales, request)


def _to_wire(sale: TillSale, sold: int) -> stock_service_pb2.Sale:
    return stock_service_pb2.Sale(
        source_id=sale.source_id,
        node_id=sale.node_id,
        sku=sale.sku,
        quantity=sold,
        effective_time=timestamp_pb2.Timestamp(seconds=sale.time_s),
    )
