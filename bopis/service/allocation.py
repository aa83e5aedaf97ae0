"""Explaining allocations."""

from dataclasses import dataclass

from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.order import Order, OrderState
from bopis.domain.sourcing import Plan, PlannedGroup, UnfilledLine
from bopis.service.dependencies import Dependencies
from bopis.service.ordering import get_order
from bopis.service.sourcing import ask_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """The allocation in force, and the best plan of now (None once picking began)."""

    chosen: Plan
    best_now: Plan | None
    unfilled: tuple[UnfilledLine, ...]


async def explain_allocation(
    deps: Dependencies, order_id: str, *, tenant: str = "default"
) -> Explanation:
    """Why an order is allocated as it is. Raises OrderNotFound."""
    order = await get_order(deps, order_id, tenant=tenant)
    best_now = None
    if order.state in (OrderState.CONFIRMED, OrderState.UNFILLED):
        ask = ask_of(deps, order, order.lines, now_ms=deps.clock.wall_ms())
        best_now = (await deps.sourcer.plan(ask, k=1))[0]
    return Explanation(chosen_plan(order), best_now, order.unfilled_lines)


def chosen_plan(order: Order) -> Plan:
    """The plan in force: the groups that were not cancelled."""
    groups = tuple(
        PlannedGroup(
            node_id=group.node_id,
            method=group.method,
            line_numbers=tuple(line.line_number for line in group.lines),
            labor=group.labor,
            window_start_ms=group.window_start_ms,
            ready_by_ms=group.ready_by_ms,
        )
        for group in order.fulfillment_orders
        if group.state is not FulfillmentState.CANCELLED
    )
    return Plan(groups, order.unfilled_lines, order.cost, order.customer_node_id)
