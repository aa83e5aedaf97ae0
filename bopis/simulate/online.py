"""A day order by order: each is decided when it is placed, timers act in between.

A chooser sees the orders so far and nothing else, so nothing that comes later can change what was
decided before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bopis.demo.plans import PlannedOrder
from bopis.simulate.day import Day
from bopis.simulate.ports import Chooser, Played, Progress, Timer
from bopis.simulate.setting import Setting


@dataclass(frozen=True, slots=True)
class Online:
    """A policy of a chooser and timers; timers act at full multiples of their time, in order."""

    chooser: Chooser
    timers: tuple[Timer, ...] = ()

    def play(
        self, setting: Setting, orders: Sequence[PlannedOrder], *, progress: Progress
    ) -> Played:
        """See `bopis.simulate.ports.Policy`."""
        day = Day.morning(setting, now_s=orders[0].placed_s if orders else 0)
        for timer in self.timers:
            timer.act(day)
        for index, order in enumerate(orders):
            self._pass_time(day, order.placed_s)
            day.place(order, self.chooser.choose(day, order))
            progress(index + 1)
        # Orders wait for their hours after the last one came.
        while self.timers and day.waiting:
            self._pass_time(day, max(day.waiting.values()))
            day.open_orders(freeze_s=0)
        return Played(tuple(day.decisions))

    def _pass_time(self, day: Day, until_s: int) -> None:
        due = sorted(
            (time_s, place)
            for place, timer in enumerate(self.timers)
            for time_s in range(
                (day.now_s // timer.every_s + 1) * timer.every_s, until_s + 1, timer.every_s
            )
        )
        for time_s, place in due:
            day.now_s = time_s
            self.timers[place].act(day)
        day.now_s = until_s
