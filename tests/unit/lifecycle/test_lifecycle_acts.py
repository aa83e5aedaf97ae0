"""Idempotency, failures half-way, re-allocation, the outbox."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bopis.domain import commands
from bopis.domain.errors import (
    NotServing,
    OperationNotFound,
    Overloaded,
    RequestIdReused,
)
from bopis.domain.events import Envelope
from bopis.domain.ledger import ActDone, CapacityWindow, CellKey, Command
from bopis.domain.network import Method
from bopis.domain.order import OrderState
from bopis.domain.pick_task import PickTaskState
from bopis.domain.reallocation import OrderMove, ReallocationProblem, ReallocationProposal
from bopis.domain.records import Operation, OperationStage
from bopis.jobs import relay_outbox
from bopis.service import ordering, reallocation, stores
from bopis.service.acts import drain
from bopis.service.reconcile import reconcile_unfinished
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import MONDAY_10_UTC_MS

HOUR_S = 3_600


async def test_a_create_repeated_gives_the_first_answer_even_after_it_was_cancelled(
    counter: Counter,
) -> None:
    command = counter.create_command(("apple", 1))
    first = await ordering.create_order(counter.shop.deps, command)
    await counter.cancel(first.order_id)
    assert await ordering.create_order(counter.shop.deps, command) == first
    await counter.assert_books_agree()


async def test_a_request_id_with_another_body_is_refused_and_changes_nothing(
    counter: Counter,
) -> None:
    command = counter.create_command(("apple", 1), order_id="one")
    await ordering.create_order(counter.shop.deps, command)
    for other in (
        replace(command, note="different"),
        replace(command, order_id="two"),
        replace(command, all_or_nothing=True),
    ):
        with pytest.raises(RequestIdReused):
            await ordering.create_order(counter.shop.deps, other)
    orders, _ = await ordering.list_orders(counter.shop.deps)
    assert [one.order_id for one in orders] == ["one"]
    assert await counter.shop.store.open_intents() == ()
    await counter.assert_books_agree()


async def test_one_request_id_for_two_orders_at_the_same_time_makes_one_order(
    counter: Counter,
) -> None:
    command = counter.create_command(("apple", 1), order_id="one")
    results = await asyncio.gather(
        ordering.create_order(counter.shop.deps, command),
        ordering.create_order(counter.shop.deps, replace(command, order_id="two")),
        return_exceptions=True,
    )
    refused = [one for one in results if isinstance(one, RequestIdReused)]
    assert len(refused) == 1
    assert len((await ordering.list_orders(counter.shop.deps))[0]) == 1
    await counter.assert_books_agree()


async def test_the_same_request_many_times_at_once_has_one_effect(counter: Counter) -> None:
    command = counter.create_command(("apple", 1))
    orders = await asyncio.gather(
        *(ordering.create_order(counter.shop.deps, command) for _ in range(20))
    )
    assert all(one == orders[0] for one in orders)
    assert counter.atp("east", "apple") == 9
    await counter.assert_books_agree()


async def test_a_caller_that_goes_away_does_not_stop_its_order(counter: Counter) -> None:
    command = counter.create_command(("apple", 1), order_id="alone")
    caller = asyncio.ensure_future(ordering.create_order(counter.shop.deps, command))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await drain(counter.shop.deps)
    assert (await counter.order("alone")).state is OrderState.CONFIRMED
    await counter.assert_books_agree()


def fail_act(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, kinds: Sequence[str], *, after: bool
) -> Callable[[], None]:
    """Lets the ledger fail acts with such commands, before or after their effect."""
    act = counter.shop.ledger.act
    failing = [True]

    async def broken(commands_: Sequence[Command], *, request_id: str) -> ActDone:
        wanted = failing[0] and any(type(one).__name__ in kinds for one in commands_)
        if wanted and not after:
            raise NotServing("the ledger is gone")
        done = await act(commands_, request_id=request_id)
        if wanted:
            raise NotServing("the answer was lost")
        return done

    monkeypatch.setattr(counter.shop.ledger, "act", broken)
    return lambda: failing.__setitem__(0, False)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["Hold", "Commit"])
async def test_a_create_that_failed_half_way_is_finished_by_its_retry(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, kind: str, after: bool
) -> None:
    command = counter.create_command(("apple", 2), order_id="half")
    heal = fail_act(counter, monkeypatch, [kind], after=after)
    for _ in range(2):
        with pytest.raises(NotServing):
            await ordering.create_order(counter.shop.deps, command)
    heal()
    order = await ordering.create_order(counter.shop.deps, command)
    assert order.state is OrderState.CONFIRMED
    assert counter.shop.deps.unfinished == {}
    await counter.assert_books_agree()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_what_failed_half_way_is_finished_before_anything_else_happens_to_the_order(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    order = await counter.create(("candle", 1), method=Method.SHIP)
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.pick(group_id)
    heal = fail_act(counter, monkeypatch, ["Consume"], after=after)
    with pytest.raises(NotServing):
        await counter.ship(group_id)
    heal()
    with pytest.raises(Exception, match="does not apply"):
        await counter.cancel(order.order_id)
    assert (await counter.order(order.order_id)).state is OrderState.COMPLETED
    await counter.assert_books_agree()


async def test_the_reconcile_job_finishes_what_nobody_retries(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await counter.create(("apple", 1))
    heal = fail_act(counter, monkeypatch, ["Release"], after=True)
    with pytest.raises(NotServing):
        await counter.cancel(order.order_id)
    assert (await reconcile_unfinished(counter.shop.deps)).failed == 1
    heal()
    assert (await reconcile_unfinished(counter.shop.deps)).finished == 1
    assert (await counter.order(order.order_id)).state is OrderState.CANCELLED
    assert (await reconcile_unfinished(counter.shop.deps)).finished == 0
    await counter.assert_books_agree()


# Re-allocation.


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
    return await reallocation.wait_operation(deps, begun.operation_id, timeout_s=10)


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


async def test_a_dry_run_moves_nothing(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)
    counter.shop.solver.script = swap
    done = await run_reallocation(counter, dry_run=True)
    assert done.report is not None
    assert done.report.moved_count == 2
    assert (await counter.order("one")).fulfillment_orders[0].node_id == "east"


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


async def test_one_reallocation_runs_at_a_time_and_a_repeat_is_the_first(counter: Counter) -> None:
    deps = counter.shop.deps
    await counter.create(("apple", 1))
    command = commands.Reallocate(request_id=request_id())
    first = await reallocation.begin_reallocation(deps, command)
    with pytest.raises(Overloaded):
        await reallocation.begin_reallocation(deps, replace(command, request_id=request_id()))
    with pytest.raises(RequestIdReused):
        await reallocation.begin_reallocation(deps, replace(command, dry_run=True))
    done = await reallocation.wait_operation(deps, first.operation_id, timeout_s=10)
    assert done.stage is OperationStage.DONE
    assert await reallocation.begin_reallocation(deps, command) == done
    with pytest.raises(OperationNotFound):
        await reallocation.get_operation(deps, request_id())


async def test_a_solver_that_dies_ends_the_operation_with_its_error(counter: Counter) -> None:
    await counter.create(("apple", 1))

    def die(problem: ReallocationProblem) -> ReallocationProposal:
        raise NotServing("the solver died")

    counter.shop.solver.script = die
    done = await run_reallocation(counter)
    assert (done.stage, done.error_reason) == (OperationStage.DONE, "NOT_SERVING")
    counter.shop.solver.script = swap
    assert not counter.shop.deps.operations.running_id


# Labor windows.


async def test_windows_are_opened_for_the_horizon_and_extended_by_the_day(counter: Counter) -> None:
    deps, clock = counter.shop.deps, counter.shop.clock
    far = MONDAY_10_UTC_MS // 1000 + 8 * 86_400
    last = CellKey("east", None, far - HOUR_S)
    assert counter.shop.ledger.view(last).on_hand == 3_600
    assert counter.shop.ledger.view(replace(last, window_start_s=far)).on_hand == 0
    assert await stores.extend_windows(deps) == 0
    clock.advance(86_400_000)
    assert await stores.extend_windows(deps) == 3
    assert await stores.extend_windows(deps) == 0
    assert counter.shop.ledger.view(replace(last, window_start_s=far)).on_hand == 3_600


async def test_a_capacity_that_was_set_survives_another_import_of_the_same_node(
    counter: Counter,
) -> None:
    deps = counter.shop.deps
    start = MONDAY_10_UTC_MS // 1000
    command = commands.SetCapacity(
        request_id=request_id(), node_id="east", windows=(CapacityWindow(start, 60),)
    )
    first = await stores.set_capacity(deps, command)
    assert [(one.seconds, one.available_seconds) for one in first.windows] == [(60, 60)]
    assert await stores.set_capacity(deps, command) == first
    with pytest.raises(RequestIdReused):
        await stores.set_capacity(deps, replace(command, windows=(CapacityWindow(start, 61),)))
    await stores.import_stores(deps, [deps.directory.nodes["east"]])
    assert counter.shop.ledger.view(CellKey("east", None, start)).on_hand == 60
    order = await counter.create(("apple", 1))
    assert order.fulfillment_orders[0].window_start_ms == MONDAY_10_UTC_MS + 3_600_000


async def test_new_hours_close_the_windows_of_the_old_ones(counter: Counter) -> None:
    deps = counter.shop.deps
    start = MONDAY_10_UTC_MS // 1000
    late = replace(deps.directory.nodes["east"], open_minute=12 * 60)
    await stores.import_stores(deps, [late])
    view = counter.shop.ledger.view
    assert view(CellKey("east", None, start)).on_hand == 0
    assert view(CellKey("east", None, start + 2 * HOUR_S)).on_hand == 3_600


# The outbox.


class Consumer:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.failing: set[str] = set()

    async def __call__(self, events: Sequence[Envelope]) -> Sequence[Exception | None]:
        results: list[Exception | None] = []
        for event in events:
            failed = event.type.removeprefix("bopis.v1.") in self.failing
            if not failed:
                self.seen.append((event.subject, event.type.removeprefix("bopis.v1.")))
            results.append(ValueError("poison") if failed else None)
        return results


async def relay_all(counter: Counter) -> None:
    while await relay_outbox.relay(counter.shop.store, counter.shop.bus):
        pass


async def test_events_of_an_order_come_in_order(counter: Counter) -> None:
    consumer = Consumer()
    counter.shop.bus.subscribe("consumer", consumer)
    orders = [(await counter.ready(("apple", 1))).order_id for _ in range(3)]
    await relay_all(counter)
    for order_id in orders:
        assert [kind for one, kind in consumer.seen if one == order_id] == [
            "order.created",
            "order.allocated",
            "fulfillment.allocated",
            "pick.claimed",
            "pick.completed",
            "order.ready",
        ]
    assert await counter.shop.store.outbox(10, now_ms=10**15) == ()


async def test_an_event_that_fails_holds_back_only_its_own_order_and_ends_as_a_dead_letter(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = Consumer()
    consumer.failing = {"order.created"}
    counter.shop.bus.subscribe("consumer", consumer)
    now_ms = [1_000]
    monkeypatch.setattr(relay_outbox, "_real_ms", lambda: now_ms[0])
    await counter.create(("apple", 1), order_id="poisoned")
    await relay_all(counter)
    consumer.failing = set()
    await counter.create(("apple", 1), order_id="well")
    consumer.failing = {"order.created"}
    await relay_all(counter)
    assert consumer.seen == []
    for _ in range(relay_outbox.TRIES_MAX):
        now_ms[0] += 60_000
        await relay_all(counter)
    assert {one for one, _ in consumer.seen} == {"poisoned", "well"}
    assert next(kind for one, kind in consumer.seen if one == "well") == "order.allocated"
    assert await counter.shop.store.outbox(10, now_ms=10**15) == ()


async def test_a_notification_is_sent_once_however_often_its_event_comes(counter: Counter) -> None:
    order = await counter.ready(("apple", 1))
    counter.shop.notifier.failures = 1
    rows = await counter.shop.store.outbox(100, now_ms=10**15)
    assert rows
    await relay_outbox.relay(counter.shop.store, counter.shop.bus)
    failed = await counter.shop.store.outbox(100, now_ms=10**15)
    assert failed
    await counter.shop.store.outbox_done([], failed=[(one.sequence, 0, "") for one in failed])
    await relay_all(counter)
    kinds = [one.kind.value for one in counter.shop.notifier.sent.values()]
    assert kinds == ["CONFIRMED", "READY"]
    assert order.state is OrderState.READY
