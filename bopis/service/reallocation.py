"""Re-allocation: open orders nobody picks yet, allocated again together by the batch optimizer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bopis.domain.commands import Reallocate
from bopis.domain.cost import without_opportunity
from bopis.domain.errors import NotServing
from bopis.domain.ledger import CellKey
from bopis.domain.network import NetworkNode
from bopis.domain.order import Order
from bopis.domain.policy import HOUR_MS
from bopis.domain.reallocation import (
    LaborLimit,
    OpenOrder,
    ReallocationProblem,
    ReallocationProposal,
    SolveProgress,
    SolveRecord,
    StockLimit,
)
from bopis.domain.records import Operation, OperationStage, ReallocationReport
from bopis.domain.sourcing import Ask, Closure
from bopis.service.allocation import chosen_plan
from bopis.service.approval import keep_found, proposed_moves
from bopis.service.dependencies import Dependencies
from bopis.service.greedy import propose_greedily
from bopis.service.limits import used_up
from bopis.service.moving import movable, move_orders
from bopis.service.operations import advance, begin_operation, check_cancelled, interruptibly
from bopis.service.sourcing import ask_of
from bopis.service.stores import network_nodes

_log = structlog.get_logger(__name__)


async def begin_reallocation(deps: Dependencies, command: Reallocate) -> Operation:
    """Starts a re-allocation and returns its operation; a repeat returns the first one.

    Raises RequestIdReused, Overloaded (one runs already).
    """

    async def run(operation: Operation) -> Operation:
        report = await reallocate(deps, command, operation)
        return replace(operation, considered_count=report.considered_count, report=report)

    return await begin_operation(deps, command, run)


@dataclass(slots=True)
class _Watcher:
    """Hears of the solve: progress is shown, the record kept."""

    deps: Dependencies
    record: SolveRecord | None = None

    def progressed(self, progress: SolveProgress) -> None:
        """See SolveWatcher."""
        self.deps.operations.solve = progress

    def recorded(self, record: SolveRecord) -> None:
        """See SolveWatcher."""
        self.record = record


async def reallocate(
    deps: Dependencies, command: Reallocate, operation: Operation
) -> ReallocationReport:
    """Reads, solves, moves. Raises OperationCancelled, and what ledger and store raise."""
    orders = await _open_orders(deps, command.max_orders, tenant=command.tenant)
    if not orders:
        return _report(orders, (), 0, _nothing())
    nodes = network_nodes(deps)
    problem = await _problem(deps, orders, nodes, command)
    now = deps.operations
    now.started_s, now.time_limit_ms = asyncio.get_running_loop().time(), problem.time_limit_ms
    now.currency = next((order.currency for order in orders if order.currency), "")
    await advance(deps, operation, OperationStage.SOLVING, len(orders))
    watcher = _Watcher(deps)
    proposal = await interruptibly(deps, _propose(deps, orders, nodes, problem, watcher))
    proposed = proposed_moves(orders, problem, proposal)
    await keep_found(deps, operation.operation_id, proposed, watcher.record)
    await advance(deps, operation, OperationStage.MOVING, len(orders))
    if command.dry_run:
        would = [one.order_id for component in proposal.components for one in component]
        return _report(orders, would, 0, proposal)
    return await _move_all(deps, orders, proposal, operation.operation_id)


async def _propose(
    deps: Dependencies,
    orders: Sequence[Order],
    nodes: Sequence[NetworkNode],
    problem: ReallocationProblem,
    watcher: _Watcher,
) -> ReallocationProposal:
    """The optimizer's proposal; if it does not answer, each order's own best one."""
    skus = {line.sku for order in orders for line in order.lines}
    items = [item for sku in sorted(skus) if (item := deps.directory.items.get(sku)) is not None]
    try:
        return await deps.solver.solve(
            problem, nodes=nodes, items=items, policy=deps.policy, watcher=watcher
        )
    except NotServing as error:
        _log.error("reallocation.greedy", why=error.message)
        return await propose_greedily(deps, problem)


async def _move_all(
    deps: Dependencies,
    orders: Sequence[Order],
    proposal: ReallocationProposal,
    operation_id: str,
) -> ReallocationReport:
    by_id = {order.order_id: order for order in orders}
    moved: list[str] = []
    lost = 0
    total = len(proposal.components)
    for number, component in enumerate(proposal.components):
        deps.operations.moves = (number, total)
        check_cancelled(deps, so_far=f"{number} of {total} moves were looked at before")
        is_moved = False
        if all(one.order_id in by_id for one in component):
            together = [by_id[one.order_id] for one in component]
            try:
                is_moved = await move_orders(deps, together, component, operation_id=operation_id)
            except Exception:  # noqa: BLE001 (what moved before is reported all the same)
                _log.exception("reallocation.move_failed", order_ids=[o.order_id for o in together])
        if is_moved:
            moved += [one.order_id for one in component]
        else:
            lost += len(component)
    return _report(orders, moved, lost, proposal)


async def _open_orders(deps: Dependencies, limit: int, *, tenant: str) -> list[Order]:
    orders: list[Order] = []
    for order_id in await deps.store.open_allocations(limit):
        order = await deps.store.order(order_id)
        if order is not None and order.tenant == tenant and movable(order):
            orders.append(order)
    return orders


async def _problem(
    deps: Dependencies,
    orders: Sequence[Order],
    nodes: Sequence[NetworkNode],
    command: Reallocate,
) -> ReallocationProblem:
    now_ms = deps.clock.wall_ms()
    latest = max(order.promise_time_ms for order in orders)
    full = await used_up(deps, now_ms=now_ms, promise_ms=latest)
    latest += deps.policy.late_windows_max_h * HOUR_MS
    return ReallocationProblem(
        now_ms=now_ms,
        orders=tuple(
            OpenOrder(
                ask=_ask(deps, order, full, now_ms=now_ms),
                groups=chosen_plan(order).groups,
                unfilled=order.unfilled_lines,
                cost=without_opportunity(order.cost),
            )
            for order in orders
        ),
        stock=await _stock_limits(deps, orders, nodes),
        labor=await _labor_limits(deps, orders, nodes, now_ms=now_ms, latest_ms=latest),
        time_limit_ms=command.time_limit_ms,
    )


def _ask(deps: Dependencies, order: Order, full: tuple[Closure, ...], *, now_ms: int) -> Ask:
    """The order's ask; days whose limits are used up take no further group."""
    ask = ask_of(deps, order, order.lines, now_ms=now_ms)
    last_s = order.promise_time_ms // 1_000 + (deps.policy.late_windows_max_h + 1) * 3_600
    near = tuple(one for one in full if one.after_s < last_s)
    return replace(ask, closed=ask.closed + near) if near else ask


async def _stock_limits(
    deps: Dependencies, orders: Sequence[Order], nodes: Sequence[NetworkNode]
) -> tuple[StockLimit, ...]:
    own: dict[tuple[str, str], int] = {}
    for order in orders:
        for group in order.fulfillment_orders:
            for line in group.lines:
                key = (group.node_id, line.sku)
                own[key] = own.get(key, 0) + line.quantity
    skus = sorted({line.sku for order in orders for line in order.lines})
    items = [CellKey("", sku=sku) for sku in skus]
    limits: list[StockLimit] = []
    for one in nodes:
        # Node by node, so that the loop is free in between.
        node_id = one.node.node_id
        free = await deps.ledger.read_atp([node_id], items)
        for sku, atp in zip(skus, free, strict=True):
            units = max(0, atp) + own.get((node_id, sku), 0)
            if units > 0:
                limits.append(StockLimit(node_id, sku, units))
        await asyncio.sleep(0)
    return tuple(limits)


async def _labor_limits(
    deps: Dependencies,
    orders: Sequence[Order],
    nodes: Sequence[NetworkNode],
    *,
    now_ms: int,
    latest_ms: int,
) -> tuple[LaborLimit, ...]:
    own: dict[tuple[str, int], int] = {}
    for order in orders:
        for group in order.fulfillment_orders:
            for share in group.labor:
                key = (group.node_id, share.window_start_s)
                own[key] = own.get(key, 0) + share.seconds
    limits: list[LaborLimit] = []
    for one in nodes:
        node_id = one.node.node_id
        # Windows that have begun, or are long over for an overdue order, count too where these
        # orders hold seconds of them: the plan that an order has must always fit.
        ahead = {
            window.start_s for window in one.windows if now_ms <= window.start_s * 1_000 < latest_ms
        }
        starts = sorted(ahead | {start for held_at, start in own if held_at == node_id})
        free = await deps.ledger.read_atp(
            [node_id], [CellKey("", window_start_s=start) for start in starts]
        )
        for start, atp in zip(starts, free, strict=True):
            seconds = max(0, atp) + own.get((node_id, start), 0)
            if seconds > 0:
                limits.append(LaborLimit(node_id, start, seconds))
        await asyncio.sleep(0)
    return tuple(limits)


def _nothing() -> ReallocationProposal:
    return ReallocationProposal((), 0, 0, 0, 0)


def _report(
    orders: Sequence[Order],
    moved: Sequence[str],
    lost: int,
    proposal: ReallocationProposal,
) -> ReallocationReport:
    """Costs by the orders' own cards: before, and after with those that moved (or would move) at
    their new cost.
    """
    before = {order.order_id: without_opportunity(order.cost).total_micro for order in orders}
    after = dict(before)
    new = {one.order_id: one.cost for component in proposal.components for one in component}
    for order_id in moved:
        after[order_id] = without_opportunity(new[order_id]).total_micro
    return ReallocationReport(
        considered_count=len(orders),
        moved_count=len(moved),
        race_lost_count=lost,
        cost_before_micro=sum(before.values()),
        cost_after_micro=sum(after.values()),
        bound_micro=proposal.bound_micro,
        gap=proposal.gap,
        solve_time_ms=proposal.solve_time_ms,
        currency=next((order.currency for order in orders if order.currency), ""),
        step=proposal.stage,
    )
