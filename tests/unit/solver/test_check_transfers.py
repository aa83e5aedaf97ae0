"""The independent checker on transfers: a sound one passes, each planted fault is found."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from solver.check import World, cost_of, plan_problems
from solver.problem import Ask, Group, Plan, UnfilledLine
from tests.unit.solver.compact import single_groups, transfer_request


def moved_plan() -> tuple[World, Ask, Plan]:
    """A sound plan with a transfer, of some batch."""
    for seed in range(8_000, 8_060):
        request = transfer_request(seed, orders=3)
        world = World.of(request)
        for order in request.problem.orders:
            for group, may in single_groups(request, order.ask):
                if group.receipt is None or order.ask.all_or_nothing:
                    continue
                number = order.ask.lines[may[0]].line_number
                groups = (replace(group, line_numbers=(number,)),)
                left = tuple(
                    UnfilledLine(line.line_number, "TOO_COSTLY")
                    for line in order.ask.lines
                    if line.line_number != number
                )
                plan = Plan(groups, left, cost_of(world, order.ask, groups))
                assert plan_problems(world, order.ask, plan) == []
                return world, order.ask, plan
    raise AssertionError("some order may be moved")


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("before the arrival", lambda g: receipt(g, window_start_s=g.labor[0].window_start_s)),
        ("before the arrival", lambda g: receipt(g, window_start_s=g.ready_by_ms // 1000 + 10**6)),
        ("labor of receiving", lambda g: receipt(g, seconds=g.receipt.seconds - 1)),
        ("does not send to", lambda g: receipt(g, node_id=g.node_id)),
        ("no pickup at|another store", lambda g: replace(g, receipt=None)),
        ("shipped, and received", lambda g: replace(g, method="SHIP")),
        ("ready before the lead", lambda g: replace(g, ready_by_ms=g.ready_by_ms - 1)),
        ("unknown node", lambda g: receipt(g, node_id="nowhere")),
    ],
)
def test_a_transfer_against_the_rules_is_found(
    words: str, change: Callable[[Group], Group]
) -> None:
    world, ask, plan = moved_plan()
    wrong = replace(plan, groups=tuple(change(group) for group in plan.groups))
    assert re.search(words, "\n".join(plan_problems(world, ask, wrong)))


def receipt(group: Group, **fields: object) -> Group:
    """The group with another receipt."""
    return replace(group, receipt=replace(group.receipt, **fields))


def test_transfers_that_the_policy_does_not_know_are_found() -> None:
    world, ask, plan = moved_plan()
    policy = replace(world.request.policy, transfers=None)
    without = World.of(replace(world.request, policy=policy))
    assert any("nothing is" in text for text in plan_problems(without, ask, plan))
    kept = replace(world.request.policy.transfers, from_kinds=())
    nobody = World.of(replace(world.request, policy=replace(policy, transfers=kept)))
    assert any("does not send" in text for text in plan_problems(nobody, ask, plan))
