"""From a chosen allocation to moves that can be applied one after the other.

An order that moves takes some cells and gives back others. Orders whose takes are free already move
alone. Where orders wait for each other's units, those that wait in a circle (a strongly connected
component of the graph taker -> releaser) move together, as one atomic act. A circle that is larger
than an act may be is left out, with whatever still waits for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ACT_LINES_MAX: Final = 512
"""Reservation lines of one atomic move."""
CLOSURES_MAX: Final = 200
"""Orders from which a set that can move together is sought where no circle fits an act."""


@dataclass(frozen=True, slots=True)
class Change:
    """One order's way from a plan to another, net by row: more than 0 is taken."""

    order: int
    net: Mapping[int, int]
    lines: int


def change_of(
    order: int, before: Mapping[int, int], after: Mapping[int, int], *, lines: int
) -> Change:
    """What an order takes and gives back, by row; `lines`: of its new reservation."""
    net: Counter[int] = Counter(after)
    net.subtract(before)
    return Change(order, {row: amount for row, amount in net.items() if amount}, lines)


def components(changes: Sequence[Change], free: Sequence[int]) -> list[list[int]]:
    """Groups of orders that move together, in the order in which they can be applied.

    `free`: what is left of each row before any move. Orders that cannot move are left out.
    """
    left = list(free)
    waiting = {change.order: change for change in changes}
    applied: list[list[int]] = []
    while waiting:
        alone = [order for order, change in waiting.items() if _fits([change], left)]
        if alone:
            progressed = False
            for order in alone:
                if _fits([waiting[order]], left):
                    _apply([waiting.pop(order)], left)
                    applied.append([order])
                    progressed = True
            if progressed:
                continue
        circle = _smallest_circle(waiting, left)
        if circle is None:
            break
        _apply([waiting.pop(order) for order in circle], left)
        applied.append(circle)
    return applied


def _fits(changes: Sequence[Change], left: Sequence[int]) -> bool:
    net: Counter[int] = Counter()
    for change in changes:
        net.update(change.net)
    return all(amount <= left[row] for row, amount in net.items() if amount > 0)


def _apply(changes: Sequence[Change], left: list[int]) -> None:
    for change in changes:
        for row, amount in change.net.items():
            left[row] -= amount


def _smallest_circle(waiting: Mapping[int, Change], left: Sequence[int]) -> list[int] | None:
    """The smallest set of orders found that can move together within an act's size."""
    circles = strong_components(_graph(waiting, left))
    found = _fitting(circles, waiting, left)
    if found is None:
        # Every circle is too large, or waits for something outside: try just enough orders.
        starts = sorted(waiting.values(), key=lambda change: (change.lines, change.order))
        closures = [closure(start, waiting, left) for start in starts[:CLOSURES_MAX]]
        found = _fitting(closures, waiting, left)
    return found


def _fitting(
    candidates: Sequence[list[int]], waiting: Mapping[int, Change], left: Sequence[int]
) -> list[int] | None:
    fitting = [
        sorted(candidate)
        for candidate in candidates
        if candidate
        and sum(waiting[order].lines for order in candidate) <= ACT_LINES_MAX
        and _fits([waiting[order] for order in candidate], left)
    ]
    return min(fitting, key=lambda orders: (len(orders), orders), default=None)


def _graph(waiting: Mapping[int, Change], left: Sequence[int]) -> dict[int, set[int]]:
    """Taker -> releasers, over rows whose takes do not all fit in what is left."""
    demand: Counter[int] = Counter()
    releasers: dict[int, set[int]] = {}
    for order, change in waiting.items():
        for row, amount in change.net.items():
            if amount > 0:
                demand[row] += amount
            else:
                releasers.setdefault(row, set()).add(order)
    return {
        order: set().union(
            *(
                releasers.get(row, set())
                for row, amount in change.net.items()
                if amount > 0 and demand[row] > left[row]
            )
        )
        for order, change in waiting.items()
    }


def closure(start: Change, waiting: Mapping[int, Change], left: Sequence[int]) -> list[int]:
    """An order with just enough others to free what it takes, and what they take; empty if more
    than an act may hold.
    """
    by_row: dict[int, list[Change]] = {}
    for change in waiting.values():
        for row, amount in change.net.items():
            if amount < 0:
                by_row.setdefault(row, []).append(change)
    chosen = {start.order: start}
    net: Counter[int] = Counter(start.net)
    lines = start.lines
    while lines <= ACT_LINES_MAX:
        short = [row for row, amount in net.items() if amount > left[row]]
        if not short:
            return list(chosen)
        row = min(short)
        helpers = [change for change in by_row.get(row, ()) if change.order not in chosen]
        if not helpers:
            return []
        # The one that brings the fewest new shortages; of these the one that gives most.
        helper = min(
            helpers,
            key=lambda change: (
                sum(1 for r, a in change.net.items() if a > 0 and net[r] + a > left[r]),
                change.net[row],
                change.order,
            ),
        )
        chosen[helper.order] = helper
        net.update(helper.net)
        lines += helper.lines
    return []


def strong_components(graph: Mapping[int, set[int]]) -> list[list[int]]:
    """Strongly connected components, releasers before takers (Tarjan 1972, without recursion)."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in graph:
        if root in number:
            continue
        work = [(root, iter(sorted(graph[root])))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            vertex, successors = work[-1]
            advanced = False
            for successor in successors:
                if successor not in number:
                    number[successor] = low[successor] = len(number)
                    stack.append(successor)
                    on_stack.add(successor)
                    work.append((successor, iter(sorted(graph[successor]))))
                    advanced = True
                    break
                if successor in on_stack:
                    low[vertex] = min(low[vertex], number[successor])
            if advanced:
                continue
            work.pop()
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[vertex])
            if low[vertex] == number[vertex]:
                component = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    component.append(member)
                    if member == vertex:
                        break
                found.append(component)
    return found
