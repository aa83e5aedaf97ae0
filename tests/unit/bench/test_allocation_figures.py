"""The optimizer's figures: fair rules, a full model of its own, and nothing without a check."""

from dataclasses import replace

import pytest

from bench.allocation import compact, figures, methods, nearest, speeds
from bench.allocation.judge import WrongAnswerError, judge
from solver.check import World, cost_of
from solver.problem import OpenOrder, Plan, Request, UnfilledLine
from tests.unit.solver.small_batches import (
    every_plan,
    fits,
    limits_of,
    small_request,
    takes_of,
)


def unplanned(seed: int, *, orders: int = 5, ruled: bool = False) -> Request:
    """A small batch in which nobody has a plan yet."""
    request = small_request(seed, orders=orders, ruled=ruled)
    world = World.of(request)
    bare = tuple(
        OpenOrder(
            order.ask if ruled else replace(order.ask, all_or_nothing=False),
            (),
            tuple(UnfilledLine(line.line_number, "NEW") for line in order.ask.lines),
            cost_of(world, order.ask, ()),
        )
        for order in request.problem.orders
    )
    return replace(request, problem=replace(request.problem, orders=bare, time_limit_ms=500))


@pytest.mark.parametrize("ruled", [False, True])
def test_nearest_first_breaks_no_rule_and_fills_lines(*, ruled: bool) -> None:
    filled = 0
    for seed in range(40):
        request = unplanned(seed, ruled=ruled)
        plans = nearest.plans_of(request)
        judge(request, plans)
        filled += sum(bool(plan.groups) for plan in plans)
    assert filled > 40


def test_nothing_costs_less_than_the_full_model_and_the_bound_lies_below_it() -> None:
    for seed in range(12):
        request = unplanned(seed)
        ours = methods.optimized(request, seconds=0.5)
        full = compact.solved(request, solver="highs", seconds=10)
        assert full is not None
        assert ours.bound_micro is not None
        least = judge(request, full.plans).cost_micro
        assert ours.bound_micro <= least <= judge(request, ours.plans).cost_micro, seed
        for other in (methods.by_rules(request), methods.exact(request)):
            assert least <= judge(request, other.plans).cost_micro, seed


def test_exact_gives_each_order_its_best_plan_in_what_those_before_it_left() -> None:
    filled = 0
    for seed in range(40):
        request = unplanned(seed)
        left = limits_of(request)
        for order, plan in zip(request.problem.orders, methods.exact(request).plans, strict=True):
            open_to_it = [
                one for one in every_plan(request, order.ask) if fits(one, order.ask, left)
            ]
            least = min(one.cost.total_micro for one in open_to_it)
            assert plan.cost.total_micro == least, (seed, order.ask.order_id)
            left.subtract(takes_of(order.ask, plan))
            filled += bool(plan.groups)
    assert filled > 80


def test_an_assignment_under_prices_that_keep_everything_back_leaves_nothing_that_has_room() -> (
    None
):
    for seed in range(20):
        request = unplanned(seed)
        allocation = methods.opened(request)
        far = [10**9] * len(allocation.limits())
        allocation.ascend(passes=1, start=far, go_on=lambda *_: True)
        assert allocation.construct() < sum(o.cost.total_micro for o in request.problem.orders), (
            seed
        )
        plans = methods.chosen_plans(request, allocation)
        left = limits_of(request)
        for order, plan in zip(request.problem.orders, plans, strict=True):
            left.subtract(takes_of(order.ask, plan))
        for order, plan in zip(request.problem.orders, plans, strict=True):
            if not plan.groups:
                open_to_it = (o for o in every_plan(request, order.ask) if fits(o, order.ask, left))
                least = min(one.cost.total_micro for one in open_to_it)
                assert plan.cost.total_micro == least, (seed, order.ask.order_id)


def test_no_figure_is_made_of_a_plan_twice_over() -> None:
    request = unplanned(3)
    plans = nearest.plans_of(request)
    busy = next(index for index, plan in enumerate(plans) if plan.groups)
    group = plans[busy].groups[0]
    twice = Plan((group, group), plans[busy].unfilled, plans[busy].cost)
    with pytest.raises(WrongAnswerError, match="twice"):
        judge(request, [twice if index == busy else plan for index, plan in enumerate(plans)])
    with pytest.raises(WrongAnswerError, match="plans for"):
        judge(request, plans[1:])


def test_a_goal_stands_beside_the_optimizer_and_says_whether_it_is_met() -> None:
    request = unplanned(5)
    case = figures.Case("small", request, 0.5, gap_goal=1.0, has_way_goals=True)
    by_method = {figure["method"]: figure for figure in figures.of_case(case)}
    assert list(by_method) == ["rules", "exact", "optimizer"]
    assert by_method["rules"]["goal"] is None
    ours = by_method["optimizer"]
    names = [goal["figure"] for goal in ours["goal"]]
    assert names[:2] == ["gap", "seconds"]
    assert ours["met"] == all(goal["met"] for goal in ours["goal"])
    assert ours["cost"] >= ours["bound"]
    assert ours["rules_cost"] == by_method["rules"]["cost"]


def test_the_kernels_lines_get_the_goal_of_their_number_of_lines() -> None:
    def printed(lines: int, p50: float, p99: float) -> str:
        return f'.{{"figure":"kernel","lines":{lines},"p50_us":{p50},"p99_us":{p99}}}'

    text = ["running 1 test", printed(3, 2.5, 90), printed(9, 8.1, 9), printed(20, 31, 30), "ok"]
    few, nine, twenty = speeds.kernel_figures(text)
    assert (few["goal"], few["met"]) == ("p50_us <= 3", True)
    assert (nine["goal"], nine["met"]) == ("p50_us <= 8", False)
    assert (twenty["goal"], twenty["met"]) == ("p99_us <= 30", True)
    with pytest.raises(AssertionError, match="no figures"):
        speeds.kernel_figures(["ok"])


def test_moves_are_counted_and_what_they_lead_to_is_checked() -> None:
    figure = speeds.moves("small", unplanned(5))
    assert figure["moves"] > 0
    assert figure["met"] == (figure["value"] >= speeds.MOVES_GOAL)
