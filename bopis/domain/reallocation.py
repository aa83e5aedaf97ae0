"""The batch problem of re-allocation and what the optimizer proposes: values of the solver port."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from bopis.domain.cost import CostBreakdown, gap_over
from bopis.domain.duals import LaborDual, StockDual
from bopis.domain.network import Method
from bopis.domain.sourcing import Ask, Closure, PlannedGroup, UnfilledLine

GREEDY: Final = "GREEDY"
"""The step of plans that were not the optimizer's: each order alone, one after the other."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that nobody picks yet: its ask, and the plan in force.

    `cost` is the cost in force without the term `opportunity`. A move must gain `stay_micro`.
    """

    ask: Ask
    groups: tuple[PlannedGroup, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: CostBreakdown
    stay_micro: int = 0


@dataclass(frozen=True, slots=True)
class StockLimit:
    """Units of a SKU at a node that these orders may use: max(0, ATP) + what they hold there."""

    node_id: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class LaborLimit:
    """Seconds of a node's hour that these orders may use: max(0, ATP) + what they hold there."""

    node_id: str
    window_start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """Groups that these orders may have ready at a node after `after_s` and until `until_s` (Unix
    seconds), those they have included; `method`: which count, None: all. `rule` says so.
    """

    rule: str
    node_id: str
    method: Method | None
    after_s: int
    until_s: int
    groups: int

    def counts(self, group: PlannedGroup) -> bool:
        """Whether a group counts."""
        is_of = group.node_id == self.node_id and self.method in (None, group.method)
        return is_of and self.after_s < group.ready_by_ms // 1_000 <= self.until_s

    def closure(self) -> Closure:
        """When all are taken, the node is closed then."""
        return Closure(self.rule, self.node_id, self.method, self.after_s, self.until_s)


@dataclass(frozen=True, slots=True)
class ReallocationProblem:
    """What the optimizer is asked, beside network, items and policy.

    Limits of stock and labor that are zero are left out. `shipping`: of the units of a cell, those
    that may be shipped, where that is fewer; `groups`: of days that might get full. `now_ms` is
    Unix ms, `time_limit_ms` wall time. The search for prices starts from those given, or, if
    `is_charged`, plans pay them for all that they take, beside their costs; then all costs, and the
    bound, are with what is paid. `moves_max`: of orders that move, those that gain most; None: all.
    `late_max`, `unfilled_max`: orders that may be late, lines that may be left, as far as plans can
    be found that keep to it; None: any.
    """

    now_ms: int
    orders: tuple[OpenOrder, ...]
    stock: tuple[StockLimit, ...]
    labor: tuple[LaborLimit, ...]
    time_limit_ms: int
    seed: int = 0
    stock_prices: tuple[StockDual, ...] = ()
    labor_prices: tuple[LaborDual, ...] = ()
    moves_max: int | None = None
    late_max: int | None = None
    unfilled_max: int | None = None
    is_charged: bool = False
    shipping: tuple[StockLimit, ...] = ()
    groups: tuple[GroupLimit, ...] = ()


def late_at_most(orders: Iterable[OpenOrder]) -> int:
    """How many may be late by new plans: as many as are late by those in force, and those that
    leave lines, which had better be late.
    """
    return sum(
        any(group.ready_by_ms > order.ask.promise_ms for group in order.groups)
        or sum(len(group.line_numbers) for group in order.groups) < len(order.ask.lines)
        for order in orders
    )


@dataclass(frozen=True, slots=True)
class PriceProblem:
    """What stock and labor are priced for: open orders with their plans in force, and `samples` of
    the orders that may come, each as likely as the others.

    Limits and prices are as in `ReallocationProblem`.
    """

    now_ms: int
    orders: tuple[OpenOrder, ...]
    samples: tuple[tuple[Ask, ...], ...]
    stock: tuple[StockLimit, ...]
    labor: tuple[LaborLimit, ...]
    time_limit_ms: int
    stock_prices: tuple[StockDual, ...] = ()
    labor_prices: tuple[LaborDual, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundPrices:
    """Prices of what is worth more than nothing."""

    stock: tuple[StockDual, ...] = ()
    labor: tuple[LaborDual, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderMove:
    """One order's new plan."""

    order_id: str
    groups: tuple[PlannedGroup, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: CostBreakdown


@dataclass(frozen=True, slots=True)
class ReallocationProposal:
    """What the optimizer proposes.

    `components`: orders that must move together (they swap units), each one atomic act, in the
    order in which they can be applied one after the other. Orders that stay are not named. Money
    is micro-units; costs are of all orders of the problem, without opportunity; no allocation of
    them costs less than `bound_micro`. `stage` is the step that found the plans; `greedy_reason`,
    where that is GREEDY, why the optimizer did not answer. Prices are those that prove the bound.

    `kept_breach_micro`: what is planned, and the bound, count for orders that stay against a
    planner's pin or forbid, beside their costs: more than any move costs, so that an order moves if
    it can. It is no money, and told nowhere: no allocation in which no more orders stay so costs
    less than `told_bound_micro`. `repriced_micro`: what plans in force cost more by the card of now
    than when they were made, of those that do; the bound on costs as they were made is lower by it.
    """

    components: tuple[tuple[OrderMove, ...], ...]
    cost_before_micro: int
    cost_planned_micro: int
    bound_micro: int
    solve_time_ms: int
    stage: str = ""
    prices: FoundPrices = FoundPrices()
    greedy_reason: str = ""
    kept_breach_micro: int = 0
    repriced_micro: int = 0

    @property
    def gap(self) -> float:
        """See `bopis.domain.cost.gap_over`."""
        return gap_over(self.bound_micro, self.cost_planned_micro)

    @property
    def told_planned_micro(self) -> int:
        """What all orders cost when the components are applied, with what they are charged, if they
        are; without what is counted where a planner's word is broken.
        """
        return self.cost_planned_micro - self.kept_breach_micro

    @property
    def told_bound_micro(self) -> int:
        """What no allocation as much to the planners' mind costs less than, told as the cost is."""
        return self.bound_micro - self.kept_breach_micro


@dataclass(frozen=True, slots=True)
class SolveProgress:
    """Where the optimizer is: its step, what it has proven and found (micro-units; 0: nothing yet),
    and wall time since it was asked.
    """

    step: str
    bound_micro: int
    cost_micro: int
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class SolveRecord:
    """What proves a solve, and does it again: a certificate, which holds the problem too, and the
    answer as it came (docs/allocation.md).
    """

    certificate: bytes
    answer: bytes


class SolveWatcher(Protocol):
    """Hears of a solve."""

    def progressed(self, progress: SolveProgress) -> None:
        """It came so far."""
        ...

    def recorded(self, record: SolveRecord) -> None:
        """It is done, before the proposal is given back."""
        ...
