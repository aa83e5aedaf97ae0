"""The batch solve: read, allocate, check, group into moves."""

import math
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from solver import check
from solver.allocation import Allocation, Chosen, InForce, available_threads
from solver.course import Dearer, Limits, Outcome, Told
from solver.holding import Counts, counts_in_force, counts_of
from solver.moves import Change, change_of, components
from solver.pace import Record
from solver.paying import that_hold, that_pay, that_save
from solver.problem import LaborPrice, OpenOrder, Plan, Problem, Request, StockPrice
from solver.rows import Rows, rows_of
from solver.scarcity import start_prices
from solver.steps import allocate

STAY_MICRO: Final = 10_000
"""A move must gain more than this (micro-units)."""
READS_LEAST: Final = 3.2
READS_MOST: Final = 4.0
READS_MORE: Final = 1.3
"""How many times as long as reading took, reading, settling, grouping and checking take: of 1,000
orders, at most, and how much more for every tenfold of them.
"""
AFTER_ROWS: Final = 6.5
AFTER_LOOK: Final = 0.9
"""Or, beside the reading: as many times as long as making rows and plans in force took, and as the
first look at every way; less where nodes are many, for that look is most of the reading.
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a solve is."""

    stage: str
    orders: int
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
    """What is proposed; costs are of all orders, without opportunity, in micro-units; they and the
    bound are with what plans are charged. What moves must gain is no cost: the bound is below the
    cost of any allocation, by so much further at most.

    `kept_breach_micro`: of what is planned, what orders count that stay against a planner's word.
    No allocation in which no more of them stay so costs less than the bound without it, each order
    priced by the card. `repriced_micro`: what plans in force cost more by the card than when they
    were made, of those that do; no less are allocations above the bound without it if orders that
    stay count what they cost when they were made.

    `stock_prices`, `labor_prices`: what is not 0. `further_prices`: of every row between those of
    stock and labor, and of every rounding inequality, in turn, for the certificate. `record`: what
    gives the same again. `stage` found the plans.
    """

    components: tuple[tuple[OrderMove, ...], ...]
    cost_before_micro: int
    cost_planned_micro: int
    bound_micro: int
    kept_breach_micro: int
    repriced_micro: int
    considered: int
    stopped: int
    stage: str
    record: Record
    stock_prices: tuple[StockPrice, ...]
    labor_prices: tuple[LaborPrice, ...]
    further_prices: tuple[int, ...]
    solve_time_ms: int


class CheckError(AssertionError):
    """The independent checker objects to what was found: a bug, never sent as a result."""


@dataclass(slots=True)
class _Teller:
    """Tells progress; the bound never falls."""

    report: Callable[[Progress], None]
    orders: int
    started_s: float
    bound_micro: int = 0

    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self.started_s) * 1000)

    def tell(self, told: Told) -> None:
        self.bound_micro = max(self.bound_micro, told.bound_micro)
        self.report(
            Progress(told.stage, self.orders, self.bound_micro, told.cost_micro, self.elapsed_ms())
        )


def solve(
    request: Request,
    *,
    report: Callable[[Progress], None] = lambda _: None,
    record: Record | None = None,
) -> Result:
    """Allocates all orders of the request anew, within about its time limit; with a record of an
    earlier solve of the same request, as that did, however long it takes.

    Raises ProblemError where the request contradicts itself, RecordError where the record is of
    another solve, CheckError where the independent checker objects (a bug).
    """
    problem = request.problem
    teller = _Teller(report, len(problem.orders), time.monotonic())
    tell = teller.tell
    tell(Told("READING", 0, 0))
    if not problem.orders:
        worthless = (0,) * len(problem.groups)
        return Result((), 0, 0, 0, 0, 0, 0, 0, "", Record(1, ()), (), (), worthless, 0)
    world = check.World.of(request)
    rows = rows_of(problem)
    breaches = [check.breach_micro(world, order) for order in problem.orders]
    in_force = in_force_of(world, problem.orders, rows)
    rows_ms = teller.elapsed_ms()
    costs = [p.cost_micro + o.stay_micro for p, o in zip(in_force, problem.orders, strict=True)]
    before = sum(costs)
    threads = available_threads() if record is None else record.threads
    allocation = Allocation.of_orders(request, rows, in_force, threads=threads)
    read_ms = teller.elapsed_ms()
    others_ms = _others_ms(len(problem.orders), rows_ms=rows_ms, read_ms=read_ms)
    limits = _limits(world, rows, others_ms=others_ms, record=record)
    if limits.late_max is not None:
        # A planner's word comes before a promise.
        limits = replace(limits, late_max=limits.late_max + sum(map(bool, breaches)))
    outcome = allocate(allocation, limits, report=tell)
    allocation.make_dearer(0, 0)
    chosen = {one.order: one for one in allocation.chosen()}
    must = {order for order, breach in enumerate(breaches) if breach}
    moves = _moves(problem, rows, in_force, chosen, outcome.dearer, limits, must)
    plans = {order: chosen[order] for move in moves for order in move}
    planned = before + sum(one.cost_micro - costs[order] for order, one in plans.items())
    tell(Told("CHECKING", outcome.bound_micro, planned))
    kept = sum(breach for order, breach in enumerate(breaches) if order not in plans)
    bound = outcome.bound_micro
    _check(request, world, plans, planned=planned, bound=bound, kept_breaches=kept)
    return Result(
        components=tuple(
            tuple(OrderMove(problem.orders[o].ask.order_id, _plan(plans[o])) for o in move)
            for move in moves
        ),
        cost_before_micro=before,
        cost_planned_micro=planned,
        bound_micro=outcome.bound_micro,
        kept_breach_micro=kept,
        repriced_micro=_repriced_micro(world, costs, breaches),
        considered=len(problem.orders),
        stopped=outcome.stopped,
        stage=outcome.stage,
        record=Record(threads, outcome.work, outcome.chosen),
        stock_prices=_stock_prices(rows, outcome),
        labor_prices=_labor_prices(rows, outcome),
        further_prices=(
            *outcome.prices[len(rows.stock) : rows.first_labor],
            *outcome.prices[len(rows.limits) :],
        ),
        solve_time_ms=teller.elapsed_ms(),
    )


def _others_ms(orders: int, *, rows_ms: int, read_ms: int) -> float:
    """What reading took and what comes after the steps will take."""
    reads = READS_LEAST + READS_MORE * math.log10(max(1, orders / 1_000))
    after_ms = AFTER_ROWS * rows_ms + AFTER_LOOK * (read_ms - rows_ms)
    return min(min(READS_MOST, reads) * read_ms, read_ms + after_ms)


def _limits(world: check.World, rows: Rows, *, others_ms: float, record: Record | None) -> Limits:
    """What the steps may use: without what reading took and checking will take."""
    problem, card = world.request.problem, world.request.policy.card
    known = rows.start_prices(problem)
    # Where plans are charged, the prices are part of the costs; what comes on top is unknown.
    is_known = any(known) and not problem.is_charged
    scarce = [] if is_known or problem.is_charged else start_prices(world, rows)
    limit_ms = problem.time_limit_ms
    return Limits(
        orders=len(problem.orders),
        time_limit_s=max(limit_ms / 2, limit_ms - others_ms) / 1000,
        seed=problem.seed,
        start_prices=known if is_known else scarce,
        is_known=is_known,
        record=record,
        stay_micro=STAY_MICRO,
        late_max=problem.late_max,
        unfilled_max=problem.unfilled_max,
        # At first another hour, or what another package is worth.
        late_step_micro=max(1, card.late_hour_micro, card.extra_group_micro),
        unfilled_step_micro=max(1, card.unfilled_goodwill_micro, card.extra_group_micro),
    )


def in_force_of(world: check.World, orders: Sequence[OpenOrder], rows: Rows) -> list[InForce]:
    """The plans in force as the steps see them, with what they are charged: dearer where a
    planner's word is against them, and cheaper by what a move must gain.
    """
    return [
        InForce(
            check.cost_of(world, order.ask, order.groups).total_micro
            + check.charge_of(world, order.ask, order.groups)
            + check.breach_micro(world, order)
            - order.stay_micro,
            rows.takes(order.ask, order.groups),
            is_late=counts.late > 0,
            left=counts.unfilled,
        )
        for order in orders
        for counts in (counts_of(order.ask, order.groups),)
    ]


def _repriced_micro(world: check.World, costs: Sequence[int], breaches: Sequence[int]) -> int:
    """See Result. `costs`: of the plans in force, with what they are charged and breaches."""
    return sum(
        max(0, cost - breach - check.charge_of(world, one.ask, one.groups) - one.cost.total_micro)
        for one, cost, breach in zip(world.request.problem.orders, costs, breaches, strict=True)
    )


def _plan(chosen: Chosen) -> Plan:
    if chosen.plan is None:
        raise CheckError(f"order {chosen.order} has no plan")
    return chosen.plan


def _stock_prices(rows: Rows, outcome: Outcome) -> tuple[StockPrice, ...]:
    priced = zip(rows.stock, outcome.prices, strict=False)
    return tuple(StockPrice(row.node_id, row.sku, price) for row, price in priced if price > 0)


def _labor_prices(rows: Rows, outcome: Outcome) -> tuple[LaborPrice, ...]:
    priced = zip(rows.labor, outcome.prices[rows.first_labor :], strict=False)
    return tuple(
        LaborPrice(row.node_id, row.window_start_s, price) for row, price in priced if price > 0
    )


def _moves(
    problem: Problem,
    rows: Rows,
    in_force: list[InForce],
    chosen: dict[int, Chosen],
    dearer: Dearer,
    limits: Limits,
    must: Set[int],
) -> list[list[int]]:
    """The orders that change, as atomic groups in an order in which they can be applied; with
    `moves_max` those that gain most. `must`: orders that a planner wants elsewhere.
    """
    free = list(rows.limits)
    for plan in in_force:
        for row, amount in plan.takes.items():
            free[row] -= amount
    changes: list[Change] = []
    for order, one in chosen.items():
        groups = _plan(one).groups
        after = rows.takes(problem.orders[order].ask, groups)
        lines = sum(len(group.line_numbers) + len(group.labor) for group in groups)
        changes.append(change_of(order, in_force[order].takes, after, lines=lines))
    moves = components(changes, free)
    more = {order: _more(problem.orders[order], _plan(one)) for order, one in chosen.items()}
    # A plan in force counts without what a move must gain: the gain is net of it.
    gains = {order: in_force[order].cost_micro - one.cost_micro for order, one in chosen.items()}
    with_dearer = {
        order: gain
        - more[order].late * dearer.late_micro
        - more[order].unfilled * dearer.unfilled_micro
        for order, gain in gains.items()
    }
    by_order = {change.order: change for change in changes}
    if problem.moves_max is None:
        paying = that_save(moves, by_order, with_dearer, free=free)
    else:
        paying = that_pay(moves, by_order, with_dearer, free=free, moves_max=problem.moves_max)
    before = counts_in_force(problem.orders)
    allowed = (
        None if limits.late_max is None else limits.late_max - before.late,
        None if limits.unfilled_max is None else limits.unfilled_max - before.unfilled,
    )
    held = that_hold(paying, by_order, gains, more, free=free, allowed=allowed, must=must)
    # Dearer than before only where the plans in force do not keep to the limits either.
    is_kept = all(most is None or most >= 0 for most in allowed)
    least = gains if is_kept else with_dearer
    return held if sum(least[order] for act in held for order in act) > 0 else []


def _more(order: OpenOrder, plan: Plan) -> Counts:
    """How much more is late and left than by the plan in force."""
    return counts_of(order.ask, plan.groups) - counts_of(order.ask, order.groups)


def _check(
    request: Request,
    world: check.World,
    plans: dict[int, Chosen],
    *,
    planned: int,
    bound: int,
    kept_breaches: int,
) -> None:
    orders: tuple[OpenOrder, ...] = request.problem.orders
    found: list[str] = []
    for order, one in plans.items():
        found += check.plan_problems(world, orders[order].ask, _plan(one))
        found += check.promise_problems(orders[order], _plan(one))
    final = [
        (order.ask, _plan(plans[index]) if index in plans else order.plan)
        for index, order in enumerate(orders)
    ]
    found += check.limit_problems(request, final)
    total = sum(
        check.cost_of(world, ask, plan.groups).total_micro
        + check.charge_of(world, ask, plan.groups)
        for ask, plan in final
    )
    if total + kept_breaches != planned:
        found.append(f"the plans cost {total}, not {planned}")
    if bound > planned:
        found.append(f"the bound {bound} lies above the plans' cost {planned}")
    if found:
        raise CheckError("; ".join(found[:10]))
