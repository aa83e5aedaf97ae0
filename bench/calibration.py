"""Fixed work that no change of ours can speed up: what a figure of the same moment is divided by.

It is short, and done before every round, so that both meet the same neighbors.

| kind | what it does | for figures bound by |
| --- | --- | --- |
| processor | integers, a dict, a sort and a copy in pure Python | processor and memory |
| disk | small writes that return when they are on the device | the flush of a durable act |
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

CHECKSUM: Final = 16_322_467_757_438_854_477
BLOCK: Final = 4_096
_MASK: Final = (1 << 64) - 1


class Kind(StrEnum):
    """Which work."""

    PROCESSOR = "processor"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one piece of the work takes now, in seconds."""

    median_s: float
    minimum_s: float


def processor_work() -> int:
    """About a millisecond of work; returns its checksum, `CHECKSUM`."""
    state = 88_172_645_463_325_252
    table: dict[int, int] = {}
    for _ in range(1_000):
        state ^= (state << 13) & _MASK
        state ^= state >> 7
        state ^= (state << 17) & _MASK
        table[state & 511] = table.get(state & 511, 0) + (state >> 40)
    ordered = sorted(table.items(), key=lambda item: (item[1], item[0]))
    block = bytearray(1 << 18)
    for index, (key, value) in enumerate(ordered):
        block[(index * 257 + key) & 0x3FFFF] = value & 0xFF
    copied = bytes(block)
    for key, value in ordered[::16]:
        state = (state * 31 + key * value + copied[key]) & _MASK
    return state


def disk_work(descriptor: int) -> int:
    """A block that is on the device when this returns; gives the bytes written."""
    return os.pwrite(descriptor, b"\x5a" * BLOCK, 0)


@contextmanager
def calibrator(kind: Kind, folder: Path) -> Iterator[Callable[[], float]]:
    """Gives a function that does the work once and returns the seconds it took.

    `folder` is on the device that durable figures write to. The function raises RuntimeError if
    the work came to another answer: then it was other work.
    """
    if kind is Kind.PROCESSOR:
        yield _timed_processor
        return
    path = folder / "calibration"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_DSYNC, 0o600)
    try:
        disk_work(descriptor)  # Lays the block out: overwriting is what a journal does.
        yield lambda: _timed_disk(descriptor)
    finally:
        os.close(descriptor)
        path.unlink()


def summary(seconds: list[float]) -> Calibration:
    """Median and minimum of all rounds."""
    return Calibration(statistics.median(seconds), min(seconds))


def _timed_processor() -> float:
    begin = time.perf_counter()
    found = processor_work()
    taken_s = time.perf_counter() - begin
    if found != CHECKSUM:
        raise RuntimeError(f"the calibration came to {found}")
    return taken_s


def _timed_disk(descriptor: int) -> float:
    begin = time.perf_counter()
    written = disk_work(descriptor)
    taken_s = time.perf_counter() - begin
    if written != BLOCK:
        raise RuntimeError(f"the calibration wrote {written} bytes")
    return taken_s
