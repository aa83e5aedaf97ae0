"""The batch solve: price, relax, repeat; choose; check; group into moves."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from solver import check
from solver.ascent import Ascent
from solver.columns import Pool, Pricer, current_columns, stock_rows_of
from solver.kernel import Column, Kernel
from solver.master import SEED_MASK, Relaxation, choose, fits, relax
from solver.moves import change_of, components
from solver.problem import OpenOrder, Plan, Request, rows_of
from solver.rounding import rounded

ROUNDS_MAX: Final = 60
"""Column generation rounds."""
GAP_ENOUGH: Final = 1e-4
"""LP objective over the proven bound at which pricing ends."""
ASCENT_STEPS: Final = 40
"""Passes of the dual ascent."""
ASCENT_SHARE: Final = 0.3
"""Share of the time limit after which the dual ascent ends."""
ENRICH_PASSES: Final = 8
"""Passes with shaken prices, for plans that the LP does not need but whole plans do."""
PRICING_SHARE: Final = 0.6
"""Share of the time limit after which pricing ends; the rest is for choosing and checking."""
SMOOTHING: Final = 0.5
"""Weight of the best prices so far in the next ones (Wentges 1997)."""
POOL_MIP_MAX: Final = 60_000
"""Columns up to which the MIP is tried; above that the rounded allocation is the answer."""
STAY_MICRO: Final = 10_000
"""A move must gain more than this (micro-units)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a solve is."""

    stage: str
    orders: int
    columns: int
    bound_micro: int
    cost_micro: int
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class OrderMove:
    """One order's new plan."""

    order_id: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Result:
    """What is proposed; costs are of all orders, without opportunity, in micro-units."""

    components: tuple[tuple[OrderMove, ...], ...]
    cost_before_micro: int
    cost_planned_micro: int
    bound_micro: int
    considered: int
    rounds: int
    columns: int
    inexact_bounds: int
    solve_time_ms: int


class CheckError(AssertionError):
    """The independent checker objects to what was found: a bug, never sent as a result."""


@dataclass(slots=True)
class _Solve:
    request: Request
    report: Callable[[Progress], None]
    started_s: float

    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_s

    @property
    def limit_s(self) -> float:
        return self.request.problem.time_limit_ms / 1000

    def tell(self, stage: str, *, columns: int = 0, bound: int = 0, cost: int = 0) -> None:
        orders = len(self.request.problem.orders)
        self.report(Progress(stage, orders, columns, bound, cost, int(self.elapsed_s() * 1000)))


def solve(request: Request, *, report: Callable[[Progress], None] = lambda _: None) -> Result:
    """Allocates all orders of the request anew, within about its time limit.

    Raises ProblemError where the request contradicts itself, CheckError where the independent
    checker objects (a bug).
    """
    run = _Solve(request, report, time.monotonic())
    problem = request.problem
    run.tell("READING")
    if not problem.orders:
        return Result((), 0, 0, 0, 0, 0, 0, 0, 0)
    world = check.World.of(request)
    rows = rows_of(problem)
    breaches = [check.breach_micro(world, order) for order in problem.orders]
    costs = [
        check.cost_of(world, o.ask, o.groups).total_micro + breach
        for o, breach in zip(problem.orders, breaches, strict=True)
    ]
    current = current_columns(problem, rows, costs)
    pool = Pool()
    for column in current:
        pool.add(column)
    kernel = Kernel(request, rows)
    pricer = Pricer(kernel, rows, pool, current, stock_rows_of(problem, rows))
    before = sum(costs)
    relaxation, rounds = _generate(run, pool, pricer)
    chosen = _choose(run, pool, pricer, relaxation)
    moves = _moves(pool, chosen, rows.limits)
    plans = {order: pool.columns[chosen[order]] for move in moves for order in move}
    planned = sum(plans.get(o, current[o]).cost_micro for o in range(len(problem.orders)))
    if planned >= before:
        moves, plans, planned = [], {}, before
    run.tell("CHECKING", columns=len(pool.columns), bound=pricer.bound_micro, cost=planned)
    kept = sum(breach for order, breach in enumerate(breaches) if order not in plans)
    _check(request, world, plans, bound=pricer.bound_micro, planned=planned, kept_breaches=kept)
    return Result(
        components=tuple(
            tuple(OrderMove(problem.orders[o].ask.order_id, plans[o].plan) for o in move)
            for move in moves
        ),
        cost_before_micro=before,
        cost_planned_micro=planned,
        bound_micro=pricer.bound_micro,
        considered=len(problem.orders),
        rounds=rounds,
        columns=len(pool.columns),
        inexact_bounds=pricer.inexact,
        solve_time_ms=int(run.elapsed_s() * 1000),
    )


def _ascend(run: _Solve, pricer: Pricer, *, pass_s: float) -> None:
    """Dual ascent from prices 0: fills the pool and finds good prices before the first LP.

    As many passes as the time allows by the duration of the first; a batch for which all of them
    fit takes the same way each time.
    """
    time_s = run.limit_s * ASCENT_SHARE
    steps = max(1, min(ASCENT_STEPS, int(time_s / max(pass_s, 1e-6))))
    ascent = Ascent(pricer.rows, passes=steps)
    for step in range(steps):
        if run.elapsed_s() > 2 * time_s:
            break
        ascent.step(pricer.usage(), progress=step / steps)
        pricer.price(ascent.prices())
        run.tell("PRICING", columns=len(pricer.pool.columns), bound=pricer.bound_micro)


def _generate(run: _Solve, pool: Pool, pricer: Pricer) -> tuple[Relaxation | None, int]:
    """Dual ascent, then column generation with smoothed prices: (last LP, LPs solved)."""
    limits = np.array(pricer.rows.limits, dtype=np.int64)
    orders = len(run.request.problem.orders)
    started_s = run.elapsed_s()
    pricer.price([0] * len(limits))
    if any(amount > pricer.rows.limits[row] for row, amount in pricer.usage().items()):
        _ascend(run, pricer, pass_s=run.elapsed_s() - started_s)
    relaxation: Relaxation | None = None
    rounds = 0
    while rounds < ROUNDS_MAX and run.elapsed_s() < run.limit_s * PRICING_SHARE:
        left_s = run.limit_s - run.elapsed_s()
        found = relax(pool, limits=limits, orders=orders, time_limit_s=left_s)
        if found is None:
            break
        relaxation = found
        rounds += 1
        cost = round(found.objective)
        run.tell("PRICING", columns=len(pool.columns), bound=pricer.bound_micro, cost=cost)
        if found.objective - pricer.bound_micro <= GAP_ENOUGH * max(1.0, abs(found.objective)):
            break
        target = [round(float(price)) for price in found.prices]
        blend = [
            round(SMOOTHING * old + (1 - SMOOTHING) * new)
            for old, new in zip(pricer.best_prices, target, strict=True)
        ]
        # Where the smoothed prices cut nothing off, the LP's own prices decide.
        if pricer.price(blend) == 0 and pricer.price(target) == 0:
            break
    _enrich(run, pricer)
    return relaxation, rounds


def _enrich(run: _Solve, pricer: Pricer) -> None:
    dice = np.random.default_rng(run.request.problem.seed & SEED_MASK)
    best = np.array(pricer.best_prices, dtype=np.float64)
    for _ in range(ENRICH_PASSES if best.any() else 0):
        if run.elapsed_s() > run.limit_s * PRICING_SHARE:
            break
        shaken = np.rint(best * dice.uniform(0.0, 2.0, size=len(best)))
        pricer.price(shaken.astype(np.int64).tolist())


def _choose(
    run: _Solve,
    pool: Pool,
    pricer: Pricer,
    relaxation: Relaxation | None,
) -> list[int]:
    """One column per order: the better of the plans in force, the rounded LP, and the MIP."""
    limits = np.array(pricer.rows.limits, dtype=np.int64)
    best = [of_order[0] for of_order in pool.of_order]

    def cost(chosen: Sequence[int]) -> int:
        return sum(pool.columns[c].cost_micro for c in chosen)

    if relaxation is not None:
        values = np.zeros(len(pool.columns))
        # Plans that came after the last LP have no value in it.
        values[: len(relaxation.values)] = relaxation.values
        start = rounded(pool, values, prices=pricer.best_prices, limits=pricer.rows.limits)
        if cost(start) < cost(best) and fits(pool, start, limits):
            best = start
    left_s = run.limit_s * 0.95 - run.elapsed_s()
    run.tell("POOL", columns=len(pool.columns), bound=pricer.bound_micro, cost=cost(best))
    if left_s > 0.05 and len(pool.columns) <= POOL_MIP_MAX:
        best = choose(
            pool,
            limits=limits,
            orders=len(pool.of_order),
            hint=best,
            stay_micro=STAY_MICRO,
            time_limit_s=left_s,
            seed=run.request.problem.seed,
        )
    return best


def _moves(pool: Pool, chosen: Sequence[int], limits: Sequence[int]) -> list[list[int]]:
    """The orders that change, as atomic groups in an order in which they can be applied."""
    free = list(limits)
    changes = []
    for order, index in enumerate(chosen):
        before, after = pool.columns[pool.of_order[order][0]], pool.columns[index]
        for row, amount in zip(before.rows, before.amounts, strict=True):
            free[row] -= amount
        if after is not before:
            changes.append(change_of(before, after))
    return components(changes, free)


def _check(
    request: Request,
    world: check.World,
    plans: dict[int, Column],
    *,
    bound: int,
    planned: int,
    kept_breaches: int,
) -> None:
    orders: tuple[OpenOrder, ...] = request.problem.orders
    found: list[str] = []
    for order, column in plans.items():
        found += check.plan_problems(world, orders[order].ask, column.plan)
        found += check.promise_problems(orders[order], column.plan)
    final = [
        (order.ask, plans[index].plan if index in plans else order.plan)
        for index, order in enumerate(orders)
    ]
    found += check.limit_problems(request, final)
    total = sum(check.cost_of(world, ask, plan.groups).total_micro for ask, plan in final)
    if total + kept_breaches != planned:
        found.append(f"the plans cost {total}, not {planned}")
    if bound > planned:
        found.append(f"the bound {bound} lies above the plans' cost {planned}")
    if found:
        raise CheckError("; ".join(found[:10]))
