"""Days on which lines may be moved to the store where they are collected, and the judge on them."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from bopis.demo.plans import HOUR_S, Group, Receipt
from bopis.simulate.day import Decision
from bopis.simulate.judge import Verdict, judge
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import Exact
from bopis.simulate.run import Record, Run, simulate, with_bounds
from bopis.simulate.setting import Variant, with_transfers
from tests.unit.simulate.small_days import (
    ignore,
    orders_of,
    pricer_of,
    setting_of,
    small_town,
    tools_of_town,
)

VARIANT = Variant(labor=Fraction(1, 3), stock=Fraction(3, 10))
TOWN = small_town(orders=120)
ORDERS = [replace(order, ready_within_s=24 * HOUR_S) for order in orders_of(TOWN)]
WITHOUT = setting_of(TOWN, VARIANT)
SETTING = with_transfers(WITHOUT, VARIANT)


@pytest.fixture(scope="module")
def honest() -> Sequence[Decision]:
    policy = Online(Exact(pricer_of(SETTING), SETTING))
    return policy.play(SETTING, ORDERS, progress=ignore).decisions


def moved(decisions: Sequence[Decision]) -> list[tuple[int, int]]:
    """Decision and group of each transfer."""
    return [
        (place, at)
        for place, decision in enumerate(decisions)
        for at, group in enumerate(decision.groups)
        if group.receipt is not None
    ]


def judged_with(honest: Sequence[Decision], group: Group, place: int, at: int) -> str:
    decision = honest[place]
    groups = (*decision.groups[:at], group, *decision.groups[at + 1 :])
    changed = [*honest[:place], replace(decision, groups=groups), *honest[place + 1 :]]
    return "\n".join(judge(SETTING, ORDERS, changed).violations)


def test_a_day_with_transfers_breaks_no_rule_and_some_are_made(honest: Sequence[Decision]) -> None:
    verdict = judge(SETTING, ORDERS, honest)
    assert verdict.violations == ()
    assert verdict.oversold_units == 0
    assert len(moved(honest)) >= 5
    assert verdict.score.terms["transfer"] >= 2_500_000 * len(moved(honest))


def test_the_same_day_costs_less_than_one_without_transfers(honest: Sequence[Decision]) -> None:
    policy = Online(Exact(pricer_of(WITHOUT), WITHOUT))
    decisions = policy.play(WITHOUT, ORDERS, progress=ignore).decisions
    assert moved(decisions) == []
    without: Verdict = judge(WITHOUT, ORDERS, decisions)
    assert judge(SETTING, ORDERS, honest).score.cost < without.score.cost


def test_a_transfer_that_the_policy_does_not_allow_is_named(honest: Sequence[Decision]) -> None:
    assert any("though nothing is" in text for text in judge(WITHOUT, ORDERS, honest).violations)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("before it arrived", lambda r: replace(r, window_start_s=r.picked_s)),
        ("long after the arrival", lambda r: replace(r, window_start_s=r.window_start_s + 86_400)),
        ("ready when it was received", lambda r: replace(r, window_start_s=r.window_start_s - 1)),
    ],
)
def test_a_receipt_at_another_hour_is_named(
    honest: Sequence[Decision], words: str, change: object
) -> None:
    place, at = moved(honest)[0]
    group = honest[place].groups[at]
    assert isinstance(group.receipt, Receipt)
    assert callable(change)
    assert words in judged_with(honest, replace(group, receipt=change(group.receipt)), place, at)


def test_collecting_at_two_stores_is_named(honest: Sequence[Decision]) -> None:
    place, at = next(one for one in moved(honest) if len(honest[one[0]].groups) > 1)
    group = honest[place].groups[at]
    assert group.receipt is not None
    stores = (n for n, node in SETTING.network.nodes.items() if node.offers_pickup)
    other = next(n for n in stores if n not in (group.receipt.node_id, group.node_id))
    elsewhere = replace(group, receipt=replace(group.receipt, node_id=other))
    if all(one.store is None or one is group for one in honest[place].groups):
        pytest.skip("nothing else is collected")
    assert "more than one pickup store" in judged_with(honest, elsewhere, place, at)


def test_receiving_takes_of_the_stores_labor(honest: Sequence[Decision]) -> None:
    place, at = moved(honest)[0]
    receipt = honest[place].groups[at].receipt
    assert receipt is not None
    hours = {**SETTING.network.windows[receipt.node_id], receipt.window_start_s: 29}
    windows = {**SETTING.network.windows, receipt.node_id: hours}
    poor = replace(SETTING, network=replace(SETTING.network, windows=windows))
    assert any("29 s there" in text for text in judge(poor, ORDERS, honest).violations)


def test_policies_by_name_are_played_and_judged_each_by_its_own_rules() -> None:
    run = Run(policies=("B3", "B3+transfers"), variant=VARIANT)
    [records] = simulate(TOWN, run, tools_of_town(), notice=lambda *told: None)
    assert [record.policy for record in records] == ["B3", "B3+transfers"]
    assert all(record.verdict.violations == () for record in records)


def test_a_bound_without_transfers_is_none_on_policies_that_make_them() -> None:
    verdict = judge(WITHOUT, [], [])
    names = {"B3": None, "hindsight": 90, "B3+transfers": None, "hindsight+transfers": 70}
    records = [Record(name, 0, verdict, bound, 0.0) for name, bound in names.items()]
    found = {record.policy: record.bound_micro for record in with_bounds(records)}
    assert found == {"B3": 90, "hindsight": 90, "B3+transfers": 70, "hindsight+transfers": 70}
