"""The batch problem of re-allocation and what the optimizer proposes: values of the solver port."""

from dataclasses import dataclass

from bopis.domain.cost import CostBreakdown
from bopis.domain.duals import LaborDual, StockDual
from bopis.domain.sourcing import Ask, PlannedGroup, UnfilledLine


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
class ReallocationProblem:
    """What the optimizer is asked, beside network, items and policy.

    Limits that are zero are left out. `now_ms` is Unix ms, `time_limit_ms` wall time. The search
    for prices starts from those given. `moves_max`: of orders that move, those chosen that gain
    most; None: all that move at all. `is_charged`: their gain is net of the given prices.
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
    is_charged: bool = False


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
    them costs less than `bound_micro`. Prices are those that prove the bound.
    """

    components: tuple[tuple[OrderMove, ...], ...]
    cost_before_micro: int
    cost_planned_micro: int
    bound_micro: int
    solve_time_ms: int
    prices: FoundPrices = FoundPrices()

    @property
    def gap(self) -> float:
        """(planned - bound) / bound; 0 where the bound is not positive."""
        if self.bound_micro <= 0:
            return 0.0
        return (self.cost_planned_micro - self.bound_micro) / self.bound_micro
