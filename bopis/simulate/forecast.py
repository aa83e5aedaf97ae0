"""What the rest of the day may bring: sampled days, never the day that is being played.

A forecaster is asked with the clock and the orders placed so far. It knows other days; it never
sees an order before it is placed. tests/unit/simulate shows that a forecaster that peeks is caught:
what comes after a moment must change no decision before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bopis.demo.plans import PlannedOrder
from bopis.simulate.seeds import drawn_day

SAMPLES: Final = 24
"""Sampled days; the prices of each are averaged."""
SEEN_WEIGHT: Final = 50
"""Orders that other days weigh when the pace of this day is told from what came so far."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Orders that may come after now, each of which stands for `weight` orders."""

    orders: Sequence[PlannedOrder]
    weight: float


class Forecaster(Protocol):
    """Samples of the rest of the day."""

    def samples(self, *, now_s: int, seen: int) -> Sequence[Sample]:
        """As many samples at every call, given that `seen` orders were placed by `now_s`."""


class OtherDays:
    """The rest of other days, at the pace of this one."""

    def __init__(self, days: Sequence[Sequence[PlannedOrder]]) -> None:
        self._days = [sorted(day, key=lambda order: order.placed_s) for day in days]

    @classmethod
    def drawn(
        cls, recorded: Sequence[PlannedOrder], *, seed: int, days: int = SAMPLES
    ) -> OtherDays:
        """So many days, drawn like the days of seeds, none of which any seed plays."""
        return cls([drawn_day(recorded, key=f"other/{seed}/{k}") for k in range(days)])

    def samples(self, *, now_s: int, seen: int) -> Sequence[Sample]:
        """See `Forecaster`."""
        rests = [[order for order in day if order.placed_s > now_s] for day in self._days]
        usual = sum(len(day) - len(rest) for day, rest in zip(self._days, rests, strict=True))
        usual_a_day = usual / max(1, len(self._days))
        pace = (seen + SEEN_WEIGHT) / (usual_a_day + SEEN_WEIGHT)
        return [Sample(rest, pace) for rest in rests]
