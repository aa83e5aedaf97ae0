"""Re-evaluation: orders that nobody picks yet are looked at again while the day goes on.

Two ways. `Jointly` gives all of them to the optimizer at once (B4). `UnderPrices` looks at each
alone, under the prices of what is scarce. For both: orders whose first window begins soon are
frozen; a move must gain more than a penalty, which grows as the picking comes nearer; a round moves
so many orders at most; a store that the customer was told to collect at stays; lines once promised
stay promised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bopis.demo.plans import Group, PlannedOrder
from bopis.domain.duals import LaborDual, StockDual
from bopis.domain.network import Place
from bopis.domain.promise import customer_store
from bopis.domain.reallocation import LaborLimit, OpenOrder, ReallocationProblem, StockLimit
from bopis.domain.reevaluation import stay_micro
from bopis.scenario.model import Method
from bopis.simulate.day import Day, holdings, seconds_of, skus_of, units_of
from bopis.simulate.policies.exact import Prices, groups_of, hours_of
from bopis.simulate.policies.hindsight import open_order, steered_cost
from bopis.simulate.ports import BatchSolver, LaborRow, PricedPlan, Pricer, StockRow
from bopis.simulate.setting import Setting

LOOKS_MAX: Final = 1_000
"""Orders that a round under prices looks at closely, at most: those that could gain the most."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`freeze_s`: before its first window an order is moved no more; `moves_max` in a round."""

    every_s: int = 900
    freeze_s: int = 300
    moves_max: int = 500


class Stores:
    """The customers' stores as they were found when the orders were placed."""

    def __init__(self) -> None:
        self._found: dict[str, str | None] = {}

    def of(self, order: PlannedOrder, setting: Setting) -> str | None:
        """The customer's store; None for an order that is shipped and where none is in reach."""
        if order.method is Method.SHIP:
            return None
        if order.order_id not in self._found:
            store = customer_store(
                setting.nodes,
                Place(order.latitude, order.longitude),
                now_ms=order.placed_s * 1000,
                promise_ms=setting.promise_s(order) * 1000,
                policy=setting.policy,
            )
            self._found[order.order_id] = store or None
        return self._found[order.order_id]


def open_again(order: PlannedOrder, setting: Setting, stores: Stores) -> OpenOrder:
    """The order with its plan in force; where the customer was told to collect, it stays."""
    opened = open_order(order, setting, customer_node_id=stores.of(order, setting))
    told = next((g.store for g in order.groups if g.store is not None), None)
    return replace(opened, ask=replace(opened.ask, pickup_only_at=told))


def offered(
    day: Day, orders: Sequence[PlannedOrder], *, together: bool = True
) -> tuple[list[StockRow], list[LaborRow]]:
    """What is left for these orders from now on, and what they hold: all of it together, else the
    most that any one of them holds, which is as much as any one of them alone could use.
    """
    cells = (
        (node_id, sku)
        for sku in sorted(skus_of(orders))
        for node_id in day.setting.carriers.get(sku, ())
    )
    stock = Counter({cell: day.stock[cell] for cell in cells if day.stock[cell] > 0})
    labor = Counter(
        {
            (node_id, hour): seconds
            for node_id, hours in day.labor.items()
            for hour, seconds in hours.items()
            if seconds > 0 and hour >= day.now_s
        }
    )
    held_units: Counter[tuple[str, str]] = Counter()
    held_seconds: Counter[tuple[str, int]] = Counter()
    for order in orders:
        units, seconds = holdings(order, day.setting)
        for cell, count in units.items():
            held_units[cell] = (
                held_units[cell] + count if together else max(held_units[cell], count)
            )
        for hour, count in seconds.items():
            most = held_seconds[hour]
            held_seconds[hour] = most + count if together else max(most, count)
    stock.update(held_units)
    labor.update(held_seconds)
    return (
        [(node_id, sku, units) for (node_id, sku), units in stock.items()],
        [(node_id, hour, seconds) for (node_id, hour), seconds in labor.items()],
    )


class Jointly:
    """All open orders at once, by the optimizer; plans pay for what they take if there are prices.
    Implements `ports.Timer`.
    """

    def __init__(
        self,
        solver: BatchSolver,
        rules: Rules,
        *,
        time_limit_ms: int,
        prices: Prices | None = None,
    ) -> None:
        self._solver = solver
        self._rules = rules
        self._prices = prices
        self._time_limit_ms = time_limit_ms
        self._stores = Stores()
        self._decided = 0

    @property
    def every_s(self) -> int:
        """See `ports.Timer`."""
        return self._rules.every_s

    def act(self, day: Day) -> None:
        """Moves what gains. Raises bopis.domain.errors.NotServing."""
        orders = day.open_orders(freeze_s=self._rules.freeze_s)
        # One alone has nobody to swap with. Without a decision since the last round there is
        # nothing new: time only takes windows away.
        if len(orders) < 2 or len(day.decisions) == self._decided:
            return
        self._decided = len(day.decisions)
        setting = day.setting
        problem = self._problem(day, orders)
        proposal = self._solver(
            problem, nodes=setting.nodes, items=setting.items, policy=setting.policy
        )
        # One by one: some make room at a loss for those that come after them.
        for component in proposal.components:
            day.move({move.order_id: groups_of(move.groups) for move in component})

    def _problem(self, day: Day, orders: Sequence[PlannedOrder]) -> ReallocationProblem:
        """These orders with what is left and what they hold."""
        stock, labor = offered(day, orders)
        units: tuple[StockDual, ...] = ()
        seconds: tuple[LaborDual, ...] = ()
        if self._prices is not None:
            priced_units = (StockDual(*cell, self._prices.unit(*cell)) for *cell, _ in stock)
            units = tuple(one for one in priced_units if one.price_micro)
            priced_hours = (LaborDual(*cell, self._prices.second(*cell)) for *cell, _ in labor)
            seconds = tuple(one for one in priced_hours if one.price_micro)
        return ReallocationProblem(
            now_ms=day.now_s * 1000,
            orders=tuple(
                replace(
                    open_again(order, day.setting, self._stores),
                    stay_micro=stay_micro(1000 * (day.waiting[order.order_id] - day.now_s)),
                )
                for order in orders
            ),
            stock=tuple(StockLimit(*row) for row in stock),
            labor=tuple(LaborLimit(*row) for row in labor),
            time_limit_ms=self._time_limit_ms,
            moves_max=self._rules.moves_max,
            is_charged=self._prices is not None,
            stock_prices=units,
            labor_prices=seconds,
        )


class UnderPrices:
    """Each open order alone, under prices of what is scarce. Implements `ports.Timer`."""

    def __init__(self, pricer: Pricer, prices: Prices, rules: Rules) -> None:
        self._pricer = pricer
        self._prices = prices
        self._rules = rules
        self._stores = Stores()
        self._news = (0, 0)
        self._costs: dict[str, tuple[tuple[Group, ...], int]] = {}

    @property
    def every_s(self) -> int:
        """See `ports.Timer`."""
        return self._rules.every_s

    def act(self, day: Day) -> None:
        """Moves what gains, first who could gain the most."""
        orders = day.open_orders(freeze_s=self._rules.freeze_s)
        news = len(day.decisions), self._prices.version
        if not orders or news == self._news:
            return  # Time alone only takes windows away.
        self._news = news
        # On offer is at least what each could use alone: none can do better than this.
        least = self._best(day, orders)
        hopes = [
            (-self._gain(day, order, best.lower_bound), place)
            for place, (order, best) in enumerate(zip(orders, least, strict=True))
        ]
        moved = 0
        for hope, place in sorted(hopes)[:LOOKS_MAX]:
            if moved < self._rules.moves_max and hope < 0:
                moved += self._move(day, orders[place])

    def _move(self, day: Day, order: PlannedOrder) -> bool:
        """Moves the order if its best plan, given what is left and what it holds, gains enough."""
        [best] = self._best(day, [order])
        if self._gain(day, order, best.priced_cost) <= 0:
            return False
        return day.move({order.order_id: groups_of(best.plan.groups)})

    def _gain(self, day: Day, order: PlannedOrder, priced_cost: int) -> int:
        """What a plan of this cost, prices included, would save, less the penalty."""
        known = self._costs.get(order.order_id)
        if known is None or known[0] != order.groups:
            known = order.groups, steered_cost(order, day.setting)
            self._costs[order.order_id] = known
        now = known[1] + self._charges(order, day.setting)
        return now - priced_cost - stay_micro(1000 * (day.waiting[order.order_id] - day.now_s))

    def _best(self, day: Day, orders: Sequence[PlannedOrder]) -> Sequence[PricedPlan]:
        """The best plan of each alone, out of what is left and the most that any of them holds."""
        stock, labor = offered(day, orders, together=False)
        prices = [self._prices.unit(node_id, sku) for node_id, sku, _ in stock]
        prices += [self._prices.second(node_id, hour) for node_id, hour, _ in labor]
        spans = [hours_of(order, day) for order in orders]
        batch = self._pricer.open(
            [open_again(order, day.setting, self._stores).ask for order in orders],
            hours=(spans[0][0], max(last_s for _, last_s in spans)),
            stock=stock,
            labor=labor,
            now_ms=day.now_s * 1000,
            promised=[
                [number for group in order.groups for number in group.line_numbers]
                for order in orders
            ],
        )
        return batch.price(list(range(len(orders))), prices=prices)

    def _charges(self, order: PlannedOrder, setting: Setting) -> int:
        """The prices of what the order's plan takes."""
        units = sum(self._prices.unit(*cell) * count for cell, count in units_of(order))
        return units + sum(
            self._prices.second(node_id, hour) * seconds
            for node_id, hour, seconds in seconds_of(order, setting)
        )
