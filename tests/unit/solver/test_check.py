"""The independent checker catches planted violations."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from solver import check
from solver.problem import (
    Ask,
    AskLine,
    Consent,
    CostTerm,
    Group,
    OpenOrder,
    Place,
    Plan,
    Request,
    UnfilledLine,
)
from tests.unit.solver.small_batches import every_plan, small_request

ASK = Ask(
    order_id="order",
    method="PICKUP",
    place=Place(0.0, 0.0),
    lines=(AskLine(1, "a", 1, 1_000_000), AskLine(2, "b", 2, 1_000_000)),
    now_ms=0,
    promise_ms=0,
    consent=Consent(40, ship_home=True),
)


def request_and_ask() -> tuple[Request, Ask]:
    request = small_request(5)
    now_ms = request.problem.now_ms
    return request, replace(ASK, now_ms=now_ms, promise_ms=now_ms + 7_200_000)


def two_groups() -> tuple[Request, Ask, Plan]:
    """A sound plan: line 1 collected, line 2 shipped."""
    request, ask = request_and_ask()
    for plan in every_plan(request, ask):
        if [group.method for group in plan.groups] == ["PICKUP", "SHIP"]:
            return request, ask, plan
    raise AssertionError("the small network has such a plan")


def first(plan: Plan, **changes: object) -> Plan:
    group = replace(plan.groups[0], **changes)  # type: ignore[arg-type]
    return replace(plan, groups=(group, *plan.groups[1:]))


def share(group: Group, seconds: int) -> Group:
    return replace(group, labor=(replace(group.labor[0], seconds=seconds), *group.labor[1:]))


SPOILERS: dict[str, Callable[[Plan], Plan]] = {
    "two groups at one node": lambda p: replace(
        p, groups=(p.groups[0], replace(p.groups[1], node_id=p.groups[0].node_id))
    ),
    "two pickup stores": lambda p: replace(
        p, groups=(p.groups[0], replace(p.groups[1], method="PICKUP"))
    ),
    "unknown node": lambda p: first(p, node_id="elsewhere"),
    "a line twice": lambda p: first(p, line_numbers=(1, 2)),
    "a line lost": lambda p: replace(p, groups=p.groups[:1]),
    "a line that was not asked for": lambda p: first(p, line_numbers=(1, 3)),
    "a line done and left": lambda p: replace(p, unfilled=(UnfilledLine(1, "NO_STOCK"),)),
    "a group without lines": lambda p: replace(
        p, groups=(*p.groups, replace(p.groups[0], node_id="n2", line_numbers=()))
    ),
    "too little labor": lambda p: replace(p, groups=(share(p.groups[0], 1), *p.groups[1:])),
    "no labor": lambda p: first(p, labor=()),
    "a closed hour": lambda p: first(
        p, labor=(replace(p.groups[0].labor[0], window_start_s=p.groups[0].window_start_ms),)
    ),
    "ready too early": lambda p: first(p, ready_by_ms=p.groups[0].window_start_ms),
    "another first hour": lambda p: first(p, window_start_ms=p.groups[0].window_start_ms - 1),
    "a cost too low": lambda p: replace(
        p, cost=replace(p.cost, terms=(*p.cost.terms, CostTerm("pick", -1)))
    ),
}


def test_the_plan_to_be_spoilt_is_sound() -> None:
    request, ask, plan = two_groups()
    assert check.plan_problems(check.World.of(request), ask, plan) == []


@pytest.mark.parametrize("name", SPOILERS)
def test_a_spoilt_plan_is_found(name: str) -> None:
    request, ask, plan = two_groups()
    spoilt = SPOILERS[name](plan)
    assert spoilt != plan
    assert check.plan_problems(check.World.of(request), ask, spoilt)


@pytest.mark.parametrize(
    "change",
    [
        {"consent": Consent(40, ship_home=False)},
        {"all_or_nothing": True, "lines": (*ASK.lines, AskLine(3, "a", 1, 1))},
        {"pickup_only_at": "elsewhere"},
        {"promise_ms": -(10**9)},
        {"now_ms": 10**13},
    ],
)
def test_a_plan_that_breaks_the_terms_of_the_order_is_found(change: dict[str, object]) -> None:
    request, ask, plan = two_groups()
    stricter = replace(ask, **change)  # type: ignore[arg-type]
    assert check.plan_problems(check.World.of(request), stricter, plan)


def test_an_excluded_node_and_another_store_without_consent_are_found() -> None:
    request, ask, plan = two_groups()
    world = check.World.of(request)
    without = replace(ask, excluded_node_ids=(plan.groups[0].node_id,))
    assert check.plan_problems(world, without, plan)
    own = world.customer_store(ask)
    strict = replace(ask, consent=Consent(0, ship_home=True))
    others = [
        p
        for p in every_plan(request, ask)
        if any(g.method == "PICKUP" and g.node_id != own for g in p.groups)
    ]
    assert others
    assert all(check.plan_problems(world, strict, p) for p in others)


def test_a_line_that_was_promised_and_is_left_is_found() -> None:
    _, ask, plan = two_groups()
    order = OpenOrder(ask, plan.groups, plan.unfilled, plan.cost)
    assert check.promise_problems(order, plan) == []
    assert check.promise_problems(order, replace(plan, groups=plan.groups[:1]))


def test_more_than_a_limit_is_found() -> None:
    request = small_request(5)
    plans = [(order.ask, order.plan) for order in request.problem.orders]
    assert check.limit_problems(request, plans) == []
    assert check.limit_problems(request, [*plans, *plans, *plans])
    no_labor = replace(request, problem=replace(request.problem, labor=()))
    assert check.limit_problems(no_labor, plans)


def test_lateness_is_charged_once_by_the_started_hour() -> None:
    request, ask, plan = two_groups()
    world = check.World.of(request)
    ready = max(group.ready_by_ms for group in plan.groups)
    late = replace(ask, promise_ms=ready - 3_600_001)
    terms = {t.name: t.amount_micro for t in check.cost_of(world, late, plan.groups).terms}
    assert terms["late"] == 2 * 3_000_000
