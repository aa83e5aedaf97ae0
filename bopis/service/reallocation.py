"""Re-allocation: open orders nobody picks yet, allocated again together by the batch optimizer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from bopis.domain.commands import Reallocate
from bopis.domain.cost import CostBreakdown
from bopis.domain.errors import BopisError, OperationNotFound, Overloaded, RequestIdReused
from bopis.domain.ids import derived_uuid
from bopis.domain.order import BatchMark, Order
from bopis.domain.reallocation import OrderMove, ReallocationProposal
from bopis.domain.records import Operation, OperationStage, ReallocationReport
from bopis.domain.reevaluation import STAY_LEAST_MICRO, Terms
from bopis.service.acts import fingerprint
from bopis.service.batches import items_of, open_orders, problem_of, without_opportunity
from bopis.service.deadline import begin_call
from bopis.service.dependencies import Dependencies
from bopis.service.moving import move_orders
from bopis.service.resolving import resolve_alone
from bopis.service.stores import network_nodes

RUNNING_RETRY_MS: Final = 1_000

_log = structlog.get_logger(__name__)


async def begin_reallocation(deps: Dependencies, command: Reallocate) -> Operation:
    """Starts a re-allocation and returns its operation; a repeat returns the first one.

    Raises RequestIdReused, Overloaded (one runs already).
    """
    operation_id = derived_uuid("operation", command.tenant, command.key.request_id)
    digest = fingerprint(command)
    known = await deps.store.operation(operation_id)
    if known is not None:
        if known.fingerprint != digest:
            raise RequestIdReused("the request_id was used with another body")
        return known
    if deps.operations.running_id:
        raise Overloaded("a re-allocation runs already", retry_after_ms=RUNNING_RETRY_MS)
    deps.operations.running_id = operation_id
    operation = Operation(operation_id, digest, OperationStage.READING, 0, deps.clock.wall_ms())
    try:
        await deps.store.put_operation(operation)
    except BaseException:
        deps.operations.running_id = ""
        raise
    task = asyncio.ensure_future(_run(deps, command, operation))
    deps.running.add(task)
    task.add_done_callback(deps.running.discard)
    return operation


async def get_operation(deps: Dependencies, operation_id: str) -> Operation:
    """One operation. One that a stop of the process cut off is done, with an error.

    Raises OperationNotFound.
    """
    found = await deps.store.operation(operation_id)
    if found is None:
        raise OperationNotFound(f"no operation {operation_id}")
    running = deps.operations.running_id == operation_id
    if running and found.stage is OperationStage.DONE:
        # Written, but the next one is not admitted yet; who sees this one done may start that.
        return replace(
            found, stage=OperationStage.MOVING, report=None, error_reason="", error_message=""
        )
    if not running and found.stage is not OperationStage.DONE:
        return replace(
            found,
            stage=OperationStage.DONE,
            error_reason="NOT_SERVING",
            error_message="the service stopped before the operation was done",
        )
    return found


async def wait_operation(deps: Dependencies, operation_id: str, *, timeout_s: float) -> Operation:
    """The operation once it is done, or as it is after real seconds. Raises OperationNotFound."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                changed = deps.operations.changed
                found = await get_operation(deps, operation_id)
                if found.stage is OperationStage.DONE:
                    return found
                await changed.wait()
    except TimeoutError:
        return await get_operation(deps, operation_id)


async def _run(deps: Dependencies, command: Reallocate, operation: Operation) -> None:
    begin_call(None)  # The operation outlives the call that started it.
    try:
        report = await reallocate(deps, command, operation)
        done = replace(operation, considered_count=report.considered_count, report=report)
    except BopisError as error:
        _log.warning("reallocation.failed", reason=error.reason, message=error.message)
        done = replace(operation, error_reason=error.reason, error_message=error.message)
    except Exception:  # noqa: BLE001 (the operation must end, whatever it was)
        _log.exception("reallocation.failed")
        done = replace(
            operation, error_reason="NOT_SERVING", error_message="the re-allocation failed"
        )
    try:
        await deps.store.put_operation(replace(done, stage=OperationStage.DONE))
    finally:
        deps.operations.running_id = ""
        _wake(deps)


def _wake(deps: Dependencies) -> None:
    """Wakes who waits; the next wait has an event of its own."""
    deps.operations.changed.set()
    deps.operations.changed = asyncio.Event()


async def _advance(
    deps: Dependencies, operation: Operation, stage: OperationStage, considered: int
) -> None:
    await deps.store.put_operation(replace(operation, stage=stage, considered_count=considered))
    _wake(deps)


async def reallocate(
    deps: Dependencies, command: Reallocate, operation: Operation
) -> ReallocationReport:
    """Reads, solves, moves. Raises what ledger, store and solver raise."""
    orders = await open_orders(deps, command.max_orders, tenant=command.tenant)
    if not orders:
        return _report(orders, {}, 0, _nothing())
    nodes = network_nodes(deps)
    problem = await problem_of(deps, orders, nodes, time_limit_ms=command.time_limit_ms)
    await _advance(deps, operation, OperationStage.SOLVING, len(orders))
    skus = {line.sku for order in orders for line in order.lines}
    proposal = await deps.solver.solve(
        problem, nodes=nodes, items=items_of(deps, skus), policy=deps.policy
    )
    await _advance(deps, operation, OperationStage.MOVING, len(orders))
    if command.dry_run:
        would = {one.order_id: one.cost for component in proposal.components for one in component}
        return _report(orders, would, 0, proposal)
    return await _move_all(deps, orders, proposal, operation.operation_id)


async def _move_all(
    deps: Dependencies,
    orders: Sequence[Order],
    proposal: ReallocationProposal,
    operation_id: str,
) -> ReallocationReport:
    batch = BatchMark(operation_id, proposal.cost_planned_micro, proposal.bound_micro)
    by_id = {order.order_id: order for order in orders}
    moved: dict[str, CostBreakdown] = {}
    lost = 0
    for component in proposal.components:
        is_moved = False
        if all(one.order_id in by_id for one in component):
            together = [by_id[one.order_id] for one in component]
            try:
                is_moved = await move_orders(deps, together, component, batch=batch)
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
    their new cost.
    """
    before = {order.order_id: without_opportunity(order.cost).total_micro for order in orders}
    after = dict(before)
    for order_id, cost in moved.items():
        after[order_id] = without_opportunity(cost).total_micro
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
    )
