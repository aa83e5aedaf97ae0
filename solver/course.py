"""A solve under way: what it may use, where it is, and what it came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from solver.allocation import Allocation, Ints
from solver.pace import Pace, Record, Work


@dataclass(frozen=True, slots=True)
class Limits:
    """What the steps may use. `start_prices`: micro-units by row, if known.

    `record`: of a solve that is done again; its counts hold instead of the time limit.
    """

    orders: int
    time_limit_s: float
    seed: int = 0
    start_prices: Sequence[int] = ()
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Where the steps are. Costs are micro-units."""

    stage: str
    bound_micro: int
    cost_micro: int


@dataclass(slots=True)
class Outcome:
    """What the steps came to. `stage` found the assignment; `work` and `chosen`: for a Record."""

    bound_micro: int = 0
    stopped: int = 0
    prices: list[int] = field(default_factory=list)
    cost_micro: int = 0
    stage: str = ""
    columns: int = 0
    work: tuple[Work, ...] = ()
    chosen: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(slots=True)
class Course:
    """The steps of an allocation share it. `row_limits`: by row, in its unit."""

    allocation: Allocation
    limits: Limits
    report: Callable[[Told], None]
    pace: Pace
    row_limits: Ints
    outcome: Outcome = field(default_factory=Outcome)

    def left_s(self, share: float = 1.0) -> float:
        """Seconds until this share of the time limit is over."""
        return self.pace.left_s(share)

    def tell(self, stage: str) -> None:
        """Reports where it is."""
        self.report(Told(stage, self.outcome.bound_micro, self.outcome.cost_micro))

    def found(self, stage: str, cost: int) -> None:
        """Takes note of a cost and of the step that found it, if it is the best."""
        if not self.outcome.stage or cost < self.outcome.cost_micro:
            self.outcome.cost_micro, self.outcome.stage = cost, stage
        self.tell(stage)

    @property
    def is_proven(self) -> bool:
        """Whether nothing can cost less than what was found."""
        return bool(self.outcome.stage) and self.outcome.cost_micro <= self.outcome.bound_micro
