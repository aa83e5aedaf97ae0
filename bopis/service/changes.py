"""From an order before and after to what is written: version, state, events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bopis.domain.decision import Decision
from bopis.domain.events import order_event
from bopis.domain.fulfillment import FulfillmentOrder
from bopis.domain.ids import PICK_SUFFIX, RESTOCK_SUFFIX
from bopis.domain.order import Order, derived_state
from bopis.domain.pick_task import PickTask, PickTaskKind, PickTaskLine, PickTaskState
from bopis.domain.policy import HOUR_MS
from bopis.domain.records import OrderWrite, PickupCode, WriteSet

RESTOCK_WITHIN_MS = 24 * HOUR_MS
"""Goods go back to the shelf within a day: after the promises of the same day in the queue."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event to be: its type, and the fulfillment order and line concerned."""

    type: str
    fulfillment_order_id: str = ""
    line_number: int = 0


def changed(
    before: Order,
    after: Order,
    *,
    now_ms: int,
    happened: Iterable[Happened],
    tasks: Sequence[PickTask] = (),
    codes: Sequence[PickupCode] = (),
    decisions: Sequence[Decision | None] = (),
) -> tuple[Order, WriteSet]:
    """The order's next version, in the state that follows from its groups, and the writes."""
    order = replace(after, version=before.version + 1, state=derived_state(after))
    events = tuple(
        order_event(
            one.type,
            order_id=order.order_id,
            version=order.version,
            index=index,
            time_ms=now_ms,
            fulfillment_order_id=one.fulfillment_order_id,
            line_number=one.line_number,
        )
        for index, one in enumerate(happened)
    )
    writes = WriteSet(
        orders=(OrderWrite(order, before.version),),
        pick_tasks=tuple(tasks),
        events=events,
        pickup_codes=tuple(codes),
        decisions=tuple(one for one in decisions if one is not None),
    )
    return order, writes


def pick_task_of(group: FulfillmentOrder) -> PickTask:
    """The task to pick a new fulfillment order."""
    return PickTask(
        pick_task_id=group.fulfillment_order_id + PICK_SUFFIX,
        fulfillment_order_id=group.fulfillment_order_id,
        order_id=group.order_id,
        node_id=group.node_id,
        kind=PickTaskKind.PICK,
        method=group.method,
        state=PickTaskState.OPEN,
        lines=tuple(PickTaskLine(one.line_number, one.sku, one.quantity) for one in group.lines),
        ready_by_ms=group.ready_by_ms,
        window_start_ms=group.window_start_ms,
    )


def restock_task_of(group: FulfillmentOrder, *, now_ms: int) -> PickTask:
    """The task to put back what was picked for a fulfillment order."""
    return PickTask(
        pick_task_id=group.fulfillment_order_id + RESTOCK_SUFFIX,
        fulfillment_order_id=group.fulfillment_order_id,
        order_id=group.order_id,
        node_id=group.node_id,
        kind=PickTaskKind.RESTOCK,
        method=group.method,
        state=PickTaskState.OPEN,
        lines=tuple(
            PickTaskLine(one.line_number, one.sku, one.picked_quantity)
            for one in group.lines
            if one.picked_quantity
        ),
        ready_by_ms=now_ms + RESTOCK_WITHIN_MS,
        window_start_ms=now_ms,
    )
