"""Runs over days: the same seed, the same day; policies paired; intervals, chart and plot."""

from dataclasses import replace
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import pytest

from bopis.simulate.intervals import difference, relative_difference
from bopis.simulate.plot import draw
from bopis.simulate.run import Record, Run, as_json, simulate
from bopis.simulate.seeds import day_of_seed
from bopis.simulate.setting import Variant, make_setting
from bopis.simulate.show import chart, compare
from tests.unit.simulate.small_days import SCARCE, orders_of, small_town, tools_of_town

TOWN = small_town(orders=40)
ORDERS = orders_of(TOWN)
RULES_AND_KERNEL = ("B1", "B2", "B3")
ALONE = (*RULES_AND_KERNEL, "service")
FIELDS = (
    *("policy", "seed", "cost", "bound", "fill_rate", "promise_kept", "split_rate"),
    *("nodes_per_order", "oversold_units"),
)


def ignore(policy: str, seed: int, done: int, orders: int) -> None:
    del policy, seed, done, orders


def records(*policies: str, seeds: tuple[int, ...] = (0, 1, 2)) -> list[Record]:
    run = Run(policies=policies, seeds=seeds, variant=SCARCE)
    days = simulate(TOWN, run, tools_of_town(), notice=ignore)
    return [record for day in days for record in day]


def test_seed_0_is_the_recorded_day_and_others_are_drawn_from_it() -> None:
    assert day_of_seed(ORDERS, 0) == ORDERS
    one = day_of_seed(ORDERS, 1)
    assert one == day_of_seed(ORDERS, 1)
    assert one != day_of_seed(ORDERS, 2)
    assert len(one) == len(ORDERS)
    assert [order.placed_s for order in one] == sorted(order.placed_s for order in one)
    assert {order.lines for order in one} <= {order.lines for order in ORDERS}
    assert len({order.order_id for order in one}) == len(one)


def test_every_policy_keeps_every_rule_on_every_day() -> None:
    for record in records(*ALONE):
        assert record.verdict.violations == (), (record.policy, record.seed)
        assert record.verdict.oversold_units == 0


def test_a_run_repeats_itself() -> None:
    def verdicts() -> list[object]:
        return [record.verdict for record in records("B1", "B3", "service")]

    assert verdicts() == verdicts()


def test_a_record_has_the_fields_that_readers_rely_on() -> None:
    for record in records("B3"):
        shown = as_json(record)
        assert tuple(shown)[: len(FIELDS)] == FIELDS
        assert shown["bound"] is None
        assert shown["cost"] == pytest.approx(sum(shown["cost_terms"].values()))


def test_labor_and_stock_are_scaled_and_rounded_down() -> None:
    whole = make_setting(TOWN, Variant())
    part = make_setting(TOWN, Variant(labor=Fraction("0.35"), stock=Fraction("0.3")))
    for cell, units in whole.stock.items():
        assert part.stock.get(cell, 0) == units * 3 // 10
    for node_id, hours in whole.network.windows.items():
        for hour, seconds in hours.items():
            assert part.network.windows[node_id][hour] == seconds * 35 // 100


def test_the_first_order_costs_the_kernel_no_more_than_any_rule() -> None:
    first = replace(TOWN, orders=TOWN.orders[:1])
    run = Run(policies=RULES_AND_KERNEL, variant=SCARCE)
    [played] = simulate(first, run, tools_of_town(), notice=ignore)
    costs = {record.policy: record.verdict.score.cost for record in played}
    assert costs["B3"] == min(costs.values())


def test_a_difference_that_is_the_same_on_all_days_is_certain() -> None:
    gap = difference([3.0, 5.0, 9.0], [1.0, 3.0, 7.0])
    assert (gap.mean, gap.low, gap.high) == (2.0, 2.0, 2.0)
    share = relative_difference([110.0, 220.0], [100.0, 200.0])
    assert share.mean == share.low == share.high == pytest.approx(0.1)


def test_one_day_gives_no_interval_and_no_day_is_refused() -> None:
    gap = difference([3.0], [1.0])
    assert (gap.mean, gap.low, gap.high) == (2.0, None, None)
    with pytest.raises(ValueError, match="no day"):
        difference([], [])
    with pytest.raises(ValueError, match="longer"):
        difference([1.0], [1.0, 2.0])


def test_an_interval_covers_its_mean_and_shrinks_with_more_days() -> None:
    few = difference([1.0, 4.0, 2.0, 7.0], [0.0] * 4)
    many = difference([1.0, 4.0, 2.0, 7.0] * 20, [0.0] * 80)
    for gap in (few, many):
        assert gap.low is not None
        assert gap.high is not None
        assert gap.low < gap.mean < gap.high
    assert _width(many) < _width(few)


def _width(gap: Any) -> float:
    return float(gap.high - gap.low)


def test_chart_and_plot_show_a_row_for_each_policy_but_the_first() -> None:
    compared = compare(records(*RULES_AND_KERNEL), RULES_AND_KERNEL)
    assert [one.policy for one in compared] == ["B2", "B3"]
    lines = chart(compared).splitlines()
    assert [line.split()[0] for line in lines] == ["B2", "B3", "cost"]
    picture = ElementTree.fromstring(draw("a town", "B1", compared))  # noqa: S314 (our own)
    dots = [element for element in picture.iter() if element.tag.endswith("circle")]
    assert len(dots) == 4 * 2
