"""What the orders of a batch share, numbered through."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from solver.problem import Ask, Group, LaborLimit, Problem, StockLimit


class ProblemError(ValueError):
    """The batch contradicts itself: the message says where."""


StockKey = tuple[str, str]
LaborKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the orders share, numbered through: stock first, then labor."""

    stock: tuple[StockLimit, ...]
    labor: tuple[LaborLimit, ...]
    limits: tuple[int, ...]
    by_stock: Mapping[StockKey, int]
    by_labor: Mapping[LaborKey, int]

    def start_prices(self, problem: Problem) -> list[int]:
        """The prices that a problem starts from, by row."""
        stock = {(one.node_id, one.sku): one.price_micro for one in problem.stock_prices}
        labor = {(one.node_id, one.window_start_s): one.price_micro for one in problem.labor_prices}
        return [
            *(max(0, stock.get((row.node_id, row.sku), 0)) for row in self.stock),
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
                for node_id, start_s, seconds in group.all_labor():
                    taken[self.by_labor[node_id, start_s]] += seconds
        except KeyError as error:
            raise ProblemError(f"order {ask.order_id}: no line or limit {error}") from error
        return dict(taken)


def rows_of(problem: Problem) -> Rows:
    """The rows that these orders can touch: stock of their SKUs, and labor."""
    skus = {line.sku for order in problem.orders for line in order.ask.lines}
    stock = tuple(row for row in problem.stock if row.sku in skus)
    by_stock = {(row.node_id, row.sku): index for index, row in enumerate(stock)}
    by_labor = {
        (row.node_id, row.window_start_s): len(stock) + index
        for index, row in enumerate(problem.labor)
    }
    if len(by_stock) < len(stock) or len(by_labor) < len(problem.labor):
        raise ProblemError("two limits name one cell")
    limits = (*(row.units for row in stock), *(row.seconds for row in problem.labor))
    if any(limit < 0 for limit in limits):
        raise ProblemError("a limit is below 0")
    return Rows(stock, problem.labor, limits, by_stock, by_labor)
