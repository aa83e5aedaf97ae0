"""No more late and no more left than there may be, against every combination of plans."""

from collections import Counter
from dataclasses import replace

import pytest

from solver.check import World
from solver.holding import Counts, counts_in_force
from solver.moves import Change
from solver.paying import that_hold
from solver.problem import (
    HOUR_S,
    Ask,
    AskLine,
    LaborLimit,
    OpenOrder,
    Plan,
    Request,
    StockLimit,
    UnfilledLine,
)
from solver.rows import rows_of
from solver.scarcity import start_prices
from solver.solve import Result, solve
from tests.unit.solver import small_batches
from tests.unit.solver.small_batches import (
    POLICY,
    every_plan,
    keeps,
    limits_of,
    small_request,
    takes_of,
)

WORTH_IT = 10**9
"""Micro-units that are spent for one late order less, or one line."""


def tight(seed: int) -> Request:
    request = small_request(seed)
    return replace(request, problem=replace(request.problem, time_limit_ms=100))


def allowed(request: Request, *, late: int | None, left: int | None) -> Request:
    return replace(request, problem=replace(request.problem, late_max=late, unfilled_max=left))


def counted(ask: Ask, plan: Plan) -> Counts:
    late = any(group.ready_by_ms > ask.promise_ms for group in plan.groups)
    done = {number for group in plan.groups for number in group.line_numbers}
    return Counts(int(late), sum(line.line_number not in done for line in ask.lines))


def counts(request: Request, result: Result) -> Counts:
    """Of all plans after the moves."""
    moved = {one.order_id: one.plan for moves in result.components for one in moves}
    orders = request.problem.orders
    of_orders = [counted(one.ask, moved.get(one.ask.order_id, one.plan)) for one in orders]
    return Counts(sum(one.late for one in of_orders), sum(one.unfilled for one in of_orders))


def least(request: Request, *, late: int, left: int) -> int | None:
    """The least cost with so many late and left at most; None: no plans keep to it."""
    plans = []
    for order in request.problem.orders:
        known: dict[tuple[object, ...], int] = {}
        kept = (plan for plan in every_plan(request, order.ask) if keeps(order, plan))
        for plan in [order.plan, *kept]:
            cells = tuple(sorted(takes_of(order.ask, plan).items(), key=str))
            key = (cells, counted(order.ask, plan))
            cost = plan.cost.total_micro
            known[key] = min(known.get(key, cost), cost)
        plans.append([(cost, *key) for key, cost in known.items()])
    best: int | None = None
    room: Counter[object] = Counter(limits_of(request))

    def look(order: int, spent: int, late: int, left: int) -> None:
        nonlocal best
        if late < 0 or left < 0 or (best is not None and spent >= best):
            return
        if order == len(plans):
            best = spent
            return
        for cost, cells, more in sorted(plans[order], key=lambda one: one[0]):
            if all(amount <= room[cell] for cell, amount in cells):
                room.subtract(dict(cells))
                look(order + 1, spent + cost, late - more.late, left - more.unfilled)
                room.update(dict(cells))

    look(0, 0, late, left)
    return best


def test_no_more_are_late_than_there_may_be_wherever_plans_keep_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So cheap that many are late who need not be.
    card = replace(POLICY.card, late_hour_micro=1_000, promise_broken_micro=0)
    monkeypatch.setattr(small_batches, "POLICY", replace(POLICY, card=card))
    tried = dearer = best = 0
    for seed in range(400):
        request = tight(seed)
        free = solve(request)
        late = counts(request, free).late
        if late == 0:
            continue
        left = counts(request, free).unfilled
        known = least(request, late=late - 1, left=left)
        fewer = allowed(request, late=late - 1, left=None)
        result = solve(fewer)
        assert result.bound_micro <= free.cost_planned_micro
        assert counts(request, result).unfilled <= left
        if known is None or known > free.cost_planned_micro + WORTH_IT:
            continue
        tried += 1
        assert counts(request, result).late < late
        assert result.cost_planned_micro >= known
        best += result.cost_planned_micro == known
        dearer += result.cost_planned_micro > free.cost_planned_micro
        again = solve(fewer, record=result.record)
        assert again.components == result.components
        if tried == 12:
            break
    assert tried == 12
    assert best >= 11
    assert dearer >= 4


def test_fewer_lines_are_left_where_that_is_asked_for_though_it_costs_more() -> None:
    # Two units for one line that wants both and is dear to leave, or for two that want one each.
    request = one_node(units=2, lines=((2, 1_000), (1, 200), (1, 200)))
    free = solve(request)
    assert counts(request, free).unfilled == 2
    fewer = allowed(request, late=None, left=1)
    result = solve(fewer)
    assert counts(request, result).unfilled == 1
    assert result.cost_planned_micro == least(request, late=99, left=1)
    assert free.cost_planned_micro == least(request, late=99, left=99)
    assert result.bound_micro == free.bound_micro <= free.cost_planned_micro
    assert solve(fewer, record=result.record).components == result.components


def test_what_nothing_keeps_to_is_kept_as_far_as_it_goes() -> None:
    request = one_node(units=2, lines=((2, 1_000), (1, 200), (1, 200)))
    result = solve(allowed(request, late=0, left=0))
    assert counts(request, result) == Counts(0, 1)


def one_node(*, units: int, lines: tuple[tuple[int, int], ...]) -> Request:
    """Orders of one line each (quantity, unit price) for one SKU that one node has."""
    base = tight(0)
    entry = base.nodes[0]
    ask = base.problem.orders[0].ask
    orders = []
    for number, (quantity, price) in enumerate(lines):
        line = AskLine(1, "a", quantity, price * 1_000_000)
        mine = replace(
            ask,
            order_id=f"order-{number}",
            method="SHIP",
            lines=(line,),
            promise_ms=entry.windows[-1].start_s * 1000 + HOUR_S * 1000,
            all_or_nothing=False,
        )
        cost = nothing_done(base, mine).cost
        orders.append(OpenOrder(mine, (), (UnfilledLine(1, "NO_STOCK"),), cost))
    problem = replace(
        base.problem,
        orders=tuple(orders),
        stock=(StockLimit(entry.node.node_id, "a", units),),
        labor=tuple(
            LaborLimit(entry.node.node_id, window.start_s, HOUR_S) for window in entry.windows
        ),
    )
    return replace(base, nodes=(entry,), problem=problem)


def nothing_done(request: Request, ask: Ask) -> Plan:
    return next(plan for plan in every_plan(request, ask) if not plan.groups)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_allowed_anyway_changes_nothing(seed: int) -> None:
    request = tight(seed)
    free = solve(request)
    late = counts(request, free).late
    same = solve(allowed(request, late=late, left=99), record=free.record)
    assert (same.components, same.bound_micro) == (free.components, free.bound_micro)


def test_moves_that_make_more_late_are_not_made_where_the_others_can_do_without() -> None:
    # The second takes what the third gives back; the first is alone.
    nets = [{0: 1}, {1: 1}, {1: -1, 2: 1}, {3: 1}]
    changes = {order: Change(order, net, 1) for order, net in enumerate(nets)}
    gains = {0: 5, 1: 9, 2: 3, 3: 4}
    more = {0: Counts(1, 0), 1: Counts(0, 0), 2: Counts(1, 0), 3: Counts(0, 1)}
    moves, free = [[0], [2], [1], [3]], [1, 0, 1, 1]

    def held(late: int | None, left: int | None) -> list[int]:
        kept = that_hold(moves, changes, gains, more, free=free, allowed=(late, left))
        return sorted(order for act in kept for order in act)

    assert held(None, None) == held(2, 1) == [0, 1, 2, 3]
    # The third gains least, and the second cannot do without it: the first stays instead.
    assert held(1, None) == held(0, None) == [1, 2, 3]
    assert held(None, 0) == [0, 1, 2]


def test_plans_in_force_are_counted() -> None:
    request = tight(3)
    orders = request.problem.orders
    expected = [counted(one.ask, one.plan) for one in orders]
    assert counts_in_force(orders) == sum(expected, Counts())


def test_what_gains_nothing_is_done_for_the_limit_only_and_what_must_move_moves() -> None:
    changes = {order: Change(order, {order: 1}, 1) for order in range(3)}
    # The first is no longer late at a loss; the others become late and gain.
    gains = {0: -5, 1: 3, 2: 4}
    more = {0: Counts(-1, 0), 1: Counts(1, 0), 2: Counts(1, 0)}

    def held(late: int, *must: int) -> list[int]:
        kept = that_hold(
            [[0], [1], [2]],
            changes,
            gains,
            more,
            free=[1, 1, 1],
            allowed=(late, None),
            must=frozenset(must),
        )
        return sorted(order for act in kept for order in act)

    assert held(2) == [1, 2]
    assert held(1) == [0, 1, 2]
    assert held(0) == [0, 2]
    assert held(-1) == [0]
    assert held(-1, 1) == [0, 1]


@pytest.mark.parametrize("seed", range(12))
def test_plans_in_force_that_keep_to_it_are_never_replaced_by_dearer_ones(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(POLICY.card, late_hour_micro=1_000, promise_broken_micro=0)
    monkeypatch.setattr(small_batches, "POLICY", replace(POLICY, card=card))
    request = tight(seed)
    before = counts_in_force(request.problem.orders)
    result = solve(allowed(request, late=before.late, left=None))
    assert result.cost_planned_micro <= result.cost_before_micro
    assert counts(request, result).late <= before.late


def test_scarce_units_are_worth_what_the_first_line_without_them_costs() -> None:
    request = one_node(units=3, lines=((1, 300), (1, 1_000), (2, 600), (1, 100)))
    world, rows = World.of(request), rows_of(request.problem)
    left = [one.cost.total_micro for one in request.problem.orders]
    done = POLICY.card.pick_line_micro + POLICY.card.ship_package_micro
    # By what a unit costs that is left: 1,000; 600 twice; 300, which gets none of three.
    assert start_prices(world, rows) == [left[0] - done]
    enough = one_node(units=5, lines=((1, 300), (1, 1_000), (2, 600), (1, 100)))
    assert start_prices(World.of(enough), rows_of(enough.problem)) == []
