"""Re-evaluation: who may move, what a move must gain, and that the rules hold afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bopis.domain.cost import CostBreakdown
from bopis.domain.reallocation import OrderMove, ReallocationProblem, ReallocationProposal
from bopis.domain.reevaluation import (
    STAY_FAR_MICRO,
    STAY_FROM_MS,
    STAY_NEAR_MICRO,
    stay_micro,
)
from bopis.scenario.model import Method
from bopis.simulate.day import Day
from bopis.simulate.judge import judge
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import Exact, domain_groups_of
from bopis.simulate.policies.hindsight import Hindsight
from bopis.simulate.policies.reevaluation import Jointly, Rules
from bopis.testing.solver_scripted import propose_nothing
from tests.unit.simulate.small_days import (
    ignore,
    optimizer,
    orders_of,
    pricer_of,
    setting_of,
    small_town,
)

TOWN = small_town()
SETTING = setting_of(TOWN)
ORDERS = orders_of(TOWN)
RULES = Rules(every_s=900, freeze_s=600)


class Remembering:
    """A solver that proposes nothing, or what the test says, and keeps the problems."""

    def __init__(self, *proposed: Sequence[OrderMove]) -> None:
        self.problems: list[ReallocationProblem] = []
        self._proposed = proposed

    def __call__(self, problem: ReallocationProblem, **world: Any) -> ReallocationProposal:
        del world
        self.problems.append(problem)
        nothing = propose_nothing(problem)
        return replace(nothing, components=tuple(tuple(moves) for moves in self._proposed))


class FirstComePrices:
    """Prices that make one node dear after a moment."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.version = 1

    def unit(self, node_id: str, sku: str) -> int:
        del sku
        return 50_000_000 if node_id == self.node_id else 0

    def second(self, node_id: str, hour_s: int) -> int:
        del node_id, hour_s
        return 0


def exact() -> Exact:
    return Exact(pricer_of(SETTING), SETTING)


def day_with_open_orders() -> Day:
    """B3's day at the moment at which most orders wait for their picking."""
    day = Day.morning(SETTING, now_s=ORDERS[0].placed_s)
    chooser = exact()
    for order in ORDERS:
        day.now_s = order.placed_s
        day.place(order, chooser.choose(day, order))
        if len(day.open_orders(freeze_s=RULES.freeze_s)) >= 5:
            return day
    raise AssertionError("never were five orders open together")


def test_the_penalty_grows_as_the_picking_comes_nearer() -> None:
    grown = [stay_micro(left_ms) for left_ms in range(2 * STAY_FROM_MS, -1, -600_000)]
    assert grown == sorted(grown)
    assert (grown[0], grown[-1]) == (STAY_FAR_MICRO, STAY_NEAR_MICRO)


def test_the_optimizer_sees_only_orders_that_nobody_picks_and_what_they_may_use() -> None:
    solver = Remembering()
    policy = Online(exact(), (Jointly(solver, RULES, time_limit_ms=100),))
    played = policy.play(SETTING, ORDERS, progress=ignore)
    assert solver.problems
    starts = {d.order_id: min((g.window_start_s for g in d.groups), default=0)
              for d in played.decisions}  # fmt: skip
    placed = {order.order_id: order.placed_s for order in ORDERS}
    for problem in solver.problems:
        now_s = problem.now_ms // 1000
        for order in problem.orders:
            assert starts[order.ask.order_id] > now_s + RULES.freeze_s
            assert placed[order.ask.order_id] <= now_s
            told = [g.node_id for g in order.groups if g.method.value == "PICKUP"]
            assert order.ask.pickup_only_at == (told[0] if told else None)
        assert all(
            limit.units <= SETTING.stock[limit.node_id, limit.sku] for limit in problem.stock
        )
        assert all(limit.window_start_s >= now_s for limit in problem.labor)


def test_the_optimizer_is_told_what_a_move_must_gain_and_what_plans_pay() -> None:
    day = day_with_open_orders()
    dear = day.open_orders(freeze_s=RULES.freeze_s)[0].groups[0].node_id
    for prices in (None, FirstComePrices(dear)):
        solver = Remembering()
        Jointly(solver, RULES, time_limit_ms=100, prices=prices).act(day)
        [problem] = solver.problems
        assert problem.moves_max == RULES.moves_max
        assert problem.is_charged == (prices is not None)
        assert {one.node_id for one in problem.stock_prices} == ({dear} if prices else set())
        for order in problem.orders:
            left_s = day.waiting[order.ask.order_id] - day.now_s
            assert order.stay_micro == stay_micro(1000 * left_s)


def test_a_move_at_a_loss_makes_room_for_the_one_after_it() -> None:
    day = day_with_open_orders()
    shipped = [
        order
        for order in day.open_orders(freeze_s=RULES.freeze_s)
        if len(order.groups) == 1 and order.groups[0].method is Method.SHIP
    ]
    giver = max(shipped, key=lambda order: len(order.lines))
    [hour] = giver.groups
    others = [order for order in shipped if order.groups[0].node_id != hour.node_id]
    taker = min(others, key=lambda order: len(order.lines))
    for line in taker.lines:
        day.stock[hour.node_id, line.sku] = 100
    day.labor[hour.node_id][hour.window_start_s] = 0  # But for what the giver has of it.
    wanted = replace(hour, line_numbers=tuple(line.line_number for line in taker.lines))
    assert not day.move({taker.order_id: (wanted,)})
    takes = domain_groups_of(replace(taker, groups=(wanted,)), SETTING)
    moves = [
        [OrderMove(giver.order_id, (), (), CostBreakdown())],
        [OrderMove(taker.order_id, takes, (), CostBreakdown())],
    ]
    Jointly(Remembering(*moves), RULES, time_limit_ms=100).act(day)
    assert day.plans[giver.order_id].groups == ()
    assert day.plans[taker.order_id].groups == (wanted,)


def test_a_round_without_orders_looks_again_when_prices_are_new() -> None:
    day = day_with_open_orders()
    solver, prices = Remembering(), FirstComePrices("nobody")
    again = Jointly(solver, RULES, time_limit_ms=100, prices=prices)
    again.act(day)
    again.act(day)
    assert len(solver.problems) == 1
    prices.version += 1
    again.act(day)
    assert len(solver.problems) == 2


def test_under_prices_orders_leave_what_is_dear_and_stay_where_they_were_told() -> None:
    day = day_with_open_orders()
    shipped = [
        order
        for order in day.open_orders(freeze_s=RULES.freeze_s)
        if all(group.method is Method.SHIP for group in order.groups)
    ]
    assert shipped, "nobody's order is shipped"
    dear = shipped[0].groups[0].node_id
    before = dict(day.plans)
    Jointly(optimizer(), RULES, time_limit_ms=500, prices=FirstComePrices(dear)).act(day)
    moved = [key for key in before if day.plans[key] != before[key]]
    assert moved
    for key in moved:
        told = {g.node_id for g in before[key].groups if g.method is Method.PICKUP}
        kept = {g.node_id for g in day.plans[key].groups if g.method is Method.PICKUP}
        assert not told or kept <= told
    placed = [order for order in ORDERS if order.order_id in day.plans]
    assert judge(SETTING, placed, day.decisions).violations == ()


def test_a_round_moves_so_many_orders_at_most() -> None:
    free, capped = day_with_open_orders(), day_with_open_orders()
    dear = _busiest(free)
    for day, rules in ((free, RULES), (capped, replace(RULES, moves_max=1))):
        Jointly(optimizer(), rules, time_limit_ms=500, prices=FirstComePrices(dear)).act(day)
    placed = len(capped.plans)
    assert len(capped.decisions) - placed == 1
    assert len(free.decisions) - placed > 1


def _busiest(day: Day) -> str:
    nodes = [g.node_id for order in day.open_orders(freeze_s=RULES.freeze_s) for g in order.groups]
    return max(set(nodes), key=nodes.count)


def test_hindsight_proves_its_bound_without_promises_and_without_their_surcharge() -> None:
    seen: list[tuple[int, bool]] = []

    def solver(problem: ReallocationProblem, **world: Any) -> ReallocationProposal:
        charged = world["policy"].card.promise_broken_micro
        seen.append((charged, any(order.groups for order in problem.orders)))
        return replace(propose_nothing(problem), bound_micro=7)

    played = Hindsight(Online(exact()), solver, 100).play(SETTING, ORDERS, progress=ignore)
    assert seen == [(0, False), (SETTING.policy.card.promise_broken_micro, True)]
    assert played.bound_micro == 7
    verdict = judge(SETTING, ORDERS, played.decisions, at_placing=False)
    assert verdict.violations == ()
    assert {d.order_id for d in played.decisions} == {order.order_id for order in ORDERS}
