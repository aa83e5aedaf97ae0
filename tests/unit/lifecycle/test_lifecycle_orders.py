import asyncio
from dataclasses import replace

import pytest

from bopis.domain import commands
from bopis.domain.errors import (
    FieldInvalid,
    NotPromisable,
    OrderExists,
    OrderNotFound,
    Overloaded,
    SkuNotFound,
    StaleEtag,
    TokenInvalid,
    WrongState,
)
from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.ids import reservation_id
from bopis.domain.ledger import Hold, Release, ReservationLine, ReservationState
from bopis.domain.network import Method, Place
from bopis.domain.order import OrderState
from bopis.domain.pick_task import PickTaskKind, PickTaskState
from bopis.domain.sourcing import Consent, PlaceAsk, Placement, UnfilledReason
from bopis.service import explaining, ordering, picking
from bopis.service.dependencies import PolicyBoard
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import AT_EAST, PRICE_MICRO, Shop


async def test_an_order_that_was_dropped_is_placed_under_the_next_reservation(
    counter: Counter,
) -> None:
    taken = reservation_id("again", 1)
    await counter.shop.ledger.act(
        [
            Hold(taken, "again", (ReservationLine("east", 1, sku="apple"),), 60_000),
            Release(taken),
        ],
        request_id=request_id(),
    )
    order = await counter.create(("apple", 1), order_id="again")
    assert order.fulfillment_orders[0].reservation_id == reservation_id("again", 2)
    await counter.assert_books_agree()


async def test_a_line_without_a_price_has_the_catalogs(counter: Counter) -> None:
    command = counter.create_command(("apple", 1))
    unpriced = replace(command.lines[0], unit_price_micro=0)
    order = await ordering.create_order(
        counter.shop.deps, replace(command, lines=(unpriced,), currency="")
    )
    assert (order.lines[0].unit_price_micro, order.currency) == (PRICE_MICRO, "USD")


async def test_an_order_is_allocated_committed_and_told_with_its_events(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("candle", 1))
    assert order.state is OrderState.CONFIRMED
    assert [(one.node_id, one.method) for one in order.fulfillment_orders] == [
        ("east", Method.PICKUP),
        ("hub", Method.SHIP),
    ]
    assert order.customer_node_id == "east"
    reserved = order.fulfillment_orders[0].reservation_id
    assert reserved == reservation_id(order.order_id, 1)
    held = await counter.shop.ledger.reservation(reserved)
    assert held is not None
    assert held.state is ReservationState.COMMITTED
    assert counter.atp("east", "apple") == 8
    rows = await counter.shop.store.outbox(100, now_ms=1)
    assert [row.event.type for row in rows] == [
        "order.created",
        "order.allocated",
        "fulfillment.allocated",
        "fulfillment.allocated",
    ]
    await counter.assert_books_agree()


async def test_an_order_that_nobody_can_fill_is_unfilled_with_reasons(counter: Counter) -> None:
    order = await counter.create(("apple", 1_000), ("nothing such", 1))
    assert order.state is OrderState.UNFILLED
    assert [one.reason for one in order.unfilled_lines] == [
        UnfilledReason.NO_STOCK,
        UnfilledReason.UNKNOWN_SKU,
    ]
    await counter.assert_books_agree()


async def test_a_line_with_an_unknown_sku_does_not_keep_the_others(counter: Counter) -> None:
    order = await counter.create(("nothing such", 1), ("apple", 1))
    assert order.state is OrderState.CONFIRMED
    assert [one.line_number for one in order.unfilled_lines] == [1]


async def test_a_policy_may_refuse_unknown_skus(counter: Counter) -> None:
    deps = replace(
        counter.shop.deps,
        board=PolicyBoard(replace(counter.shop.deps.policy, refuse_unknown_skus=True)),
    )
    with pytest.raises(SkuNotFound) as refused:
        await ordering.create_order(deps, counter.create_command(("apple", 1), ("nothing", 1)))
    assert refused.value.field == "lines[1].sku"


async def test_an_all_or_nothing_order_that_cannot_be_filled_leaves_no_trace(
    counter: Counter,
) -> None:
    with pytest.raises(NotPromisable):
        await counter.create(("apple", 1), ("bread", 900), order_id="whole", all_or_nothing=True)
    with pytest.raises(OrderNotFound):
        await counter.order("whole")
    assert await counter.shop.store.open_intents() == ()
    await counter.assert_books_agree()
    order = await counter.create(("apple", 1), order_id="whole", all_or_nothing=True)
    assert order.state is OrderState.CONFIRMED


async def test_a_pickup_order_beyond_reach_is_shipped(counter: Counter) -> None:
    order = await counter.create(("apple", 1), place=Place(45, -80))
    assert order.method is Method.PICKUP
    assert [one.method for one in order.fulfillment_orders] == [Method.SHIP]


async def test_two_lines_of_one_number_are_refused_by_path(counter: Counter) -> None:
    command = counter.create_command(("apple", 1), ("bread", 1))
    twice = replace(command, lines=(command.lines[0], command.lines[0]))
    with pytest.raises(FieldInvalid) as refused:
        await ordering.create_order(counter.shop.deps, twice)
    assert refused.value.field == "lines[1].line_number"


async def test_the_same_order_again_under_another_request_returns_it_as_it_stands(
    counter: Counter,
) -> None:
    first = await counter.create(("apple", 1), order_id="mine")
    assert await counter.create(("apple", 1), order_id="mine") == first
    with pytest.raises(OrderExists):
        await counter.create(("apple", 2), order_id="mine")
    await counter.assert_books_agree()


async def test_two_callers_with_one_order_id_make_one_order(counter: Counter) -> None:
    orders = await asyncio.gather(
        *(counter.create(("apple", 1), order_id="mine") for _ in range(8))
    )
    assert len({order.fulfillment_orders for order in orders}) == 1
    assert counter.atp("east", "apple") == 9
    await counter.assert_books_agree()


async def test_a_commit_after_the_hold_expired_holds_the_same_lines_again(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _expire_after_place(counter.shop, monkeypatch, times=1)
    order = await counter.create(("apple", 2), order_id="slow")
    assert order.state is OrderState.CONFIRMED
    assert order.fulfillment_orders[0].reservation_id == reservation_id("slow", 2)
    await counter.assert_books_agree()


async def test_an_order_whose_expired_units_are_gone_is_sourced_elsewhere(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _expire_after_place(counter.shop, monkeypatch, times=1, steal=True)
    order = await counter.create(("apple", 2), order_id="slow")
    assert [one.node_id for one in order.fulfillment_orders] == ["west"]
    await counter.assert_books_agree()


async def test_an_order_refused_for_lack_of_room_leaves_no_trace_and_its_retry_succeeds(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = counter.shop.deps
    command = counter.create_command(("candle", 1), order_id="later")

    async def overloaded(ask: PlaceAsk) -> Placement:
        raise Overloaded("the queue is full", retry_after_ms=50)

    with monkeypatch.context() as patched:
        patched.setattr(deps.sourcer, "place", overloaded)
        with pytest.raises(Overloaded):
            await ordering.create_order(deps, command)
    with pytest.raises(OrderNotFound):
        await counter.order("later")
    assert await counter.shop.store.open_intents() == ()
    order = await ordering.create_order(deps, command)
    assert order.state is OrderState.CONFIRMED
    await counter.assert_books_agree()


def _expire_after_place(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, *, times: int, steal: bool = False
) -> None:
    """Lets holds expire before their commit; `steal`: somebody else takes the units meanwhile."""
    place = shop.deps.sourcer.place
    left = [times]

    async def slow_place(ask: PlaceAsk) -> Placement:
        placement = await place(ask)
        if left[0] and placement.reservation is not None:
            left[0] -= 1
            shop.clock.advance(ask.hold_ttl_ms + 1)
            if steal:
                for line in placement.reservation.lines:
                    if line.sku is not None:
                        on_hand = shop.ledger.view(line.cell).on_hand
                        shop.ledger._cell(line.cell).on_hand = min(on_hand, line.quantity - 1)
        return placement

    monkeypatch.setattr(shop.deps.sourcer, "place", slow_place)


async def test_orders_page_by_creation_and_by_state(counter: Counter) -> None:
    made = [(await counter.create(("apple", 1))).order_id for _ in range(5)]
    await counter.cancel(made[2])
    deps = counter.shop.deps
    first, token = await ordering.list_orders(deps, page_size=2)
    second, token = await ordering.list_orders(deps, page_size=2, page_token=token)
    third, end = await ordering.list_orders(deps, page_size=2, page_token=token)
    assert [one.order_id for one in (*first, *second, *third)] == made
    assert end == ""
    cancelled, _ = await ordering.list_orders(deps, state=OrderState.CANCELLED)
    assert [one.order_id for one in cancelled] == [made[2]]


@pytest.mark.parametrize("token", ["x", "AAAA", "....", "MTIz\n", "é"])
async def test_a_page_token_that_is_not_ours_is_refused(counter: Counter, token: str) -> None:
    with pytest.raises(TokenInvalid):
        await ordering.list_orders(counter.shop.deps, page_token=token)


async def test_another_tenant_sees_nothing(counter: Counter) -> None:
    order = await counter.create(("apple", 1))
    deps = counter.shop.deps
    with pytest.raises(OrderNotFound):
        await ordering.get_order(deps, order.order_id, tenant="other")
    assert await ordering.list_orders(deps, tenant="other") == ((), "")
    with pytest.raises(OrderNotFound):
        await ordering.cancel_order(
            deps,
            commands.CancelOrder(request_id=request_id(), tenant="other", order_id=order.order_id),
        )


async def test_cancelling_an_untouched_order_gives_all_back_at_once(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("candle", 1))
    cancelled = await counter.cancel(order.order_id)
    assert cancelled.state is OrderState.CANCELLED
    assert counter.atp("east", "apple") == 10
    tasks = [
        await counter.shop.store.pick_task(f"{one.fulfillment_order_id}/pick")
        for one in order.fulfillment_orders
    ]
    assert all(one is not None and one.state is PickTaskState.WITHDRAWN for one in tasks)
    await counter.assert_books_agree()
    with pytest.raises(WrongState):
        await counter.cancel(order.order_id)


async def test_cancelling_picked_goods_gives_them_back_when_they_are_restocked(
    counter: Counter,
) -> None:
    order = await counter.create(("apple", 2), ("bread", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.pick(group_id)
    cancelled = await counter.cancel(order.order_id)
    assert cancelled.fulfillment_orders[0].restock_open
    assert counter.atp("east", "apple") == 8
    await counter.assert_books_agree()

    restock = await counter.shop.store.pick_task(f"{group_id}/restock")
    assert restock is not None
    assert restock.kind is PickTaskKind.RESTOCK
    assert [line.quantity for line in restock.lines] == [2, 1]
    await _restock(counter, group_id)
    after = await counter.order(order.order_id)
    assert after.state is OrderState.CANCELLED
    assert not after.fulfillment_orders[0].restock_open
    assert counter.atp("east", "apple") == 10
    await counter.assert_books_agree()


async def test_cancelling_a_half_picked_group_gives_back_the_rest_at_once(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("bread", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    await picking.confirm_pick(
        counter.shop.deps,
        commands.ConfirmPick(
            request_id=request_id(),
            pick_task_id=f"{group_id}/pick",
            lines=(commands.PickedLine(1, 2),),
        ),
    )
    await counter.cancel(order.order_id)
    assert counter.atp("east", "apple") == 8
    assert counter.atp("east", "bread") == 5
    await counter.assert_books_agree()
    await _restock(counter, group_id)
    await counter.assert_books_agree()


async def test_cancelling_after_one_group_left_completes_the_order(counter: Counter) -> None:
    order = await counter.create(("apple", 1), ("candle", 1))
    hub = order.fulfillment_orders[1].fulfillment_order_id
    await counter.pick(hub)
    await counter.ship(hub)
    after = await counter.cancel(order.order_id)
    assert after.state is OrderState.COMPLETED
    assert [one.state for one in after.fulfillment_orders] == [
        FulfillmentState.CANCELLED,
        FulfillmentState.SHIPPED,
    ]
    await counter.assert_books_agree()


async def test_a_stale_etag_cancels_nothing(counter: Counter) -> None:
    order = await counter.create(("apple", 1))
    command = commands.CancelOrder(
        request_id=request_id(), order_id=order.order_id, etag="no such version"
    )
    with pytest.raises(StaleEtag):
        await ordering.cancel_order(counter.shop.deps, command)
    assert (await counter.order(order.order_id)).state is OrderState.CONFIRMED


async def test_an_explanation_shows_the_plan_in_force_and_the_best_of_now(counter: Counter) -> None:
    order = await counter.create(("apple", 1), ("candle", 1))
    told = await explaining.explain_allocation(counter.shop.deps, order.order_id)
    assert [one.node_id for one in told.chosen.groups] == ["east", "hub"]
    assert told.chosen.cost.total_micro == order.cost.total_micro > 0
    assert told.now is not None
    await counter.claim(order.fulfillment_orders[0].fulfillment_order_id)
    told = await explaining.explain_allocation(counter.shop.deps, order.order_id)
    assert told.now is None


async def test_consent_and_times_default_to_the_policy(counter: Counter) -> None:
    order = await counter.create(("apple", 1), consent=None)
    assert order.consent == counter.shop.deps.policy.consent
    assert order.promise_time_ms == order.create_time_ms + 4 * 3_600_000
    strict = await counter.create(("candle", 1), consent=Consent())
    assert strict.state is OrderState.UNFILLED
    assert strict.place == AT_EAST


async def _restock(counter: Counter, group_id: str) -> None:
    await picking.claim_pick_task(
        counter.shop.deps,
        commands.ClaimPickTask(
            request_id=request_id(), pick_task_id=f"{group_id}/restock", associate_id="bob"
        ),
    )
    await counter.confirm(f"{group_id}/restock")
