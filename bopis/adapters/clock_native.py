"""The clock port over the clock that drives the engine."""

from datetime import datetime
from pathlib import Path
from typing import Final

from bopis import _allocator_rs as native

CLOCK_FILE: Final = "clock"
"""File in the data folder by which a restarted demo goes on in its time: one line with origin
(Unix ms), scale and real start (Unix ms)."""


def system_clock() -> native.Clock:
    """The time of the machine; satisfies `bopis.ports.Clock`."""
    return native.Clock.system()


def has_scaled_clock(data_folder: Path) -> bool:
    """Whether the folder's time is a scaled one."""
    return (data_folder / CLOCK_FILE).exists()


def scaled_clock(
    data_folder: Path, *, origin: datetime | None, scale: float | None
) -> native.Clock:
    """A clock that begins at `origin` (aware; None: now) and runs `scale` times (None: as fast) as
    fast as the machine's.

    A folder whose clock has begun goes on in its time: `origin` is not looked at again, and another
    `scale` counts from now. Raises OpenError for a clock file that is none of ours.
    """
    path = data_folder / CLOCK_FILE
    if not path.exists():
        now_ms = system_clock().wall_ms()
        origin_ms = now_ms if origin is None else round(origin.timestamp() * 1_000)
        return native.Clock.scaled(origin_ms, 1.0 if scale is None else scale, path)
    known = native.Clock.scaled(0, 1.0, path)
    if scale is None or scale == _scale_in(path):
        return known
    # Written aside and put in place whole: a crash leaves the one or the other.
    aside = path.with_suffix(".next")
    aside.unlink(missing_ok=True)
    native.Clock.scaled(known.wall_ms(), scale, aside)
    aside.replace(path)
    return native.Clock.scaled(0, 1.0, path)


def _scale_in(path: Path) -> float:
    return float(path.read_text(encoding="ascii").split()[1])
