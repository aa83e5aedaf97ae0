"""Prices alone, over sampled futures."""

import io
from dataclasses import replace
from typing import Any

import msgspec

from solver.check import World, cost_of
from solver.problem import (
    Ask,
    AskLine,
    Group,
    Item,
    LaborLimit,
    LaborShare,
    Problem,
    Request,
    StockLimit,
    StockPrice,
)
from solver.refresh import SAMPLES_LEAST, PriceProblem, PriceRequest, Prices, price
from solver.worker import read_frame, run, write_frame
from tests.unit.solver.small_batches import small_request

MONEY = 1_000_000


def futures(*counts: int, units: int = 3, near: int = 0) -> PriceRequest:
    """A world with `units` of one SKU at a node, and plenty at another one; of each sample so many
    orders to be sent from either, for which the first costs less. `near`: price to start from.
    """
    base = small_request(1)
    [first, second, *_] = base.nodes
    nodes = tuple(
        replace(node, node=replace(node.node, kind="WAREHOUSE", pick_lines_per_hour=60))
        for node in (first, second)
    )
    here, there = (node.node for node in nodes)
    shared = next(w.start_s for w in nodes[0].windows if w in nodes[1].windows)
    asks = [
        Ask(
            order_id=f"o{number}",
            method="SHIP",
            place=here.place,
            lines=(AskLine(1, "a", 1, 100 * MONEY),),
            now_ms=base.problem.now_ms,
            promise_ms=base.problem.now_ms + 24 * 3_600_000,
            consent=base.problem.orders[0].ask.consent,
        )
        for number in range(max(counts, default=0))
    ]
    problem = PriceProblem(
        now_ms=base.problem.now_ms,
        orders=(),
        samples=tuple(tuple(asks[:count]) for count in counts),
        stock=(StockLimit(here.node_id, "a", units), StockLimit(there.node_id, "a", 100)),
        labor=tuple(LaborLimit(node.node_id, shared, 100_000) for node in (here, there)),
        time_limit_ms=2_000,
    )
    if near:
        problem = replace(problem, stock_prices=(StockPrice(here.node_id, "a", near),))
    policy = replace(base.policy, lead_time_ms=0)
    return PriceRequest(nodes, (Item("a", 100 * MONEY, 400),), policy, problem)


def way_longer(request: PriceRequest) -> int:
    """What it costs more to send one order from the other node."""
    problem = request.problem
    world = World.of(
        Request(
            request.nodes,
            request.items,
            request.policy,
            Problem(problem.now_ms, (), problem.stock, problem.labor, 1_000),
        )
    )
    ask = max(problem.samples, key=len)[0]
    start = problem.labor[0].window_start_s
    here, there = (
        cost_of(
            world,
            ask,
            [
                Group(
                    node.node.node_id,
                    "SHIP",
                    (1,),
                    (LaborShare(start, 60),),
                    start * 1000,
                    (start + 3600) * 1000,
                )
            ],
        ).total_micro
        for node in request.nodes
    )
    return there - here


def priced(found: Prices) -> dict[str, int]:
    return {one.node_id: one.price_micro for one in found.stock}


def test_what_suffices_for_all_that_may_come_is_worth_nothing() -> None:
    found = price(futures(3, 2))
    assert (found.stock, found.labor) == ((), ())
    assert priced(price(futures(3, 2, near=5 * MONEY))) == {}


def test_the_last_units_are_worth_what_the_next_order_pays_more_elsewhere() -> None:
    request = futures(8)
    found = priced(price(request))
    more = way_longer(request)
    assert more > 0
    [(node_id, micro)] = found.items()
    assert node_id == request.nodes[0].node.node_id
    assert abs(micro - more) <= more // 20


def test_prices_are_the_mean_of_the_futures() -> None:
    request = futures(8, 1)
    [micro] = priced(price(request)).values()
    more = way_longer(request)
    assert abs(micro - more / 2) <= more // 20


def test_futures_in_which_nobody_comes_count_in_the_mean() -> None:
    request = futures(8, 0, 0, 0)
    [micro] = priced(price(request)).values()
    more = way_longer(request)
    assert abs(micro - more / 4) <= more // 40


def test_futures_for_which_there_is_no_time_are_left_out_of_the_mean() -> None:
    request = futures(*[5] * 40)
    short = replace(request, problem=replace(request.problem, time_limit_ms=1))
    found = price(short)
    assert len(found.passes) == SAMPLES_LEAST
    few = replace(request.problem, samples=request.problem.samples[:SAMPLES_LEAST], time_limit_ms=1)
    assert priced(found) == priced(price(replace(request, problem=few)))


def test_no_orders_and_no_futures_have_no_prices() -> None:
    assert price(futures()) == Prices((), (), (), 0)
    assert price(futures(0, 0)) == Prices((), (), (), 0)


def test_the_worker_answers_a_request_for_prices() -> None:
    request = futures(8)
    source, sink = io.BytesIO(), io.BytesIO()
    write_frame(source, {"type": "prices", **msgspec.to_builtins(request)})
    source.seek(0)
    assert run(source, sink) == 0
    sink.seek(0)
    answer: dict[str, Any] = {"type": "progress"}
    while answer["type"] == "progress":
        answer = msgspec.msgpack.decode(read_frame(sink))
    assert answer["type"] == "prices"
    [found] = answer["prices"]["stock"]
    assert (found["node_id"], found["sku"]) == (request.nodes[0].node.node_id, "a")
    assert found["price_micro"] > 0
