"""A solve under way: what it may use, where it is, and what it came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from solver.allocation import Allocation, Ints
from solver.pace import Pace, Record, Work


@dataclass(frozen=True, slots=True)
class Limits:
    """What the steps may use. `start_prices`: micro-units by row; `is_known`: of an earlier solve.

    `record`: of a solve that is done again; its counts hold instead of the time limit. Who gains no
    more than `stay_micro` stays. `late_max` and `unfilled_max`: orders that may be late and lines
    that may be left, None: any; where there are more, each is made dearer by a step (micro-units),
    or by more.
    """

    orders: int
    time_limit_s: float
    seed: int = 0
    start_prices: Sequence[int] = ()
    is_known: bool = False
    record: Record | None = None
    stay_micro: int = 0
    late_max: int | None = None
    unfilled_max: int | None = None
    late_step_micro: int = 1
    unfilled_step_micro: int = 1


@dataclass(slots=True)
class Dearer:
    """What a late order and a line left cost beside the card, micro-units."""

    late_micro: int = 0
    unfilled_micro: int = 0

    @property
    def is_any(self) -> bool:
        """Whether anything is dearer than the card says."""
        return bool(self.late_micro or self.unfilled_micro)


@dataclass(frozen=True, slots=True)
class Told:
    """Where the steps are. Costs are micro-units."""

    stage: str
    bound_micro: int
    cost_micro: int


@dataclass(slots=True)
class Outcome:
    """What the steps came to. `stage` found the assignment; `cost_micro` is with what was made
    dearer, `plain_micro` and `unfilled_before` are the cost and the lines left before that; `work`
    and `chosen`: for a Record.
    """

    bound_micro: int = 0
    stopped: int = 0
    prices: list[int] = field(default_factory=list)
    cost_micro: int = 0
    stage: str = ""
    columns: int = 0
    plain_micro: int = 0
    unfilled_before: int = 0
    dearer: Dearer = field(default_factory=Dearer)
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

    def share(self) -> float:
        """The share of the time limit that is over."""
        return self.pace.share()

    def tell(self, stage: str) -> None:
        """Reports where it is; where something was made dearer, what it had come to before."""
        outcome = self.outcome
        cost = outcome.plain_micro if outcome.dearer.is_any else outcome.cost_micro
        self.report(Told(stage, outcome.bound_micro, cost))

    def found(self, stage: str, cost: int) -> None:
        """Takes note of a cost and of the step that found it, if it is the best."""
        if not self.outcome.stage or cost < self.outcome.cost_micro:
            self.outcome.cost_micro, self.outcome.stage = cost, stage
        self.tell(stage)

    @property
    def is_proven(self) -> bool:
        """Whether nothing can cost less than what was found."""
        found = bool(self.outcome.stage) and self.outcome.cost_micro <= self.outcome.bound_micro
        return found and not self.outcome.dearer.is_any
