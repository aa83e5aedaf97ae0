"""What simulated days need from outside, and what a policy is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bopis.demo.plans import Group, PlannedOrder
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy as CostPolicy
from bopis.domain.reallocation import ReallocationProblem, ReallocationProposal
from bopis.domain.sourcing import Ask, Plan
from bopis.simulate.day import Day, Decision
from bopis.simulate.setting import Setting

StockRow = tuple[str, str, int]
"""Node, SKU, units."""
LaborRow = tuple[str, int, int]
"""Node, start of the hour (Unix seconds), seconds."""


class Batch(Protocol):
    """Orders over fixed rows (stock first, then labor)."""

    def price(self, orders: Sequence[int], *, prices: Sequence[int]) -> Sequence[Plan]:
        """The best plan of each named order; prices by row, missing ones 0."""


class Pricer(Protocol):
    """The exact kernel for single orders."""

    def open(
        self,
        asks: Sequence[Ask],
        *,
        hours: tuple[int, int],
        stock: Sequence[StockRow],
        labor: Sequence[LaborRow],
        now_ms: int,
    ) -> Batch:
        """A batch on these rows; `hours`: first and last hour (Unix seconds) that are looked at."""

    def ascend(
        self,
        asks: Sequence[Ask],
        *,
        hours: tuple[int, int],
        stock: Sequence[StockRow],
        labor: Sequence[LaborRow],
        now_ms: int,
        start: Sequence[int],
        passes: int,
        softness: float,
    ) -> list[int]:
        """Prices by row (micro-units) under which these orders want no more than there is, as far
        as so many passes from `start` on bring them. `softness` at first: a share of the usual one.
        """


class BatchSolver(Protocol):
    """Many orders at once: `bopis.ports.ReallocationSolver`, waited for."""

    def __call__(
        self,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: CostPolicy,
    ) -> ReallocationProposal:
        """The proposal. Raises bopis.domain.errors.NotServing."""


@dataclass(frozen=True, slots=True)
class Played:
    """A day under a policy. `at_placing`: every order was decided when it was placed.

    `bound_micro`: no allocation of this day costs less, if the policy proves one.
    """

    decisions: tuple[Decision, ...]
    at_placing: bool = True
    bound_micro: int | None = None


Progress = Callable[[int], None]
"""Called with the number of orders done so far."""


class Policy(Protocol):
    """A way to run a day."""

    def play(
        self, setting: Setting, orders: Sequence[PlannedOrder], *, progress: Progress
    ) -> Played:
        """Plays the day of these orders, sorted by placing time."""


class Chooser(Protocol):
    """Decides one order when it is placed."""

    def choose(self, day: Day, order: PlannedOrder) -> tuple[Group, ...]:
        """The order's groups, given what is left of the day; takes nothing."""


class Timer(Protocol):
    """Something that is done every so often while the day goes on."""

    @property
    def every_s(self) -> int:
        """Seconds between two acts."""

    def act(self, day: Day) -> None:
        """Does it, at `day.now_s`."""
