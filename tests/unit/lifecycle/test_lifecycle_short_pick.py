"""Short picks: what becomes of the stock and of the line."""

import asyncio
from collections.abc import Sequence

import pytest

from bopis.domain import commands
from bopis.domain.errors import (
    FieldInvalid,
    LineNotFound,
    NotServing,
    Overloaded,
    WrongState,
)
from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.ledger import ActDone, CellKey, Command
from bopis.domain.network import Method
from bopis.domain.order import OrderState
from bopis.domain.pick_task import PickTaskState, ShortPickReason
from bopis.domain.records import TaskChange, WriteSet
from bopis.domain.results import ShortPicked
from bopis.domain.sourcing import Consent, UnfilledReason
from bopis.service import shortpick
from bopis.service.reconcile import reconcile_unfinished
from bopis.service.sourcing import ask_of
from bopis.testing.counter import Counter, request_id

R = ShortPickReason


async def short(
    counter: Counter, group_id: str, line: int, found: int, reason: ShortPickReason
) -> ShortPicked:
    return await shortpick.report_short_pick(
        counter.shop.deps,
        commands.ReportShortPick(
            request_id=request_id(),
            pick_task_id=f"{group_id}/pick",
            line_number=line,
            found_quantity=found,
            reason=reason,
        ),
    )


@pytest.mark.parametrize(
    ("reason", "found", "on_hand", "atp"),
    [
        (R.NOT_IN_STOCK, 0, 0, 0),
        (R.NOT_IN_STOCK, 2, 2, 2),
        (R.MISMATCH, 1, 8, 8),
        (R.DAMAGED, 1, 10, 8),
        (R.WORN_DISPLAY, 2, 10, 9),
        (R.WRONG_LOCATION, 0, 10, 10),
    ],
)
async def test_a_short_pick_posts_the_fact_of_its_reason_and_sources_the_line_elsewhere(
    counter: Counter, reason: ShortPickReason, found: int, on_hand: int, atp: int
) -> None:
    order = await counter.create(("apple", 3))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    told = await short(counter, group_id, 1, found, reason)
    assert (counter.on_hand("east", "apple"), counter.atp("east", "apple")) == (on_hand, atp)
    assert told.pick_task.state is PickTaskState.DONE
    old, new = told.order.fulfillment_orders
    assert (old.state, old.lines) == (FulfillmentState.CANCELLED, ())
    assert (new.node_id, new.state) == ("west", FulfillmentState.ALLOCATED)
    assert told.order.state is OrderState.CONFIRMED
    assert counter.shop.ledger.view(CellKey("east", None, old.labor[0].window_start_s)).atp == 3600
    await counter.assert_books_agree()


async def test_not_in_stock_counts_what_others_have_picked_and_not_taken_away(
    counter: Counter,
) -> None:
    staged = await counter.ready(("apple", 2))
    gone = await counter.ready(("apple", 1))
    await counter.hand_over(gone.order_id, "east", await counter.code_of(gone.order_id))
    assert counter.on_hand("east", "apple") == 9
    order = await counter.create(("apple", 3))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    await short(counter, group_id, 1, 1, R.NOT_IN_STOCK)
    assert counter.on_hand("east", "apple") == 3
    assert counter.atp("east", "apple") == 1
    await counter.assert_books_agree()
    await counter.hand_over(staged.order_id, "east", await counter.code_of(staged.order_id))
    assert counter.on_hand("east", "apple") == 1


async def test_not_in_stock_leaves_damaged_units_where_they_are(counter: Counter) -> None:
    for found, reason in ((0, R.DAMAGED), (1, R.NOT_IN_STOCK)):
        order = await counter.create(("apple", 2))
        group_id = order.fulfillment_orders[0].fulfillment_order_id
        await counter.claim(group_id)
        await short(counter, group_id, 1, found, reason)
    assert counter.on_hand("east", "apple") == 3, "two damaged ones and the one that was found"
    assert counter.atp("east", "apple") == 1
    await counter.assert_books_agree()


async def test_not_in_stock_waits_for_goods_that_are_leaving(counter: Counter) -> None:
    # The ledger has the handed-over units gone while the order store still has them staged.
    staged = await counter.ready(("apple", 2))
    order = await counter.create(("apple", 3))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    code = await counter.code_of(staged.order_id)
    store, consumed, go_on = counter.shop.store, asyncio.Event(), asyncio.Event()
    commit = store.commit

    async def slow_result(writes: WriteSet) -> tuple[TaskChange, ...]:
        if writes.response is not None and writes.response.key.rpc == commands.HandOver.rpc:
            consumed.set()
            await go_on.wait()
        return await commit(writes)

    store.commit = slow_result  # type: ignore[method-assign]
    leaving = asyncio.create_task(counter.hand_over(staged.order_id, "east", code))
    await consumed.wait()
    assert counter.on_hand("east", "apple") == 8
    reported = asyncio.create_task(short(counter, group_id, 1, 1, R.NOT_IN_STOCK))
    done, _ = await asyncio.wait({reported}, timeout=0.2)
    go_on.set()
    await asyncio.gather(leaving, reported)
    assert not done, "the report waits for the handover"
    assert counter.on_hand("east", "apple") == 1, "what was found, and nothing staged"
    await counter.assert_books_agree()


async def test_not_in_stock_waits_for_a_handover_that_failed_half_way(counter: Counter) -> None:
    staged = await counter.ready(("apple", 2))
    order = await counter.create(("apple", 3))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    code = await counter.code_of(staged.order_id)
    store = counter.shop.store
    commit = store.commit

    async def no_result(writes: WriteSet) -> tuple[TaskChange, ...]:
        if writes.response is not None and writes.response.key.rpc == commands.HandOver.rpc:
            raise NotServing("the disk is gone for a moment")
        return await commit(writes)

    store.commit = no_result  # type: ignore[method-assign]
    with pytest.raises(NotServing):
        await counter.hand_over(staged.order_id, "east", code)
    assert counter.on_hand("east", "apple") == 8, "consumed, and still staged for the order store"
    store.commit = commit  # type: ignore[method-assign]
    with pytest.raises(Overloaded):
        await short(counter, group_id, 1, 1, R.NOT_IN_STOCK)
    assert (await reconcile_unfinished(counter.shop.deps)).finished == 1
    await short(counter, group_id, 1, 1, R.NOT_IN_STOCK)
    assert counter.on_hand("east", "apple") == 1
    await counter.assert_books_agree()


async def test_a_sale_beside_not_in_stock_is_not_undone(counter: Counter) -> None:
    order = await counter.create(("apple", 3))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    ledger = counter.shop.ledger
    act = ledger.act

    async def sold_first(commands_: Sequence[Command], *, request_id: str) -> ActDone:
        counter.shop.ledger._cell(CellKey("east", "apple")).on_hand -= 1
        ledger.act = act  # type: ignore[method-assign]
        return await act(commands_, request_id=request_id)

    ledger.act = sold_first  # type: ignore[method-assign]
    await short(counter, group_id, 1, 2, R.NOT_IN_STOCK)
    assert counter.on_hand("east", "apple") == 1, "two were found, then one was sold"


async def test_the_rest_of_a_task_goes_on_after_a_short_line(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("bread", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    told = await short(counter, group_id, 1, 0, R.MISMATCH)
    assert told.pick_task.state is PickTaskState.CLAIMED
    east, other = told.order.fulfillment_orders
    assert [line.line_number for line in east.lines] == [2]
    # A pickup waits at east: the other store is out, the line is shipped.
    assert other.method is Method.SHIP
    await counter.confirm(f"{group_id}/pick")
    assert (await counter.order(order.order_id)).fulfillment_orders[0].state is (
        FulfillmentState.PICKED
    )
    await counter.assert_books_agree()


async def test_a_pickup_that_was_collected_binds_the_store_too(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("candle", 1))
    pickup, shipment = order.fulfillment_orders
    assert (pickup.method, shipment.method) == (Method.PICKUP, Method.SHIP)
    await counter.pick(pickup.fulfillment_order_id)
    await counter.stage(pickup.fulfillment_order_id)
    await counter.hand_over(order.order_id, "east", await counter.code_of(order.order_id))
    counter.shop.ledger._cell(CellKey("west", "candle")).on_hand = 5
    await counter.claim(shipment.fulfillment_order_id)
    told = await short(counter, shipment.fulfillment_order_id, 2, 0, R.MISMATCH)
    again = told.order.fulfillment_orders[-1]
    assert (again.node_id, again.method) == ("west", Method.SHIP)


async def test_a_node_where_one_line_was_short_may_still_do_the_others(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("bread", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    told = await short(counter, group_id, 1, 0, R.MISMATCH)
    now_ms = counter.shop.clock.wall_ms()
    deps = counter.shop.deps
    apple, bread = (ask_of(deps, told.order, [line], now_ms=now_ms) for line in told.order.lines)
    assert (apple.excluded_node_ids, bread.excluded_node_ids) == (("east",), ())
    whole = ask_of(deps, told.order, told.order.lines, now_ms=now_ms)
    assert whole.excluded_node_ids == ("east",)


async def test_a_short_line_nobody_else_has_is_picked_once_more_where_sound_units_are_left(
    counter: Counter,
) -> None:
    counter.shop.ledger._cell(CellKey("east", "bread")).on_hand = 12
    order = await counter.create(("bread", 5), consent=Consent())
    first = order.fulfillment_orders[0]
    await counter.claim(first.fulfillment_order_id)
    told = await short(counter, first.fulfillment_order_id, 1, 4, R.DAMAGED)
    again = told.order.fulfillment_orders[-1]
    assert (again.node_id, again.state) == (first.node_id, FulfillmentState.ALLOCATED)
    assert again.fulfillment_order_id != first.fulfillment_order_id
    await counter.claim(again.fulfillment_order_id)
    told = await short(counter, again.fulfillment_order_id, 1, 4, R.DAMAGED)
    assert told.order.state is OrderState.UNFILLED, "twice is enough"
    await counter.assert_books_agree()


async def test_a_short_line_nobody_else_has_leaves_the_order_unfilled(counter: Counter) -> None:
    order = await counter.create(("bread", 5), consent=Consent())
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    told = await short(counter, group_id, 1, 0, R.NOT_IN_STOCK)
    assert told.order.state is OrderState.UNFILLED
    assert told.order.unfilled_lines[0].reason is UnfilledReason.OUT_OF_REACH
    await counter.assert_books_agree()


async def test_a_short_pick_of_a_finished_or_whole_line_is_refused(counter: Counter) -> None:
    order = await counter.create(("apple", 2))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    with pytest.raises(WrongState):
        await short(counter, group_id, 1, 0, R.MISMATCH)
    await counter.claim(group_id)
    with pytest.raises(LineNotFound):
        await short(counter, group_id, 2, 0, R.MISMATCH)
    with pytest.raises(FieldInvalid):
        await short(counter, group_id, 1, 2, R.MISMATCH)
    await counter.confirm(f"{group_id}/pick")
    with pytest.raises(WrongState):
        await short(counter, group_id, 1, 0, R.MISMATCH)
    await counter.assert_books_agree()
