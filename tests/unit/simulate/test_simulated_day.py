"""The day refuses what cannot be, and gives back what a moved order held."""

from dataclasses import replace

import pytest

from bopis.demo.plans import HOUR_S, Group, PlannedOrder
from bopis.simulate.day import Day, DayError
from bopis.simulate.policies.exact import Exact
from bopis.simulate.setting import Setting
from tests.unit.simulate.small_days import orders_of, pricer_of, setting_of, small_town

TOWN = small_town()
SETTING = setting_of(TOWN)
ORDERS = orders_of(TOWN)


def placed() -> tuple[Day, PlannedOrder, Exact]:
    """A day with its first order that has a plan."""
    day = Day.morning(SETTING, now_s=ORDERS[0].placed_s)
    exact = Exact(pricer_of(SETTING), SETTING)
    for order in ORDERS:
        day.now_s = order.placed_s
        groups = exact.choose(day, order)
        if groups:
            day.place(order, groups)
            return day, day.plans[order.order_id], exact
    raise AssertionError("no order of the town can be filled")


def leftover(day: Day) -> tuple[int, int]:
    return sum(day.stock.values()), sum(sum(hours.values()) for hours in day.labor.values())


def all_there(setting: Setting) -> tuple[int, int]:
    return leftover(Day.morning(setting, now_s=0))


def test_a_plan_takes_its_units_and_seconds() -> None:
    day, order, _ = placed()
    units, seconds = all_there(SETTING)
    done = {number for group in order.groups for number in group.line_numbers}
    taken = sum(line.quantity for line in order.lines if line.line_number in done)
    assert leftover(day)[0] == units - taken
    assert leftover(day)[1] < seconds


def test_units_that_are_not_there_are_refused_and_change_nothing() -> None:
    day, order, _ = placed()
    before = leftover(day)
    lines = tuple(replace(line, quantity=10**6) for line in order.lines)
    greedy = replace(order, order_id="greedy", lines=lines)
    with pytest.raises(DayError, match="not there"):
        day.place(greedy, order.groups)
    assert leftover(day) == before
    assert "greedy" not in day.plans


def test_a_window_that_has_begun_is_gone() -> None:
    day, order, _ = placed()
    day.now_s = min(group.window_start_s for group in order.groups) + 1
    lines = tuple(replace(line, quantity=1) for line in order.lines)
    late = replace(order, order_id="late", lines=lines)
    day.stock.update(dict.fromkeys(day.stock, 100))
    for hours in day.labor.values():
        hours.update(dict.fromkeys(hours, HOUR_S))
    with pytest.raises(DayError, match="begun"):
        day.place(late, order.groups)


def test_an_order_is_moved_until_its_picking_begins() -> None:
    day, order, _ = placed()
    start_s = min(group.window_start_s for group in order.groups)
    assert day.move({order.order_id: order.groups})
    assert day.open_orders(freeze_s=0) == [order]
    assert day.open_orders(freeze_s=start_s - day.now_s) == []
    day.now_s = start_s
    with pytest.raises(DayError, match="picked"):
        day.move({order.order_id: order.groups})


def test_a_move_that_does_not_fit_changes_nothing() -> None:
    day, order, _ = placed()
    before, decided = leftover(day), len(day.decisions)
    empty = next(
        node_id
        for node_id in SETTING.network.nodes
        if any(day.stock[node_id, line.sku] < line.quantity for line in order.lines)
    )
    first = order.groups[0]
    everything = tuple(line.line_number for line in order.lines)
    elsewhere = Group(empty, first.method, first.window_start_s, first.ready_s, everything)
    assert not day.move({order.order_id: (elsewhere,)})
    assert leftover(day) == before
    assert len(day.decisions) == decided
    assert day.plans[order.order_id] == order


def test_two_orders_may_swap_what_they_hold() -> None:
    day, order, exact = placed()
    twin = replace(order, order_id="twin", groups=())
    groups = exact.choose(day, twin)
    if not groups:
        pytest.fail("the town has no second place for the order")
    day.place(twin, groups)
    before = leftover(day)
    assert day.move({order.order_id: groups, "twin": order.groups})
    assert leftover(day) == before
