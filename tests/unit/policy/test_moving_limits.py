"""Moves of orders under limits of days and floors of shipping."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bopis.domain.ledger import CellKey
from bopis.domain.network import Method
from bopis.domain.order import BatchMark, Order
from bopis.domain.policy import parse_policy
from bopis.domain.reallocation import OrderMove
from bopis.domain.sourcing import PlannedGroup
from bopis.service.moving import move_orders
from bopis.testing.counter import Counter
from bopis.testing.shop import Shop, default_policy_text, open_shop, stock_shop

GROUP = '[groups.hub]\nnode_ids = ["hub"]\n'


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    opened = await open_shop(tmp_path)
    await stock_shop(opened)
    yield opened
    opened.close()


def under(shop: Shop, rule: str) -> None:
    text = f'{default_policy_text()}{GROUP}[[rules.nodes]]\nname = "r"\ngroup = "hub"\n{rule}\n'
    shop.deps.board.put_live(parse_policy(text))


async def shipped(counter: Counter, quantity: int = 1) -> Order:
    return await counter.create(("bread", quantity), method=Method.SHIP)


def to_hub(order: Order) -> OrderMove:
    group = order.fulfillment_orders[0]
    planned = PlannedGroup(
        "hub",
        Method.SHIP,
        tuple(line.line_number for line in group.lines),
        group.labor,
        group.window_start_ms,
        group.ready_by_ms,
    )
    return OrderMove(order.order_id, (planned,), (), order.cost)


async def move(shop: Shop, order: Order) -> bool:
    return await move_orders(
        shop.deps, [order], [to_hub(order)], batch=BatchMark(order.order_id, 0, 0)
    )


async def test_no_move_exceeds_the_limit_of_a_day(shop: Shop) -> None:
    counter = Counter(shop)
    orders = [await shipped(counter) for _ in range(3)]
    assert {order.fulfillment_orders[0].node_id for order in orders} == {"east"}
    under(shop, "parcels_per_day_max = 2")
    assert [await move(shop, order) for order in orders] == [True, True, False]
    stayed = await shop.store.order(orders[2].order_id)
    assert stayed == orders[2]
    assert len(shop.deps.locks) == 0


async def test_no_move_ships_from_below_the_floor(shop: Shop) -> None:
    counter = Counter(shop)
    orders = [await shipped(counter) for _ in range(2)]
    [atp] = await shop.ledger.read_atp(["hub"], [CellKey("", sku="bread")])
    under(shop, f"ship_floor = {atp - 1}")
    assert [await move(shop, order) for order in orders] == [True, False]


async def test_what_was_moved_is_due_at_its_new_node(shop: Shop) -> None:
    counter = Counter(shop)
    first = await shipped(counter)
    under(shop, "orders_per_day_max = 1")
    assert await move(shop, first)
    [due] = await shop.store.due_groups(0)
    assert (due.node_id, due.count) == ("hub", 1)
