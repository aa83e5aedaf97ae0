"""What became of the day: the orders' ends, the plans in force, stock against the shelves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import grpc.aio

from bopis.demo.plans import Group, PlannedOrder, promise_s
from bopis.demo.wire import ENDED, method_of
from bopis.scenario.model import Scenario, ScenarioOrder
from bopis.v1 import (
    inventory_service_pb2,
    inventory_service_pb2_grpc,
    order_service_pb2,
    order_service_pb2_grpc,
)

PAGE_SIZE = 250
NODES_A_CALL = 50
CALL_TIMEOUT_S = 60.0

_Order = order_service_pb2.Order
_Group = order_service_pb2.FulfillmentOrder
OPEN_STATES = (
    _Order.STATE_PENDING,
    _Order.STATE_CONFIRMED,
    _Order.STATE_IN_FULFILLMENT,
    _Order.STATE_READY,
)


async def list_orders(
    channel: grpc.aio.Channel, state: _Order.State.ValueType = _Order.STATE_UNSPECIFIED
) -> list[order_service_pb2.Order]:
    """Every order, or every order in one state, page by page."""
    stub = order_service_pb2_grpc.OrderServiceStub(channel)
    orders: list[order_service_pb2.Order] = []
    token = ""
    while True:
        answer = await stub.ListOrders(
            order_service_pb2.ListOrdersRequest(page_size=PAGE_SIZE, page_token=token, state=state),
            timeout=CALL_TIMEOUT_S,
        )
        orders += answer.orders
        token = answer.next_page_token
        if not token:
            return orders


async def any_open(channel: grpc.aio.Channel) -> bool:
    """Whether an order is still under way."""
    stub = order_service_pb2_grpc.OrderServiceStub(channel)
    for state in OPEN_STATES:
        request = order_service_pb2.ListOrdersRequest(page_size=1, state=state)
        answer = await stub.ListOrders(request, timeout=CALL_TIMEOUT_S)
        if answer.orders:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Ends:
    """How many orders ended how; each order counts once."""

    handed_over: int
    shipped: int
    cancelled: int
    expired: int
    unfilled: int
    stuck: int
    partly_unfilled: int
    without_reason: int


def count_ends(orders: Iterable[order_service_pb2.Order]) -> Ends:
    """COMPLETED is `handed_over` when a group was collected, else `shipped`; `stuck` did not end.

    `partly_unfilled`: orders that lack lines though others were filled. `without_reason`: orders
    with a line that nobody does and no reason for it (a cancelled group's lines have one).
    """
    counts: Counter[str] = Counter()
    for order in orders:
        if order.state == _Order.STATE_COMPLETED:
            collected = any(
                group.state == _Group.STATE_HANDED_OVER for group in order.fulfillment_orders
            )
            counts["handed_over" if collected else "shipped"] += 1
        elif order.state in ENDED:
            counts[_Order.State.Name(order.state)] += 1
        else:
            counts["stuck"] += 1
        if order.state == _Order.STATE_CANCELLED:
            continue
        done = {line.line_number for g in order.fulfillment_orders for line in g.lines}
        reasons = {line.line_number for line in order.unfilled_lines if line.reason}
        missing = {line.line_number for line in order.lines} - done
        counts["partly"] += bool(missing) and bool(done)
        counts["without_reason"] += not missing <= reasons
    return Ends(
        handed_over=counts["handed_over"],
        shipped=counts["shipped"],
        cancelled=counts["STATE_CANCELLED"],
        expired=counts["STATE_EXPIRED"],
        unfilled=counts["STATE_UNFILLED"],
        stuck=counts["stuck"],
        partly_unfilled=counts["partly"],
        without_reason=counts["without_reason"],
    )


def _in_force(order: order_service_pb2.Order) -> list[order_service_pb2.FulfillmentOrder]:
    return [
        group
        for group in order.fulfillment_orders
        if group.state != _Group.STATE_CANCELLED and group.lines
    ]


def planned_orders(
    orders: Sequence[order_service_pb2.Order], asked: Mapping[str, ScenarioOrder]
) -> list[PlannedOrder]:
    """The plans in force, with what was asked taken from the scenario and not from the answer."""
    planned = []
    for order in orders:
        wish = asked[order.order_id]
        minutes = wish.ready_within_minutes
        planned.append(
            PlannedOrder(
                order_id=order.order_id,
                method=wish.method,
                placed_s=order.create_time.seconds + (order.create_time.nanos > 0),
                latitude=wish.latitude,
                longitude=wish.longitude,
                ready_within_s=None if minutes is None else 60 * minutes,
                lines=wish.lines,
                groups=tuple(
                    Group(
                        node_id=group.node_id,
                        method=method_of(group.method),
                        window_start_s=group.window_start_time.seconds,
                        ready_s=group.ready_by_time.seconds,
                        line_numbers=tuple(sorted(line.line_number for line in group.lines)),
                    )
                    for group in _in_force(order)
                ),
            )
        )
    return planned


def promise_differences(
    orders: Sequence[order_service_pb2.Order],
    planned: Sequence[PlannedOrder],
    *,
    default_h: int,
) -> list[str]:
    """Orders whose promise is not what placing time and wish make it."""
    differences = []
    for order, plan in zip(orders, planned, strict=True):
        expected = promise_s(plan.placed_s, plan.ready_within_s, default_h=default_h)
        if order.promise_time.seconds != expected:
            differences.append(
                f"{order.order_id}: promised for {order.promise_time.seconds}, not {expected}"
            )
    return differences


@dataclass(frozen=True, slots=True)
class StockComparison:
    """The ledger's counters against the demo's own shelves at the end of the day, in units.

    `drifted` lists (node, SKU, ledger, shelves), `promised` (node, SKU, held and committed).
    """

    drift_units: int
    promised_units: int
    drifted: tuple[tuple[str, str, int, int], ...]
    promised: tuple[tuple[str, str, int], ...]


async def compare_stock(
    channel: grpc.aio.Channel, scenario: Scenario, on_hand: Mapping[tuple[str, str], int]
) -> StockComparison:
    """Reads every cell and compares."""
    stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
    nodes = [node.node_id for node in scenario.nodes]
    skus = [sku.sku for sku in scenario.skus]
    per_call = max(1, min(NODES_A_CALL, math.floor(500_000 / max(1, len(skus)))))
    drifted, promised = [], []
    for start in range(0, len(nodes), per_call):
        for some in range(0, len(skus), 5000):
            request = inventory_service_pb2.BatchGetAvailabilityRequest(
                node_ids=nodes[start : start + per_call], skus=skus[some : some + 5000]
            )
            async for part in stub.BatchGetAvailability(request, timeout=CALL_TIMEOUT_S):
                for cell in part.availabilities:
                    there = on_hand.get((cell.node_id, cell.sku), 0)
                    if cell.held + cell.committed:
                        promised.append((cell.node_id, cell.sku, cell.held + cell.committed))
                    if cell.on_hand != there:
                        drifted.append((cell.node_id, cell.sku, cell.on_hand, there))
    return StockComparison(
        drift_units=sum(abs(ledger - shelf) for _, _, ledger, shelf in drifted),
        promised_units=sum(units for _, _, units in promised),
        promised=tuple(promised),
        drifted=tuple(drifted),
    )
