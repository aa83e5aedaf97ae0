"""Re-allocation over a scripted solver."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bopis.domain import commands
from bopis.domain.cost import gap_over
from bopis.domain.errors import (
    NotServing,
    OperationNotFound,
    Overloaded,
    RequestIdReused,
)
from bopis.domain.ledger import CellKey
from bopis.domain.order import BatchMark
from bopis.domain.pick_task import PickTaskState
from bopis.domain.planner import Override, OverrideKind
from bopis.domain.reallocation import OrderMove, ReallocationProblem, ReallocationProposal
from bopis.domain.records import Operation, OperationStage
from bopis.domain.sourcing import Consent
from bopis.server.operations import message_of
from bopis.service import operations, reallocation
from bopis.testing.counter import Counter, request_id
from bopis.v1.allocation_service_pb2 import ReallocateResponse

HOUR_S = 3_600
STAYS_MICRO = 9_000_000_000
"""What an order counts that stays against a planner's pin."""


def swap(problem: ReallocationProblem) -> ReallocationProposal:
    """Two orders change places, one of them without its labor moving."""
    one, two = problem.orders
    moves = (
        OrderMove(
            one.ask.order_id,
            (replace(one.groups[0], node_id=two.groups[0].node_id, labor=two.groups[0].labor),),
            (),
            one.cost,
        ),
        OrderMove(
            two.ask.order_id,
            (replace(two.groups[0], node_id=one.groups[0].node_id, labor=one.groups[0].labor),),
            (),
            two.cost,
        ),
    )
    total = one.cost.total_micro + two.cost.total_micro
    return ReallocationProposal((moves,), total, total, total, 7)


async def run_reallocation(counter: Counter, **more: Any) -> Operation:
    deps = counter.shop.deps
    begun = await reallocation.begin_reallocation(
        deps, commands.Reallocate(request_id=request_id(), **more)
    )
    return await operations.wait_operation(deps, begun.operation_id, timeout_s=10)


async def two_orders_on_the_last_units(counter: Counter) -> tuple[str, str]:
    """Two orders that hold all the bread of both stores, so that they can only swap."""
    counter.shop.ledger._cell(CellKey("west", "bread")).on_hand = 5
    one = await counter.create(("bread", 5), order_id="one")
    two = await counter.create(("bread", 5), order_id="two")
    assert [one.fulfillment_orders[0].node_id, two.fulfillment_orders[0].node_id] == [
        "east",
        "west",
    ]
    return one.order_id, two.order_id


async def test_orders_that_swap_units_move_together(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)
    counter.shop.solver.script = swap
    done = await run_reallocation(counter)
    assert done.report is not None
    assert (done.report.considered_count, done.report.moved_count) == (2, 2)
    assert done.report.race_lost_count == 0
    one, two = await counter.order("one"), await counter.order("two")
    assert one.fulfillment_orders[0].node_id == "west"
    assert two.fulfillment_orders[0].node_id == "east"
    assert one.fulfillment_orders[0].fulfillment_order_id == "one/2"
    total = done.report.bound_micro
    for moved in (one, two):
        assert moved.sourcings[0].batch == BatchMark(done.operation_id, total, total)
    old = await counter.shop.store.pick_task("one/1/pick")
    new = await counter.shop.store.pick_task("one/2/pick")
    assert old is not None
    assert new is not None
    assert (old.state, new.state) == (PickTaskState.WITHDRAWN, PickTaskState.OPEN)
    assert counter.shop.deps.unfinished == {}
    await counter.assert_books_agree()


async def test_the_problem_offers_free_units_and_those_the_orders_hold(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)
    await run_reallocation(counter)
    problem = counter.shop.solver.problems[0]
    units = {(one.node_id, one.sku): one.units for one in problem.stock}
    assert units == {("east", "bread"): 5, ("west", "bread"): 5, ("hub", "bread"): 50}
    first = {one.node_id: one.seconds for one in problem.labor if one.window_start_s == 1780308000}
    assert first == {"east": 3600, "west": 3600, "hub": 3600}


async def test_an_overdue_order_brings_the_windows_that_it_holds_into_the_problem(
    counter: Counter,
) -> None:
    overdue, _ = await two_orders_on_the_last_units(counter)
    held = (await counter.order(overdue)).fulfillment_orders[0]
    counter.shop.clock.advance(30 * HOUR_S * 1_000)
    done = await run_reallocation(counter)
    assert done.report is not None
    assert done.report.considered_count == 2
    limits = {(one.node_id, one.window_start_s) for one in counter.shop.solver.problems[0].labor}
    assert {(held.node_id, share.window_start_s) for share in held.labor} <= limits


async def test_a_dry_run_moves_nothing(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)
    counter.shop.solver.script = swap
    done = await run_reallocation(counter, dry_run=True)
    assert done.report is not None
    assert done.report.moved_count == 2
    assert done.report.cost_after_micro == done.report.cost_before_micro
    assert (await counter.order("one")).fulfillment_orders[0].node_id == "east"


async def test_what_orders_count_that_stay_against_a_planner_is_told_nowhere(
    counter: Counter,
) -> None:
    await two_orders_on_the_last_units(counter)

    def one_stays(problem: ReallocationProblem) -> ReallocationProposal:
        plain = swap(problem)
        dear = plain.cost_planned_micro + STAYS_MICRO
        proven = dear - plain.cost_planned_micro // 10
        return ReallocationProposal(
            plain.components, dear, dear, proven, 7, kept_breach_micro=STAYS_MICRO
        )

    counter.shop.solver.script = one_stays
    for dry_run in (True, False):
        report = (await run_reallocation(counter, dry_run=dry_run)).report
        assert report is not None
        cost = report.cost_after_micro
        assert report.bound_micro == cost - cost // 10
        assert report.gap == gap_over(report.bound_micro, cost)
    for order_id in ("one", "two"):
        batch = (await counter.order(order_id)).sourcings[0].batch
        assert batch is not None
        assert (batch.planned_micro, batch.bound_micro) == (cost, report.bound_micro)
        assert batch.gap == report.gap


@pytest.mark.parametrize(("repriced", "bound"), [(0, 0), (STAYS_MICRO, -5), (5, 0)])
async def test_no_bound_is_told_above_the_cost(counter: Counter, repriced: int, bound: int) -> None:
    await two_orders_on_the_last_units(counter)

    def dearer_by_now(problem: ReallocationProblem) -> ReallocationProposal:
        """The plans in force cost more by the card of now than when they were made."""
        dear = sum(order.cost.total_micro for order in problem.orders) + STAYS_MICRO
        return ReallocationProposal((), dear, dear, dear - 5, 7, repriced_micro=repriced)

    counter.shop.solver.script = dearer_by_now
    report = (await run_reallocation(counter, dry_run=True)).report
    assert report is not None
    cost = report.cost_after_micro
    assert report.bound_micro == (cost + bound if bound else 0)
    assert report.gap == gap_over(report.bound_micro, cost)


async def test_an_order_that_is_being_picked_meanwhile_stays(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)

    def claim_then_swap(problem: ReallocationProblem) -> ReallocationProposal:
        proposal = swap(problem)
        claims.append(asyncio.ensure_future(counter.claim("two/1")))
        return proposal

    claims: list[asyncio.Future[None]] = []
    counter.shop.solver.script = claim_then_swap
    done = await run_reallocation(counter)
    assert done.report is not None
    assert (done.report.moved_count, done.report.race_lost_count) == (0, 2)
    await asyncio.gather(*claims)
    assert (await counter.order("one")).fulfillment_orders[0].node_id == "east"
    await counter.assert_books_agree()


async def test_a_move_whose_units_are_gone_loses_the_race(counter: Counter) -> None:
    await counter.create(("apple", 4), order_id="one")

    def to_west(problem: ReallocationProblem) -> ReallocationProposal:
        counter.shop.ledger._cell(CellKey("west", "apple")).on_hand = 1
        one = problem.orders[0]
        move = OrderMove("one", (replace(one.groups[0], node_id="west"),), (), one.cost)
        return ReallocationProposal(((move,),), 0, 0, 0, 0)

    counter.shop.solver.script = to_west
    done = await run_reallocation(counter)
    assert done.report is not None
    assert (done.report.moved_count, done.report.race_lost_count) == (0, 1)
    assert (await counter.order("one")).fulfillment_orders[0].node_id == "east"
    assert await counter.shop.store.open_intents() == ()
    await counter.assert_books_agree()


async def test_an_order_sourced_again_alone_names_the_reallocation_it_came_from(
    counter: Counter,
) -> None:
    cells = {node: counter.shop.ledger._cell(CellKey(node, "bread")) for node in ("east", "west")}
    for cell in cells.values():
        cell.on_hand = 0
    await counter.create(("bread", 5), order_id="one", consent=Consent(40, ship_home=True))

    def to_west(problem: ReallocationProblem) -> ReallocationProposal:
        cells["east"].on_hand = 5  # Came in meanwhile; there is none at the west.
        one = problem.orders[0]
        move = OrderMove("one", (replace(one.groups[0], node_id="west"),), (), one.cost)
        return ReallocationProposal(((move,),), 0, 0, 0, 0)

    counter.shop.solver.script = to_west
    done = await run_reallocation(counter)
    order = await counter.order("one")
    assert order.fulfillment_orders[0].node_id == "east"
    mark = order.sourcings[0].batch
    assert mark is not None
    assert (mark.operation_id, mark.bound_micro) == (done.operation_id, 0)
    assert done.report is not None
    assert (done.report.moved_count, done.report.race_lost_count) == (1, 1)


async def test_an_override_made_while_the_optimizer_thought_is_kept(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)

    def swap_and_forbid(problem: ReallocationProblem) -> ReallocationProposal:
        board = counter.shop.deps.board
        forbid = Override(
            "o", OverrideKind.FORBID, "ann", "a test", 1, 1, node_id="west", order_id="one"
        )
        board.put_overrides([forbid], now_ms=problem.now_ms)
        return swap(problem)

    counter.shop.solver.script = swap_and_forbid
    done = await run_reallocation(counter)
    assert done.report is not None
    assert done.report.race_lost_count == 2
    assert (await counter.order("one")).fulfillment_orders[0].node_id != "west"
    await counter.assert_books_agree()


async def test_one_reallocation_runs_at_a_time_and_a_repeat_is_the_first(counter: Counter) -> None:
    deps = counter.shop.deps
    await counter.create(("apple", 1))
    command = commands.Reallocate(request_id=request_id())
    first = await reallocation.begin_reallocation(deps, command)
    with pytest.raises(Overloaded):
        await reallocation.begin_reallocation(deps, replace(command, request_id=request_id()))
    with pytest.raises(RequestIdReused):
        await reallocation.begin_reallocation(deps, replace(command, dry_run=True))
    done = await operations.wait_operation(deps, first.operation_id, timeout_s=10)
    assert done.stage is OperationStage.DONE
    assert await reallocation.begin_reallocation(deps, command) == done
    with pytest.raises(OperationNotFound):
        await operations.get_operation(deps, request_id())


async def test_whoever_sees_a_reallocation_done_can_start_the_next(counter: Counter) -> None:
    await counter.create(("apple", 1))
    for _ in range(20):
        done = await run_reallocation(counter, dry_run=True)
        assert done.stage is OperationStage.DONE


async def test_where_the_solver_dies_orders_are_planned_one_by_one(counter: Counter) -> None:
    await counter.create(("apple", 1))

    def die(problem: ReallocationProblem) -> ReallocationProposal:
        raise NotServing("the solver died")

    counter.shop.solver.script = die
    done = await run_reallocation(counter)
    assert done.stage is OperationStage.DONE
    assert done.report is not None
    assert (done.report.considered_count, done.report.step) == (1, "GREEDY")
    assert (done.report.bound_micro, done.report.gap) == (0, 1.0)
    response = ReallocateResponse()
    message_of(counter.shop.deps, done).response.Unpack(response)
    assert (response.step, response.greedy_reason) == ("GREEDY", "the solver died")
    assert not counter.shop.deps.operations.running_id


async def test_a_failure_that_nobody_foresaw_ends_the_operation(counter: Counter) -> None:
    await counter.create(("apple", 1))

    def fail(problem: ReallocationProblem) -> ReallocationProposal:
        raise RuntimeError("a bug")

    counter.shop.solver.script = fail
    done = await run_reallocation(counter)
    assert (done.stage, done.error_reason) == (OperationStage.DONE, "NOT_SERVING")
    assert not counter.shop.deps.operations.running_id


async def test_a_reallocation_cancelled_while_it_solves_moves_nothing(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)
    deps = counter.shop.deps
    counter.shop.solver.script = swap
    counter.shop.solver.go_on = asyncio.Event()
    command = commands.Reallocate(request_id=request_id())
    begun = await reallocation.begin_reallocation(deps, command)
    await counter.shop.solver.began.wait()
    await operations.cancel_operation(deps, begun.operation_id)
    done = await operations.wait_operation(deps, begun.operation_id, timeout_s=10)
    assert (done.stage, done.error_reason) == (OperationStage.DONE, "OPERATION_CANCELLED")
    assert [(await counter.order(one)).version for one in ("one", "two")] == [2, 2]
    # Once it is over there is nothing to cancel, and the next one begins as ever.
    await operations.cancel_operation(deps, begun.operation_id)
    counter.shop.solver.go_on = None
    done = await run_reallocation(counter)
    assert done.report is not None
    assert done.report.moved_count == 2


async def test_operations_are_listed_by_id_in_pages(counter: Counter) -> None:
    await counter.create(("apple", 1))
    names = sorted([(await run_reallocation(counter)).operation_id for _ in range(5)])
    seen: list[str] = []
    token = ""
    while True:
        page, token = await operations.list_operations(
            counter.shop.deps, page_size=2, page_token=token
        )
        assert len(page) <= 2
        seen += [one.operation_id for one in page]
        if not token:
            break
    assert seen == names
