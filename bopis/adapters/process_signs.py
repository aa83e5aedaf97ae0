"""Whether another process of this machine still does anything, as the kernel tells it (Linux), and
a quick end for one that was killed.

A process that others leave no processor time, as in the idle scheduling class, is no hung one: it
wants to run (state R). One that waits for a disk (D) is none either. Hung is who wants nothing,
does nothing and says nothing: it is stopped, or its threads wait for each other. Where there is no
/proc, every process counts as at work.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_S: Final = 0.25
"""Between two looks at a process."""
QUIET_S: Final = 3.0
"""A process that gave no sign at so many looks in a row is hung."""
AT_WORK: Final = frozenset("RD")
"""States of a thread that runs or waits for a processor, or for a disk."""

_STATE: Final = 0
_TICKS: Final = slice(11, 13)
"""Where a process's line has its state and its processor time, after its name (proc(5))."""


async def until_quiet(pid: int, *, heard: Callable[[], int], quiet_s: float = QUIET_S) -> None:
    """Returns when the process gave no sign for `quiet_s`: `heard` (bytes that came from it) and
    its processor time stood still, and no thread was at work at any look. Looks are counted, not
    seconds: while this process stands still itself, it sees nothing and concludes nothing.
    """
    looks = 0
    before: tuple[int, int] | None = None
    while looks * LOOK_S < quiet_s:
        await asyncio.sleep(LOOK_S)
        ticks = _ticks(pid)
        now = None if ticks is None else (heard(), ticks)
        is_quiet = now is not None and now == before and not is_at_work(pid)
        looks, before = looks + 1 if is_quiet else 0, now


def is_at_work(pid: int) -> bool:
    """Whether a thread of the process runs, wants to or waits for a disk; so where nobody knows."""
    lines = map(_fields, (task / "stat" for task in _tasks(pid)))
    states = [fields[_STATE] for fields in lines if fields is not None]
    return not states or not AT_WORK.isdisjoint(states)


def let_die(pid: int) -> None:
    """Lifts a killed process out of the idle scheduling class: dying takes processor time, of which
    it would get none while others want all of it. Does nothing where it is gone.
    """
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))


def _tasks(pid: int) -> list[Path]:
    """The folders of its threads; none where it is gone, which it may be while they are listed."""
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _ticks(pid: int) -> int | None:
    """Its processor time in ticks of the kernel; None: nobody knows."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return None if fields is None else sum(map(int, fields[_TICKS]))


def _fields(stat: Path) -> list[str] | None:
    """What follows the name, which may hold anything; None where that is no line of a process."""
    try:
        fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    ticks = fields[_TICKS]
    return fields if len(ticks) == 2 and all(map(str.isdigit, ticks)) else None
