"""Plans that pay for what they take: the optimum by enumeration, and what certificates say."""

import random
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from solver.certificate import certificate_of, findings_of
from solver.problem import LaborPrice, Request, StockPrice
from solver.solve import Result, solve
from tests.unit.solver.small_batches import optimum, small_request, takes_of

Cell = tuple[str, str | int]
SHORT_MS = 1_000


def charged(seed: int) -> tuple[Request, Mapping[Cell, int]]:
    """A batch whose plans are charged for half of the cells and hours, and the prices by cell."""
    request = small_request(seed, orders=5)
    problem, dice = request.problem, random.Random(seed)
    units = tuple(
        StockPrice(row.node_id, row.sku, dice.randrange(6_000_000))
        for row in problem.stock
        if dice.random() < 0.5
    )
    seconds = tuple(
        LaborPrice(row.node_id, row.window_start_s, dice.randrange(40_000))
        for row in problem.labor
        if dice.random() < 0.5
    )
    prices: dict[Cell, int] = {(one.node_id, one.sku): one.price_micro for one in units}
    prices |= {(one.node_id, one.window_start_s): one.price_micro for one in seconds}
    problem = replace(
        problem,
        stock_prices=units,
        labor_prices=seconds,
        is_charged=True,
        time_limit_ms=SHORT_MS,
    )
    return replace(request, problem=problem), prices


def paid_in_all(request: Request, prices: Mapping[Cell, int], result: Result) -> int:
    """Costs and charges of what all orders do in the end, from the plans alone."""
    moved = {move.order_id: move.plan for moves in result.components for move in moves}
    total = 0
    for order in request.problem.orders:
        plan = moved.get(order.ask.order_id, order.plan)
        takes = takes_of(order.ask, plan)
        total += plan.cost.total_micro
        total += sum(prices.get(cell, 0) * amount for cell, amount in takes.items())
    return total


def test_what_plans_are_charged_is_part_of_what_is_optimized_and_proven() -> None:
    found = otherwise = 0
    for seed in range(700, 725):
        request, prices = charged(seed)
        result = solve(request)
        best = optimum(request, prices)
        assert result.bound_micro <= best <= result.cost_planned_micro <= result.cost_before_micro
        assert paid_in_all(request, prices, result) == result.cost_planned_micro, seed
        found += result.cost_planned_micro == best
        free = replace(request, problem=replace(request.problem, is_charged=False))
        otherwise += paid_in_all(request, prices, solve(free)) > result.cost_planned_micro
    assert found >= 22
    assert otherwise >= 8, "charges decided hardly anywhere"


def test_a_certificate_without_its_charges_disagrees() -> None:
    disagreeing = 0
    for seed in range(700, 712):
        request, _ = charged(seed)
        certificate = certificate_of(request, solve(request))
        assert not any(finding.problems for finding in findings_of(certificate)), seed
        free = replace(request, problem=replace(request.problem, is_charged=False))
        planted = replace(certificate, instance=msgspec.msgpack.encode(free))
        names = {finding.name for finding in findings_of(planted) if finding.problems}
        disagreeing += "cost" in names and "bound" in names
    assert disagreeing == 12


def test_prices_beyond_all_costs_are_all_alike() -> None:
    """What nobody could pay is charged in part, by all the same: costs stay within limits."""
    for seed in range(700, 712):
        request, _ = charged(seed)
        orders = tuple(
            replace(
                o, ask=replace(o.ask, lines=tuple(replace(x, quantity=12) for x in o.ask.lines))
            )
            for o in request.problem.orders
        )
        problem = replace(
            request.problem,
            orders=orders,
            stock=tuple(replace(row, units=12 * row.units) for row in request.problem.stock),
            stock_prices=tuple(
                replace(one, price_micro=1 << 40) for one in request.problem.stock_prices
            ),
            labor_prices=tuple(
                replace(one, price_micro=1 << 40) for one in request.problem.labor_prices
            ),
        )
        request = replace(request, problem=problem)
        result = solve(request)
        assert result.cost_planned_micro <= result.cost_before_micro
        certificate = certificate_of(request, result)
        assert not any(finding.problems for finding in findings_of(certificate)), seed
