"""The judge lets an honest day pass and names each planted fault."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bopis.demo.plans import HOUR_S, PlannedOrder
from bopis.scenario.model import Method
from bopis.simulate.day import Decision
from bopis.simulate.judge import judge
from bopis.simulate.online import Online
from bopis.simulate.policies.rules import NearestFirst
from tests.unit.simulate.small_days import ignore, orders_of, setting_of, small_town

TOWN = small_town()
SETTING = setting_of(TOWN)
ORDERS = orders_of(TOWN)
HONEST = Online(NearestFirst()).play(SETTING, ORDERS, progress=ignore).decisions


def faults(decisions: Sequence[Decision]) -> str:
    return "\n".join(judge(SETTING, ORDERS, decisions).violations)


def changed(place: int, decision: Decision) -> list[Decision]:
    return [*HONEST[:place], decision, *HONEST[place + 1 :]]


def first_planned(method: Method | None = None) -> int:
    return next(
        place
        for place, decision in enumerate(HONEST)
        if decision.groups and method in (None, decision.groups[0].method)
    )


def order_of(decision: Decision) -> PlannedOrder:
    return next(order for order in ORDERS if order.order_id == decision.order_id)


def test_an_honest_day_breaks_no_rule() -> None:
    verdict = judge(SETTING, ORDERS, HONEST)
    assert verdict.violations == ()
    assert verdict.oversold_units == 0
    assert verdict.moves == 0
    assert 0 < verdict.score.fill_rate <= 1


def test_units_sold_twice_are_counted() -> None:
    place = first_planned()
    group = HONEST[place].groups[0]
    line = next(
        line for line in order_of(HONEST[place]).lines if line.line_number in group.line_numbers
    )
    poor = replace(SETTING, stock={**SETTING.stock, (group.node_id, line.sku): 0})
    verdict = judge(poor, ORDERS, HONEST)
    assert verdict.oversold_units >= line.quantity
    assert any("0 there" in text for text in verdict.violations)


def test_labor_that_is_not_there_is_named() -> None:
    place = first_planned()
    group = HONEST[place].groups[0]
    windows = {**SETTING.network.windows, group.node_id: {group.window_start_s: 1}}
    poor = replace(SETTING, network=replace(SETTING.network, windows=windows))
    assert any("labor" in text for text in judge(poor, ORDERS, HONEST).violations)


def test_a_window_that_had_begun_is_named() -> None:
    place = first_planned()
    late = replace(HONEST[place], time_s=HONEST[place].groups[0].window_start_s + 1)
    assert "had begun" in faults(changed(place, late))
    assert "not decided when it was placed" in faults(changed(place, late))


def test_an_order_moved_while_it_is_picked_is_named() -> None:
    decision = HONEST[first_planned()]
    picked_s = decision.groups[0].window_start_s
    again = replace(decision, time_s=picked_s)
    assert "being picked" in faults([*HONEST, again])
    assert judge(SETTING, ORDERS, [*HONEST, again]).moves == 1


def test_a_pickup_store_that_changes_is_named() -> None:
    decision = HONEST[first_planned(Method.PICKUP)]
    group = decision.groups[0]
    other = next(n for n, node in SETTING.network.nodes.items()
                 if n != group.node_id and node.offers_pickup)  # fmt: skip
    moved = replace(decision, groups=(replace(group, node_id=other), *decision.groups[1:]))
    assert "the pickup store changed" in faults([*HONEST, moved])


def test_a_promised_line_that_is_left_is_named() -> None:
    decision = HONEST[first_planned()]
    assert "was promised and is left" in faults([*HONEST, replace(decision, groups=())])


def test_an_order_that_nobody_decided_is_named() -> None:
    assert "never decided" in faults(HONEST[:-1])


def test_a_span_longer_than_the_policy_allows_is_named() -> None:
    place = first_planned()
    group = HONEST[place].groups[0]
    long = replace(group, ready_s=group.window_start_s + 5 * HOUR_S)
    assert "a span of 5 hours" in faults(changed(place, replace(HONEST[place], groups=(long,))))


@pytest.mark.parametrize("at_placing", [True, False])
def test_hindsight_may_decide_before_an_order_is_placed(at_placing: bool) -> None:
    early = [replace(decision, time_s=ORDERS[0].placed_s) for decision in HONEST]
    found = judge(SETTING, ORDERS, early, at_placing=at_placing).violations
    assert bool(found) is at_placing
