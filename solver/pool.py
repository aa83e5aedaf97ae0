"""The pool of columns that passes and searches left: an LP for prices, a MIP over all of it, and
MIPs over parts.
"""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

import numpy as np

from solver.allocation import Columns, Ints
from solver.course import Course
from solver.master import (
    Choice,
    best_of_each,
    choose,
    choose_of_many,
    reduced_costs,
    relax,
    that_matter,
)
from solver.neighborhoods import better_parts, select

COLUMNS_MAX: Final = 40_000
MOST_OF_ORDER: Final = 32
"""Columns of one order that a master is solved over, at most."""
CHEAPEST_MAX: Final = 24
"""Of each order, at most so many of the cheapest columns under the prices."""
CHEAPEST_ALL: Final = 8_000
"""Of all orders together, about so many."""
POLISH_SHARE: Final = 0.5
"""Share of the time limit after which no LP is solved any more."""
POLISH_ALWAYS_MAX: Final = 500
"""Orders up to which one is solved however late it is."""
LP_LEAST_S: Final = 0.05
"""Seconds that an LP has, however late it is."""
POLISHES_MAX: Final = 4
"""LPs over the pool, each with the cheapest columns under the prices of the one before."""
WHOLE_SHARE: Final = 0.65
"""Share of the time limit after which the whole pool is not solved any longer."""
DESCENTS_MAX: Final = 1_000_000
"""Descents of one turn, at most."""
DESCENT_COLUMNS: Final = 5
"""Columns of an order that descents look at: those cheapest under the prices."""
PARTS_IDLE_MAX: Final = 100
"""Parts in a row that gain nothing, after which no other is tried."""
PART_COLUMNS: Final = 4
"""Columns that parts are solved over, per order on average: those cheapest under the prices."""
BESIDE: Final = "whole-pool"
"""The name of the thread on which the whole pool is solved."""
AGAIN_S: Final = 3_600.0
"""What an LP or a MIP that ended by itself may take when it is done again."""


def polish(course: Course) -> None:
    """Prices from the LP over the pool, as long as they prove more."""
    outcome, limits = course.outcome, course.limits
    asked = course.pace.turn("POLISH", POLISHES_MAX)
    looked = made = 0
    for turn in range(asked.planned):
        # Done again, as often as recorded: whoever looked for columns knows them ever after.
        is_small = limits.orders <= POLISH_ALWAYS_MAX and turn == 0
        has_time = is_small or asked.made is not None or course.left_s(POLISH_SHARE) >= LP_LEAST_S
        if not has_time:
            break
        looked += 1
        # The passes have found most of what counts; more is looked for where there is time.
        cheapest = _cheapest(course) if turn > 0 else 0
        columns = course.allocation.pool(outcome.prices, cheapest=cheapest, most=_most(course))
        if len(columns) > COLUMNS_MAX or not asked.goes_on(made, has_time=True):
            break
        limit_s = max(LP_LEAST_S, 0.25 * course.left_s(), course.left_s(POLISH_SHARE))
        relaxed = relax(
            columns,
            limits=course.row_limits,
            orders=limits.orders,
            time_limit_s=min(AGAIN_S, limit_s),
        )
        if relaxed is None:
            break
        made += 1
        preferred = best_of_each(columns, relaxed.values, limits.orders)
        prices = np.rint(relaxed.prices).astype(np.int64).tolist()
        bound, stopped = course.allocation.bound(prices)
        weights = np.rint(1000 * relaxed.values[preferred]).astype(np.int64).tolist()
        course.allocation.prefer(preferred, weights)
        if bound > outcome.bound_micro:
            outcome.bound_micro, outcome.stopped, outcome.prices = bound, stopped, prices
        elif turn > 0:
            break
    course.pace.close(replace(asked, planned=looked), made)


def solve_whole(course: Course) -> bool:
    """The MIP over the columns of the pool that can still matter, and descents beside it as long as
    it takes; whether it found their best.
    """
    outcome, limits = course.outcome, course.limits
    course.tell("POOL")
    columns = _columns(course)
    outcome.columns = len(columns)
    gap = max(0, outcome.cost_micro - outcome.bound_micro)
    numbers = that_matter(columns, outcome.prices, limits.orders, gap=gap)
    kept = select(columns, numbers, columns.assigned)
    is_due = len(kept) <= COLUMNS_MAX and course.left_s(WHOLE_SHARE) >= 0.1
    if not course.pace.decides("POOL", is_so=is_due):
        return False
    whole = functools.partial(choose_of_many, kept, limits=course.row_limits, orders=limits.orders)
    running: Future[Choice] | None = None
    if course.pace.again is None:
        running = _beside(functools.partial(whole, time_limit_s=course.left_s(WHOLE_SHARE)))
    relink(course, is_beside=True, has_time=lambda: not (running and running.done()))
    if running is not None and course.is_proven:
        # Nobody waits for what cannot be better.
        course.pace.close_mip(tuple(kept.assigned.tolist()), stopped=True)
        return True
    chosen, is_best = _noted(
        course, lambda limit_s: running.result() if running else whole(time_limit_s=limit_s)
    )
    taken = numbers[chosen]
    if course.allocation.choose(taken.tolist()):
        course.found("POOL", int(columns.costs[taken].sum()))
    return is_best or course.is_proven


def _beside(call: Callable[[], Choice]) -> Future[Choice]:
    """Calls on a thread of its own, which ends with the process at the latest."""
    future: Future[Choice] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=run, name=BESIDE, daemon=True).start()
    return future


def join_beside() -> None:
    """Waits for what nobody waited for: whoever measures wants nothing of one solve beside the
    next.
    """
    for thread in threading.enumerate():
        if thread.name == BESIDE:
            thread.join()


def _noted(course: Course, solve: Callable[[float], Choice], *, time_limit_s: float = 0) -> Choice:
    """A MIP, with a note of what it came to if time stopped it."""
    known = course.pace.recorded_choice()
    if known is not None:
        chosen, is_best = list(known), False
    else:
        chosen, is_best = solve(AGAIN_S if course.pace.again is not None else time_limit_s)
    course.pace.close_mip(tuple(chosen), stopped=not is_best)
    return chosen, is_best


def relink(course: Course, *, is_beside: bool, has_time: Callable[[], bool]) -> None:
    """Descends from between good assignments. Every turn has other dice."""
    asked = course.pace.turn("RELINK", DESCENTS_MAX)
    made = 0

    def go_on(descents: int, cost: int) -> bool:
        nonlocal made
        made = descents
        course.found("RELINK", cost)
        return asked.goes_on(made, has_time=has_time() and not course.is_proven)

    cost = course.allocation.relink(
        course.outcome.prices,
        descents=asked.planned,
        is_beside=is_beside,
        columns=DESCENT_COLUMNS,
        seed=course.limits.seed + len(course.pace.work),
        go_on=go_on,
    )
    course.found("RELINK", cost)
    course.pace.close(asked, made)


def solve_parts(course: Course, *, turn: int, within_s: float) -> None:
    """Solves parts of the pool again for so long, or until nothing is gained; one at least.

    Every turn has other parts.
    """
    end_s = time.monotonic() + within_s
    columns = _columns(course)
    outcome, limits = course.outcome, course.limits
    reduced = reduced_costs(columns, outcome.prices, limits.orders)
    cheapest = np.argsort(reduced, kind="stable")[: PART_COLUMNS * limits.orders]

    def noted(columns: Columns, *, limits: Ints, orders: int, time_limit_s: float) -> Choice:
        solve = functools.partial(choose, columns, limits=limits, orders=orders)
        return _noted(course, lambda s: solve(time_limit_s=s), time_limit_s=time_limit_s)

    asked = course.pace.turn("PARTS", 0)
    solved = idle = 0
    for assigned, gained in better_parts(
        columns,
        np.sort(cheapest),
        limits=course.row_limits,
        rows_all=course.allocation.rows,
        seed=limits.seed + turn,
        choose=noted,
    ):
        solved += 1
        if gained > 0 and course.allocation.choose(assigned.tolist()):
            course.found("PARTS", int(columns.costs[assigned].sum()))
        idle = 0 if gained > 0 else idle + 1
        if idle >= PARTS_IDLE_MAX or course.is_proven:
            break
        if not asked.goes_on(solved, has_time=time.monotonic() < end_s):
            break
    course.pace.close(asked, solved)


def _columns(course: Course) -> Columns:
    """The pool as it is now."""
    cheapest, most = _cheapest(course), _most(course)
    return course.allocation.pool(course.outcome.prices, cheapest=cheapest, most=most)


def _cheapest(course: Course) -> int:
    """Columns of an order that enter the pool."""
    each = CHEAPEST_ALL // max(1, course.limits.orders)
    return max(1, min(CHEAPEST_MAX, each))


def _most(course: Course) -> int:
    """Columns of an order that a master is solved over."""
    return max(1, min(MOST_OF_ORDER, COLUMNS_MAX // max(1, course.limits.orders)))
