"""No more orders late, and no more lines left, than there may be.

Both cost what the card says, and a batch that costs less may have more of them than the plans in
force, or than the rules of the house. Where it has, each of them is made dearer for all orders, in
steps that grow, until there are no more than allowed. The bound is that of the card: with limits
nothing can cost less. An order is not kept from being late by leaving its lines: where nobody says
how many may be left, it is as many as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from solver.course import Course
from solver.problem import Ask, Group, OpenOrder

GROWTH: Final = 3
"""How much dearer each step is than the one before."""
DEAREST: Final = 243
"""How many first steps at most: what one order less late, or one line less left, may cost."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Orders that are late, lines that are left."""

    late: int = 0
    unfilled: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.late + other.late, self.unfilled + other.unfilled)

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(self.late - other.late, self.unfilled - other.unfilled)


def counts_of(ask: Ask, groups: Sequence[Group]) -> Counts:
    """Of one order with these groups."""
    done = sum(len(group.line_numbers) for group in groups)
    is_late = any(group.ready_by_ms > ask.promise_ms for group in groups)
    return Counts(int(is_late), len(ask.lines) - done)


def counts_in_force(orders: Sequence[OpenOrder]) -> Counts:
    """Of all orders with their plans in force."""
    return sum((counts_of(order.ask, order.groups) for order in orders), Counts())


def is_over(course: Course) -> bool:
    """Whether more is late or left than there may be."""
    return any(_over(course))


def _over(course: Course) -> tuple[bool, bool]:
    limits, unfilled_max = course.limits, course.limits.unfilled_max
    late, unfilled = course.allocation.counts()
    if unfilled_max is None and course.outcome.dearer.is_any:
        unfilled_max = course.outcome.unfilled_before
    return (
        limits.late_max is not None and late > limits.late_max,
        unfilled_max is not None and unfilled > unfilled_max,
    )


def hold(course: Course) -> None:
    """Makes dearer what there is too much of."""
    limits, dearer = course.limits, course.outcome.dearer
    is_late, is_left = _over(course)
    if not dearer.is_any:
        course.outcome.unfilled_before = course.allocation.counts()[1]
        course.outcome.plain_micro = course.outcome.cost_micro
    if is_late:
        dearer.late_micro = _dearer(dearer.late_micro, limits.late_step_micro)
    if is_left:
        dearer.unfilled_micro = _dearer(dearer.unfilled_micro, limits.unfilled_step_micro)
    if dearer.unfilled_micro:
        dearer.unfilled_micro = max(dearer.unfilled_micro, dearer.late_micro)
    cost = course.allocation.make_dearer(dearer.late_micro, dearer.unfilled_micro)
    course.outcome.cost_micro = cost


def _dearer(now: int, step: int) -> int:
    return min(max(step, GROWTH * now), DEAREST * step)
