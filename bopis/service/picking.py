"""Claiming tasks and confirming lines."""

from dataclasses import replace
from typing import Final

from bopis.domain.commands import ClaimPickTask, ConfirmPick, PickedLine
from bopis.domain.errors import (
    FieldInvalid,
    LineNotFound,
    NodeNotFound,
    TaskClaimed,
    WrongState,
)
from bopis.domain.fulfillment import FULFILLMENT_MACHINE, FulfillmentOrder, FulfillmentVerb
from bopis.domain.pick_task import (
    PICK_TASK_MACHINE,
    PickTask,
    PickTaskKind,
    PickTaskState,
    PickTaskVerb,
)
from bopis.domain.results import ConfirmedPick
from bopis.service.acts import Outcome, Work, mutate
from bopis.service.changes import Happened, changed
from bopis.service.dependencies import Dependencies
from bopis.service.restocking import confirm_restock
from bopis.service.tasks import TaskInHand, order_id_of_task, task_in_hand

PAGE_DEFAULT: Final = 100


async def list_pick_tasks(
    deps: Dependencies, node_id: str, *, page_size: int = 0, page_token: str = ""
) -> tuple[tuple[PickTask, ...], str]:
    """A page of a node's open tasks by time left to the promise, and the token of the next.

    Raises NodeNotFound, TokenInvalid.
    """
    if node_id not in deps.directory.nodes:
        raise NodeNotFound(f"no node {node_id}")
    return await deps.store.open_tasks(node_id, after=page_token, limit=page_size or PAGE_DEFAULT)


async def claim_pick_task(deps: Dependencies, command: ClaimPickTask) -> PickTask:
    """An associate takes an open task; again by the same associate it is the same task.

    Raises PickTaskNotFound, TaskClaimed, WrongState, RequestIdReused.
    """
    return await mutate(
        deps,
        command,
        order_id=order_id_of_task(command.pick_task_id),
        point="claim",
        answer=PickTask,
        run=_run_claim,
    )


async def _run_claim(work: Work[ClaimPickTask]) -> Outcome[PickTask]:
    command = work.command
    at = await task_in_hand(work.deps, command.pick_task_id, tenant=command.tenant)
    if at.task.state is PickTaskState.CLAIMED:
        if at.task.associate_id == command.associate_id:
            return Outcome(at.task)
        raise TaskClaimed(
            "another associate holds the task", metadata={"associate_id": at.task.associate_id}
        )
    step = PICK_TASK_MACHINE.step(at.task.state, PickTaskVerb.CLAIM)
    task = replace(
        at.task,
        state=step.target,
        associate_id=command.associate_id,
        claimed_at_ms=work.now_ms,
    )
    group = at.group
    if task.kind is PickTaskKind.PICK:
        group = _moved(group, FulfillmentVerb.CLAIM)
    _, writes = changed(
        at.order,
        at.order.with_group(group),
        now_ms=work.now_ms,
        happened=[Happened(step.event, group.fulfillment_order_id)],
        tasks=[task],
    )
    return Outcome(task, writes)


async def confirm_pick(deps: Dependencies, command: ConfirmPick) -> ConfirmedPick:
    """Confirms picked lines; on a restock task, lines back on the shelf.

    When the last line is finished the task is DONE. Raises PickTaskNotFound, LineNotFound,
    WrongState, FieldInvalid, RequestIdReused.
    """
    task = await deps.store.pick_task(command.pick_task_id)
    is_restock = task is not None and task.kind is PickTaskKind.RESTOCK
    return await mutate(
        deps,
        command,
        order_id=order_id_of_task(command.pick_task_id),
        point="restock" if is_restock else "confirm",
        answer=ConfirmedPick,
        run=run_confirm,
    )


async def run_confirm(work: Work[ConfirmPick]) -> Outcome[ConfirmedPick]:
    """The steps of ConfirmPick, first time or resumed."""
    at = await task_in_hand(work.deps, work.command.pick_task_id, tenant=work.command.tenant)
    PICK_TASK_MACHINE.step(at.task.state, PickTaskVerb.CONFIRM)
    task = confirmed_lines(at.task, work.command.lines)
    if at.task.kind is PickTaskKind.RESTOCK:
        return await confirm_restock(work, at, task)
    return _picked(work, at, task)


def _picked(work: Work[ConfirmPick], at: TaskInHand, task: PickTask) -> Outcome[ConfirmedPick]:
    now = {line.line_number: line.picked_quantity for line in work.command.lines}
    group = replace(
        at.group,
        lines=tuple(
            replace(line, picked_quantity=now.get(line.line_number, line.picked_quantity))
            for line in at.group.lines
        ),
    )
    happened: list[Happened] = []
    if task.state is PickTaskState.DONE:
        group = _moved(group, FulfillmentVerb.COMPLETE_PICK)
        happened.append(Happened("pick.completed", group.fulfillment_order_id))
    _, writes = changed(
        at.order,
        at.order.with_group(group),
        now_ms=work.now_ms,
        happened=happened,
        tasks=[task],
    )
    return Outcome(ConfirmedPick(task, group.state), writes)


def confirmed_lines(task: PickTask, confirmed: tuple[PickedLine, ...]) -> PickTask:
    """The task with lines confirmed, DONE after the last one.

    Raises LineNotFound, WrongState (the line is finished), FieldInvalid (a line named twice, or not
    in its whole quantity).
    """
    lines = {line.line_number: line for line in task.lines}
    seen: set[int] = set()
    for index, one in enumerate(confirmed):
        line = lines.get(one.line_number)
        if line is None:
            raise LineNotFound(f"no line {one.line_number} in {task.pick_task_id}")
        if one.line_number in seen:
            raise FieldInvalid("a line is named twice", field=f"lines[{index}].line_number")
        seen.add(one.line_number)
        if line.done:
            raise WrongState(
                f"line {one.line_number} is finished",
                metadata={"state": "DONE", "verb": PickTaskVerb.CONFIRM.value},
            )
        if one.picked_quantity != line.quantity:
            raise FieldInvalid(
                f"line {one.line_number} asks for {line.quantity}; report less as a short pick",
                field=f"lines[{index}].picked_quantity",
            )
        lines[one.line_number] = replace(line, picked_quantity=one.picked_quantity, done=True)
    return finished_if_done(replace(task, lines=tuple(lines.values())))


def finished_if_done(task: PickTask) -> PickTask:
    """The task, DONE if every line is finished."""
    if not all(line.done for line in task.lines):
        return task
    return replace(task, state=PICK_TASK_MACHINE.step(task.state, PickTaskVerb.FINISH).target)


def _moved(group: FulfillmentOrder, verb: FulfillmentVerb) -> FulfillmentOrder:
    return replace(group, state=FULFILLMENT_MACHINE.step(group.state, verb).target)
