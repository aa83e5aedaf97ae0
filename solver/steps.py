"""The steps of an allocation: ascend, bound, construct, improve, and the pool where it is small.

Limits are counts of work: passes, rounds, moves. The first passes and moves are timed, the counts
follow from them and the time limit; what was planned and made is recorded (solver/pace.py), so that
the same counts give the same allocation again.
"""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from solver.allocation import Allocation, Columns, Ints
from solver.master import best_of_each, choose, reduced_costs, relax, that_matter
from solver.neighborhoods import better_parts, select
from solver.pace import Pace, Record, Work

ASCENT_SHARE: Final = 0.4
"""Share of the time limit for the dual ascent."""
LONG_ASCENT_SHARE: Final = 0.55
PASSES_FEW: Final = 40
"""The same where the passes are fewer otherwise, and how many that is."""
FAR_SHARE: Final = 0.65
"""Share of the ascent's time for the passes from far."""
TRIAL_PASSES: Final = 3
"""Passes that show how long one takes."""
SLOWER: Final = 2.0
"""How much longer passes take that know more: cut short, an ascent from far proves little."""
FAR_PASSES_MIN: Final = 9
FAR_PASSES_MAX: Final = 60
NEAR_PASSES_MIN: Final = 4
NEAR_PASSES_MAX: Final = 40
NEAR_SOFTNESS: Final = 0.15
"""First softness of passes that start from good prices, as a share of the usual one."""
KNOWN_SOFTNESS: Final = 0.3
"""The same from prices of an earlier solve."""
LEVEL_PASSES: Final = 3
LEVEL_GAIN: Final = 1e-4
"""An ascent ends after so many passes that gain less than this share of the bound."""
ROUND_MOVES_MAX: Final = 40_000
"""Moves of a round of the search, after which the orders are dealt anew."""
ROUND_MOVES_OF_ORDER: Final = 40
"""The same where orders are few, per order."""
ROUNDS_MIN: Final = 4
MOVES_PER_S: Final = 150_000
"""Moves that are planned for a second, until the first search has shown how many it is."""
FIRST_SEARCH_SHARE: Final = 0.15
"""Share of a search's time for the first one, which shows how fast it goes."""
MOVES_OF_ORDER: Final = 6_000
"""Moves per order after which a search is over."""
TOLERANCE: Final = 0.2
"""What a search may lose at its start, as a share of an order's mean cost."""
POOL_ORDERS_MAX: Final = 2_500
"""Orders up to which the pool is solved as a MIP."""
POOL_ORDER_S: Final = 0.001
"""Seconds per order that the pool needs at least."""
POOL_COLUMNS_MAX: Final = 40_000
POOL_MOST: Final = 32
"""Columns of one order that a master is solved over, at most."""
POOL_CHEAPEST_MAX: Final = 24
"""Of each order, at most so many of the cheapest columns under the prices."""
POOL_CHEAPEST_ALL: Final = 8_000
"""Of all orders together, about so many."""
POLISH_SHARE: Final = 0.5
"""Share of the time limit after which no LP is solved any more."""
POLISH_ALWAYS_MAX: Final = 500
"""Orders up to which one is solved however late it is."""
LP_LEAST_S: Final = 0.05
"""Seconds that an LP has, however late it is."""
POLISHES_MAX: Final = 4
"""LPs over the pool, each with the cheapest columns under the prices of the one before."""
SEARCH_SHARE: Final = 0.55
"""Share of the time limit after which the pool is solved in parts, where it is."""
FIRST_PARTS_SHARE: Final = 0.65
"""Share of the time limit after which the pool is solved as a whole."""
POOL_WHOLE_SHARE: Final = 0.88
"""Share of the time limit after which the pool is solved in parts."""
PARTS_SHARE: Final = 0.92
"""Share of the time limit after which no part is solved any more."""
PARTS_IDLE_MAX: Final = 30
"""Parts in a row that gain nothing, after which no other is tried."""
PART_COLUMNS: Final = 6
"""Columns per order that parts are solved over: those cheapest under the prices."""
AGAIN_S: Final = 3_600.0
"""What an LP or a MIP that ended by itself may take when it is done again."""


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
class _Steps:
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
        self.report(Told(stage, self.outcome.bound_micro, self.outcome.cost_micro))

    def found(self, stage: str, cost: int) -> None:
        """Takes note of a cost and of the step that found it, if it is the best."""
        if not self.outcome.stage or cost < self.outcome.cost_micro:
            self.outcome.cost_micro, self.outcome.stage = cost, stage
        self.tell(stage)

    @property
    def cheapest(self) -> int:
        """Columns of an order that enter the pool."""
        each = POOL_CHEAPEST_ALL // max(1, self.limits.orders)
        return max(1, min(POOL_CHEAPEST_MAX, each))

    @property
    def most(self) -> int:
        """Columns of an order that a master is solved over."""
        return max(1, min(POOL_MOST, POOL_COLUMNS_MAX // max(1, self.limits.orders)))

    @property
    def is_proven(self) -> bool:
        return bool(self.outcome.stage) and self.outcome.cost_micro <= self.outcome.bound_micro


def allocate(
    allocation: Allocation, limits: Limits, *, report: Callable[[Told], None] = lambda _: None
) -> Outcome:
    """Runs the steps within about the time limit. The assignment stays with the allocation.

    Raises RecordError if they are to be done again and the record is of another solve.
    """
    pace = Pace.of(limits.time_limit_s, limits.record)
    steps = _Steps(allocation, limits, report, pace, allocation.limits())
    _ascend(steps)
    is_small = limits.orders <= POOL_ORDERS_MAX
    if is_small:
        _polish(steps)
    pool_s = limits.orders * POOL_ORDER_S
    has_time = steps.left_s() - steps.left_s(SEARCH_SHARE) >= pool_s
    steps.found("CONSTRUCTION", allocation.construct())
    _improve(steps, SEARCH_SHARE if is_small and has_time else 1.0)
    has_pool = is_small and steps.pace.comes("PARTS", has_time=has_time)
    if has_pool and not steps.is_proven:
        _parts(steps, FIRST_PARTS_SHARE)
        if not _pool(steps):
            _parts(steps, PARTS_SHARE)
            _improve(steps, 1.0)
    steps.outcome.work = tuple(steps.pace.work)
    steps.outcome.chosen = tuple(steps.pace.chosen)
    return steps.outcome


def _ascend(steps: _Steps) -> None:
    """Prices from far; then from near, over the ways that these brought to light."""
    allocation, outcome = steps.allocation, steps.outcome
    start = steps.limits.start_prices
    softness = KNOWN_SOFTNESS if any(start) else 1.0
    began_s = time.monotonic()
    made = _passes(steps, TRIAL_PASSES, start, softness, until=LONG_ASCENT_SHARE)
    pass_s = SLOWER * (time.monotonic() - began_s) / max(1, made)
    share = ASCENT_SHARE
    if steps.left_s(share) < PASSES_FEW * pass_s:
        share = LONG_ASCENT_SHARE
    planned = FAR_SHARE * steps.left_s(share) / max(pass_s, 1e-6)
    planned = max(FAR_PASSES_MIN, min(FAR_PASSES_MAX, planned))
    began_s = time.monotonic()
    made = _passes(steps, int(planned), start, softness, until=share)
    pass_s = (time.monotonic() - began_s) / max(1, made)
    allocation.widen(allocation.prices())
    planned = max(NEAR_PASSES_MIN, min(NEAR_PASSES_MAX, steps.left_s(share) / max(pass_s, 1e-6)))
    _passes(steps, int(planned), allocation.prices(), NEAR_SOFTNESS, until=share)
    outcome.prices = allocation.prices()
    outcome.bound_micro, outcome.stopped = allocation.bound(outcome.prices)


def _passes(
    steps: _Steps, planned: int, start: Sequence[int], softness: float, *, until: float
) -> int:
    """The passes made until this share of the time limit."""
    asked = steps.pace.turn("PRICING", planned)
    proven: list[int] = []

    def go_on(passes: int, estimate: int) -> bool:
        steps.tell("PRICING")
        proven.append(estimate)
        # Too few passes are better than none: the planned ones took longer than the first.
        has_time = passes < NEAR_PASSES_MIN or steps.left_s(until) > 0
        return asked.goes_on(passes, has_time=has_time and not _is_level(proven, planned))

    made, _ = steps.allocation.ascend(
        passes=asked.planned, start=start, softness=softness, go_on=go_on
    )
    steps.pace.close(asked, made)
    return made


def _is_level(proven: Sequence[int], planned: int) -> bool:
    """Whether the last passes gained next to nothing, late enough for that to mean something."""
    if len(proven) <= max(LEVEL_PASSES, 0.8 * planned):
        return False
    return proven[-1] - proven[-1 - LEVEL_PASSES] <= LEVEL_GAIN * proven[-1]


def _improve(steps: _Steps, share: float) -> None:
    """Rescues and searches until time is up or orders have had their moves. A short search shows
    how fast it goes; the long one that follows cools down slowly to its end.
    """
    limits = steps.limits
    first_s = FIRST_SEARCH_SHARE * steps.left_s(share)
    moves_per_s = float(MOVES_PER_S)
    for turn in range(2):
        left_s = steps.left_s(share)
        if not steps.pace.comes("SEARCH", has_time=left_s > 0) or steps.is_proven:
            return
        if steps.allocation.rescue():
            steps.tell("SEARCH")
        moves = moves_per_s * (left_s if turn else min(first_s, left_s))
        moves = max(1, min(moves, limits.orders * MOVES_OF_ORDER))
        began_s = time.monotonic()
        made = _search(steps, int(moves), until=share, seed=limits.seed + turn)
        moves_per_s = made / max(1e-6, time.monotonic() - began_s)


def _search(steps: _Steps, moves: int, *, until: float, seed: int) -> int:
    """The moves made."""
    asked = steps.pace.turn("SEARCH", moves)
    round_moves = min(ROUND_MOVES_MAX, ROUND_MOVES_OF_ORDER * steps.limits.orders)
    made = 0

    def go_on(so_far: int, cost: int) -> bool:
        nonlocal made
        made = so_far
        steps.found("SEARCH", cost)
        has_time = steps.left_s(until) > 0 and not steps.is_proven
        return asked.goes_on(made, has_time=has_time)

    cost = steps.allocation.improve(
        steps.outcome.prices,
        moves=asked.planned,
        rounds=max(ROUNDS_MIN, round(asked.planned / round_moves)),
        tolerance=TOLERANCE,
        seed=seed,
        go_on=go_on,
    )
    steps.found("SEARCH", cost)
    steps.pace.close(asked, made)
    return made


def _polish(steps: _Steps) -> None:
    """Prices from the LP over the pool, as long as they prove more."""
    outcome, limits = steps.outcome, steps.limits
    asked = steps.pace.turn("POLISH", POLISHES_MAX)
    looked = made = 0
    for turn in range(asked.planned):
        # Done again, as often as recorded: whoever looked for columns knows them ever after.
        few = limits.orders <= POLISH_ALWAYS_MAX and turn == 0
        has_time = few or asked.made is not None or steps.left_s(POLISH_SHARE) >= LP_LEAST_S
        if not has_time:
            break
        looked += 1
        # The passes have found most of what counts; more is looked for where there is time.
        cheapest = steps.cheapest if turn > 0 else 0
        columns = steps.allocation.pool(outcome.prices, cheapest=cheapest, most=steps.most)
        if len(columns) > POOL_COLUMNS_MAX or not asked.goes_on(made, has_time=True):
            break
        limit_s = max(LP_LEAST_S, 0.25 * steps.left_s(), steps.left_s(POLISH_SHARE))
        relaxed = relax(
            columns,
            limits=steps.row_limits,
            orders=limits.orders,
            time_limit_s=min(AGAIN_S, limit_s),
        )
        if relaxed is None:
            break
        made += 1
        preferred = best_of_each(columns, relaxed.values, limits.orders)
        prices = np.rint(relaxed.prices).astype(np.int64).tolist()
        bound, stopped = steps.allocation.bound(prices)
        weights = np.rint(1000 * relaxed.values[preferred]).astype(np.int64).tolist()
        steps.allocation.prefer(preferred, weights)
        if bound > outcome.bound_micro:
            outcome.bound_micro, outcome.stopped, outcome.prices = bound, stopped, prices
        elif turn > 0:
            break
    steps.pace.close(replace(asked, planned=looked), made)


def _pool(steps: _Steps) -> bool:
    """The MIP over the columns of the pool that can still matter; whether it found their best."""
    outcome, limits = steps.outcome, steps.limits
    steps.tell("POOL")
    columns = steps.allocation.pool(outcome.prices, cheapest=steps.cheapest, most=steps.most)
    outcome.columns = len(columns)
    gap = max(0, outcome.cost_micro - outcome.bound_micro)
    numbers = that_matter(columns, outcome.prices, limits.orders, gap=gap)
    kept = select(columns, numbers, columns.assigned)
    asked = steps.pace.turn("POOL", 1)
    has_time = steps.left_s(POOL_WHOLE_SHARE) >= 0.1
    if len(kept) > POOL_COLUMNS_MAX or not asked.goes_on(0, has_time=has_time):
        steps.pace.close(asked, 0)
        return False
    chosen, is_best = _choose(
        steps,
        kept,
        limits=steps.row_limits,
        orders=limits.orders,
        time_limit_s=steps.left_s(POOL_WHOLE_SHARE),
    )
    steps.pace.close(asked, 1)
    taken = numbers[chosen]
    if steps.allocation.choose(taken.tolist()):
        steps.found("POOL", int(columns.costs[taken].sum()))
    return is_best


def _choose(
    steps: _Steps, columns: Columns, *, limits: Ints, orders: int, time_limit_s: float
) -> tuple[list[int], bool]:
    """A MIP, with a note of what it came to if time stopped it."""
    known = steps.pace.recorded_choice()
    if known is not None:
        chosen, is_best = list(known), False
    else:
        limit_s = AGAIN_S if steps.pace.again is not None else time_limit_s
        chosen, is_best = choose(columns, limits=limits, orders=orders, time_limit_s=limit_s)
    steps.pace.close_mip(tuple(chosen), stopped=not is_best)
    return chosen, is_best


def _parts(steps: _Steps, until: float) -> None:
    """Solves parts of the pool again until this share of the time is over, or nothing is gained."""
    outcome, limits = steps.outcome, steps.limits
    columns = steps.allocation.pool(outcome.prices, cheapest=steps.cheapest, most=steps.most)
    reduced = reduced_costs(columns, outcome.prices, limits.orders)
    few = np.argsort(reduced, kind="stable")[: PART_COLUMNS * limits.orders]
    asked = steps.pace.turn("PARTS", 0)
    solved = idle = 0
    for assigned, gained in better_parts(
        columns,
        np.sort(few),
        limits=steps.row_limits,
        rows_all=steps.allocation.rows,
        seed=limits.seed,
        choose=functools.partial(_choose, steps),
    ):
        solved += 1
        if gained > 0 and steps.allocation.choose(assigned.tolist()):
            steps.found("PARTS", int(columns.costs[assigned].sum()))
        idle = 0 if gained > 0 else idle + 1
        has_time = steps.left_s(until) >= 0
        if idle >= PARTS_IDLE_MAX or steps.is_proven:
            break
        if not asked.goes_on(solved, has_time=has_time):
            break
    steps.pace.close(asked, solved)
