"""The service as it places orders today: native plan + hold over an engine in memory.

It is the kernel as in B3, with what the last units on a shelf are worth to later orders charged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bopis.demo.plans import Group, PlannedOrder
from bopis.domain.sourcing import Ask, Plan
from bopis.simulate.day import Day
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import ask_of, groups_of
from bopis.simulate.ports import Played, Progress
from bopis.simulate.setting import Setting


class Placing(Protocol):
    """An engine with the day's stock and labor; see `bopis.adapters.placing_native`."""

    def place(self, ask: Ask) -> Plan:
        """The best plan, held."""

    def close(self) -> None:
        """Stops it."""


@dataclass(frozen=True, slots=True)
class Service:
    """Implements `bopis.simulate.ports.Policy`; opens an engine for each day."""

    open_engine: Callable[[Setting], Placing]

    def play(
        self, setting: Setting, orders: Sequence[PlannedOrder], *, progress: Progress
    ) -> Played:
        """See `bopis.simulate.ports.Policy`."""
        placing = self.open_engine(setting)
        try:
            return Online(_Chooser(placing)).play(setting, orders, progress=progress)
        finally:
            placing.close()


@dataclass(frozen=True, slots=True)
class _Chooser:
    placing: Placing

    def choose(self, day: Day, order: PlannedOrder) -> tuple[Group, ...]:
        return groups_of(self.placing.place(ask_of(order, day.setting)).groups)
