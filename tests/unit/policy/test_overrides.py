"""Pins and forbids: when they hold, and what they come to in an ask."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bopis.domain import commands
from bopis.domain.errors import OverrideNotFound
from bopis.domain.network import Method
from bopis.domain.order import Order
from bopis.domain.pick_task import ShortPickReason
from bopis.domain.planner import OverrideKind, is_overridden
from bopis.domain.policy import parse_policy
from bopis.domain.sourcing import Ask, AskPin, PlannedGroup, Receipt
from bopis.service import policies, shortpick
from bopis.service.sourcing import ask_of
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import Shop, default_policy_text, open_shop, stock_shop

MINUTE_MS = 60_000


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    opened = await open_shop(tmp_path)
    await stock_shop(opened)
    yield opened
    opened.close()


def asked(shop: Shop, order: Order) -> Ask:
    return ask_of(shop.deps, order, order.lines, now_ms=shop.clock.wall_ms())


def pin(order_id: str, **more: object) -> commands.PinOrder:
    fields: dict[str, object] = {"planner_id": "ann", "why": "asked for", **more}
    return commands.PinOrder(request_id=request_id(), order_id=order_id, **fields)  # type: ignore[arg-type]


def forbid(**more: object) -> commands.ForbidNode:
    fields: dict[str, object] = {"planner_id": "ann", "why": "recall", **more}
    return commands.ForbidNode(request_id=request_id(), **fields)  # type: ignore[arg-type]


async def test_a_later_pin_takes_the_place_of_the_one_before(shop: Shop) -> None:
    order = await Counter(shop).create(("apple", 1))
    first = await policies.pin_order(shop.deps, pin(order.order_id, node_id="west"))
    assert asked(shop, order).pin == AskPin("west", None)
    await policies.pin_order(shop.deps, pin(order.order_id, method=Method.SHIP))
    assert asked(shop, order).pin == AskPin(None, Method.SHIP)
    kept = {one.override_id: one for one in await shop.store.overrides()}
    assert kept[first.override_id].ended_by == "ann"
    assert kept[first.override_id].ended_sequence == 2
    other = await Counter(shop).create(("apple", 1))
    assert asked(shop, other).pin is None


async def test_what_has_come_to_its_end_binds_nobody_and_is_kept(shop: Shop) -> None:
    order = await Counter(shop).create(("apple", 1))
    until_ms = shop.clock.wall_ms() + MINUTE_MS
    await policies.forbid_node(
        shop.deps, forbid(node_id="west", order_id=order.order_id, until_ms=until_ms)
    )
    sku = await policies.forbid_node(
        shop.deps, forbid(node_id="west", sku="apple", until_ms=until_ms)
    )
    [closure] = asked(shop, order).closed
    assert (closure.rule, closure.node_id, closure.method) == ("forbid", "west", None)
    [rule] = shop.deps.policy.rules.items
    assert (rule.sku, rule.nodes.node_ids, rule.until_ms) == ("apple", ("west",), until_ms)
    shop.clock.advance(MINUTE_MS)
    assert asked(shop, order).closed == ()
    listed, _ = await policies.list_overrides(shop.deps)
    assert listed == ()
    await policies.forbid_node(shop.deps, forbid(node_id="east", sku="bread"))
    assert [one.sku for one in shop.deps.policy.rules.items] == ["bread"]
    everything, _ = await policies.list_overrides(shop.deps, with_ended=True)
    assert len(everything) == 3
    with pytest.raises(OverrideNotFound):
        await policies.end_override(
            shop.deps,
            commands.EndOverride(
                request_id=request_id(), override_id=sku.override_id, planner_id="ann"
            ),
        )


async def test_a_decision_says_under_which_policy_and_overrides_it_was_made(shop: Shop) -> None:
    counter = Counter(shop)
    before = await counter.create(("apple", 1))
    await policies.forbid_node(shop.deps, forbid(node_id="hub", sku="candle"))
    after = await counter.create(("apple", 1))
    live = policies.live_version(shop.deps).version
    made = [
        (one.sourcings[0].policy_version, one.sourcings[0].override_sequence)
        for one in (before, after)
    ]
    assert made == [(live, 0), (live, 1)]
    [override] = shop.deps.board.overrides.values()
    assert (override.kind, override.set_sequence) == (OverrideKind.FORBID, 1)


async def test_a_line_short_where_it_is_pinned_may_come_from_elsewhere(shop: Shop) -> None:
    counter = Counter(shop)
    order = await counter.create(("apple", 1))
    group = order.fulfillment_orders[0]
    await policies.pin_order(shop.deps, pin(order.order_id, node_id=group.node_id))
    await counter.claim(group.fulfillment_order_id)
    command = commands.ReportShortPick(
        request_id=request_id(),
        pick_task_id=f"{group.fulfillment_order_id}/pick",
        line_number=1,
        found_quantity=0,
        reason=ShortPickReason.MISMATCH,
    )
    told = await shortpick.report_short_pick(shop.deps, command)
    assert asked(shop, told.order).pin is None
    assert asked(shop, told.order).excluded_node_ids == (group.node_id,)


async def test_tiers_weigh_and_the_first_that_fits_counts(shop: Shop) -> None:
    tiers = (
        '[[tiers]]\nname="big"\npriority=9\nweight_percent=300\nvalue_min=15\n'
        '[[tiers]]\nname="pickups"\npriority=5\nweight_percent=200\nmethod="PICKUP"\n'
    )
    shop.deps.board.put_live(parse_policy(default_policy_text() + tiers))
    counter = Counter(shop)
    weights = [
        asked(shop, await counter.create(("apple", quantity), method=method)).weight_percent
        for quantity, method in ((2, Method.PICKUP), (1, Method.PICKUP), (1, Method.SHIP))
    ]
    assert weights == [300, 200, 100]


async def test_a_plan_is_against_an_override_by_where_it_is_picked_or_collected(
    shop: Shop,
) -> None:
    order = await Counter(shop).create(("apple", 1))
    now_ms = shop.clock.wall_ms()
    at_west = PlannedGroup("west", Method.PICKUP, (1,), (), now_ms, now_ms)
    by_west = replace(at_west, node_id="hub", receipt=Receipt("west", now_ms // 1_000, 60))
    asked_for: list[tuple[commands.PinOrder | commands.ForbidNode, bool, bool]] = [
        (pin(order.order_id, node_id="west"), False, True),
        (pin(order.order_id, node_id="hub"), True, True),
        (pin(order.order_id, method=Method.PICKUP), False, False),
        (pin(order.order_id, method=Method.SHIP), True, True),
        (forbid(order_id=order.order_id, node_id="west"), True, True),
        (forbid(order_id=order.order_id, node_id="hub"), False, True),
        (forbid(order_id="another", node_id="west"), False, False),
        (forbid(sku="apple", node_id="west"), True, False),
        (forbid(sku="bread", node_id="west"), False, False),
    ]
    for command, *expected in asked_for:
        if isinstance(command, commands.PinOrder):
            made = await policies.pin_order(shop.deps, command)
        else:
            made = await policies.forbid_node(shop.deps, command)
        found = [
            is_overridden([made], order, [group], now_ms=now_ms) for group in (at_west, by_west)
        ]
        assert found == expected, command
        ended = replace(made, ended_ms=now_ms)
        assert not is_overridden([ended], order, [at_west, by_west], now_ms=now_ms)
