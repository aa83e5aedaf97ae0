"""What the orders of a batch share, numbered through."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from solver.charges import charges_of
from solver.problem import Ask, Group, GroupLimit, LaborLimit, Problem, Request, StockLimit


class ProblemError(ValueError):
    """The batch contradicts itself: the message says where."""


StockKey = tuple[str, str]
LaborKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the orders share, numbered through: stock, what may be shipped of it, groups of days,
    labor.
    """

    stock: tuple[StockLimit, ...]
    shipping: tuple[StockLimit, ...]
    groups: tuple[GroupLimit, ...]
    labor: tuple[LaborLimit, ...]
    limits: tuple[int, ...]
    by_stock: Mapping[StockKey, int]
    by_labor: Mapping[LaborKey, int]
    by_shipping: Mapping[StockKey, int]
    by_node: Mapping[str, tuple[tuple[int, GroupLimit], ...]]
    """The days of each node."""

    @property
    def first_labor(self) -> int:
        """The number of the first row of labor."""
        return len(self.limits) - len(self.labor)

    def start_prices(self, problem: Problem) -> list[int]:
        """The prices that a problem starts from, by row."""
        stock = {(one.node_id, one.sku): one.price_micro for one in problem.stock_prices}
        labor = {(one.node_id, one.window_start_s): one.price_micro for one in problem.labor_prices}
        return self._by_row(stock, labor)

    def charges(self, request: Request) -> list[int]:
        """What plans are charged beside their costs, by row; empty: nothing."""
        if not request.problem.is_charged:
            return []
        charges = charges_of(request)
        return self._by_row(charges.units, charges.seconds)

    def _by_row(self, stock: Mapping[StockKey, int], labor: Mapping[LaborKey, int]) -> list[int]:
        return [
            *(max(0, stock.get((row.node_id, row.sku), 0)) for row in self.stock),
            *(0 for _ in (*self.shipping, *self.groups)),
            *(max(0, labor.get((row.node_id, row.window_start_s), 0)) for row in self.labor),
        ]

    def takes(self, ask: Ask, groups: Iterable[Group]) -> dict[int, int]:
        """What groups take of each row. Raises ProblemError where no limit names a cell."""
        by_number = {line.line_number: line for line in ask.lines}
        taken: Counter[int] = Counter()
        try:
            for group in groups:
                for number in group.line_numbers:
                    line = by_number[number]
                    taken[self.by_stock[group.node_id, line.sku]] += line.quantity
                    shipped = self.by_shipping.get((group.node_id, line.sku))
                    if shipped is not None and group.is_sent:
                        taken[shipped] += line.quantity
                for node_id, start_s, seconds in group.all_labor():
                    taken[self.by_labor[node_id, start_s]] += seconds
                if self.by_node:
                    for node_id in {node_id for node_id, *_ in group.counted()}:
                        for row, day in self.by_node.get(node_id, ()):
                            taken[row] += day.counts(group)
        except KeyError as error:
            raise ProblemError(f"order {ask.order_id}: no line or limit {error}") from error
        return {row: amount for row, amount in taken.items() if amount}


def rows_of(problem: Problem) -> Rows:
    """The rows that these orders can touch: stock of their SKUs, labor, days."""
    skus = {line.sku for order in problem.orders for line in order.ask.lines}
    stock = tuple(row for row in problem.stock if row.sku in skus)
    shipping = tuple(row for row in problem.shipping if row.sku in skus)
    labor, groups = problem.labor, problem.groups
    by_stock = {(row.node_id, row.sku): index for index, row in enumerate(stock)}
    first = len(stock)
    by_shipping = {(row.node_id, row.sku): index for index, row in enumerate(shipping, first)}
    first += len(shipping)
    by_node: dict[str, list[tuple[int, GroupLimit]]] = {}
    for index, row in enumerate(groups, first):
        by_node.setdefault(row.node_id, []).append((index, row))
    first += len(groups)
    by_labor = {(row.node_id, row.window_start_s): index for index, row in enumerate(labor, first)}
    if len(by_stock) + len(by_shipping) + len(groups) < first or len(by_labor) < len(labor):
        raise ProblemError("two limits name one cell")
    limits = (
        *(row.units for row in stock),
        *(row.units for row in shipping),
        *(row.groups for row in groups),
        *(row.seconds for row in labor),
    )
    if any(limit < 0 for limit in limits):
        raise ProblemError("a limit is below 0")
    days = {node_id: tuple(rows) for node_id, rows in by_node.items()}
    return Rows(stock, shipping, groups, labor, limits, by_stock, by_labor, by_shipping, days)
