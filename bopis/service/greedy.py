"""Re-allocation without the optimizer: each order alone, one after the other, by the exact kernel,
with what those before it took and gave back. Nothing is proven of the whole.

The kernel plans on a copy of what was free when the orders were read, so that the same request,
and the number of orders that time sufficed for, give the same moves again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from bopis.domain.cost import without_opportunity
from bopis.domain.greedy import Cell, GreedyRecord, GreedyRequest, taken
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
from bopis.domain.sourcing import Closure, Plan
from bopis.ports import Sourcer
from bopis.service.dependencies import Dependencies

TIME_SHARE: Final = 0.5
"""Share of the optimizer's time limit that all orders together may take, once what is free is
copied.
"""
TIME_MIN_S: Final = 2.0
STAY_MICRO: Final = 10_000
"""A move must gain more than this (micro-units), as the optimizer's must."""


async def propose_greedily(
    deps: Dependencies, request: GreedyRequest
) -> tuple[ReallocationProposal, GreedyRecord]:
    """The moves that gain, each of one order, and what gives them again; orders that time does not
    suffice for stay.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    problem = request.problem
    before = sum(order.cost.total_micro for order in problem.orders)
    count, until_s = 0, 0.0

    def elapsed_ms() -> int:
        return round((loop.time() - began_s) * 1_000)

    def may_go_on(number: int, saved_micro: int) -> bool:
        nonlocal count
        count = number
        deps.operations.solve = SolveProgress(GREEDY, 0, before - saved_micro, elapsed_ms())
        return loop.time() <= until_s

    async with deps.still_sourcer(request) as sourcer:
        until_s = loop.time() + max(TIME_MIN_S, TIME_SHARE * problem.time_limit_ms / 1_000)
        moves, saved_micro = await greedy_moves(sourcer, problem, may_go_on)
    components = tuple((move,) for move in moves)
    proposal = ReallocationProposal(
        components=components,
        cost_before_micro=before,
        cost_planned_micro=before - saved_micro,
        bound_micro=0,
        solve_time_ms=elapsed_ms(),
        stage=GREEDY,
    )
    return proposal, GreedyRecord(request, count, components)


async def greedy_moves(
    sourcer: Sourcer, problem: ReallocationProblem, may_go_on: Callable[[int, int], bool]
) -> tuple[list[OrderMove], int]:
    """The moves, and what they save (micro-units). `may_go_on` is asked before each order, and once
    after the last, with the number of orders that were planned and what is saved so far.
    """
    shifted: Counter[Cell] = Counter()
    places = _Places.of(problem)
    moves: list[OrderMove] = []
    saved_micro = 0
    for number, order in enumerate(problem.orders):
        if not may_go_on(number, saved_micro):
            return moves, saved_micro
        own = taken(order.ask, order.groups)
        free = Counter(own)
        free.update(shifted)
        lines = [_line(cell, amount) for cell, amount in sorted(free.items(), key=str) if amount]
        closed = (*order.ask.closed, *places.closed_to(order))
        ask = replace(order.ask, closed=closed)
        plan = (await sourcer.plan(ask, k=1, own=lines))[0]
        gain = order.cost.total_micro - without_opportunity(plan.cost).total_micro
        if gain <= STAY_MICRO or not _keeps(order, plan):
            continue
        saved_micro += gain
        moves.append(
            OrderMove(
                order.ask.order_id, plan.groups, plan.unfilled, without_opportunity(plan.cost)
            )
        )
        shifted.update(own)
        shifted.subtract(taken(order.ask, plan.groups))
        places.move(order, plan)
    may_go_on(len(problem.orders), saved_micro)
    return moves, saved_micro


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


def _line(cell: Cell, amount: int) -> ReservationLine:
    node_id, item = cell
    if isinstance(item, int):
        return ReservationLine(node_id, amount, window_start_s=item)
    return ReservationLine(node_id, amount, sku=item)
