"""The judge: what a day came to, from its decisions alone.

It shares nothing with the kernel, the optimizer or the day's own bookkeeping. Cost and rules are
recomputed by the demo's independent scorer; what depends on the order of things is checked here:
stock at every moment, windows that had begun, orders that were being picked, a pickup store that
changed after the customer was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bopis.demo.plans import Group, PlannedOrder
from bopis.demo.score import Score, score_plans
from bopis.simulate.day import Decision
from bopis.simulate.setting import Setting


@dataclass(frozen=True, slots=True)
class Verdict:
    """The day's score; units sold that were not there; moves; every broken rule in words."""

    score: Score
    oversold_units: int
    moves: int
    violations: tuple[str, ...]


def judge(
    setting: Setting,
    orders: Sequence[PlannedOrder],
    decisions: Sequence[Decision],
    *,
    at_placing: bool = True,
) -> Verdict:
    """Judges a day. `at_placing`: every order must have been decided when it was placed."""
    asked = {order.order_id: order for order in orders}
    plans: dict[str, tuple[Group, ...]] = {}
    moves = 0
    taken: Counter[tuple[str, str]] = Counter()
    most: dict[tuple[str, str], int] = {}
    touched: set[tuple[str, str]] = set()
    broken: list[str] = []
    for index, decision in enumerate(decisions):
        order = asked.get(decision.order_id)
        if order is None:
            broken.append(f"{decision.order_id} was never placed")
            continue
        before = plans.get(decision.order_id)
        broken += _chronology(decision, order, before, at_placing=at_placing)
        moves += before is not None
        for cell, units in _units(order, before or ()):
            taken[cell] -= units
        for cell, units in _units(order, decision.groups):
            taken[cell] += units
            touched.add(cell)
        plans[decision.order_id] = decision.groups
        # Orders that move at one moment move together: what counts is where they end.
        if index + 1 == len(decisions) or decisions[index + 1].time_s > decision.time_s:
            for cell in touched:
                most[cell] = max(most.get(cell, 0), taken[cell] - setting.stock.get(cell, 0))
            touched.clear()
    broken += [f"{order_id} was never decided" for order_id in asked if order_id not in plans]
    final = [replace(order, groups=plans.get(order.order_id, ())) for order in orders]
    score = score_plans(final, network=setting.network, card=setting.card, stock=setting.stock)
    return Verdict(
        score=score,
        oversold_units=sum(most.values()),
        moves=moves,
        violations=(*broken, *score.violations),
    )


def _units(order: PlannedOrder, groups: Sequence[Group]) -> list[tuple[tuple[str, str], int]]:
    lines = {line.line_number: line for line in order.lines}
    return [
        ((group.node_id, lines[number].sku), lines[number].quantity)
        for group in groups
        for number in group.line_numbers
        if number in lines
    ]


def _chronology(
    decision: Decision,
    order: PlannedOrder,
    before: Sequence[Group] | None,
    *,
    at_placing: bool,
) -> list[str]:
    """What this decision breaks given the plan before it; None: it is the order's first."""
    broken = []
    if any(group.window_start_s < decision.time_s for group in decision.groups):
        broken.append("a window had begun when it was chosen")
    if before is None:
        if at_placing and decision.time_s != order.placed_s:
            broken.append("not decided when it was placed")
    else:
        if not before or min(group.window_start_s for group in before) <= decision.time_s:
            broken.append("moved though it was being picked, or had no plan")
        told = _pickup_node(before)
        if told is not None and _pickup_node(decision.groups) not in (None, told):
            broken.append("the pickup store changed")
        left = _numbers(before) - _numbers(decision.groups)
        broken += [f"line {number} was promised and is left" for number in sorted(left)]
    return [f"{order.order_id}: {text}" for text in broken]


def _pickup_node(groups: Sequence[Group]) -> str | None:
    return next((group.store for group in groups if group.store is not None), None)


def _numbers(groups: Sequence[Group]) -> set[int]:
    return {number for group in groups for number in group.line_numbers}


def figures(verdict: Verdict) -> Mapping[str, float]:
    """The figures that policies are compared by; money in whole units of the currency."""
    score = verdict.score
    return {
        "cost": score.cost / 1_000_000,
        "fill_rate": score.fill_rate,
        "promise_kept": score.promise_kept,
        "split_rate": score.split_rate,
        "nodes_per_order": score.nodes_per_order,
    }
