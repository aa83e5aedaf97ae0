"""Short picks: the stock fact of the reason, and the line sourced anew at once."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bopis.domain.commands import ConfirmShipment, HandOver, ReportShortPick
from bopis.domain.errors import FieldInvalid, LineNotFound, Overloaded, WrongState
from bopis.domain.fulfillment import (
    FULFILLMENT_MACHINE,
    FulfillmentOrder,
    FulfillmentState,
    FulfillmentVerb,
    labor_lines,
    stock_lines,
)
from bopis.domain.ledger import Adjust, CellKey, Command, Release
from bopis.domain.network import Method
from bopis.domain.order import Order, ShortAt
from bopis.domain.pick_task import (
    PICK_TASK_MACHINE,
    PickTask,
    PickTaskKind,
    PickTaskLine,
    PickTaskState,
    PickTaskVerb,
    ShortPickReason,
)
from bopis.domain.results import ShortPicked
from bopis.failpoints import failpoint
from bopis.service.acts import Outcome, Work, mutate
from bopis.service.changes import Happened, changed
from bopis.service.dependencies import Dependencies
from bopis.service.picking import finished_if_done
from bopis.service.sourcing import Placed, allocated, ask_of, place_and_commit
from bopis.service.tasks import TaskInHand, order_id_of_task, task_in_hand

LEAVING_RETRY_MS: Final = 1_000
_LEAVING: Final = (HandOver.rpc, ConfirmShipment.rpc)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read before the ledger act: sound units that should have been on the shelf, promised
    ones too. On hand counts damaged units and what was picked as well: neither has left.
    """

    on_shelf: int


async def report_short_pick(deps: Dependencies, command: ReportShortPick) -> ShortPicked:
    """Reports that a line was not there in full; the rest of the task goes on.

    Raises PickTaskNotFound, LineNotFound, WrongState, FieldInvalid, RequestIdReused, Overloaded.
    """
    return await mutate(
        deps,
        command,
        order_id=order_id_of_task(command.pick_task_id),
        point="short_pick",
        answer=ShortPicked,
        run=run_short_pick,
    )


async def run_short_pick(work: Work[ReportShortPick]) -> Outcome[ShortPicked]:
    """The steps of ReportShortPick, first time or resumed."""
    command, deps = work.command, work.deps
    at = await task_in_hand(deps, command.pick_task_id, tenant=command.tenant)
    line = _short_line(at.task, command)
    facts = None
    if command.reason is ShortPickReason.NOT_IN_STOCK and not work.resumed:
        await work.hold_shelves(at.task.node_id, [line.sku])
        facts = await _read_facts(deps, at.task.node_id, line.sku)
    await work.begin(facts=facts)
    group = _without_line(at.group, command.line_number)
    await work.act("facts", [_release(at.group, group, line), *_facts(work, at, line)])
    failpoint("short_pick.after_ledger")

    task = finished_if_done(_short(at.task, command.line_number))
    task, group = _ended(task, group)
    happened = [Happened("pick.short", group.fulfillment_order_id, command.line_number)]
    if task.state is PickTaskState.DONE and group.lines:
        happened.append(Happened("pick.completed", group.fulfillment_order_id))
    order = replace(
        at.order.with_group(group),
        short_at=(*at.order.short_at, ShortAt(command.line_number, at.task.node_id)),
    )
    placed = await _source_anew(work, order, command.line_number)
    after, tasks, more = allocated(order, placed)
    more += [
        Happened("order.unfilled", line_number=one.line_number) for one in placed.plan.unfilled
    ]
    order, writes = changed(
        at.order,
        after,
        now_ms=work.now_ms,
        happened=happened + more,
        tasks=[task, *tasks],
        decisions=[placed.decision],
    )
    return Outcome(ShortPicked(task, order), writes)


def _short_line(task: PickTask, command: ReportShortPick) -> PickTaskLine:
    """The line that is short. Raises LineNotFound, WrongState, FieldInvalid."""
    if task.kind is not PickTaskKind.PICK:
        raise WrongState(
            "a restock task has no short picks",
            metadata={"state": task.kind.value, "verb": PickTaskVerb.SHORT_PICK.value},
        )
    PICK_TASK_MACHINE.step(task.state, PickTaskVerb.SHORT_PICK)
    for line in task.lines:
        if line.line_number != command.line_number:
            continue
        if line.done:
            raise WrongState(
                f"line {line.line_number} is finished",
                metadata={"state": "DONE", "verb": PickTaskVerb.SHORT_PICK.value},
            )
        if not 0 <= command.found_quantity < line.quantity:
            raise FieldInvalid(
                f"line {line.line_number} asks for {line.quantity}: fewer must have been found",
                field="found_quantity",
            )
        return line
    raise LineNotFound(f"no line {command.line_number} in {task.pick_task_id}")


async def _read_facts(deps: Dependencies, node_id: str, sku: str) -> _Facts:
    """Raises Overloaded while goods are gone from the ledger alone: that is finished first."""
    if any(intent.key.rpc in _LEAVING for intent in deps.unfinished.values()):
        raise Overloaded("goods are leaving", retry_after_ms=LEAVING_RETRY_MS)
    cell = (await deps.ledger.read([CellKey(node_id, sku)])).cells[0]
    off_shelf = await deps.store.goods_off_shelf(node_id, sku)
    return _Facts(cell.on_hand - cell.unavailable - off_shelf)


def _without_line(group: FulfillmentOrder, line_number: int) -> FulfillmentOrder:
    return replace(
        group, lines=tuple(line for line in group.lines if line.line_number != line_number)
    )


def _release(before: FulfillmentOrder, after: FulfillmentOrder, line: PickTaskLine) -> Release:
    """The line's units; with the last line also the labor. Labor of the walk was spent."""
    short = tuple(one for one in before.lines if one.line_number == line.line_number)
    units = stock_lines(before.node_id, short)
    return Release(before.reservation_id, units if after.lines else units + labor_lines(before))


def _facts(work: Work[ReportShortPick], at: TaskInHand, line: PickTaskLine) -> tuple[Command, ...]:
    """What becomes of the stock, by reason."""
    command, node_id = work.command, at.task.node_id
    missing = line.quantity - command.found_quantity
    reason = command.reason
    match reason:
        case ShortPickReason.NOT_IN_STOCK:
            # A change, not a count: what leaves or is sold beside it is not taken twice.
            lost = work.facts(_Facts).on_shelf - command.found_quantity
            return (Adjust(node_id, line.sku, -lost, 0, "REASON_CORRECTION"),) if lost else ()
        case ShortPickReason.MISMATCH:
            return (Adjust(node_id, line.sku, -missing, 0, "REASON_CORRECTION"),)
        case ShortPickReason.DAMAGED | ShortPickReason.WORN_DISPLAY:
            return (Adjust(node_id, line.sku, 0, missing, "REASON_DAMAGED"),)
        case ShortPickReason.WRONG_LOCATION:
            return ()
        case _:
            assert_never(reason)


def _short(task: PickTask, line_number: int) -> PickTask:
    return replace(
        task,
        lines=tuple(
            replace(line, done=True) if line.line_number == line_number else line
            for line in task.lines
        ),
    )


def _ended(task: PickTask, group: FulfillmentOrder) -> tuple[PickTask, FulfillmentOrder]:
    """The group after the short line: empty, picked as far as it goes, or still being picked."""
    verb = FulfillmentVerb.SHORT_PICK
    if not group.lines:
        verb = FulfillmentVerb.EMPTY
    elif task.state is PickTaskState.DONE:
        verb = FulfillmentVerb.COMPLETE_PICK
    return task, replace(group, state=FULFILLMENT_MACHINE.step(group.state, verb).target)


async def _source_anew(work: Work[ReportShortPick], order: Order, line_number: int) -> Placed:
    """The line, elsewhere, failing that once more where it was short.

    The store of a pickup, collected or not, binds further pickups to it.
    """
    stores = [
        one.node_id
        for one in order.fulfillment_orders
        if one.method is Method.PICKUP and one.state is not FulfillmentState.CANCELLED
    ]
    lines = [line for line in order.lines if line.line_number == line_number]
    ask = replace(
        ask_of(
            work.deps,
            order,
            lines,
            now_ms=work.now_ms,
            pickup_only_at=stores[0] if stores else None,
        ),
        all_or_nothing=False,
    )
    placed = await place_and_commit(work, ask, attempts=order.attempts)
    if not placed.plan.groups:
        # Nobody else has it. Where it was short once there may be sound units beside the bad ones.
        shorts = Counter(one.node_id for one in order.short_at if one.line_number == line_number)
        twice = tuple(sorted(node_id for node_id, times in shorts.items() if times > 1))
        again = replace(ask, excluded_node_ids=twice)
        placed = await place_and_commit(work, again, attempts=placed.attempt)
    return placed
