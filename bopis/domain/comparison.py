"""Two policies over the same orders: which would be planned otherwise, and what that costs.

Each plan is priced by the policy that made it. Where the cost cards are the same, the difference of
the costs is what the other rules are worth; where they differ, it is told beside it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from bopis.domain.sourcing import Plan

DIFFERENCES_MAX: Final = 1_000
"""Orders that a comparison names; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One order that the other policy plans otherwise."""

    order_id: str
    before: Plan
    after: Plan
    currency: str


@dataclass(slots=True)
class Comparison:
    """Orders as one policy (`before`) and another (`after`) plan them. Money in micro-units."""

    before_version: str
    after_version: str
    same_card: bool
    considered: int = 0
    different: int = 0
    cost_before_micro: int = 0
    cost_after_micro: int = 0
    unfilled_before: int = 0
    unfilled_after: int = 0
    currency: str = ""
    differences: deque[Difference] = field(default_factory=lambda: deque(maxlen=DIFFERENCES_MAX))

    def add(self, order_id: str, before: Plan, after: Plan, *, currency: str) -> None:
        """Takes one order in; the latest differences are kept."""
        self.considered += 1
        self.currency = self.currency or currency
        self.cost_before_micro += before.cost.total_micro
        self.cost_after_micro += after.cost.total_micro
        self.unfilled_before += len(before.unfilled)
        self.unfilled_after += len(after.unfilled)
        if differ(before, after):
            self.different += 1
            self.differences.append(Difference(order_id, before, after, currency))


def differ(one: Plan, other: Plan) -> bool:
    """Whether two plans do something else: who does what, by which method, ready when."""
    return _acts(one) != _acts(other)


def _acts(plan: Plan) -> tuple[object, ...]:
    groups = sorted(
        (group.node_id, group.method, group.line_numbers, group.ready_by_ms)
        for group in plan.groups
    )
    return (*groups, *sorted(line.line_number for line in plan.unfilled))
