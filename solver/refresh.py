"""Prices of stock and labor for the orders to come: the ascent alone, over sampled futures.

Each sample is a batch of its own: the open orders with their plans in force, and the orders that
may come, which have none. The prices published are the mean over the samples: of two futures that
are as likely, what a unit is worth is half of what it is worth in either.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from solver import check
from solver.allocation import Allocation
from solver.problem import (
    Ask,
    Cost,
    Item,
    LaborLimit,
    LaborPrice,
    NetworkNode,
    OpenOrder,
    Policy,
    Problem,
    Request,
    StockLimit,
    StockPrice,
)
from solver.rows import rows_of
from solver.solve import Progress, in_force_of

SAMPLES_LEAST: Final = 6
"""Samples that are gone over, if there are as many, however long it takes."""
PASSES_MIN: Final = 12
"""Where nothing is known of the prices, however long it takes."""
NEAR_PASSES_MIN: Final = 5
"""From prices that are nearly right."""
PASSES_MAX: Final = 60
FAR_SOFTNESS: Final = 1.0
"""First softness, as a share of the usual one, where nothing is known of the prices."""
NEAR_SOFTNESS: Final = 0.2
"""The same from the prices of another sample, or of some minutes ago."""
TRIAL_PASSES: Final = 3
"""Passes that show how long one takes."""
SLOWER: Final = 1.5
"""How much longer passes take that know more."""


@dataclass(frozen=True, slots=True)
class PriceProblem:
    """What is to be priced. `samples`: of each, the orders that may come. Prices: to start from."""

    now_ms: int
    orders: tuple[OpenOrder, ...]
    samples: tuple[tuple[Ask, ...], ...]
    stock: tuple[StockLimit, ...]
    labor: tuple[LaborLimit, ...]
    time_limit_ms: int
    stock_prices: tuple[StockPrice, ...] = ()
    labor_prices: tuple[LaborPrice, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceRequest:
    """A problem with the world that it lives in."""

    nodes: tuple[NetworkNode, ...]
    items: tuple[Item, ...]
    policy: Policy
    problem: PriceProblem


@dataclass(frozen=True, slots=True)
class Prices:
    """What is worth more than nothing. `passes`: made over each sample."""

    stock: tuple[StockPrice, ...]
    labor: tuple[LaborPrice, ...]
    passes: tuple[int, ...]
    solve_time_ms: int


def price(request: PriceRequest, *, report: Callable[[Progress], None] = lambda _: None) -> Prices:
    """Prices within about the time limit. Raises ProblemError if the request contradicts itself."""
    problem = request.problem
    began_s = time.monotonic()

    def tell(orders: int) -> None:
        report(Progress("PRICING", orders, 0, 0, int((time.monotonic() - began_s) * 1_000)))

    batches = [
        batch
        for sample in problem.samples or ((),)
        if (batch := problem.orders + tuple(OpenOrder(a, (), (), Cost()) for a in sample))
    ]
    if not batches:
        return Prices((), (), (), 0)
    everybody = _problem(problem, tuple(order for batch in batches for order in batch))
    rows = rows_of(everybody)
    opened = Request(
        request.nodes, request.items, request.policy, _problem(problem, problem.orders)
    )
    in_force = in_force_of(check.World.of(opened), problem.orders, rows)
    known = rows.start_prices(everybody)
    total = [0] * len(known)
    passes: list[int] = []
    limit_s = problem.time_limit_ms / 1_000
    for number, batch in enumerate(batches):
        if number >= SAMPLES_LEAST and time.monotonic() > began_s + limit_s:
            break
        until_s = began_s + limit_s * (number + 1) / len(batches)
        world = Request(request.nodes, request.items, request.policy, _problem(problem, batch))
        plans = [*in_force, *(None for _ in batch[len(in_force) :])]
        allocation = Allocation.of_orders(world, rows, plans)
        passes.append(_ascend(allocation, known, until_s=until_s, tell=partial(tell, len(batch))))
        found = allocation.prices()
        total = [one + other for one, other in zip(total, found, strict=True)]
        if not any(known):
            known = found
    # A sample in which nobody comes counts too: nothing is worth anything in it.
    count = max(1, round(len(problem.samples) * len(passes) / len(batches)))
    mean = [(one + count // 2) // count for one in total]
    return Prices(
        tuple(
            StockPrice(row.node_id, row.sku, micro)
            for row, micro in zip(rows.stock, mean, strict=False)
            if micro > 0
        ),
        tuple(
            LaborPrice(row.node_id, row.window_start_s, micro)
            for row, micro in zip(rows.labor, mean[rows.first_labor :], strict=True)
            if micro > 0
        ),
        tuple(passes),
        int((time.monotonic() - began_s) * 1_000),
    )


def _ascend(
    allocation: Allocation, start: Sequence[int], *, until_s: float, tell: Callable[[], None]
) -> int:
    """Moves prices for so many passes as there is time for, by the first; the passes made."""
    is_near = any(start)
    least = NEAR_PASSES_MIN if is_near else PASSES_MIN
    began_s = time.monotonic()
    softness = NEAR_SOFTNESS if is_near else FAR_SOFTNESS
    ascend = partial(allocation.ascend, start=start, softness=softness, rounds=False)
    ascend(passes=TRIAL_PASSES, go_on=lambda *_: True)
    pass_s = SLOWER * (time.monotonic() - began_s) / TRIAL_PASSES
    planned = int(max(0.0, until_s - time.monotonic()) / max(pass_s, 1e-6))

    def go_on(made: int, _: int) -> bool:
        tell()
        return made < least or time.monotonic() < until_s

    made, _ = ascend(passes=max(least, min(PASSES_MAX, planned)), go_on=go_on)
    return made


def _problem(problem: PriceProblem, orders: Sequence[OpenOrder]) -> Problem:
    return Problem(
        problem.now_ms,
        tuple(orders),
        problem.stock,
        problem.labor,
        problem.time_limit_ms,
        stock_prices=problem.stock_prices,
        labor_prices=problem.labor_prices,
    )
