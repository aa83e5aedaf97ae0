"""An order whose move lost its race, sourced again alone: fresh stock, the prices of now."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bopis.domain.cost import CostBreakdown, without_opportunity
from bopis.domain.duals import Duals
from bopis.domain.fulfillment import held_lines
from bopis.domain.order import BatchMark, Order
from bopis.domain.reallocation import OrderMove
from bopis.domain.reevaluation import Terms
from bopis.domain.sourcing import Plan
from bopis.service.allocation import chosen_plan
from bopis.service.batches import ask_again
from bopis.service.dependencies import Dependencies
from bopis.service.limits import used_up
from bopis.service.moving import movable, move_orders

TRIES: Final = 3
"""Races in a row that an order may lose; then it stays as it is."""


async def resolve_alone(
    deps: Dependencies,
    order_id: str,
    *,
    operation_id: str,
    asked_by: str,
    terms_of: Callable[[Order], Terms | None],
) -> OrderMove | None:
    """Moves an order to its best plan of now, if that still gains; else it keeps its plan in force.

    `operation_id`: of the re-allocation that it is marked with (empty: a re-evaluation);
    `asked_by`: what tells its requests from others'. `terms_of`: on what terms it moves, as it
    stands; None: it may not any more. The move made, if any.
    """
    for attempt in range(TRIES):
        order = await deps.store.order(order_id)
        terms = None if order is None or not movable(order) else terms_of(order)
        if order is None or terms is None:
            return None
        move = await _better(deps, order, terms)
        if move is None:
            return None
        # No batch planned it: nothing is proven of it.
        alone = BatchMark(operation_id, move.cost.total_micro, 0)
        if await move_orders(deps, [order], [move], batch=alone, asked_by=f"{asked_by}/{attempt}"):
            return move
    return None


async def _better(deps: Dependencies, order: Order, terms: Terms) -> OrderMove | None:
    """The best plan of now, if it fills what is promised and gains what it must."""
    now_ms = deps.clock.wall_ms()
    full = await used_up(deps, now_ms=now_ms, promise_ms=order.promise_time_ms, without=order)
    ask = ask_again(deps, order, full, now_ms=now_ms)
    ask = replace(ask, pickup_only_at=terms.pickup_only_at)
    own = [line for group in order.fulfillment_orders for line in held_lines(group)]
    [plan] = await deps.sourcer.plan(ask, k=1, own=own)
    promised = {line.line_number for one in order.fulfillment_orders for line in one.lines}
    if not promised <= {number for group in plan.groups for number in group.line_numbers}:
        return None
    duals = deps.duals.current()
    before = _steered(order, chosen_plan(order), order.cost, duals)
    if before - _steered(order, plan, plan.cost, duals) <= terms.stay_micro:
        return None
    return OrderMove(order.order_id, plan.groups, plan.unfilled, plan.cost)


def _steered(order: Order, plan: Plan, cost: CostBreakdown, duals: Duals | None) -> int:
    """What a plan costs without opportunity, and what dual prices charge for it (micro-units)."""
    total = without_opportunity(cost).total_micro
    if duals is None:
        return total
    units = {(one.node_id, one.sku): one.price_micro for one in duals.stock}
    seconds = {(one.node_id, one.window_start_s): one.price_micro for one in duals.labor}
    lines = {line.line_number: line for line in order.lines}
    for group in plan.groups:
        for number in group.line_numbers:
            line = lines[number]
            total += units.get((group.node_id, line.sku), 0) * line.quantity
        for share in group.labor:
            total += seconds.get((group.node_id, share.window_start_s), 0) * share.seconds
        if (receipt := group.receipt) is not None:
            total += seconds.get((receipt.node_id, receipt.window_start_s), 0) * receipt.seconds
    return total
