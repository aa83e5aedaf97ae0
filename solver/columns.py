"""The pool of candidate plans, and the bound that pricing proves.

For prices p >= 0 on the rows, the sum over orders of the least cost with charges, minus the sum of
limit x price, is at most the cost of every allocation that keeps the limits (Lagrangian duality).
All of it is computed in integers.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from solver.kernel import Column, Kernel
from solver.problem import Problem, Rows


def current_columns(problem: Problem, rows: Rows, costs: Sequence[int]) -> list[Column]:
    """The plans in force, with the costs given (micro-units, by order)."""
    columns = []
    for index, (order, cost) in enumerate(zip(problem.orders, costs, strict=True)):
        takes = sorted(rows.takes(order.ask, order.groups).items())
        columns.append(
            Column(
                order=index,
                cost_micro=cost,
                rows=tuple(row for row, _ in takes),
                amounts=tuple(amount for _, amount in takes),
                left=tuple(line.line_number for line in order.unfilled),
                source=order.plan,
            )
        )
    return columns


def priced_cost(column: Column, prices: Sequence[int]) -> int:
    """Cost of a column with the charges of what it takes."""
    charges = zip(column.rows, column.amounts, strict=True)
    return column.cost_micro + sum(prices[row] * amount for row, amount in charges)


@dataclass(slots=True)
class Pool:
    """Columns by order, the plan in force first; equal columns are kept once."""

    columns: list[Column] = field(default_factory=list)
    of_order: list[list[int]] = field(default_factory=list)
    _known: set[tuple[int, int, tuple[int, ...], tuple[int, ...]]] = field(default_factory=set)

    def add(self, column: Column) -> bool:
        """Adds a column unless it is there; true if it is new."""
        key = (column.order, column.cost_micro, column.rows, column.amounts)
        if key in self._known:
            return False
        self._known.add(key)
        while len(self.of_order) <= column.order:
            self.of_order.append([])
        self.of_order[column.order].append(len(self.columns))
        self.columns.append(column)
        return True


@dataclass(slots=True)
class Pricer:
    """Prices orders, fills the pool, and keeps the best bound proven so far, with its prices.

    An order whose row prices have not moved since it was priced is not priced again.
    """

    kernel: Kernel
    rows: Rows
    pool: Pool
    current: Sequence[Column]
    stock_rows: Sequence[tuple[int, ...]]
    bound_micro: int = 0
    best_prices: list[int] = field(default_factory=list)
    inexact: int = 0
    _seen: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _least: dict[int, int] = field(default_factory=dict)
    _plans: dict[int, Column] = field(default_factory=dict)

    def price(self, prices: list[int]) -> int:
        """Prices all orders; how many columns are new."""
        labor = hash(tuple(prices[len(self.rows.stock) :]))
        moved = []
        for order, stock in enumerate(self.stock_rows):
            signature = (*(prices[row] for row in stock), labor)
            if self._seen.get(order) != signature:
                self._seen[order] = signature
                moved.append(order)
        added = 0
        for priced in self.kernel.price(moved, prices=prices):
            self.inexact += not priced.exact
            self._least[priced.order] = priced.lower_bound
            self._plans[priced.order] = priced.column
            # What was promised stays promised: a plan that leaves a line of the plan in force is
            # no candidate. It still counts in the bound.
            promised = set(self.current[priced.order].left) >= set(priced.column.left)
            if promised and priced.column.rows:
                added += self.pool.add(priced.column)
        bound = -sum(
            limit * price for limit, price in zip(self.rows.limits, prices, strict=True) if price
        )
        for order, column in enumerate(self.current):
            # The plan in force may lie outside what the kernel offers now: its windows may be past.
            in_force = priced_cost(column, prices)
            least = self._least[order]
            bound += min(least, in_force)
            if in_force < least:
                self._plans[order] = column
        if bound > self.bound_micro or not self.best_prices:
            self.bound_micro = max(self.bound_micro, bound)
            self.best_prices = prices
        return added

    def usage(self) -> dict[int, int]:
        """What the best plans of the last prices take of each row, all orders together."""
        used: Counter[int] = Counter()
        for column in self._plans.values():
            for row, amount in zip(column.rows, column.amounts, strict=True):
                used[row] += amount
        return used


def stock_rows_of(problem: Problem, rows: Rows) -> list[tuple[int, ...]]:
    """By order, the stock rows of its SKUs."""
    by_sku: dict[str, list[int]] = {}
    for index, row in enumerate(rows.stock):
        by_sku.setdefault(row.sku, []).append(index)
    skus = [sorted({line.sku for line in order.ask.lines}) for order in problem.orders]
    return [tuple(row for sku in names for row in by_sku.get(sku, ())) for names in skus]
