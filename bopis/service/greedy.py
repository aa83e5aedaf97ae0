"""Re-allocation without the optimizer: each order alone, one after the other, by the exact kernel,
with what those before it took and gave back. Nothing is proven of the whole.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

from bopis.domain.cost import without_opportunity
from bopis.domain.ledger import ReservationLine
from bopis.domain.reallocation import (
    GREEDY,
    GroupLimit,
    OpenOrder,
    OrderMove,
    ReallocationProblem,
    ReallocationProposal,
    SolveProgress,
)
from bopis.domain.sourcing import Ask, Closure, Plan, PlannedGroup
from bopis.service.dependencies import Dependencies

TIME_SHARE: Final = 0.5
"""Share of the optimizer's time limit that all orders together may take."""
TIME_MIN_S: Final = 2.0
STAY_MICRO: Final = 10_000
"""A move must gain more than this (micro-units), as the optimizer's must."""

_Cell = tuple[str, str | int]
"""A node with a SKU, or with the start of an hour (Unix seconds)."""


async def propose_greedily(
    deps: Dependencies, problem: ReallocationProblem
) -> ReallocationProposal:
    """The moves that gain, each of one order; orders that time does not suffice for stay."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    until_s = began_s + max(TIME_MIN_S, TIME_SHARE * problem.time_limit_ms / 1_000)
    shifted: Counter[_Cell] = Counter()
    places = _Places.of(problem)
    moves: list[OrderMove] = []
    before = sum(order.cost.total_micro for order in problem.orders)
    planned = before
    for order in problem.orders:
        if loop.time() > until_s:
            break
        own = _taken(order.ask, order.groups)
        free = Counter(own)
        free.update(shifted)
        lines = [_line(cell, amount) for cell, amount in sorted(free.items(), key=str) if amount]
        closed = (*order.ask.closed, *places.closed_to(order))
        ask = replace(order.ask, closed=closed)
        plan = (await deps.sourcer.plan(ask, k=1, own=lines))[0]
        gain = order.cost.total_micro - without_opportunity(plan.cost).total_micro
        if gain <= STAY_MICRO or not _keeps(order, plan):
            continue
        planned -= gain
        moves.append(
            OrderMove(
                order.ask.order_id, plan.groups, plan.unfilled, without_opportunity(plan.cost)
            )
        )
        shifted.update(own)
        shifted.subtract(_taken(order.ask, plan.groups))
        places.move(order, plan)
        elapsed_ms = round((loop.time() - began_s) * 1_000)
        deps.operations.solve = SolveProgress(GREEDY, 0, planned, elapsed_ms)
    return ReallocationProposal(
        components=tuple((move,) for move in moves),
        cost_before_micro=before,
        cost_planned_micro=planned,
        bound_micro=0,
        solve_time_ms=round((loop.time() - began_s) * 1_000),
        stage=GREEDY,
    )


@dataclass(slots=True)
class _Places:
    """What is left of the days that might get full."""

    left: dict[GroupLimit, int]

    @classmethod
    def of(cls, problem: ReallocationProblem) -> Self:
        """With all plans in force."""
        groups = [group for order in problem.orders for group in order.groups]
        return cls({day: day.groups - sum(map(day.counts, groups)) for day in problem.groups})

    def closed_to(self, order: OpenOrder) -> list[Closure]:
        """The days that are full for an order which gives back what it has."""
        return [
            day.closure()
            for day, left in self.left.items()
            if left <= 0 and left + sum(map(day.counts, order.groups)) <= 0
        ]

    def move(self, order: OpenOrder, plan: Plan) -> None:
        """An order leaves its places and takes others."""
        for day in self.left:
            self.left[day] += sum(map(day.counts, order.groups))
            self.left[day] -= sum(map(day.counts, plan.groups))


def _keeps(order: OpenOrder, plan: Plan) -> bool:
    """Whether the plan leaves no line that the plan in force fills."""
    left = {line.line_number for line in order.unfilled}
    return all(line.line_number in left for line in plan.unfilled)


def _taken(ask: Ask, groups: Iterable[PlannedGroup]) -> Counter[_Cell]:
    lines = {line.line_number: line for line in ask.lines}
    taken: Counter[_Cell] = Counter()
    for group in groups:
        for number in group.line_numbers:
            taken[group.node_id, lines[number].sku] += lines[number].quantity
        for share in group.labor:
            taken[group.node_id, share.window_start_s] += share.seconds
    return taken


def _line(cell: _Cell, amount: int) -> ReservationLine:
    node_id, item = cell
    if isinstance(item, int):
        return ReservationLine(node_id, amount, window_start_s=item)
    return ReservationLine(node_id, amount, sku=item)
