"""Re-evaluation: orders that nobody picks yet are looked at again while the day goes on.

All of them are given to the optimizer at once, as the service does; with prices of what is scarce
plans pay for what they take. Orders whose first window begins soon are frozen; a move must gain
more than a penalty, which grows as the picking comes nearer; a round moves so many orders at most;
a store that the customer was told to collect at stays; lines once promised stay promised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bopis.demo.plans import PlannedOrder
from bopis.domain.duals import LaborDual, StockDual
from bopis.domain.network import Place
from bopis.domain.promise import customer_store
from bopis.domain.reallocation import (
    LaborLimit,
    OpenOrder,
    ReallocationProblem,
    StockLimit,
    late_at_most,
)
from bopis.domain.reevaluation import stay_micro
from bopis.scenario.model import Method
from bopis.simulate.day import Day, holdings, skus_of
from bopis.simulate.policies.exact import Prices, groups_of
from bopis.simulate.policies.hindsight import open_order
from bopis.simulate.ports import BatchSolver, LaborRow, StockRow
from bopis.simulate.setting import Setting


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


def offered(day: Day, orders: Sequence[PlannedOrder]) -> tuple[list[StockRow], list[LaborRow]]:
    """What is left for these orders from now on, and what they hold."""
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
    for order in orders:
        units, seconds = holdings(order, day.setting)
        stock.update(units)
        labor.update(seconds)
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
        self._news = (0, 0)

    @property
    def every_s(self) -> int:
        """See `ports.Timer`."""
        return self._rules.every_s

    def act(self, day: Day) -> None:
        """Moves what gains. Raises bopis.domain.errors.NotServing."""
        orders = day.open_orders(freeze_s=self._rules.freeze_s)
        prices = self._prices
        # Where nothing is new, time only takes windows away.
        news = len(day.decisions), 0 if prices is None else prices.version
        if not orders or news == self._news:
            return
        self._news = news
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
        units: list[StockDual] = []
        seconds: list[LaborDual] = []
        if self._prices is not None:
            of_unit, of_second = self._prices.unit, self._prices.second
            units = [StockDual(node, sku, of_unit(node, sku)) for node, sku, _ in stock]
            seconds = [LaborDual(node, hour, of_second(node, hour)) for node, hour, _ in labor]
        planned = tuple(
            replace(
                open_again(order, day.setting, self._stores),
                stay_micro=stay_micro(1000 * (day.waiting[order.order_id] - day.now_s)),
            )
            for order in orders
        )
        return ReallocationProblem(
            now_ms=day.now_s * 1000,
            orders=planned,
            late_max=late_at_most(planned),
            stock=tuple(StockLimit(*row) for row in stock),
            labor=tuple(LaborLimit(*row) for row in labor),
            time_limit_ms=self._time_limit_ms,
            moves_max=self._rules.moves_max,
            is_charged=self._prices is not None,
            stock_prices=tuple(one for one in units if one.price_micro),
            labor_prices=tuple(one for one in seconds if one.price_micro),
        )
