"""The clock port over the clock that drives the engine."""

from datetime import datetime
from pathlib import Path
from typing import Final

from bopis import _allocator_rs as native

CLOCK_FILE: Final = "clock"
"""File in the data folder by which a restarted demo goes on in its time."""


def system_clock() -> native.Clock:
    """The time of the machine; satisfies `bopis.ports.Clock`."""
    return native.Clock.system()


def scaled_clock(data_folder: Path, *, origin: datetime, scale: float) -> native.Clock:
    """A clock that begins at `origin` (aware) and runs `scale` times as fast as the machine's.

    A folder whose clock has begun keeps its time, whatever origin and scale are passed. Raises
    OpenError for a scale that is no finite number above 0 or a clock file that is none of ours.
    """
    origin_ms = round(origin.timestamp() * 1_000)
    return native.Clock.scaled(origin_ms, scale, data_folder / CLOCK_FILE)
