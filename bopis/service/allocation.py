"""The allocation in force of an order."""

from bopis.domain.fulfillment import FulfillmentState, held_lines
from bopis.domain.ledger import ReservationLine
from bopis.domain.order import Order
from bopis.domain.sourcing import Plan, PlannedGroup


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


def held_by(order: Order) -> tuple[ReservationLine, ...]:
    """What the groups that were not cancelled hold."""
    return tuple(
        line
        for group in order.fulfillment_orders
        if group.state is not FulfillmentState.CANCELLED
        for line in held_lines(group)
    )
