"""Re-allocation: open orders nobody picks yet, allocated again together by the batch optimizer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from bopis.domain.commands import Reallocate
from bopis.domain.cost import CostBreakdown, gap_over, without_opportunity
from bopis.domain.errors import NotServing
from bopis.domain.greedy import GreedyRecord, GreedyRequest
from bopis.domain.network import NetworkNode
from bopis.domain.order import BatchMark, Order
from bopis.domain.reallocation import (
    OrderMove,
    ReallocationProblem,
    ReallocationProposal,
    SolveProgress,
    SolveRecord,
)
from bopis.domain.records import Operation, OperationStage, ReallocationReport
from bopis.domain.reevaluation import STAY_LEAST_MICRO, Terms
from bopis.service.approval import keep_found, proposed_moves
from bopis.service.batches import items_of, open_orders, problem_of
from bopis.service.dependencies import Dependencies
from bopis.service.greedy import propose_greedily
from bopis.service.moving import move_orders
from bopis.service.operations import advance, begin_operation, check_cancelled, interruptibly
from bopis.service.resolving import resolve_alone
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
    record: SolveRecord | GreedyRecord | None = None

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
    policy_version = deps.policy.version
    orders = await open_orders(deps, command.max_orders, tenant=command.tenant)
    if not orders:
        return _report(orders, {}, 0, _nothing())
    nodes = network_nodes(deps)
    problem = await problem_of(deps, orders, nodes, time_limit_ms=command.time_limit_ms)
    now = deps.operations
    now.started_s, now.time_limit_ms = asyncio.get_running_loop().time(), problem.time_limit_ms
    now.currency = next((order.currency for order in orders if order.currency), "")
    await advance(deps, operation, OperationStage.SOLVING, len(orders))
    watcher = _Watcher(deps)
    proposal = await interruptibly(deps, _propose(deps, orders, nodes, problem, watcher))
    proposed = proposed_moves(orders, problem, proposal, policy_version=policy_version)
    await keep_found(deps, operation.operation_id, proposed, watcher.record)
    await advance(deps, operation, OperationStage.MOVING, len(orders))
    if command.dry_run:
        would = {one.order_id: one.cost for component in proposal.components for one in component}
        return _report(orders, would, 0, proposal)
    return await _move_all(
        deps, orders, proposal, operation.operation_id, policy_version=policy_version
    )


async def _propose(
    deps: Dependencies,
    orders: Sequence[Order],
    nodes: Sequence[NetworkNode],
    problem: ReallocationProblem,
    watcher: _Watcher,
) -> ReallocationProposal:
    """The optimizer's proposal; if it does not answer, each order's own best one."""
    items = items_of(deps, {line.sku for order in orders for line in order.lines})
    policy, duals = deps.policy, deps.duals.current()
    try:
        return await deps.solver.solve(
            problem, nodes=nodes, items=items, policy=policy, watcher=watcher
        )
    except NotServing as error:
        _log.error("reallocation.greedy", why=error.message)
        request = GreedyRequest.of(problem, nodes=nodes, items=items, policy=policy, duals=duals)
        proposal, watcher.record = await propose_greedily(deps, request)
        return replace(proposal, greedy_reason=error.message)


async def _move_all(
    deps: Dependencies,
    orders: Sequence[Order],
    proposal: ReallocationProposal,
    operation_id: str,
    *,
    policy_version: str,
) -> ReallocationReport:
    batch = BatchMark(operation_id, proposal.told_planned_micro, proposal.told_bound_micro)
    by_id = {order.order_id: order for order in orders}
    moved: dict[str, CostBreakdown] = {}
    lost = 0
    total = len(proposal.components)
    for number, component in enumerate(proposal.components):
        deps.operations.moves = (number, total)
        check_cancelled(deps, so_far=f"{number} of {total} moves were looked at before")
        is_moved = False
        if all(one.order_id in by_id for one in component):
            together = [by_id[one.order_id] for one in component]
            try:
                is_moved = await move_orders(
                    deps, together, component, batch=batch, policy_version=policy_version
                )
            except Exception:  # noqa: BLE001 (what moved before is reported all the same)
                _log.exception("reallocation.move_failed", order_ids=[o.order_id for o in together])
        if is_moved:
            moved |= {one.order_id: one.cost for one in component}
            continue
        lost += len(component)
        for one in component:
            alone = await _alone(deps, one.order_id, operation_id=operation_id)
            if alone is not None:
                moved[alone.order_id] = alone.cost
    return _report(orders, moved, lost, proposal)


async def _alone(deps: Dependencies, order_id: str, *, operation_id: str) -> OrderMove | None:
    """Sources an order again alone whose move lost its race."""
    try:
        return await resolve_alone(
            deps,
            order_id,
            operation_id=operation_id,
            asked_by=operation_id,
            terms_of=lambda _: Terms(STAY_LEAST_MICRO),
        )
    except Exception:  # noqa: BLE001 (it stays as it is, and what moved is reported)
        _log.exception("reallocation.move_failed", order_ids=[order_id])
        return None


def _nothing() -> ReallocationProposal:
    return ReallocationProposal((), 0, 0, 0, 0)


def _report(
    orders: Sequence[Order],
    moved: Mapping[str, CostBreakdown],
    lost: int,
    proposal: ReallocationProposal,
) -> ReallocationReport:
    """Costs by the orders' own cards: before, and after with those that moved (or would move) at
    their new cost. The bound is one on these; where races were lost they may be of another
    allocation than it speaks of, and nothing is proven then if they are below it.
    """
    before = {order.order_id: without_opportunity(order.cost).total_micro for order in orders}
    after = dict(before)
    for order_id, cost in moved.items():
        after[order_id] = without_opportunity(cost).total_micro
    cost_after_micro = sum(after.values())
    bound_micro = proposal.told_bound_micro - proposal.repriced_micro
    if bound_micro > cost_after_micro:
        if not lost:
            _log.error("reallocation.bound_above_cost", bound=bound_micro, cost=cost_after_micro)
        bound_micro = 0
    return ReallocationReport(
        considered_count=len(orders),
        moved_count=len(moved),
        race_lost_count=lost,
        cost_before_micro=sum(before.values()),
        cost_after_micro=cost_after_micro,
        bound_micro=bound_micro,
        gap=gap_over(bound_micro, cost_after_micro),
        solve_time_ms=proposal.solve_time_ms,
        currency=next((order.currency for order in orders if order.currency), ""),
        step=proposal.stage,
        greedy_reason=proposal.greedy_reason,
    )
