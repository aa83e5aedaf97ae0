"""The customers' process: places the day's orders, cancels some, collects what is ready.

Orders go out at their times. A customer who cancels does so after a seeded while; one who collects
comes some hours after the message that the goods are ready, in open hours, with the code from it.
Messages are read from the notification sink, as a person would read a text message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import duration_pb2

from bopis.demo.client_process import Client, run_client
from bopis.demo.day import load_day
from bopis.demo.disturbances import Disturbances, chance
from bopis.demo.wire import (
    CallError,
    lines_of,
    method_to_wire,
    money,
    plain,
    promised_lines,
    request_id,
)
from bopis.scenario.hours import open_intervals
from bopis.scenario.model import Node, ScenarioOrder
from bopis.v1 import (
    common_pb2,
    order_service_pb2,
    order_service_pb2_grpc,
    pickup_service_pb2,
    pickup_service_pb2_grpc,
)

PLACING_MAX = 128
READ_EVERY_S = 0.05
WRONG_CODE_SHARE = 0.01
DAY_S = 86_400

_Order = order_service_pb2.Order
_Group = order_service_pb2.FulfillmentOrder


class Customers:
    """All customers of the day."""

    def __init__(
        self, client: Client, *, nodes: dict[str, Node], disturbances: Disturbances
    ) -> None:
        self._client = client
        self._nodes = nodes
        self._disturbances = disturbances
        self._orders = order_service_pb2_grpc.OrderServiceStub(client.caller.channel)
        self._pickups = pickup_service_pb2_grpc.PickupServiceStub(client.caller.channel)
        self._collected: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._placing = asyncio.Semaphore(PLACING_MAX)

    async def place_all(self, orders: tuple[ScenarioOrder, ...]) -> None:
        """Places each order at its time; returns once all are under way."""
        clock = self._client.clock
        for order in orders:
            await clock.sleep_until(order.placed_at.timestamp())
            await self._placing.acquire()
            late_s = (clock.now_s() - order.placed_at.timestamp()) / clock.scale
            counts = self._client.counts
            counts["placing_lag_ms_max"] = max(counts["placing_lag_ms_max"], round(1000 * late_s))
            self._client.spawn(self._place(order))
        self._client.counts["all_sent"] = 1

    async def _place(self, order: ScenarioOrder) -> None:
        try:
            answer = await self._client.caller.call(
                self._orders.CreateOrder, _create(order, self._client.config.seed)
            )
        finally:
            self._placing.release()
        placed: order_service_pb2.Order = answer.response.order
        counts = self._client.counts
        counts["placed"] += 1
        counts["placed_unfilled"] += placed.state == _Order.STATE_UNFILLED
        counts["placed_partly"] += bool(placed.unfilled_lines) and bool(placed.fulfillment_orders)
        self._client.log.write(
            "promise",
            answer.sent,
            answer.acknowledged,
            order_id=placed.order_id,
            lines=promised_lines(placed),
            placed=True,
        )
        delay_s = self._disturbances.cancels.get(order.order_id)
        if delay_s is not None:
            counts["cancels_waiting"] += 1
            self._client.spawn(self._cancel(order.order_id, delay_s))

    async def _cancel(self, order_id: str, delay_s: int) -> None:
        clock, counts = self._client.clock, self._client.counts
        await clock.sleep_until(clock.now_s() + delay_s)
        request = order_service_pb2.CancelOrderRequest(
            request_id=request_id(self._client.config.seed, "cancel", order_id),
            order_id=order_id,
            reason="changed my mind",
        )
        try:
            answer = await self._client.caller.call(self._orders.CancelOrder, request)
        except CallError as error:
            if error.code is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            counts["cancels_refused"] += 1
        else:
            counts["cancels"] += 1
            order: order_service_pb2.Order = answer.response.order
            self._client.log.write(
                "release",
                answer.sent,
                answer.acknowledged,
                order_id=order_id,
                lines=lines_of(
                    group
                    for group in order.fulfillment_orders
                    if group.state == _Group.STATE_CANCELLED
                ),
                how="cancelled",
                order_state=order.state,
            )
        finally:
            counts["cancels_waiting"] -= 1

    async def read_messages(self) -> None:
        """Reads the notification sink as it grows and sends each customer to the store."""
        async for message in _lines(Path(self._client.config.notifications)):
            self._client.counts["messages"] += 1
            if message.get("kind") != "READY" or not message.get("pickup_code"):
                continue
            told = (message["fulfillment_order_id"], message["pickup_code"])
            if told in self._told:
                continue
            self._told.add(told)
            if message["order_id"] in self._disturbances.no_shows:
                self._client.counts["no_shows"] += 1
                continue
            self._client.counts["collections_waiting"] += 1
            self._client.spawn(self._collect(message))

    async def _collect(self, message: dict[str, Any]) -> None:
        clock, counts = self._client.clock, self._client.counts
        order_id, node_id = message["order_id"], message["node_id"]
        come_s = clock.now_s() + self._disturbances.collect_delay_s(order_id)
        await clock.sleep_until(_next_open_s(self._nodes[node_id], come_s))
        seed, group_id = self._client.config.seed, message["fulfillment_order_id"]
        if group_id in self._collected:
            counts["collections_waiting"] -= 1
            return
        try:
            if chance(seed, "wrong code", group_id) < WRONG_CODE_SHARE:
                await self._mistype(message)
            request = pickup_service_pb2.HandOverRequest(
                request_id=request_id(seed, "hand over", group_id, message["pickup_code"]),
                order_id=order_id,
                node_id=node_id,
                pickup_code=message["pickup_code"],
            )
            answer = await self._client.caller.call(self._pickups.HandOver, request)
        except CallError as error:
            if error.code is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            counts["collections_refused"] += 1
        else:
            # One code opens everything of the order that is ready at this store.
            order: order_service_pb2.Order = answer.response.order
            taken = [
                group
                for group in order.fulfillment_orders
                if group.node_id == node_id
                and group.state == _Group.STATE_HANDED_OVER
                and group.fulfillment_order_id not in self._collected
            ]
            self._collected.update(group.fulfillment_order_id for group in taken)
            counts["handovers"] += len(taken)
            self._client.log.write(
                "left",
                answer.sent,
                answer.acknowledged,
                order_id=order_id,
                lines=lines_of(taken),
                how="handed_over",
            )
        finally:
            counts["collections_waiting"] -= 1

    async def _mistype(self, message: dict[str, Any]) -> None:
        """A customer who mixes up two digits is refused and tries again."""
        code = message["pickup_code"]
        wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
        request = pickup_service_pb2.HandOverRequest(
            request_id=request_id(self._client.config.seed, "mistype", message["order_id"], wrong),
            order_id=message["order_id"],
            node_id=message["node_id"],
            pickup_code=wrong,
        )
        try:
            await self._client.caller.call(self._pickups.HandOver, request)
        except CallError as error:
            if error.reason != "PICKUP_CODE_WRONG":
                raise
            self._client.counts["wrong_codes_refused"] += 1
        else:
            raise RuntimeError(f"order {message['order_id']} was handed over for a wrong code")


def _create(order: ScenarioOrder, seed: int) -> order_service_pb2.CreateOrderRequest:
    request = order_service_pb2.CreateOrderRequest(
        request_id=request_id(seed, "create", order.order_id),
        order_id=order.order_id,
        method=method_to_wire(order.method),
        place=common_pb2.Place(
            latitude=order.latitude,
            longitude=order.longitude,
            postal_code=plain(order.postal_code, 32),
            region=plain(order.region, 64),
        ),
        lines=[
            order_service_pb2.OrderLine(
                line_number=line.line_number,
                sku=line.sku,
                quantity=line.quantity,
                unit_price=money(line.unit_price_micro),
            )
            for line in order.lines
        ],
        customer_id=f"customer-of-{order.order_id}"[:64].rstrip(),
    )
    if order.ready_within_minutes is not None:
        request.ready_within.CopyFrom(
            duration_pb2.Duration(seconds=60 * order.ready_within_minutes)
        )
    return request


def _next_open_s(node: Node, from_s: float) -> float:
    start_s = int(from_s)
    for opens_s, closes_s in open_intervals(node, start_s=start_s, end_s=start_s + 2 * DAY_S):
        if closes_s > from_s:
            return max(from_s, opens_s)
    return from_s


async def _lines(path: Path) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a growing file, whole lines only; the file may not be there yet."""
    offset, rest = 0, b""
    while True:
        data = _read_from(path, offset)
        offset += len(data)
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            if line:
                yield json.loads(line)
        await asyncio.sleep(READ_EVERY_S)


def _read_from(path: Path, offset: int) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


async def _work(client: Client) -> None:
    scenario, disturbances = load_day(
        Path(client.config.scenario),
        orders=client.config.orders,
        seed=client.config.seed,
        reach_m=client.config.reach_m,
    )
    customers = Customers(
        client,
        nodes={node.node_id: node for node in scenario.nodes},
        disturbances=disturbances,
    )
    client.spawn(customers.place_all(scenario.orders))
    client.spawn(customers.read_messages())


if __name__ == "__main__":
    run_client(_work)
