"""The independent checker knows the policy's hard rules, and a plan in force against a planner."""

from dataclasses import replace

import pytest

from solver import check
from solver.problem import (
    Ask,
    AskPin,
    Closure,
    Cost,
    CostTerm,
    ItemRule,
    NodeGroup,
    NodeRule,
    OpenOrder,
    Plan,
    Problem,
    Request,
    Rules,
    StockLimit,
)
from solver.solve import solve
from tests.unit.solver.small_batches import NOON_S, every_plan, small_request
from tests.unit.solver.test_check import request_and_ask


def shipped_and_collected() -> tuple[Request, Ask, Plan]:
    request, ask = request_and_ask()
    for plan in every_plan(request, ask):
        if [group.method for group in plan.groups] == ["PICKUP", "SHIP"]:
            return request, ask, plan
    raise AssertionError("the small network has such a plan")


def named(node_id: str) -> NodeGroup:
    return NodeGroup(node_ids=(node_id,))


def rules_against(plan: Plan) -> dict[str, Rules]:
    """By what the checker must say: rules that the plan breaks, and no other rule of it."""
    store, shipper = (group.node_id for group in plan.groups)
    return {
        "more than 1 nodes": Rules(nodes_max=1),
        "farther than": Rules(ship_km_max=0),
        f"PICKUP at {store} against the rule r": Rules(
            nodes=(NodeRule("r", named(store), pickup=False),)
        ),
        f"SHIP at {shipper} against the rule r": Rules(
            nodes=(NodeRule("r", NodeGroup(kinds=_kinds()), ships=False),)
        ),
        f"a from {store} against the rule r": Rules(
            items=(ItemRule("r", "a", False, named(store), only=False),)
        ),
        f"b from {shipper} against the rule r": Rules(
            items=(ItemRule("r", "", True, named(store), only=True),)
        ),
        "below its floor": Rules(nodes=(NodeRule("r", named(shipper), ship_floor=1_000),)),
    }


def _kinds() -> tuple[str, ...]:
    return ("STORE", "DARK_STORE", "WAREHOUSE")


@pytest.mark.parametrize("words", list(rules_against(shipped_and_collected()[2])))
def test_a_plan_against_a_rule_is_found_out(words: str) -> None:
    request, ask, plan = shipped_and_collected()
    assert check.plan_problems(check.World.of(request), ask, plan) == []
    policy = replace(request.policy, rules=rules_against(plan)[words])
    # The customer's store stays: a rule against pickup there would name another one, and its cost.
    known = replace(ask, customer_node_id=plan.groups[0].node_id)
    found = check.plan_problems(check.World.of(replace(request, policy=policy)), known, plan)
    assert any(words in problem for problem in found), found


def test_an_item_rule_that_has_ended_and_one_for_another_sku_bind_nobody() -> None:
    request, ask, plan = shipped_and_collected()
    store = plan.groups[0].node_id
    for rule in (
        ItemRule("r", "a", False, named(store), only=False, until_ms=ask.now_ms),
        ItemRule("r", "c", False, named(store), only=False),
    ):
        policy = replace(request.policy, rules=Rules(items=(rule,)))
        world = check.World.of(replace(request, policy=policy))
        assert check.plan_problems(world, ask, plan) == []


def test_a_plan_against_a_pin_or_a_closure_is_found_out() -> None:
    request, ask, plan = shipped_and_collected()
    world = check.World.of(request)
    ready_s = plan.groups[1].ready_by_ms // 1000
    node_id = plan.groups[1].node_id
    for planned in (
        replace(ask, pin=AskPin(node_id=node_id)),
        replace(ask, pin=AskPin(method="SHIP")),
        replace(ask, closed=(Closure("full", node_id, "SHIP", ready_s - 1, ready_s),)),
    ):
        assert check.plan_problems(world, planned, plan) != []
    for planned in (
        replace(ask, closed=(Closure("full", node_id, "PICKUP", ready_s - 1, ready_s),)),
        replace(ask, closed=(Closure("full", node_id, None, ready_s, ready_s + 9_999),)),
    ):
        assert check.plan_problems(world, planned, plan) == []


def dearer_elsewhere() -> tuple[Request, OpenOrder, Plan]:
    """An order of a small batch, and a whole plan of one other node that costs more."""
    for seed in range(100):
        request = small_request(seed)
        for order in request.problem.orders:
            own = {group.node_id for group in order.groups}
            for plan in every_plan(request, order.ask):
                alone = len(plan.groups) == 1 and not plan.unfilled
                dearer = plan.cost.total_micro > order.cost.total_micro
                if alone and dearer and plan.groups[0].node_id not in own:
                    return request, order, plan
    raise AssertionError("one of the small batches has such an order")


def test_an_order_against_a_pin_moves_though_it_costs_more() -> None:
    request, order, elsewhere = dearer_elsewhere()
    node_id = elsewhere.groups[0].node_id
    plenty = [StockLimit(n.node.node_id, s, 9) for n in request.nodes for s in ("a", "b")]
    pinned = replace(order, ask=replace(order.ask, pin=AskPin(node_id=node_id)))
    problem = Problem(
        NOON_S * 1000, (pinned,), tuple(plenty), request.problem.labor, time_limit_ms=2_000
    )
    result = solve(replace(request, problem=problem))
    [[move]] = result.components
    assert {group.node_id for group in move.plan.groups} == {node_id}
    assert result.bound_micro <= result.cost_planned_micro < result.cost_before_micro
    # Nobody has what it takes: it stays, and is told with its breach.
    nothing = replace(problem, stock=tuple(_held(order)))
    stays = solve(replace(request, problem=nothing))
    assert stays.components == ()
    assert stays.bound_micro <= stays.cost_planned_micro == stays.cost_before_micro
    world = check.World.of(request)
    plain = check.cost_of(world, order.ask, order.groups).total_micro
    assert stays.cost_planned_micro - stays.kept_breach_micro == plain
    assert 0 < stays.bound_micro - stays.kept_breach_micro <= plain
    assert (result.kept_breach_micro, result.repriced_micro, stays.repriced_micro) == (0, 0, 0)


def test_how_much_dearer_plans_in_force_became_is_told() -> None:
    request = small_request(3)
    orders = request.problem.orders
    made_at = [order.cost.total_micro for order in orders]
    less = replace(orders[0], cost=Cost((CostTerm("shipping", made_at[0] - 7),)))
    more = replace(orders[1], cost=Cost((CostTerm("shipping", made_at[1] + 9),)))
    problem = replace(request.problem, orders=(less, more, *orders[2:]), time_limit_ms=500)
    assert solve(replace(request, problem=problem)).repriced_micro == 7


def _held(order: OpenOrder) -> list[StockLimit]:
    """Just what the plan in force takes."""
    lines = {line.line_number: line for line in order.ask.lines}
    units: dict[tuple[str, str], int] = {}
    for group in order.groups:
        for number in group.line_numbers:
            key = (group.node_id, lines[number].sku)
            units[key] = units.get(key, 0) + lines[number].quantity
    return [StockLimit(node_id, sku, amount) for (node_id, sku), amount in units.items()]
