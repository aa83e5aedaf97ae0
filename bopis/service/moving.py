"""Moving orders that nobody picks yet to new plans, those that swap units in one atomic act."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bopis.domain.commands import MoveOrders
from bopis.domain.fulfillment import FulfillmentOrder, FulfillmentState, held_lines
from bopis.domain.ids import PICK_SUFFIX, derived_uuid
from bopis.domain.ledger import Move, Moved, ReservationMove
from bopis.domain.order import BatchMark, Order, OrderState
from bopis.domain.pick_task import OPEN_STATES, PickTask, PickTaskState
from bopis.domain.planner import is_overridden
from bopis.domain.reallocation import OrderMove
from bopis.domain.records import WriteSet
from bopis.domain.sourcing import Plan, PlannedGroup
from bopis.failpoints import failpoint
from bopis.service.acts import Outcome, Work, conclude, fingerprint
from bopis.service.changes import Happened, changed
from bopis.service.dependencies import Dependencies
from bopis.service.limits import may_move
from bopis.service.sourcing import Placed, allocated


@dataclass(frozen=True, slots=True)
class MoveResult:
    """Whether the orders moved; if not, the race for their new units was lost."""

    moved: bool


def movable(order: Order) -> bool:
    """Whether an order can be allocated anew: promised, nothing begun, held by one reservation.

    Orders with a line that was short before were sourced twice; they stay where they are.
    """
    return (
        order.state is OrderState.CONFIRMED
        and len(order.sourcings) == 1
        and all(group.state is FulfillmentState.ALLOCATED for group in order.fulfillment_orders)
    )


async def move_orders(
    deps: Dependencies,
    orders: Sequence[Order],
    moves: Sequence[OrderMove],
    *,
    batch: BatchMark,
    asked_by: str = "",
    policy_version: str = "",
) -> bool:
    """Moves orders together, if each still is as it was seen, and nothing that planners decided
    since is against it; False: the race was lost. `batch`: the re-allocation that planned it, for
    those who ask why; `asked_by`: what makes it, if that is not its operation; `policy_version`:
    that it was planned under (empty: the one in force).
    """
    command = MoveOrders(
        request_id=derived_uuid(
            "move", asked_by or batch.operation_id, *(one.order_id for one in moves)
        ),
        tenant=orders[0].tenant,
        moves=tuple(moves),
        versions=tuple(order.version for order in orders),
        batch=batch,
        policy_version=policy_version,
    )
    async with deps.locks.hold_all(order.order_id for order in orders):
        if any(order.order_id in deps.unfinished for order in orders):
            return False
        return (await conclude(work_of(deps, command), run_move)).moved


def work_of(deps: Dependencies, command: MoveOrders) -> Work[MoveOrders]:
    """The work of a move; its first order stands for all."""
    order_ids = tuple(one.order_id for one in command.moves)
    return Work(
        deps=deps,
        command=command,
        order_id=order_ids[0],
        fingerprint=fingerprint(command),
        now_ms=deps.clock.wall_ms(),
        point="move",
        others=order_ids[1:],
    )


async def run_move(work: Work[MoveOrders]) -> Outcome[MoveResult]:
    """The steps of a move, first time or resumed; the caller holds the locks of all its orders."""
    orders: list[Order] = []
    for one, version in zip(work.command.moves, work.command.versions, strict=True):
        order = await work.deps.store.order(one.order_id)
        if order is None or order.version != version or not movable(order):
            return Outcome(MoveResult(moved=False))
        orders.append(order)
    if not work.resumed and _rules_changed(work, orders):
        return Outcome(MoveResult(moved=False))
    planned = [
        _moved_order(work.deps, order, one, work.command.batch)
        for order, one in zip(orders, work.command.moves, strict=True)
    ]
    if not work.resumed and any(
        _begins_too_late(order, after, now_ms=work.now_ms)
        for order, (after, _, _) in zip(orders, planned, strict=True)
    ):
        return Outcome(MoveResult(moved=False))
    if not work.resumed and not await may_move(
        work, orders, [after for after, _, _ in planned], now_ms=work.now_ms
    ):
        return Outcome(MoveResult(moved=False))
    await work.begin()
    act = Move(
        tuple(
            ReservationMove(
                order.sourcings[0].reservation_id,
                tuple(line for group in after.fulfillment_orders for line in held_lines(group)),
            )
            for order, (after, _, _) in zip(orders, planned, strict=True)
        )
    )
    done = await work.act("move", [act], may_lack=True)
    failpoint("move.after_ledger")
    if not isinstance(done.outcomes[0], Moved):
        return Outcome(MoveResult(moved=False))
    writes = WriteSet()
    for before, (after, tasks, happened) in zip(orders, planned, strict=True):
        withdrawn = await _withdrawn_tasks(work.deps, before, after)
        _, one_order = changed(
            before, after, now_ms=work.now_ms, happened=happened, tasks=[*withdrawn, *tasks]
        )
        writes = replace(
            writes,
            orders=writes.orders + one_order.orders,
            pick_tasks=writes.pick_tasks + one_order.pick_tasks,
            events=writes.events + one_order.events,
        )
    return Outcome(MoveResult(moved=True), writes)


def is_against_planners(deps: Dependencies, order: Order, groups: Sequence[PlannedGroup]) -> bool:
    """Whether a pin or a forbid in force is against these groups."""
    board = deps.board
    overrides = board.of_order(order.order_id) + tuple(
        one for one in board.overrides.values() if one.sku
    )
    return is_overridden(overrides, order, groups, now_ms=deps.clock.wall_ms())


def _rules_changed(work: Work[MoveOrders], orders: Sequence[Order]) -> bool:
    """Whether the policy is another than the moves were planned under, or a planner is against."""
    command = work.command
    return command.policy_version not in ("", work.deps.policy.version) or any(
        is_against_planners(work.deps, order, one.groups)
        for order, one in zip(orders, command.moves, strict=True)
    )


def is_planned_so(order: Order, groups: Sequence[PlannedGroup]) -> bool:
    """Whether the order's groups, those cancelled aside, are exactly these."""
    theirs = [
        one for one in order.fulfillment_orders if one.state is not FulfillmentState.CANCELLED
    ]
    return len(theirs) == len(groups) and all(
        any(_is(one, planned) for one in theirs) for planned in groups
    )


def _begins_too_late(before: Order, after: Order, *, now_ms: int) -> bool:
    """Whether a window of a new group has begun since the optimizer chose it."""
    return any(
        group.window_start_ms < now_ms
        for group in after.fulfillment_orders
        if group not in before.fulfillment_orders
    )


def _moved_order(
    deps: Dependencies, order: Order, move: OrderMove, batch: BatchMark | None
) -> tuple[Order, tuple[PickTask, ...], list[Happened]]:
    """The order under its new plan: groups that stay as they are keep their id and task."""
    kept: list[FulfillmentOrder] = []
    new: list[PlannedGroup] = []
    for planned in move.groups:
        same = next((one for one in order.fulfillment_orders if _is(one, planned)), None)
        if same is None:
            new.append(planned)
        else:
            kept.append(same)
    base = replace(
        order, fulfillment_orders=tuple(kept), unfilled_lines=move.unfilled, sourcings=()
    )
    sourcing = order.sourcings[0]
    placed = Placed(
        Plan(tuple(new), (), move.cost),
        sourcing.reservation_id,
        sourcing.attempt,
        deps.policy.version,
        deps.board.sequence,
        batch=batch,
    )
    after, tasks, happened = allocated(base, placed)
    return after, tasks, [Happened("order.moved"), *happened]


def _is(group: FulfillmentOrder, planned: PlannedGroup) -> bool:
    return (
        group.node_id == planned.node_id
        and group.method is planned.method
        and group.labor == planned.labor
        and {line.line_number for line in group.lines} == set(planned.line_numbers)
    )


async def _withdrawn_tasks(deps: Dependencies, before: Order, after: Order) -> list[PickTask]:
    """Tasks of groups that the order no longer has."""
    kept = {group.fulfillment_order_id for group in after.fulfillment_orders}
    withdrawn: list[PickTask] = []
    for group in before.fulfillment_orders:
        if group.fulfillment_order_id in kept:
            continue
        task = await deps.store.pick_task(group.fulfillment_order_id + PICK_SUFFIX)
        if task is not None and task.state in OPEN_STATES:
            withdrawn.append(replace(task, state=PickTaskState.WITHDRAWN))
    return withdrawn
