"""Re-allocation: open orders nobody picks yet, allocated again together by the batch optimizer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from bopis.domain.commands import Reallocate
from bopis.domain.cost import CostBreakdown
from bopis.domain.errors import BopisError, OperationNotFound, Overloaded, RequestIdReused
from bopis.domain.ids import derived_uuid
from bopis.domain.ledger import CellKey
from bopis.domain.network import NetworkNode
from bopis.domain.order import BatchMark, Order
from bopis.domain.policy import HOUR_MS
from bopis.domain.reallocation import (
    LaborLimit,
    OpenOrder,
    ReallocationProblem,
    ReallocationProposal,
    StockLimit,
)
from bopis.domain.records import Operation, OperationStage, ReallocationReport
from bopis.domain.sourcing import Ask, Closure
from bopis.service.acts import fingerprint
from bopis.service.allocation import chosen_plan
from bopis.service.deadline import begin_call
from bopis.service.dependencies import Dependencies
from bopis.service.limits import used_up
from bopis.service.moving import movable, move_orders
from bopis.service.sourcing import ask_of
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
    orders = await _open_orders(deps, command.max_orders, tenant=command.tenant)
    if not orders:
        return _report(orders, (), 0, _nothing())
    nodes = network_nodes(deps)
    problem = await _problem(deps, orders, nodes, command)
    await _advance(deps, operation, OperationStage.SOLVING, len(orders))
    skus = {line.sku for order in orders for line in order.lines}
    items = [item for sku in sorted(skus) if (item := deps.directory.items.get(sku)) is not None]
    proposal = await deps.solver.solve(problem, nodes=nodes, items=items, policy=deps.policy)
    await _advance(deps, operation, OperationStage.MOVING, len(orders))
    if command.dry_run:
        would = [one.order_id for component in proposal.components for one in component]
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
    moved: list[str] = []
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


def without_opportunity(cost: CostBreakdown) -> CostBreakdown:
    """The cost that the optimizer minimizes: its duals stand for opportunity."""
    return CostBreakdown(tuple(term for term in cost.terms if term.name != "opportunity"))


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
    )
