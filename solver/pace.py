"""How much of each step is done: by the time limit, and recorded; or again as it was recorded.

A step asks for a turn before it begins, and closes it with what it made. What follows from the
input alone is not recorded: with the same input and counts, the steps do the same again.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

Work = tuple[str, int, int]
"""(step, planned, made), in passes, moves, LPs, MIPs or parts; of a yes or no, 1 or 0 twice."""


class RecordError(ValueError):
    """A record is not of this solve: it has other steps than come."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a solve did, so that it can be done again.

    `chosen`: (which MIP, counted from 0; what it chose) for those that time stopped, because what
    these found follows from no count. `threads`: among which the orders were dealt.
    """

    threads: int
    work: tuple[Work, ...]
    chosen: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A step's turn. `made`: how much was made of it, if it is done again."""

    step: str
    planned: int
    made: int | None

    def goes_on(self, made: int, *, has_time: bool) -> bool:
        """Whether there is more to do after so much: as long as there is time, or as recorded."""
        return has_time if self.made is None else made < self.made


@dataclass(slots=True)
class Pace:
    """The time limit, or the record that stands in for it."""

    time_limit_s: float
    started_s: float
    again: deque[Work] | None = None
    known: dict[int, tuple[int, ...]] = field(default_factory=dict)
    work: list[Work] = field(default_factory=list)
    chosen: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    mips: int = 0

    @classmethod
    def of(cls, time_limit_s: float, record: Record | None) -> Self:
        """From now on."""
        if record is None:
            return cls(time_limit_s, time.monotonic())
        return cls(float("inf"), time.monotonic(), deque(record.work), dict(record.chosen))

    def left_s(self, share: float = 1.0) -> float:
        """Seconds until this share of the time limit is over; without end if it is done again."""
        return self.started_s + share * self.time_limit_s - time.monotonic()

    def share(self) -> float:
        """The share of the time limit that is over; 0 if it is done again."""
        return (time.monotonic() - self.started_s) / max(1e-9, self.time_limit_s)

    def comes(self, step: str, *, has_time: bool) -> bool:
        """Whether a step has another turn."""
        if self.again is None:
            return has_time
        return bool(self.again) and self.again[0][0] == step

    def decides(self, step: str, *, is_so: bool) -> bool:
        """A yes or no that time decides; recorded as a step of its own, and told again."""
        asked = self.turn(step, int(is_so))
        self.close(asked, asked.planned)
        return bool(asked.planned)

    def turn(self, step: str, planned: int) -> Turn:
        """A step's next turn, with what is planned for it. Raises RecordError."""
        if self.again is None:
            return Turn(step, planned, None)
        if not self.comes(step, has_time=True):
            found = self.again[0][0] if self.again else "nothing"
            raise RecordError(f"the record has {found} where {step} comes")
        _, planned, made = self.again.popleft()
        return Turn(step, planned, made)

    def close(self, turn: Turn, made: int) -> None:
        """Takes note of what a turn made."""
        self.work.append((turn.step, turn.planned, made))

    def recorded_choice(self) -> tuple[int, ...] | None:
        """What the next MIP chose when time stopped it; None: it is solved to its end."""
        return self.known.get(self.mips)

    def close_mip(self, chosen: tuple[int, ...], *, stopped: bool) -> None:
        """Takes note of a MIP, and of what it chose if time stopped it."""
        if stopped:
            self.chosen.append((self.mips, chosen))
        self.mips += 1
