"""The ways to allocate a batch that are measured beside each other."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.allocation import nearest
from solver import certificate as certificates
from solver.allocation import Allocation
from solver.check import World
from solver.problem import Plan, Request
from solver.rows import rows_of
from solver.solve import Progress, in_force_of, solve


@dataclass(frozen=True, slots=True)
class Answer:
    """Plans by order, seconds from the request to them, and what is proven of all allocations.

    `bound_micro`: None where the method proves nothing. `first_plan_s`: until there was any plan.
    """

    plans: list[Plan]
    seconds: float
    bound_micro: int | None = None
    first_plan_s: float | None = None


def by_rules(request: Request) -> Answer:
    """B1, the nearest node first."""
    began_s = time.monotonic()
    plans = nearest.plans_of(request)
    return Answer(plans, time.monotonic() - began_s)


def exact(request: Request) -> Answer:
    """B3: each order its best plan by the exact kernel in what is left, without prices."""
    began_s = time.monotonic()
    allocation = opened(request)
    allocation.place_each()
    plans = chosen_plans(request, allocation)
    return Answer(plans, time.monotonic() - began_s)


def opened(request: Request) -> Allocation:
    """The batch, each order with its plan in force."""
    rows = rows_of(request.problem)
    in_force = in_force_of(World.of(request), request.problem.orders, rows)
    return Allocation.of_orders(request, rows, in_force)


def chosen_plans(request: Request, allocation: Allocation) -> list[Plan]:
    """What the orders do now, those that keep their plans in force included."""
    chosen = {one.order: one.plan for one in allocation.chosen()}
    return [chosen.get(index) or order.plan for index, order in enumerate(request.problem.orders)]


def optimized(
    request: Request,
    *,
    seconds: float,
    late_max: int | None = None,
    unfilled_max: int | None = None,
    certificate: Path | None = None,
) -> Answer:
    """The production path of the batch optimizer, its own checks included.

    `late_max`, `unfilled_max`: orders and lines, what other plans come to; None: any.
    `certificate`: where to write one; not in the time.
    """
    began_s = time.monotonic()
    first_plan_s: float | None = None

    def report(progress: Progress) -> None:
        nonlocal first_plan_s
        if first_plan_s is None and progress.cost_micro:
            first_plan_s = time.monotonic() - began_s

    problem = replace(
        request.problem,
        time_limit_ms=round(seconds * 1000),
        late_max=late_max,
        unfilled_max=unfilled_max,
    )
    timed = replace(request, problem=problem)
    result = solve(timed, report=report)
    took_s = time.monotonic() - began_s
    if certificate is not None:
        certificates.write(certificate, certificates.certificate_of(timed, result))
    moved = {move.order_id: move.plan for moves in result.components for move in moves}
    plans = [moved.get(order.ask.order_id, order.plan) for order in request.problem.orders]
    return Answer(plans, took_s, result.bound_micro, first_plan_s)
