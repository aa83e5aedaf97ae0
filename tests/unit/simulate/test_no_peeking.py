"""What comes after a moment changes no decision before it; a forecaster that peeks is caught."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bopis.demo.plans import PlannedOrder
from bopis.domain.reallocation import ReallocationProblem, ReallocationProposal
from bopis.simulate.catalog import Options, make_policy
from bopis.simulate.day import Decision
from bopis.simulate.duals import DualPrices
from bopis.simulate.forecast import OtherDays, Sample
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import Exact
from bopis.simulate.policies.reevaluation import Rules
from bopis.simulate.ports import BatchSolver
from tests.unit.simulate.small_days import (
    ignore,
    optimizer,
    orders_of,
    pricer_of,
    setting_of,
    small_town,
    tools_of_town,
)

TOWN = small_town(orders=80)
SETTING = setting_of(TOWN)
ORDERS = orders_of(TOWN)
MOMENT_S = ORDERS[len(ORDERS) // 2].placed_s
OPTIONS = Options(refresh_s=1_800, rules=Rules(every_s=1_800), round_limit_ms=200)


def altered() -> list[PlannedOrder]:
    """The same day up to the moment; after it everybody wants what the first orders want."""
    wanted = ORDERS[0].lines + ORDERS[1].lines
    lines = tuple(replace(line, line_number=n) for n, line in enumerate(wanted, start=1))
    return [
        order if order.placed_s <= MOMENT_S else replace(order, lines=lines) for order in ORDERS
    ]


def before_the_moment(decisions: Sequence[Decision]) -> list[Decision]:
    return [decision for decision in decisions if decision.time_s <= MOMENT_S]


def the_same_again() -> BatchSolver:
    """The optimizer, whose work depends on the time that it had; asked the same it answers the
    same.
    """
    solver, known = optimizer(), dict[bytes, ReallocationProposal]()

    def solve(problem: ReallocationProblem, **world: Any) -> ReallocationProposal:
        key = msgspec.msgpack.encode(problem)
        if key not in known:
            known[key] = solver(problem, **world)
        return known[key]

    return solve


@pytest.mark.parametrize("name", ["B1", "B2", "B3", "service", "B4", "duals", "duals+reevaluation"])
def test_what_comes_later_changes_no_decision_before_it(name: str) -> None:
    tools = replace(tools_of_town(), solver=the_same_again())

    def decisions(orders: list[PlannedOrder]) -> Sequence[Decision]:
        policy = make_policy(
            name, setting=SETTING, recorded=ORDERS, seed=1, tools=tools, options=OPTIONS
        )
        return policy.play(SETTING, orders, progress=ignore).decisions

    one, other = decisions(ORDERS), decisions(altered())
    assert before_the_moment(one) == before_the_moment(other)
    assert len(before_the_moment(one)) >= len(ORDERS) // 2
    assert list(one) != list(other)


class Peeking:
    """A forecaster that looks at the day itself."""

    def __init__(self, orders: Sequence[PlannedOrder]) -> None:
        self._orders = orders

    def samples(self, *, now_s: int, seen: int) -> Sequence[Sample]:
        del seen
        return [Sample([order for order in self._orders if order.placed_s > now_s], 1.0)]


def decisions_with(forecaster: Peeking | OtherDays, orders: list[PlannedOrder]) -> list[Decision]:
    pricer = pricer_of(SETTING)
    prices = DualPrices(pricer, SETTING, forecaster, every_s=OPTIONS.refresh_s)
    policy = Online(Exact(pricer, SETTING, prices=prices), (prices,))
    return before_the_moment(policy.play(SETTING, orders, progress=ignore).decisions)


def test_a_forecaster_that_peeks_is_caught() -> None:
    peeked = decisions_with(Peeking(ORDERS), ORDERS)
    assert peeked != decisions_with(Peeking(altered()), altered())


def test_a_forecast_is_of_other_days_and_of_what_is_still_to_come() -> None:
    forecaster = OtherDays.drawn(ORDERS, seed=1)
    played = {order.order_id for order in ORDERS}
    for sample in forecaster.samples(now_s=MOMENT_S, seen=len(ORDERS) // 2):
        assert sample.orders
        assert all(order.placed_s > MOMENT_S for order in sample.orders)
        assert not {order.order_id for order in sample.orders} & played


def test_a_busier_day_is_forecast_busier() -> None:
    forecaster = OtherDays.drawn(ORDERS, seed=1)
    [usual, *_] = forecaster.samples(now_s=MOMENT_S, seen=len(ORDERS) // 2)
    [busy, *_] = forecaster.samples(now_s=MOMENT_S, seen=4 * len(ORDERS))
    assert busy.weight > 1.5 * usual.weight
