"""A day as it stands: the clock, what is left of stock and labor, and the plans in force.

Policies read it; only `place` and `move` change it, and they refuse what cannot be: units or
seconds that are not there, a window that has begun, an order that is being picked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        if not self._change((), (replace(order, groups=tuple(groups)),)):
            raise DayError(f"{order.order_id}: units or seconds that are not there")

    def move(self, plans: Mapping[str, tuple[Group, ...]]) -> bool:
        """Other plans for orders that nobody picks yet, all or none: each may take what another
        gives back. False, and nothing is changed, if what is left does not suffice. Raises DayError
        for an order that is being picked and for a window that has begun.
        """
        before = [self.plans[order_id] for order_id in plans]
        if any(self.waiting.get(order.order_id, 0) <= self.now_s for order in before):
            raise DayError("an order is being picked, or has no plan")
        return self._change(
            before, [replace(order, groups=plans[order.order_id]) for order in before]
        )

    def open_orders(self, *, freeze_s: int) -> list[PlannedOrder]:
        """Orders with a plan of which no window begins within `freeze_s`, oldest first."""
        for order_id in [key for key, start_s in self.waiting.items() if start_s <= self.now_s]:
            del self.waiting[order_id]
        return [
            self.plans[order_id]
            for order_id, start_s in self.waiting.items()
            if start_s > self.now_s + freeze_s
        ]

    def _change(self, before: Sequence[PlannedOrder], after: Sequence[PlannedOrder]) -> bool:
        units: Counter[tuple[str, str]] = Counter()
        seconds: Counter[tuple[str, int]] = Counter()
        for order in after:
            more_units, more_seconds = holdings(order, self.setting)
            units.update(more_units)
            seconds.update(more_seconds)
        for order in before:
            less_units, less_seconds = holdings(order, self.setting)
            units.subtract(less_units)
            seconds.subtract(less_seconds)
        if any(more > self.stock[cell] for cell, more in units.items()):
            return False
        if any(more > self.labor[node].get(hour, 0) for (node, hour), more in seconds.items()):
            return False
        for order in after:
            if min((g.window_start_s for g in order.groups), default=self.now_s) < self.now_s:
                raise DayError(f"{order.order_id}: a window has begun")
        self.stock.subtract(units)
        for (node_id, hour), more in seconds.items():
            self.labor[node_id][hour] -= more
        for order in after:
            self.plans[order.order_id] = order
            self.decisions.append(Decision(self.now_s, order.order_id, order.groups))
            if order.groups:
                self.waiting[order.order_id] = min(g.window_start_s for g in order.groups)
        return True


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
        span = (group.picked_s - group.window_start_s) // HOUR_S
        for index in range(span):
            share = share_s(seconds, span=span, index=index)
            hour = group.window_start_s + index * HOUR_S
            yield group.node_id, hour, share * len(group.line_numbers)
        if group.receipt is not None and setting.card.transfers is not None:
            each = setting.card.transfers.receive_line_s
            receipt = group.receipt
            yield receipt.node_id, receipt.window_start_s, each * len(group.line_numbers)


def holdings(
    order: PlannedOrder, setting: Setting
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, int]]]:
    """Units by (node, SKU) and seconds by (node, hour) that the groups take."""
    units: Counter[tuple[str, str]] = Counter()
    for cell, quantity in units_of(order):
        units[cell] += quantity
    seconds: Counter[tuple[str, int]] = Counter()
    for node_id, hour, amount in seconds_of(order, setting):
        seconds[node_id, hour] += amount
    return units, seconds


def skus_of(orders: Sequence[PlannedOrder]) -> set[str]:
    """The SKUs that these orders name."""
    return {line.sku for order in orders for line in order.lines}
