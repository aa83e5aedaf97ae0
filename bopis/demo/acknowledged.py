"""Whether everything that was acknowledged is still so in the end.

Compares the clients' own logs with the orders as they are listed at the end. Each complaint is one
acknowledged act (order placed, cancelled, handed over, shipped) that the service does not know of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bopis.demo.wire import ENDED
from bopis.scenario.model import ScenarioOrder
from bopis.v1 import order_service_pb2

_Order = order_service_pb2.Order
_Group = order_service_pb2.FulfillmentOrder
GONE = {"handed_over": _Group.STATE_HANDED_OVER, "shipped": _Group.STATE_SHIPPED}


def find_lost(
    records: Iterable[Mapping[str, Any]],
    orders: Sequence[order_service_pb2.Order],
    asked: Mapping[str, ScenarioOrder],
) -> tuple[int, list[str]]:
    """How many acknowledged acts were looked at, and what was lost of them."""
    known = {order.order_id: order for order in orders}
    checked = 0
    lost = []
    for record in records:
        what = "placed" if record.get("placed") else record.get("how")
        if what not in ("placed", "cancelled", *GONE):
            continue
        checked += 1
        order_id = record["order_id"]
        order = known.get(order_id)
        if order is None:
            wrong = "the order is not known"
        elif what == "placed":
            wrong = _placed_wrong(record, order, asked[order_id])
        elif what == "cancelled":
            wrong = _cancelled_wrong(record, order)
        else:
            wrong = _gone_wrong(record, order, GONE[what])
        if wrong:
            lost.append(f"{order_id} was acknowledged as {what}, but {wrong}")
    return checked, lost


def _placed_wrong(
    record: Mapping[str, Any], order: order_service_pb2.Order, wish: ScenarioOrder
) -> str:
    """It has the lines that were asked for; each promised one is in a group or has a reason."""
    lines = {(line.line_number, line.sku, line.quantity) for line in order.lines}
    if lines != {(line.line_number, line.sku, line.quantity) for line in wish.lines}:
        return "its lines are others"
    if not record["lines"]:
        return "" if order.state in ENDED else "it has not ended, with nothing promised"
    held = {line.line_number for group in order.fulfillment_orders for line in group.lines}
    held |= {line.line_number for line in order.unfilled_lines if line.reason}
    missing = {int(number) for number in record["lines"]} - held
    return f"nothing is known of lines {sorted(missing)}" if missing else ""


def _cancelled_wrong(record: Mapping[str, Any], order: order_service_pb2.Order) -> str:
    """A cancelled order stays so; of one that had left in part, the cancelled lines stay so."""
    if order.state != record["order_state"]:
        was, is_now = _Order.State.Name(record["order_state"]), _Order.State.Name(order.state)
        if record["order_state"] in ENDED:
            return f"it is {is_now}, not {was}"
    gone = {
        line.line_number
        for group in order.fulfillment_orders
        if group.state in GONE.values()
        for line in group.lines
    }
    left = gone & {int(number) for number in record["lines"]}
    return f"lines {sorted(left)} left nonetheless" if left else ""


def _gone_wrong(
    record: Mapping[str, Any], order: order_service_pb2.Order, state: _Group.State.ValueType
) -> str:
    """What left is in a group that left the same way from the same node."""
    gone = {
        (line.line_number, group.node_id, line.sku, line.quantity)
        for group in order.fulfillment_orders
        if group.state == state
        for line in group.lines
    }
    missing = {
        (int(number), what[0], what[1], what[2]) for number, what in record["lines"].items()
    } - gone
    return f"lines {sorted(missing)} are not" if missing else ""
