"""Idempotency, and failures half-way."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bopis.domain.errors import (
    DeadlinePassed,
    NotServing,
    RequestIdReused,
)
from bopis.domain.ids import reservation_id
from bopis.domain.ledger import (
    ActDone,
    Command,
    Commit,
    Hold,
    ReservationLine,
    ReservationState,
)
from bopis.domain.network import Method
from bopis.domain.order import OrderState
from bopis.service import ordering
from bopis.service.acts import Work, drain
from bopis.service.deadline import begin_call
from bopis.service.reconcile import reconcile_unfinished
from bopis.service.sourcing import ask_of, place_and_commit
from bopis.testing.counter import Counter

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


async def test_a_call_whose_deadline_passes_behind_another_one_begins_nothing(
    counter: Counter,
) -> None:
    async def late(order_id: str) -> None:
        begin_call(0.01)
        await counter.create(("apple", 1), order_id=order_id)

    async with counter.shop.deps.locks.hold("late"):
        waiting = asyncio.create_task(late("late"))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
    with pytest.raises(DeadlinePassed):
        await waiting
    orders, _ = await ordering.list_orders(counter.shop.deps)
    assert orders == ()
    assert await counter.shop.store.open_intents() == ()
    await counter.assert_books_agree()


async def test_a_resumption_gives_back_what_attempts_after_a_gap_hold(counter: Counter) -> None:
    # Attempts 1 and 2 filled nothing; 3 was committed when the process died.
    deps, ledger = counter.shop.deps, counter.shop.ledger
    line = ReservationLine("east", 2, sku="apple")
    left = reservation_id("gap", 3)
    await ledger.act(
        [Hold(left, "gap", (line,), 60_000), Commit(left)], request_id=deps.ids.new_uuid()
    )
    order = await counter.create(("apple", 1), order_id="other")
    work = Work(
        deps=deps,
        command=counter.create_command(("apple", 1), order_id="gap"),
        order_id="gap",
        fingerprint="f",
        now_ms=deps.clock.wall_ms(),
        point="create_order",
        resumed=True,
    )
    ask = replace(ask_of(work.deps, order, order.lines, now_ms=work.now_ms), order_id="gap")
    placed = await place_and_commit(work, ask, attempts=0)
    assert placed.reservation_id == reservation_id("gap", 4)
    given_back = await ledger.reservation(left)
    assert given_back is not None
    assert given_back.state is ReservationState.RELEASED
    assert counter.atp("east", "apple") == 8, "one unit for each order"


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
