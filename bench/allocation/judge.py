"""What an answer is worth: checked by the solver's independent checker, then priced by it."""

from collections.abc import Sequence
from dataclasses import dataclass

from solver.check import World, cost_of, limit_problems, plan_problems
from solver.problem import Plan, Request


class WrongAnswerError(AssertionError):
    """A plan breaks a rule or a limit: no figure is made of it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Cost in micro-units; lines that nobody does; orders that get ready after their promise."""

    cost_micro: int
    unfilled_lines: int
    late_orders: int


def judge(request: Request, plans: Sequence[Plan]) -> Judged:
    """Checks and prices a plan for every order. Raises WrongAnswerError."""
    world = World.of(request)
    orders = request.problem.orders
    found: list[str] = []
    cost = unfilled = late = 0
    if len(plans) != len(orders):
        raise WrongAnswerError(f"{len(plans)} plans for {len(orders)} orders")
    for order, plan in zip(orders, plans, strict=True):
        problems = plan_problems(world, order.ask, plan)
        if problems:
            found += problems
            continue
        cost += cost_of(world, order.ask, plan.groups).total_micro
        done = sum(len(group.line_numbers) for group in plan.groups)
        unfilled += len(order.ask.lines) - done
        late += any(group.ready_by_ms > order.ask.promise_ms for group in plan.groups)
    if not found:
        pairs = [(order.ask, plan) for order, plan in zip(orders, plans, strict=True)]
        found += limit_problems(request, pairs)
    if found:
        raise WrongAnswerError("; ".join(found[:10]))
    return Judged(cost, unfilled, late)
