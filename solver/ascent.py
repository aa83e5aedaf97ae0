"""Dual ascent: prices on the rows that move against what the best plans take.

Adam (Kingma and Ba 2015) per row on the supergradient taken - limit, projected at 0, with a step
that shrinks over the passes. Every price vector gives a valid bound; these only make it good.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from solver.problem import Rows

MEAN_DECAY: Final = 0.9
SQUARE_DECAY: Final = 0.95
UNIT_STEP_MICRO: Final = 1_500_000.0
"""First step of a unit's price."""
SECOND_STEP_MICRO: Final = UNIT_STEP_MICRO * 0.05 / 60
"""First step of a labor second's price."""
PASSES_OF_FIRST_STEP: Final = 30
"""Passes for which the first steps are meant."""
LEAST_STEP: Final = 0.005
"""Share of the first step that remains at the end."""


class Ascent:
    """The state of one ascent of so many passes, from prices 0."""

    def __init__(self, rows: Rows, *, passes: int) -> None:
        count = len(rows.limits)
        self._limits = np.array(rows.limits, dtype=np.float64)
        self._first_step = np.full(count, UNIT_STEP_MICRO)
        self._first_step[len(rows.stock) :] = SECOND_STEP_MICRO
        # Few passes take larger steps: the way that prices can go in all stays the same.
        self._first_step *= max(1.0, PASSES_OF_FIRST_STEP / max(1, passes))
        self._prices = np.zeros(count)
        self._mean = np.zeros(count)
        self._square = np.zeros(count)
        self._steps = 0

    def step(self, usage: Mapping[int, int], *, progress: float) -> None:
        """One step; `usage`: what the best plans took, `progress`: 0 at the start, 1 at the end."""
        slope = -self._limits.copy()
        rows = np.fromiter(usage.keys(), dtype=np.int64, count=len(usage))
        slope[rows] += np.fromiter(usage.values(), dtype=np.float64, count=len(usage))
        self._steps += 1
        self._mean = MEAN_DECAY * self._mean + (1 - MEAN_DECAY) * slope
        self._square = SQUARE_DECAY * self._square + (1 - SQUARE_DECAY) * slope**2
        mean = self._mean / (1 - MEAN_DECAY**self._steps)
        scale = np.sqrt(self._square / (1 - SQUARE_DECAY**self._steps)) + 1e-9
        shrink = LEAST_STEP + (1 - LEAST_STEP) * (1 - min(1.0, progress)) ** 2
        moved = self._prices + self._first_step * shrink * mean / scale
        self._prices = np.maximum(0.0, moved)

    def prices(self) -> list[int]:
        """The prices in whole micro-units."""
        whole: list[int] = np.rint(self._prices).astype(np.int64).tolist()
        return whole
