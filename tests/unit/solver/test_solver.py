"""The batch solve against plain enumeration on small batches."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from solver import check
from solver.columns import Pool, Pricer, current_columns, priced_cost, stock_rows_of
from solver.kernel import Column, Kernel
from solver.master import relax
from solver.problem import LaborLimit, ProblemError, Request, rows_of
from solver.solve import Progress, solve
from tests.unit.solver.small_batches import (
    charged_minimum,
    every_plan,
    keeps,
    limits_of,
    optimum,
    small_request,
    takes_of,
)


@pytest.mark.parametrize("ruled", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_the_kernel_finds_the_cheapest_of_all_plans_under_any_prices(
    seed: int, *, ruled: bool
) -> None:
    request = small_request(seed, ruled=ruled)
    rows = rows_of(request.problem)
    kernel = Kernel(request, rows)
    dice = random.Random(seed)
    for scale in (0, 100, 3_000):
        prices = [dice.randint(0, scale) * 1_000 for _ in rows.stock]
        prices += [dice.randint(0, scale) for _ in rows.labor]
        by_cell: Counter[tuple[str, str | int]] = Counter()
        for row, price in zip((*rows.stock, *rows.labor), prices, strict=True):
            item = row.window_start_s if isinstance(row, LaborLimit) else row.sku
            by_cell[row.node_id, item] = price
        orders = list(range(len(request.problem.orders)))
        for priced in kernel.price(orders, prices=prices):
            ask = request.problem.orders[priced.order].ask
            expected = charged_minimum(request, request.problem.orders[priced.order], by_cell)
            assert priced.exact
            assert priced.lower_bound == priced.priced_cost == expected
            assert priced_cost(priced.column, prices) == expected
            world = check.World.of(request)
            assert check.plan_problems(world, ask, priced.column.plan) == []


@pytest.mark.parametrize("ruled", [False, True])
@pytest.mark.parametrize("seed", range(100, 125))
def test_the_bound_lies_below_the_optimum_and_the_plans_between_it_and_the_cost_before(
    seed: int, *, ruled: bool
) -> None:
    request = small_request(seed, ruled=ruled)
    best = optimum(request)
    result = solve(request)
    assert result.bound_micro <= best <= result.cost_planned_micro <= result.cost_before_micro


def test_the_plans_are_nearly_always_the_best_there_are() -> None:
    found = 0
    for seed in range(200, 225):
        request = small_request(seed, orders=5)
        found += solve(request).cost_planned_micro == optimum(request)
    assert found >= 22


@pytest.mark.parametrize("seed", range(300, 315))
def test_the_lp_over_all_plans_meets_the_proven_bound(seed: int) -> None:
    request = small_request(seed)
    rows = rows_of(request.problem)
    pool = Pool()
    costs = [order.cost.total_micro for order in request.problem.orders]
    current = current_columns(request.problem, rows, costs)
    for column in current:
        pool.add(column)
    limits = limits_of(request)
    for order, entry in enumerate(request.problem.orders):
        for plan in every_plan(request, entry.ask):
            taken = takes_of(entry.ask, plan)
            fits = all(amount <= limits[cell] for cell, amount in taken.items())
            if fits and keeps(entry, plan):
                takes = sorted(rows.takes(entry.ask, plan.groups).items())
                cells, amounts = tuple(r for r, _ in takes), tuple(a for _, a in takes)
                pool.add(Column(order, plan.cost.total_micro, cells, amounts, (), plan))
    numbers = np.array(rows.limits, dtype=np.int64)
    lp = relax(pool, limits=numbers, orders=len(costs), time_limit_s=10)
    assert lp is not None
    pricer = Pricer(
        Kernel(request, rows), rows, Pool(), current, stock_rows_of(request.problem, rows)
    )
    pricer.price([round(float(price)) for price in lp.prices])
    # Prices are rounded to whole micro-units: each row's limit may cost the bound that much.
    assert lp.objective - sum(rows.limits) - 1 <= pricer.bound_micro <= lp.objective + 1
    assert pricer.bound_micro <= optimum(request) + 1


def test_any_prices_give_a_bound_below_the_optimum() -> None:
    for seed in range(400, 410):
        request = small_request(seed)
        rows = rows_of(request.problem)
        costs = [order.cost.total_micro for order in request.problem.orders]
        current = current_columns(request.problem, rows, costs)
        best = optimum(request)
        dice = random.Random(seed)
        for _ in range(5):
            pricer = Pricer(
                Kernel(request, rows), rows, Pool(), current, stock_rows_of(request.problem, rows)
            )
            pricer.price([dice.randint(0, 3_000_000) for _ in rows.limits])
            assert pricer.bound_micro <= best


def test_applying_the_moves_one_after_the_other_keeps_every_limit() -> None:
    moved = 0
    for seed in range(500, 530):
        request = small_request(seed, orders=5)
        result = solve(request)
        plans = {order.ask.order_id: (order.ask, order.plan) for order in request.problem.orders}
        for component in result.components:
            for move in component:
                plans[move.order_id] = (plans[move.order_id][0], move.plan)
                moved += 1
            assert check.limit_problems(request, plans.values()) == []
        world = check.World.of(request)
        total = sum(check.cost_of(world, a, p.groups).total_micro for a, p in plans.values())
        assert total == result.cost_planned_micro
    assert moved > 30


def test_the_same_batch_gives_the_same_result() -> None:
    request = small_request(7, orders=5)
    first, second = solve(request), solve(request)
    assert replace(first, solve_time_ms=0) == replace(second, solve_time_ms=0)


def test_no_orders_are_no_work() -> None:
    request = small_request(1)
    empty = replace(request, problem=replace(request.problem, orders=()))
    assert solve(empty).components == ()


def test_a_plan_in_force_whose_windows_are_past_may_stay() -> None:
    request = small_request(2)
    later = replace(request, problem=replace(request.problem, now_ms=2**42))
    result = solve(later)
    assert result.components == ()
    assert result.bound_micro == result.cost_before_micro


def test_a_batch_that_contradicts_itself_is_refused() -> None:
    request = small_request(3)
    for problem in (
        replace(request.problem, stock=()),
        replace(request.problem, labor=(*request.problem.labor, request.problem.labor[0])),
        replace(request.problem, stock=(replace(request.problem.stock[0], units=-1),)),
    ):
        with pytest.raises(ProblemError):
            solve(replace(request, problem=problem))


def test_progress_names_every_stage_and_never_lowers_the_bound() -> None:
    seen: list[Progress] = []
    request: Request = small_request(11, orders=5)
    solve(request, report=seen.append)
    stages = [progress.stage for progress in seen]
    assert stages[0] == "READING"
    assert {"PRICING", "POOL", "CHECKING"} <= set(stages)
    assert [p.bound_micro for p in seen] == sorted(p.bound_micro for p in seen)
