"""Goods that go back to the shelf: of pickups nobody came for, of cancelled orders."""

from dataclasses import replace

from bopis.domain.commands import ConfirmPick
from bopis.domain.fulfillment import (
    FULFILLMENT_MACHINE,
    FulfillmentOrder,
    FulfillmentState,
    FulfillmentVerb,
    held_lines,
    stock_lines,
)
from bopis.domain.ledger import Release
from bopis.domain.pick_task import PickTask, PickTaskState
from bopis.domain.results import ConfirmedPick
from bopis.failpoints import failpoint
from bopis.service.acts import Outcome, Work
from bopis.service.changes import Happened, changed
from bopis.service.tasks import TaskInHand


async def confirm_restock(
    work: Work[ConfirmPick], at: TaskInHand, task: PickTask
) -> Outcome[ConfirmedPick]:
    """Confirms lines of a restock task; after the last one the ledger has the units back.

    Units are released together when all are on the shelf: until then nobody can be promised what
    lies on a cart.
    """
    if task.state is not PickTaskState.DONE:
        _, writes = changed(at.order, at.order, now_ms=work.now_ms, happened=(), tasks=[task])
        return Outcome(ConfirmedPick(task, at.group.state), writes)
    step = FULFILLMENT_MACHINE.step(at.group.state, FulfillmentVerb.RESTOCK)
    await work.begin()
    await work.act("release", [_release(at.group)])
    failpoint("restock.after_ledger")
    group = replace(at.group, state=step.target, restock_open=False)
    _, writes = changed(
        at.order,
        at.order.with_group(group),
        now_ms=work.now_ms,
        happened=[Happened(step.event, group.fulfillment_order_id)],
        tasks=[task],
    )
    return Outcome(ConfirmedPick(task, group.state), writes)


def _release(group: FulfillmentOrder) -> Release:
    """A no-show still holds all of it; a cancelled group only what was picked."""
    if group.state is FulfillmentState.NO_SHOW:
        return Release(group.reservation_id, held_lines(group))
    picked = tuple(line for line in group.lines if line.picked_quantity)
    return Release(group.reservation_id, stock_lines(group.node_id, picked))
