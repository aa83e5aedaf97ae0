"""What plans pay for the units and seconds that they take, beside their costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from solver.problem import Request

CHARGE_MAX_MICRO: Final = 1 << 39
"""No line is charged more for its units, or for its seconds at a node: dearer ones are all alike.
Cost and charges of a line are so below the largest cost that counts, `check.COST_MAX_MICRO`.
"""


@dataclass(frozen=True, slots=True)
class Charges:
    """Micro-units a unit by (node, SKU), and a second by (node, start of the hour)."""

    units: Mapping[tuple[str, str], int]
    seconds: Mapping[tuple[str, int], int]


def charges_of(request: Request) -> Charges:
    """The prices of a request whose plans are charged; none where they are not."""
    problem = request.problem
    if not problem.is_charged:
        return Charges({}, {})
    transfers = request.policy.transfers
    quantities = (line.quantity for order in problem.orders for line in order.ask.lines)
    seconds = [entry.node.line_seconds for entry in request.nodes]
    seconds += [] if transfers is None else [transfers.receive_line_s]
    of_unit = CHARGE_MAX_MICRO // max(quantities, default=1)
    of_second = CHARGE_MAX_MICRO // max(1, *seconds)
    return Charges(
        {(p.node_id, p.sku): min(max(0, p.price_micro), of_unit) for p in problem.stock_prices},
        {
            (p.node_id, p.window_start_s): min(max(0, p.price_micro), of_second)
            for p in problem.labor_prices
        },
    )
