"""The steps of an allocation: ascend, bound, construct, improve, and the pool where it is small.

Limits are counts of work: passes, rounds, moves. The first passes and moves are timed, the counts
follow from them and the time limit; what was planned and made is recorded (solver/pace.py), so that
the same counts give the same allocation again.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from solver import pool
from solver.allocation import Allocation
from solver.course import Course, Limits, Outcome, Told
from solver.holding import hold, is_over
from solver.pace import Pace

ASCENT_SHARE: Final = 0.4
"""Share of the time limit for the dual ascent."""
LONG_ASCENT_SHARE: Final = 0.55
PASSES_FEW: Final = 40
"""The same where the passes are fewer otherwise, and how many that is."""
FAR_SHARE: Final = 0.65
"""Share of the ascent's time for the passes from far."""
TRIAL_PASSES: Final = 1
"""Passes that show how long one takes, and from which the first plans are made."""
SLOWER: Final = 2.0
"""How much longer passes take that know more: cut short, an ascent from far proves little."""
WIDE_SHARE: Final = 0.15
"""Share of the time limit that a look at every way may take, for orders to get more ways."""
FAR_PASSES_MIN: Final = 9
FAR_PASSES_MAX: Final = 18
NEAR_PASSES_MIN: Final = 4
NEAR_PASSES_MAX: Final = 60
SETTLED_SHARE: Final = 0.15
"""Share of the time limit for passes from near where those from far came to their end."""
NEAR_PARTS: Final = ((0.15, 0.4), (0.05, 0.6))
"""Of passes from good prices, those before more ways come to light once again, and those after it:
the first softness, as a share of the usual one, and the share of the passes.
"""
KNOWN_SOFTNESS: Final = 0.3
"""The same from prices of an earlier solve."""
SCARCE_SHARE: Final = 0.3
"""What units that all want are worth, as a share of the bound there, of a batch that these rule."""
SCARCE_SOFTNESS: Final = 0.03
"""First softness of its passes: none from far, for from there it is led astray."""
LATE_SHARE: Final = 0.8
"""Share of the passes that are planned, before which they do not end for want of a gain."""
LEVEL_PASSES: Final = 3
LEVEL_GAIN: Final = 1e-4
"""An ascent ends after so many passes that gain less than this share of the bound."""
STEEP_GAIN: Final = 1.5e-3
"""What passes gain in the mean, as a share of the bound, of an ascent that is far from its end."""
RISING_GAIN: Final = 3e-2
"""The same of one for which that is known before it goes on."""
STEEP_SHARE: Final = 0.7
"""Share of the time limit until which it goes on: better prices lead the search, too."""
ROUND_MOVES: Final = 40_000
"""Moves of a round of the search, after which the orders are dealt anew."""
ROUND_MOVES_OF_ORDER: Final = (3, 40)
"""The same per order, at least and at most: dealing takes the longer the more they are."""
ROUNDS_MIN: Final = 4
MOVES_PER_S: Final = 150_000
"""Moves that are planned for a second, until the first search has shown how many it is."""
SEARCHES_MAX: Final = 3
"""Searches one after the other."""
LAST_SEARCH_SHARE: Final = 0.05
"""Share of the time limit that must be left for the last one: it uses what the others left."""
FIRST_SEARCH_SHARE: Final = 0.15
"""Share of a search's time for the first one, which shows how fast it goes."""
SEARCHES: Final = frozenset({"SEARCH", "HOLD"})
"""Steps that search, each with dice of its own."""
MOVES_OF_ORDER: Final = 6_000
"""Moves per order after which a search is over."""
TOLERANCE: Final = 0.2
"""What a search may lose at its start, as a share of an order's mean cost."""
POOL_ORDERS_MAX: Final = 2_500
"""Orders up to which the pool is solved as a MIP."""
POOL_ORDER_S: Final = 0.001
"""Seconds per order that the pool needs at least."""
SEARCH_SHARE: Final = 0.55
"""Share of the time limit after which the pool is solved, where it is."""
FIRST_PARTS: Final = 0.05
"""Of the time that is left then, the share for parts before the pool is solved as a whole."""
PARTS_SHARE: Final = 0.92
"""Share of the time limit after which no further part is solved, and no descent begins."""
HELD_SHARE: Final = 0.9
"""Share of the time limit for what comes before, where more is late or left than allowed."""
HELD_UNTIL: Final = 1.04
"""The same until which that gets dearer."""
HOLDS_MAX: Final = 16
"""Searches in which it does, and what each may take of the time limit."""
HOLD_SHARE: Final = 0.01


def allocate(
    allocation: Allocation, limits: Limits, *, report: Callable[[Told], None] = lambda _: None
) -> Outcome:
    """Runs the steps within about the time limit. The assignment stays with the allocation.

    Raises RecordError if they are to be done again and the record is of another solve.
    """
    pace = Pace.of(limits.time_limit_s, limits.record)
    course = Course(allocation, limits, report, pace, allocation.limits())
    _ascend(course)
    is_small = limits.orders <= POOL_ORDERS_MAX
    if is_small:
        pool.polish(course)
    pool_s = limits.orders * POOL_ORDER_S
    has_time = course.left_s() - course.left_s(SEARCH_SHARE) >= pool_s
    course.found("CONSTRUCTION", allocation.construct())
    _improve(course, SEARCH_SHARE if is_small and has_time else 1.0)
    has_pool = is_small and course.pace.comes("PARTS", has_time=has_time)
    if has_pool and not course.is_proven:
        pool.solve_parts(course, turn=0, within_s=FIRST_PARTS * course.left_s())
        if not pool.solve_whole(course):
            if course.outcome.stage == "RELINK":
                # What found the best goes on.
                pool.relink(
                    course, is_beside=False, has_time=lambda: course.left_s(PARTS_SHARE) > 0
                )
            else:
                pool.solve_parts(course, turn=2, within_s=course.left_s(PARTS_SHARE))
            _improve(course, 1.0)
    _hold(course)
    course.outcome.work = tuple(course.pace.work)
    course.outcome.chosen = tuple(course.pace.chosen)
    return course.outcome


def _ascend(course: Course) -> None:
    """Prices from far; then from near, over the ways that these brought to light."""
    allocation, outcome = course.allocation, course.outcome
    start = course.limits.start_prices
    softness = KNOWN_SOFTNESS if course.limits.is_known else 1.0
    began_s = time.monotonic()
    proven = _passes(course, TRIAL_PASSES, start, softness, until=LONG_ASCENT_SHARE)
    pass_s = SLOWER * (time.monotonic() - began_s) / max(1, len(proven))
    worth = 0 if course.limits.is_known else _are_worth(course)
    is_scarce = worth > max(0, SCARCE_SHARE * max(proven))
    if is_scarce:
        # Where labor or reach binds, not units, they are worth less than that.
        without = _passes(course, TRIAL_PASSES, (), softness, until=LONG_ASCENT_SHARE)
        is_scarce = max(proven) > max(without)
        start, softness = (start, SCARCE_SOFTNESS) if is_scarce else ((), softness)
    # Plans that fit together: whoever waits has some, and prices cannot rise beyond all bounds.
    course.found("CONSTRUCTION", allocation.construct())
    share = ASCENT_SHARE
    if course.left_s(share) < PASSES_FEW * pass_s:
        share = LONG_ASCENT_SHARE
    planned = FAR_SHARE * course.left_s(share) / max(pass_s, 1e-6)
    planned = max(FAR_PASSES_MIN, min(FAR_PASSES_MAX, planned))
    began_s = time.monotonic()
    proven = _passes(course, int(planned), start, softness, until=share, learning=not is_scarce)
    pass_s = (time.monotonic() - began_s) / max(1, len(proven))
    is_quick = allocation.look_s() < WIDE_SHARE * course.limits.time_limit_s
    share = STEEP_SHARE if _gain(proven) > RISING_GAIN else share
    near_s = course.left_s(share)
    if _is_settled(proven):
        near_s = min(near_s, SETTLED_SHARE * course.limits.time_limit_s)
    planned = max(NEAR_PASSES_MIN, min(NEAR_PASSES_MAX, near_s / max(pass_s, 1e-6)))
    for number, (softest, part) in enumerate(NEAR_PARTS):
        near = allocation.prices()
        has_time = number == 0 or course.left_s(share) > 0
        if not course.pace.decides("NEAR", is_so=has_time):
            break
        if course.pace.decides("WIDENING", is_so=is_quick):
            allocation.widen(near)
        passes = max(NEAR_PASSES_MIN, int(part * planned))
        _passes(course, passes, near, min(softness, softest), until=share, learning=False)
    outcome.prices = allocation.prices()
    outcome.bound_micro, outcome.stopped = allocation.bound(outcome.prices)


def _are_worth(course: Course) -> int:
    """What all units together are worth at the prices that it starts from, micro-units."""
    prices = np.array(course.limits.start_prices, dtype=np.int64)
    return int(prices @ course.row_limits[: len(prices)])


def _passes(
    course: Course,
    planned: int,
    start: Sequence[int],
    softness: float,
    *,
    until: float,
    learning: bool = True,
) -> list[int]:
    """What the passes made until this share of the time limit have proven, one after the other."""
    asked = course.pace.turn("PRICING", planned)
    proven: list[int] = []

    def go_on(passes: int, estimate: int) -> bool:
        course.tell("PRICING")
        proven.append(estimate)
        # Too few passes are better than none: the planned ones took longer than the first.
        has_time = passes < NEAR_PASSES_MIN or course.left_s(until) > 0
        has_time = has_time or (_gain(proven) > STEEP_GAIN and course.left_s(STEEP_SHARE) > 0)
        return asked.goes_on(passes, has_time=has_time and not _is_level(proven, planned))

    made, _ = course.allocation.ascend(
        passes=asked.planned, start=start, softness=softness, learning=learning, go_on=go_on
    )
    course.pace.close(asked, made)
    return proven


def _gain(proven: Sequence[int]) -> float:
    """What each of the last passes gained, as a share of the bound; 0 while they are few."""
    if len(proven) <= LEVEL_PASSES:
        return 0.0
    return (proven[-1] - proven[-1 - LEVEL_PASSES]) / (LEVEL_PASSES * max(1, abs(proven[-1])))


def _is_settled(proven: Sequence[int]) -> bool:
    """Whether the last passes gained little, but something: whoever is led astray gains nothing."""
    return len(proven) > LEVEL_PASSES and 0 < _gain(proven) <= STEEP_GAIN


def _is_level(proven: Sequence[int], planned: int) -> bool:
    """Whether the last passes gained next to nothing, late enough for that to mean something."""
    is_late = len(proven) > max(LEVEL_PASSES, LATE_SHARE * planned)
    return is_late and LEVEL_PASSES * _gain(proven) <= LEVEL_GAIN


def _improve(course: Course, share: float) -> None:
    """Rescues and searches until time is up or orders have had their moves. A short search shows
    how fast it goes; the long one that follows cools down slowly to its end; a third one uses the
    time that is left if the machine was faster than that.
    """
    limits = course.limits
    first_s = FIRST_SEARCH_SHARE * course.left_s(share)
    moves_per_s = float(MOVES_PER_S)
    moves_left = limits.orders * MOVES_OF_ORDER
    for turn in range(SEARCHES_MAX):
        if turn > 0 and is_over(course):
            share = min(share, HELD_SHARE)
        left_s = course.left_s(share)
        least_s = LAST_SEARCH_SHARE * limits.time_limit_s if turn == SEARCHES_MAX - 1 else 0.0
        has_time = left_s > least_s and moves_left > 0
        if not course.pace.comes("SEARCH", has_time=has_time) or course.is_proven:
            return
        if course.allocation.rescue():
            course.tell("SEARCH")
        moves = moves_per_s * (left_s if turn else min(first_s, left_s))
        began_s = time.monotonic()
        made = _search(course, "SEARCH", int(max(1, min(moves, moves_left))), until=share)
        moves_left -= made
        moves_per_s = made / max(1e-6, time.monotonic() - began_s)


def _hold(course: Course) -> None:
    """Lets orders stay that gain next to nothing, and searches on, until no more is late or left
    than allowed.
    """
    for turn in range(HOLDS_MAX):
        course.allocation.settle(course.limits.stay_micro)
        has_time = turn == 0 or course.share() < HELD_UNTIL
        if not is_over(course) or not course.pace.comes("HOLD", has_time=has_time):
            return
        hold(course)
        until = course.share() + HOLD_SHARE
        moves = MOVES_PER_S * HOLD_SHARE * course.limits.time_limit_s
        if turn == 0:
            course.allocation.rescue()
        _search(course, "HOLD", int(max(course.limits.orders, moves)), until=until)
    course.allocation.settle(course.limits.stay_micro)


def _search(course: Course, step: str, moves: int, *, until: float) -> int:
    """The moves made."""
    seed = course.limits.seed + sum(one in SEARCHES for one, *_ in course.pace.work)
    asked = course.pace.turn(step, moves)
    least, most = (each * course.limits.orders for each in ROUND_MOVES_OF_ORDER)
    round_moves = max(least, min(ROUND_MOVES, most))
    made = 0

    def go_on(so_far: int, cost: int) -> bool:
        nonlocal made
        made = so_far
        course.found("SEARCH", cost)
        has_time = course.left_s(until) > 0 and not course.is_proven
        return asked.goes_on(made, has_time=has_time)

    cost = course.allocation.improve(
        course.outcome.prices,
        moves=asked.planned,
        rounds=max(ROUNDS_MIN, round(asked.planned / round_moves)),
        tolerance=TOLERANCE,
        seed=seed,
        go_on=go_on,
    )
    course.found("SEARCH", cost)
    course.pace.close(asked, made)
    return made
