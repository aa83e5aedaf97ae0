"""A day as it stands: the clock, what is left of stock and labor, and the plans in force.

Policies read it; only `place` and `move` change it, and they refuse what cannot be: units or
seconds that are not there, a window that has begun, an order that is being picked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bopis.demo.plans import HOUR_S, Group, PlannedOrder
from bopis.demo.score import line_seconds, share_s
from bopis.simulate.setting import Setting


class DayError(RuntimeError):
    """A policy wanted what cannot be: a bug of the policy."""


@dataclass(frozen=True, slots=True)
class Decision:
    """At `time_s` these groups became the order's plan; lines in none are unfilled."""

    time_s: int
    order_id: str
    groups: tuple[Group, ...]


@dataclass(slots=True)
class Day:
    """The day at `now_s` (Unix seconds). `plans` are the orders so far with their groups."""

    setting: Setting
    now_s: int
    stock: Counter[tuple[str, str]]
    labor: dict[str, dict[int, int]]
    plans: dict[str, PlannedOrder] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    """By order that nobody picks yet: when its first window begins."""

    @classmethod
    def morning(cls, setting: Setting, *, now_s: int) -> Day:
        """Nothing placed yet."""
        return cls(
            setting=setting,
            now_s=now_s,
            stock=Counter(setting.stock),
            labor={node_id: dict(hours) for node_id, hours in setting.network.windows.items()},
        )

    def place(self, order: PlannedOrder, groups: Iterable[Group]) -> None:
        """The order's first plan, at `now_s`. Raises DayError."""
        if order.order_id in self.plans:
            raise DayError(f"{order.order_id} is placed already")
        self._put(replace(order, groups=tuple(groups)))

    def move(self, order_id: str, groups: Iterable[Group]) -> None:
        """Another plan for an order that nobody picks yet. Raises DayError."""
        self.move_together({order_id: tuple(groups)})

    def move_together(self, plans: dict[str, tuple[Group, ...]]) -> None:
        """Other plans for orders that nobody picks yet: what all give back, each may take."""
        for order_id in plans:
            if self.waiting.get(order_id, 0) <= self.now_s:
                raise DayError(f"{order_id} is being picked, or has no plan")
            self._give(self.plans[order_id], sign=1)
        for order_id, groups in plans.items():
            self._put(replace(self.plans[order_id], groups=groups))

    def open_orders(self, *, freeze_s: int) -> list[PlannedOrder]:
        """Orders with a plan of which no window begins within `freeze_s`, oldest first."""
        for order_id in [key for key, start_s in self.waiting.items() if start_s <= self.now_s]:
            del self.waiting[order_id]
        return [
            self.plans[order_id]
            for order_id, start_s in self.waiting.items()
            if start_s > self.now_s + freeze_s
        ]

    def _put(self, order: PlannedOrder) -> None:
        starts = [group.window_start_s for group in order.groups]
        if min(starts, default=self.now_s) < self.now_s:
            raise DayError(f"{order.order_id}: a window has begun")
        self._give(order, sign=-1)
        self.plans[order.order_id] = order
        self.decisions.append(Decision(self.now_s, order.order_id, order.groups))
        if starts:
            self.waiting[order.order_id] = min(starts)

    def _give(self, order: PlannedOrder, *, sign: int) -> None:
        for cell, units in units_of(order):
            self.stock[cell] += sign * units
            if self.stock[cell] < 0:
                raise DayError(f"{order.order_id}: {cell} is oversold")
        for node_id, hour, seconds in seconds_of(order, self.setting):
            hours = self.labor[node_id]
            hours[hour] = hours.get(hour, 0) + sign * seconds
            if hours[hour] < 0:
                raise DayError(f"{order.order_id}: no labor at {node_id} in the hour from {hour}")


def units_of(order: PlannedOrder) -> Iterator[tuple[tuple[str, str], int]]:
    """((node, SKU), units) of each line that a group does."""
    lines = {line.line_number: line for line in order.lines}
    for group in order.groups:
        for number in group.line_numbers:
            yield (group.node_id, lines[number].sku), lines[number].quantity


def seconds_of(order: PlannedOrder, setting: Setting) -> Iterator[tuple[str, int, int]]:
    """(node, hour, seconds) that the groups take."""
    for group in order.groups:
        seconds = line_seconds(setting.network.nodes[group.node_id])
        span = (group.ready_s - group.window_start_s) // HOUR_S
        for index in range(span):
            share = share_s(seconds, span=span, index=index)
            hour = group.window_start_s + index * HOUR_S
            yield group.node_id, hour, share * len(group.line_numbers)


def skus_of(orders: Sequence[PlannedOrder]) -> set[str]:
    """The SKUs that these orders name."""
    return {line.sku for order in orders for line in order.lines}
