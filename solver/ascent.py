"""How far prices move at first: what suits depends on how much lacks, so a few passes try it."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from solver.allocation import Allocation

PACES: Final = (0.05, 0.15, 0.5, 1.5)
"""First steps of an ascent that are tried, as multiples of the usual one."""
PACE_FIRST: Final = 0.5
PACE_PASSES: Final = 12
"""Passes of a trial."""
WORTH_TRIALS: Final = 150
"""Passes that there must be time for, so that more than one step is tried."""

Passes = Callable[[int, Sequence[int], float], int]
"""Makes passes from prices on with a first step; what the best prices would prove (micro-units)."""

HasTime = Callable[[float], bool]
"""Whether there is time for so many seconds."""


def best_pace(
    allocation: Allocation, passes: Passes, *, start: Sequence[int], has_time: HasTime
) -> tuple[float, list[int], float]:
    """The first step that proves most after a few passes, the prices that do, and the seconds of a
    pass.
    """
    tried: dict[float, tuple[int, list[int]]] = {}
    seconds = 0.0

    def proves(pace: float) -> int:
        nonlocal seconds
        began_s = time.monotonic()
        estimate = passes(PACE_PASSES, start, pace)
        seconds = time.monotonic() - began_s
        tried[pace] = (estimate, allocation.prices())
        return estimate

    at = PACES.index(PACE_FIRST)
    proves(PACE_FIRST)
    tries = has_time(WORTH_TRIALS * seconds / PACE_PASSES)
    for step in (-1, 1) if tries else ():
        while 0 <= at + step < len(PACES) and proves(PACES[at + step]) > tried[PACES[at]][0]:
            at += step
        if PACES[at] != PACE_FIRST:
            break
    return PACES[at], tried[PACES[at]][1], seconds / PACE_PASSES
