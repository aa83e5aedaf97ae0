"""Moves: who goes alone, who goes together, and in which order."""

import random

from solver.moves import ACT_LINES_MAX, Change, change_of, components, strong_components


def test_a_change_is_net_by_row() -> None:
    change = change_of(3, {0: 2, 1: 5}, {1: 4, 2: 7}, lines=2)
    assert dict(change.net) == {0: -2, 1: -1, 2: 7}
    assert (change.order, change.lines) == (3, 2)


def test_orders_whose_takes_are_free_move_alone() -> None:
    changes = [Change(0, {0: 1}, 2), Change(1, {1: 1}, 2)]
    assert components(changes, [1, 1]) == [[0], [1]]


def test_a_taker_waits_for_its_releaser() -> None:
    changes = [Change(0, {0: 1, 1: -1}, 2), Change(1, {0: -1, 2: 1}, 2)]
    assert components(changes, [0, 0, 1]) == [[1], [0]]


def test_orders_that_swap_move_together() -> None:
    changes = [Change(0, {0: 1, 1: -1}, 2), Change(1, {0: -1, 1: 1}, 2), Change(2, {2: 1}, 2)]
    assert components(changes, [0, 0, 1]) == [[2], [0, 1]]


def test_a_ring_of_three_is_one_move() -> None:
    ring = [Change(n, {n: -1, (n + 1) % 3: 1}, 2) for n in range(3)]
    assert components(ring, [0, 0, 0]) == [[0, 1, 2]]


def test_a_circle_larger_than_an_act_is_left_out_with_what_waits_for_it() -> None:
    half = ACT_LINES_MAX // 2 + 1
    changes = [
        Change(0, {0: 1, 1: -1, 2: -1}, half),
        Change(1, {0: -1, 1: 1}, half),
        Change(2, {2: 1}, 1),
        Change(3, {3: 1}, 1),
    ]
    assert components(changes, [0, 0, 0, 1]) == [[3]]


def test_of_a_circle_too_large_just_enough_orders_still_move() -> None:
    size = ACT_LINES_MAX // 2
    # 0 and 1 swap; 2 and 3 hang on both rows too, so all four are one circle.
    changes = [
        Change(0, {0: 1, 1: -1}, size),
        Change(1, {0: -1, 1: 1}, size),
        Change(2, {0: 1, 1: -1}, size),
        Change(3, {0: -1, 1: 1}, size),
    ]
    moved = components(changes, [0, 0])
    assert sorted(order for group in moved for order in group) == [0, 1, 2, 3]
    assert all(len(group) == 2 for group in moved)


def test_components_come_releasers_first() -> None:
    graph = {0: {1}, 1: {2}, 2: {1}, 3: {0}}
    found = strong_components(graph)
    assert [sorted(component) for component in found] == [[1, 2], [0], [3]]


def test_random_changes_never_overdraw_a_row_on_the_way() -> None:
    for seed in range(300):
        dice = random.Random(seed)
        rows, orders = dice.randint(1, 5), dice.randint(1, 8)
        free = [dice.randint(0, 2) for _ in range(rows)]
        changes = [
            Change(
                n, {r: dice.choice([-2, -1, 1, 2]) for r in range(rows) if dice.random() < 0.5}, 3
            )
            for n in range(orders)
        ]
        left = list(free)
        seen: set[int] = set()
        for group in components(changes, free):
            for order in group:
                assert order not in seen
                seen.add(order)
                for row, amount in changes[order].net.items():
                    left[row] -= amount
            assert all(units >= 0 for units in left), f"seed {seed}"
        total = [f - sum(c.net.get(r, 0) for c in changes) for r, f in enumerate(free)]
        if all(units >= 0 for units in total):
            assert len(seen) == orders, f"seed {seed}: all fit in the end, so all can move"
