"""What a move must gain, and the most orders that move."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from solver import check
from solver.certificate import certificate_of, findings_of
from solver.moves import Change, change_of, components
from solver.paying import that_pay, that_save
from solver.problem import HOUR_S, Closure, Request
from solver.solve import Result, solve
from tests.unit.solver.small_batches import optimum, small_request

SHORT_MS = 1_000


def with_stay(seed: int) -> Request:
    """A batch where each order's move must gain something, of very different size."""
    request = small_request(seed, orders=5)
    dice = random.Random(seed)
    orders = tuple(
        replace(order, stay_micro=dice.choice([0, 500_000, 2_000_000, 50_000_000]))
        for order in request.problem.orders
    )
    return replace(request, problem=replace(request.problem, orders=orders, time_limit_ms=SHORT_MS))


def without_stay(request: Request) -> Request:
    orders = tuple(replace(order, stay_micro=0) for order in request.problem.orders)
    return replace(request, problem=replace(request.problem, orders=orders))


def moved(result: Result) -> set[str]:
    return {move.order_id for component in result.components for move in component}


def stay_of(request: Request, result: Result) -> int:
    ids = moved(result)
    return sum(o.stay_micro for o in request.problem.orders if o.ask.order_id in ids)


def test_moves_gain_more_than_they_must_and_are_nearly_always_the_best_such() -> None:
    found = fewer = 0
    for seed in range(600, 625):
        request = with_stay(seed)
        result = solve(request)
        spent = result.cost_planned_micro + stay_of(request, result)
        assert optimum(request) <= spent <= result.cost_before_micro, seed
        assert result.bound_micro <= optimum(without_stay(request)), seed
        assert not any(finding.problems for finding in findings_of(certificate_of(request, result)))
        found += spent == optimum(request)
        fewer += len(moved(result)) < len(moved(solve(without_stay(request))))
    assert found >= 22
    assert fewer >= 3


@pytest.mark.parametrize("moves_max", [0, 1, 2])
def test_no_more_orders_move_than_may_and_what_moves_gains(moves_max: int) -> None:
    some = 0
    for seed in range(640, 655):
        request = with_stay(seed)
        request = replace(request, problem=replace(request.problem, moves_max=moves_max))
        result = solve(request)
        count = len(moved(result))
        assert count <= moves_max
        gain = result.cost_before_micro - result.cost_planned_micro - stay_of(request, result)
        assert gain > 0 or count == 0
        some += count > 0
        # Applied one after the other, limits hold at every moment.
        plans = {o.ask.order_id: (o.ask, o.plan) for o in request.problem.orders}
        for component in result.components:
            for move in component:
                plans[move.order_id] = plans[move.order_id][0], move.plan
            assert check.limit_problems(request, plans.values()) == []
    assert some >= 5 or moves_max == 0


def test_who_makes_room_at_a_loss_moves_only_with_the_one_it_makes_room_for() -> None:
    # Row 0 is full: order 0 leaves it, and loses 1; order 1 takes it, and gains 5. Order 2 gains 3.
    changes = {
        0: Change(0, {0: -1, 1: 1}, 1),
        1: Change(1, {0: 1}, 1),
        2: Change(2, {2: 1}, 1),
    }
    gains = {0: -1, 1: 5, 2: 3}
    free = [0, 1, 1]

    def chosen(moves_max: int) -> list[list[int]]:
        return that_pay([[0], [2], [1]], changes, gains, free=free, moves_max=moves_max)

    assert chosen(1) == [[2]]
    assert chosen(2) == [[2]]
    assert sorted(chosen(3)) == [[0], [1], [2]]
    assert chosen(3).index([0]) < chosen(3).index([1])
    assert chosen(0) == []


def test_who_is_on_a_day_that_has_become_full_stays_and_who_is_forbidden_leaves() -> None:
    for seed in range(40):
        request = small_request(seed, orders=4)
        request = replace(request, problem=replace(request.problem, time_limit_ms=200))
        kept = {move.order_id for part in solve(request).components for move in part}
        staying = [o for o in request.problem.orders if o.ask.order_id not in kept and o.groups]
        if len(staying) == len(request.problem.orders) and staying:
            break
    group = staying[0].groups[0]
    ready_s = group.ready_by_ms // 1000

    def with_closure(after_s: int) -> Request:
        closure = Closure("rule", group.node_id, None, after_s, ready_s)
        orders = tuple(
            replace(order, ask=replace(order.ask, closed=(closure,)))
            for order in request.problem.orders
        )
        return replace(request, problem=replace(request.problem, orders=orders))

    full = solve(with_closure(ready_s - HOUR_S))
    assert staying[0].ask.order_id not in {m.order_id for part in full.components for m in part}
    assert full.cost_before_micro == solve(request).cost_before_micro
    # A forbidden node counts against the plan in force, whether or not there is a way out.
    assert solve(with_closure(0)).cost_before_micro > full.cost_before_micro


def test_moves_that_together_save_nothing_are_left_out_unless_others_need_their_room() -> None:
    free = [0, 1, 0]
    makes_room = change_of(0, {0: 1}, {1: 1}, lines=1)  # At a loss, for the next one.
    needs_it = change_of(1, {2: 1}, {0: 1}, lines=1)
    swap = [change_of(2, {3: 1}, {4: 1}, lines=1), change_of(3, {4: 1}, {3: 1}, lines=1)]
    changes = {change.order: change for change in (makes_room, needs_it, *swap)}
    moves = [[0], [1], [2, 3]]
    gains = {0: -2, 1: 5, 2: 4, 3: -4}
    made = that_save(moves, changes, gains, free=[*free, 0, 0])
    assert made == [[0], [1]]
    gains[3] = -3
    assert that_save(moves, changes, gains, free=[*free, 0, 0]) == moves


def test_of_random_moves_none_is_left_that_could_stay_undone_and_saves_nothing() -> None:
    dropped = 0
    for seed in range(300):
        dice = random.Random(seed)
        changes: dict[int, Change] = {}
        free = [dice.randrange(3) for _ in range(6)]
        for order in range(8):
            before, after = dice.sample(range(6), 2)
            changes[order] = change_of(order, {before: 1}, {after: 1}, lines=1)
        moves = components(list(changes.values()), free)
        gains = {order: dice.randrange(-3, 6) for order in changes}
        made = that_save(moves, changes, gains, free=free)
        left = Counter(dict(enumerate(free)))
        for act in made:
            for order in act:
                left.subtract(changes[order].net)
            assert min(left.values()) >= 0, seed
        total = sum(gains[order] for act in made for order in act)
        assert total >= sum(gains[order] for act in moves for order in act), seed
        count = sum(len(act) for act in moves) - sum(len(act) for act in made)
        dropped += count
        for act in made if count else ():
            undone = Counter(left)
            for order in act:
                undone.update(changes[order].net)
            if min(undone.values()) >= 0:
                assert sum(gains[order] for order in act) > 0, seed
    assert dropped > 50
