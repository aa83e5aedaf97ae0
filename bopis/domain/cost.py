"""Money by cost term, in micro-units of the catalog's currency. Costs, not prices."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

COST_TERMS: Final = (
    "ship_package",
    "ship_km",
    "ship_kg",
    "pick",
    "extra_group",
    "other_store_km",
    "pickup_shipped",
    "transfer",
    "late",
    "unfilled",
    "promise_broken",
    "opportunity",
)
"""Names of the terms in the order of the cost card; the last two steer and are no cost."""

_RANK: Final = {name: rank for rank, name in enumerate(COST_TERMS)}


@dataclass(frozen=True, slots=True)
class CostTerm:
    """One term of the cost card and its amount in micro-units."""

    name: str
    amount_micro: int


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """Terms that are not zero, in the order of the cost card."""

    terms: tuple[CostTerm, ...] = ()

    @property
    def total_micro(self) -> int:
        """The sum of the terms."""
        return sum(term.amount_micro for term in self.terms)


def gap_over(bound_micro: int, planned_micro: int) -> float:
    """(planned - bound) / bound. Where the bound is not above 0 nothing is proven: 1.0, or 0.0 for
    what costs no more than that.
    """
    if bound_micro <= 0:
        return 1.0 if planned_micro > bound_micro else 0.0
    return (planned_micro - bound_micro) / bound_micro


def breakdown(amounts: Iterable[CostTerm]) -> CostBreakdown:
    """Adds up equal terms, drops zeros and sorts by the cost card.

    Raises KeyError for a name that is not in `COST_TERMS`.
    """
    sums: dict[str, int] = {}
    for term in amounts:
        sums[term.name] = sums.get(term.name, 0) + term.amount_micro
    names = sorted((name for name, amount in sums.items() if amount), key=_RANK.__getitem__)
    return CostBreakdown(tuple(CostTerm(name, sums[name]) for name in names))


def without_opportunity(cost: CostBreakdown) -> CostBreakdown:
    """The cost that re-allocations compare plans by: what last units are worth to others left aside
    (the optimizer's dual prices stand for it).
    """
    return CostBreakdown(tuple(term for term in cost.terms if term.name != "opportunity"))
