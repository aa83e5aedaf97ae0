"""Claiming, picking, staging, shipping, handing over, no-shows."""

from dataclasses import replace

import pytest

from bopis.domain import commands
from bopis.domain.errors import (
    FieldInvalid,
    FulfillmentOrderNotFound,
    LineNotFound,
    NodeNotFound,
    OrderNotFound,
    PickTaskNotFound,
    PickupCodeLocked,
    PickupCodeWrong,
    TaskClaimed,
    WrongNode,
    WrongState,
)
from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.network import Method
from bopis.domain.order import OrderState
from bopis.domain.pick_task import PickTaskState, ShortPickReason
from bopis.service import noshow, picking, pickup, shipping, staging
from bopis.testing.counter import Counter, request_id

R = ShortPickReason


async def test_tasks_come_by_time_left_to_the_promise(counter: Counter) -> None:
    for _ in range(3):
        await counter.create(("apple", 1))
    tasks, end = await picking.list_pick_tasks(counter.shop.deps, "east", page_size=2)
    assert len(tasks) == 2
    more, last = await picking.list_pick_tasks(
        counter.shop.deps, "east", page_size=2, page_token=end
    )
    assert last == ""
    ids = [one.pick_task_id for one in (*tasks, *more)]
    assert len(set(ids)) == 3
    ready = [one.ready_by_ms for one in (*tasks, *more)]
    assert ready == sorted(ready)
    with pytest.raises(NodeNotFound):
        await picking.list_pick_tasks(counter.shop.deps, "nowhere")


async def test_a_task_is_one_associates_at_a_time(counter: Counter) -> None:
    order = await counter.create(("apple", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id, "ann")
    await counter.claim(group_id, "ann")
    with pytest.raises(TaskClaimed) as refused:
        await counter.claim(group_id, "bob")
    assert refused.value.metadata == {"associate_id": "ann"}
    assert (await counter.order(order.order_id)).state is OrderState.IN_FULFILLMENT


@pytest.mark.parametrize("task_id", ["", "x", "x/pick", "x/1/pick", "x/1/restock", "x/1/other"])
async def test_a_task_that_is_not_there_is_not_found(counter: Counter, task_id: str) -> None:
    with pytest.raises(PickTaskNotFound):
        await picking.claim_pick_task(
            counter.shop.deps,
            commands.ClaimPickTask(
                request_id=request_id(), pick_task_id=task_id, associate_id="ann"
            ),
        )


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (((3, 1),), LineNotFound),
        (((1, 1),), FieldInvalid),
        (((1, 3),), FieldInvalid),
        (((1, 2), (1, 2)), FieldInvalid),
    ],
)
async def test_a_wrong_confirmation_changes_nothing(
    counter: Counter, lines: tuple[tuple[int, int], ...], error: type[Exception]
) -> None:
    order = await counter.create(("apple", 2), ("bread", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    before = await counter.order(order.order_id)
    command = commands.ConfirmPick(
        request_id=request_id(),
        pick_task_id=f"{group_id}/pick",
        lines=tuple(commands.PickedLine(*one) for one in lines),
    )
    with pytest.raises(error):
        await picking.confirm_pick(counter.shop.deps, command)
    assert await counter.order(order.order_id) == before


async def test_a_task_is_confirmed_only_after_it_is_claimed(counter: Counter) -> None:
    order = await counter.create(("apple", 1))
    with pytest.raises(WrongState) as refused:
        await counter.confirm(f"{order.fulfillment_orders[0].fulfillment_order_id}/pick")
    assert refused.value.metadata == {"state": "OPEN", "verb": "ConfirmPick"}


async def test_lines_are_confirmed_one_after_the_other(counter: Counter) -> None:
    order = await counter.create(("apple", 2), ("bread", 1))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.claim(group_id)
    for line, quantity, state in ((2, 1, "PICKING"), (1, 2, "PICKED")):
        told = await picking.confirm_pick(
            counter.shop.deps,
            commands.ConfirmPick(
                request_id=request_id(),
                pick_task_id=f"{group_id}/pick",
                lines=(commands.PickedLine(line, quantity),),
            ),
        )
        assert told.fulfillment_order_state.value == state
    assert told.pick_task.state is PickTaskState.DONE


async def test_a_shipment_is_consumed_when_the_carrier_has_it(counter: Counter) -> None:
    order = await counter.create(("candle", 4), method=Method.SHIP)
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    with pytest.raises(WrongState):
        await counter.ship(group_id)
    await counter.pick(group_id)
    with pytest.raises(WrongState):
        await counter.stage(group_id)
    await counter.ship(group_id)
    assert counter.on_hand("hub", "candle") == 46
    after = await counter.order(order.order_id)
    assert after.state is OrderState.COMPLETED
    assert after.fulfillment_orders[0].carrier == "ups"
    await counter.assert_books_agree()


@pytest.mark.parametrize("group_id", ["", "x", "x/1", "x/one"])
async def test_a_fulfillment_order_that_is_not_there_is_not_found(
    counter: Counter, group_id: str
) -> None:
    with pytest.raises(FulfillmentOrderNotFound):
        await counter.stage(group_id)
    with pytest.raises(FulfillmentOrderNotFound):
        await counter.ship(group_id)


async def test_a_ready_order_goes_once_to_who_knows_the_code_at_its_store(
    counter: Counter,
) -> None:
    order = await counter.ready(("apple", 2))
    code = await counter.code_of(order.order_id)
    with pytest.raises(WrongNode):
        await counter.hand_over(order.order_id, "west", code)
    after = await counter.hand_over(order.order_id, "east", code)
    assert after.state is OrderState.COMPLETED
    assert counter.on_hand("east", "apple") == 8
    with pytest.raises(WrongState):
        await counter.hand_over(order.order_id, "east", code)
    await counter.assert_books_agree()


async def test_an_order_that_is_not_ready_is_not_handed_over(counter: Counter) -> None:
    order = await counter.create(("apple", 2))
    with pytest.raises(WrongState):
        await counter.hand_over(order.order_id, "east", "000000")
    await counter.pick(order.fulfillment_orders[0].fulfillment_order_id)
    with pytest.raises(WrongState) as refused:
        await counter.hand_over(order.order_id, "east", "000000")
    assert refused.value.metadata["state"] == "PICKED"
    with pytest.raises(OrderNotFound):
        await counter.hand_over("nobody's", "east", "000000")


async def test_five_wrong_codes_lock_the_pickup(counter: Counter) -> None:
    order = await counter.ready(("apple", 1))
    code = await counter.code_of(order.order_id)
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    command = commands.HandOver(
        request_id=request_id(), order_id=order.order_id, node_id="east", pickup_code=wrong
    )
    for _ in range(3):  # A repeated request costs one try.
        with pytest.raises(PickupCodeWrong) as refused:
            await pickup.hand_over(counter.shop.deps, command)
        assert refused.value.metadata == {"tries_left": "4"}
    for left in (3, 2, 1, 0):
        with pytest.raises(PickupCodeWrong) as refused:
            await counter.hand_over(order.order_id, "east", wrong)
        assert refused.value.metadata == {"tries_left": str(left)}
    for given in (wrong, code):
        with pytest.raises(PickupCodeLocked):
            await counter.hand_over(order.order_id, "east", given)
    assert counter.on_hand("east", "apple") == 10
    await counter.assert_books_agree()


async def test_a_pickup_nobody_comes_for_expires_and_its_goods_go_back(counter: Counter) -> None:
    order = await counter.ready(("apple", 2))
    code = await counter.code_of(order.order_id)
    clock, deps = counter.shop.clock, counter.shop.deps
    clock.advance(deps.policy.pickup_kept_ms - 1)
    assert await noshow.expire_due(deps) == 0
    clock.advance(1)
    assert await noshow.expire_due(deps) == 1
    assert await noshow.expire_due(deps) == 0
    assert (await counter.order(order.order_id)).state is OrderState.EXPIRED
    with pytest.raises(WrongState):
        await counter.hand_over(order.order_id, "east", code)
    assert counter.atp("east", "apple") == 8
    await counter.assert_books_agree()

    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await picking.claim_pick_task(
        deps,
        commands.ClaimPickTask(
            request_id=request_id(), pick_task_id=f"{group_id}/restock", associate_id="bob"
        ),
    )
    await counter.confirm(f"{group_id}/restock")
    after = await counter.order(order.order_id)
    assert after.fulfillment_orders[0].state is FulfillmentState.RESTOCKED
    assert counter.atp("east", "apple") == 10
    await counter.assert_books_agree()


async def test_the_timer_expires_nobody_who_still_has_time(counter: Counter) -> None:
    order = await counter.ready(("apple", 2))
    command = commands.ExpirePickup(
        request_id=request_id(),
        fulfillment_order_id=order.fulfillment_orders[0].fulfillment_order_id,
    )
    with pytest.raises(WrongState):
        await noshow.expire_pickup(counter.shop.deps, command)


async def test_the_verbs_of_every_mutation_repeat_their_first_answer(counter: Counter) -> None:
    deps = counter.shop.deps
    order = await counter.create(("apple", 2))
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    task_id = f"{group_id}/pick"
    claim = commands.ClaimPickTask(
        request_id=request_id(), pick_task_id=task_id, associate_id="ann"
    )
    claimed = await picking.claim_pick_task(deps, claim)
    confirm = commands.ConfirmPick(
        request_id=request_id(), pick_task_id=task_id, lines=(commands.PickedLine(1, 2),)
    )
    confirmed = await picking.confirm_pick(deps, confirm)
    stage = commands.StageOrder(
        request_id=request_id(), fulfillment_order_id=group_id, staging_location="A1"
    )
    staged = await staging.stage_order(deps, stage)
    code = await counter.code_of(order.order_id)
    hand_over = commands.HandOver(
        request_id=request_id(), order_id=order.order_id, node_id="east", pickup_code=code
    )
    handed = await pickup.hand_over(deps, hand_over)
    version = (await counter.order(order.order_id)).version
    assert await picking.claim_pick_task(deps, claim) == claimed
    assert await picking.confirm_pick(deps, confirm) == confirmed
    assert await staging.stage_order(deps, stage) == staged
    assert await pickup.hand_over(deps, hand_over) == handed
    upper = replace(hand_over, request_id=hand_over.request_id.upper())
    assert await pickup.hand_over(deps, upper) == handed
    assert (await counter.order(order.order_id)).version == version
    await counter.assert_books_agree()


async def test_a_shipment_given_twice_is_consumed_once(counter: Counter) -> None:
    order = await counter.create(("candle", 1), method=Method.SHIP)
    group_id = order.fulfillment_orders[0].fulfillment_order_id
    await counter.pick(group_id)
    command = commands.ConfirmShipment(
        request_id=request_id(), fulfillment_order_id=group_id, carrier="ups"
    )
    first = await shipping.confirm_shipment(counter.shop.deps, command)
    assert await shipping.confirm_shipment(counter.shop.deps, command) == first
    assert counter.on_hand("hub", "candle") == 49
