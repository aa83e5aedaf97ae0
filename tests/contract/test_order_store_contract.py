"""What every order store must do. Runs over SQLite, and over PostgreSQL where a URL names one."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bopis.adapters.store_sql import SqlOrderStore, open_store
from bopis.adapters.store_sql.migrations import MIGRATIONS
from bopis.domain.cost import CostBreakdown
from bopis.domain.errors import NotServing, OrderExists, RequestIdReused, StaleEtag
from bopis.domain.events import order_event
from bopis.domain.fulfillment import FulfillmentLine, FulfillmentOrder, FulfillmentState
from bopis.domain.ids import RequestKey
from bopis.domain.ledger_events import HoldExpired, LedgerPosition, ledger_event
from bopis.domain.network import Item, Method, Node, NodeKind, Place
from bopis.domain.order import Order, OrderLine, OrderState, Sourcing
from bopis.domain.pick_task import PickTask, PickTaskKind, PickTaskLine, PickTaskState
from bopis.domain.records import (
    Intent,
    LaborHorizon,
    Operation,
    OperationStage,
    OrderWrite,
    PickupCode,
    StoredResponse,
    WriteSet,
)
from bopis.domain.sourcing import Consent

POSTGRES = os.environ.get("BOPIS_TEST_POSTGRES_URL", "")


@pytest_asyncio.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlOrderStore]:
    url = POSTGRES if request.param == "postgresql" else f"sqlite:///{tmp_path / 'orders.db'}"
    opened = open_store(url)
    yield opened
    opened.close()


def order(order_id: str = "o", *, state: OrderState = OrderState.CONFIRMED) -> Order:
    return Order(
        order_id=order_id,
        tenant="default",
        state=state,
        method=Method.PICKUP,
        place=Place(1.5, -2.25, "12345", "NY"),
        lines=(OrderLine(1, "apple", 2, 1_990_000),),
        currency="USD",
        create_time_ms=1,
        promise_time_ms=2,
        consent=Consent(40, ship_home=True),
        body_digest="digest",
        note="é\x00\U0001f600",
        sourcings=(Sourcing(1, "r", CostBreakdown()),),
    )


def group(
    order_id: str, state: FulfillmentState, *, picked: int = 0, expire_ms: int = 0
) -> FulfillmentOrder:
    return FulfillmentOrder(
        f"{order_id}/1",
        order_id,
        "east",
        Method.PICKUP,
        state,
        (FulfillmentLine(1, "apple", 2, picked),),
        (),
        0,
        0,
        "r",
        pickup_expire_ms=expire_ms,
    )


def task(number: int, node_id: str = "east", *, ready_ms: int = 0) -> PickTask:
    return PickTask(
        f"o/{number}/pick",
        f"o/{number}",
        "o",
        node_id,
        PickTaskKind.PICK,
        Method.PICKUP,
        PickTaskState.OPEN,
        (PickTaskLine(1, "apple", 2),),
        ready_ms,
        0,
    )


def key(number: int) -> RequestKey:
    return RequestKey("default", "CreateOrder", f"request-{number}")


def new(one: Order) -> WriteSet:
    return WriteSet(orders=(OrderWrite(one, 0),))


async def test_what_is_written_is_read_again_as_it_was(store: SqlOrderStore) -> None:
    await store.commit(new(order()))
    store._orders.drop("o")
    assert await store.order("o") == order()
    assert await store.order("other") is None


async def test_an_order_is_made_once_and_changed_only_from_its_version(
    store: SqlOrderStore,
) -> None:
    await store.commit(new(order()))
    with pytest.raises(OrderExists):
        await store.commit(new(order()))
    second = replace(order(), version=2, note="second")
    await store.commit(WriteSet(orders=(OrderWrite(second, 1),)))
    with pytest.raises(StaleEtag):
        await store.commit(WriteSet(orders=(OrderWrite(replace(second, note="lost"), 1),)))
    assert await store.order("o") == second


async def test_a_write_set_that_fails_writes_nothing_and_fails_nobody_else(
    store: SqlOrderStore,
) -> None:
    response = StoredResponse(key(1), "f", b"{}", 5)
    await store.commit(WriteSet(response=response))
    bad = replace(
        new(order("bad")),
        pick_tasks=(task(1),),
        events=(order_event("order.created", order_id="bad", version=1, index=0, time_ms=1),),
        response=replace(response, fingerprint="other"),
    )
    results = await asyncio.gather(
        store.commit(new(order("before"))),
        store.commit(bad),
        store.commit(new(order("after"))),
        return_exceptions=True,
    )
    assert [type(one) for one in results] == [tuple, RequestIdReused, tuple]
    assert await store.order("bad") is None
    assert await store.pick_task("o/1/pick") is None
    assert await store.outbox(10, now_ms=10) == ()
    assert await store.order("before") is not None
    assert await store.order("after") is not None
    assert await store.response(key(1)) == response


async def test_an_intent_is_open_until_it_is_closed_and_its_request_is_used_once(
    store: SqlOrderStore,
) -> None:
    intents = [Intent(key(n), f"o{n}", "f", b'{"a":1}', b"null", n) for n in (1, 2)]
    for one in intents:
        await store.commit(WriteSet(open_intent=one))
    assert await store.open_intents() == tuple(intents)
    assert await store.intent(key(1)) == intents[0]
    with pytest.raises(RequestIdReused):
        await store.commit(WriteSet(open_intent=intents[0]))
    response = StoredResponse(key(1), "f", b"{}", 5)
    await store.commit(WriteSet(close_intent=key(1), response=response))
    assert await store.open_intents() == (intents[1],)
    with pytest.raises(RequestIdReused):
        await store.commit(WriteSet(open_intent=intents[0]))


async def test_a_request_that_another_mutation_has_begun_under_is_not_answered(
    store: SqlOrderStore,
) -> None:
    await store.commit(WriteSet(open_intent=Intent(key(1), "one", "f", b"{}", b"null", 1)))
    with pytest.raises(RequestIdReused):
        await store.commit(WriteSet(response=StoredResponse(key(1), "other", b"{}", 2)))
    assert await store.response(key(1)) is None
    answer = StoredResponse(key(1), "f", b"{}", 3)
    await store.commit(WriteSet(close_intent=key(1), response=answer))
    assert await store.response(key(1)) == answer


async def test_a_pending_order_can_be_taken_back_and_no_other(store: SqlOrderStore) -> None:
    await store.commit(new(order("pending", state=OrderState.PENDING)))
    await store.commit(new(order("placed")))
    await store.commit(WriteSet(drop_order="pending"))
    await store.commit(WriteSet(drop_order="placed"))
    store._orders.drop("placed")
    assert await store.order("pending") is None
    assert await store.order("placed") is not None


async def test_answers_are_kept_for_their_time(store: SqlOrderStore) -> None:
    for number in range(5):
        await store.commit(WriteSet(response=StoredResponse(key(number), "f", b"{}", number, True)))
    assert await store.forget_responses(3, 2) == 2
    assert await store.forget_responses(3, 2) == 1
    kept = [await store.response(key(number)) is not None for number in range(5)]
    assert kept == [False, False, False, True, True]


async def test_changes_of_tasks_count_up_per_node(store: SqlOrderStore) -> None:
    first = await store.commit(WriteSet(pick_tasks=(task(1), task(2), task(3, "west"))))
    assert [(one.task.node_id, one.sequence) for one in first] == [
        ("east", 1),
        ("east", 2),
        ("west", 1),
    ]
    done = replace(task(1), state=PickTaskState.DONE)
    await store.commit(WriteSet(pick_tasks=(done,)))
    assert await store.task_sequence("east") == 3
    assert await store.task_sequence("nowhere") == 0
    changes = await store.task_changes("east", after_sequence=0, limit=10)
    assert [(one.sequence, one.task) for one in changes] == [(2, task(2)), (3, done)]
    rest = await store.task_changes("east", after_sequence=2, limit=1)
    assert [one.sequence for one in rest] == [3]


async def test_open_tasks_page_by_promise(store: SqlOrderStore) -> None:
    tasks = tuple(task(number, ready_ms=number // 2) for number in range(5))
    done = replace(task(9), state=PickTaskState.DONE)
    await store.commit(WriteSet(pick_tasks=(*reversed(tasks), done)))
    seen: list[PickTask] = []
    after = ""
    for _ in range(3):
        page, after = await store.open_tasks("east", after=after, limit=2)
        seen += page
    assert tuple(seen) == tasks
    assert after == ""


async def test_goods_off_the_shelf_are_those_picked_and_still_there(store: SqlOrderStore) -> None:
    for order_id, state, picked in (
        ("a", FulfillmentState.ALLOCATED, 0),
        ("b", FulfillmentState.PICKING, 2),
        ("c", FulfillmentState.READY_FOR_PICKUP, 2),
        ("d", FulfillmentState.HANDED_OVER, 2),
        ("e", FulfillmentState.CANCELLED, 2),
    ):
        one = group(order_id, state, picked=picked)
        await store.commit(new(replace(order(order_id), fulfillment_orders=(one,), groups_made=1)))
    back = replace(group("f", FulfillmentState.NO_SHOW, picked=2), restock_open=True)
    await store.commit(new(replace(order("f"), fulfillment_orders=(back,), groups_made=1)))
    assert await store.goods_off_shelf("east", "apple") == 6
    assert await store.goods_off_shelf("east", "bread") == 0
    assert await store.goods_off_shelf("west", "apple") == 0


async def test_pickups_are_due_when_their_time_is_over_and_they_still_wait(
    store: SqlOrderStore,
) -> None:
    waiting = FulfillmentState.READY_FOR_PICKUP
    for order_id, state, expire_ms in (
        ("late", waiting, 20),
        ("early", waiting, 10),
        ("gone", FulfillmentState.HANDED_OVER, 5),
    ):
        one = group(order_id, state, expire_ms=expire_ms)
        await store.commit(new(replace(order(order_id), fulfillment_orders=(one,), groups_made=1)))
    assert await store.due_pickups(9, 10) == ()
    assert await store.due_pickups(20, 10) == ("early/1", "late/1")
    assert await store.due_pickups(20, 1) == ("early/1",)


async def test_groups_an_order_no_longer_has_are_forgotten(store: SqlOrderStore) -> None:
    one = group("o", FulfillmentState.READY_FOR_PICKUP, expire_ms=1)
    first = replace(order(), fulfillment_orders=(one,), groups_made=1)
    await store.commit(new(first))
    store._orders.drop("o")
    moved = replace(first, fulfillment_orders=(), version=2)
    await store.commit(WriteSet(orders=(OrderWrite(moved, 1),)))
    assert await store.due_pickups(10, 10) == ()


async def test_the_ledgers_events_and_its_position_are_written_together(
    store: SqlOrderStore,
) -> None:
    assert await store.ledger_position() is None
    changes = [HoldExpired(7, 70, "r-1"), HoldExpired(8, 80, "r-2")]
    events = [ledger_event(change, "j") for change in changes]
    await store.put_ledger_events(events, position=LedgerPosition("j", 9))
    rows = await store.outbox(10, now_ms=100)
    assert [row.event for row in rows] == [one.event for one in events]
    assert json.loads(rows[0].data) == {"journal_id": "j", "sequence": 7, "reservation_id": "r-1"}
    # The same once more is refused as a whole: neither events nor position change.
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.put_ledger_events(events[:1], position=LedgerPosition("j", 20))
    assert await store.ledger_position() == LedgerPosition("j", 9)
    await store.put_ledger_events([], position=LedgerPosition("j", 30))
    assert await store.ledger_position() == LedgerPosition("j", 30)


async def test_the_outbox_keeps_each_orders_events_in_order(store: SqlOrderStore) -> None:
    for order_id in ("a", "b"):
        events = tuple(
            order_event(kind, order_id=order_id, version=1, index=index, time_ms=7)
            for index, kind in enumerate(("order.created", "order.allocated"))
        )
        await store.commit(replace(new(order(order_id)), events=events))
    rows = await store.outbox(10, now_ms=100)
    assert [(row.event.order_id, row.event.type) for row in rows] == [
        ("a", "order.created"),
        ("a", "order.allocated"),
        ("b", "order.created"),
        ("b", "order.allocated"),
    ]
    assert b'"order_id":"a"' in rows[0].data
    await store.outbox_done([rows[2].sequence], failed=[(rows[0].sequence, 200, "why")])
    assert [row.event.order_id for row in await store.outbox(10, now_ms=100)] == ["b"]
    again = await store.outbox(10, now_ms=200)
    assert [(row.event.order_id, row.tries) for row in again] == [("a", 1), ("a", 0), ("b", 0)]
    await store.outbox_done([], dead=[(again[0].sequence, "poison")])
    assert [row.event.type for row in await store.outbox(10, now_ms=100)] == ["order.allocated"] * 2


async def test_open_allocations_come_by_promise(store: SqlOrderStore) -> None:
    for order_id, promise, state in (
        ("late", 30, OrderState.CONFIRMED),
        ("soon", 10, OrderState.CONFIRMED),
        ("done", 5, OrderState.COMPLETED),
    ):
        await store.commit(new(replace(order(order_id, state=state), promise_time_ms=promise)))
    assert await store.open_allocations(10) == ("soon", "late")
    assert await store.open_allocations(1) == ("soon",)


async def test_network_catalog_codes_and_operations_are_replaced_by_id(
    store: SqlOrderStore,
) -> None:
    node = Node("n", NodeKind.STORE, Place(1, 2), "Etc/UTC", 0, 60, 30)
    await store.put_nodes([replace(node, name="old")])
    await store.put_nodes([node])
    assert await store.nodes() == (node,)
    await store.put_items([Item("b"), Item("a", weight_g=3)])
    assert await store.items() == (Item("a", weight_g=3), Item("b"))
    await store.put_horizons([LaborHorizon("n", "h", 5)])
    await store.put_horizons([LaborHorizon("n", "h", 6)])
    assert await store.horizons() == (LaborHorizon("n", "h", 6),)
    await store.commit(WriteSet(pickup_codes=(PickupCode("o/1", "hash"),)))
    await store.commit(WriteSet(pickup_codes=(PickupCode("o/1", "hash", 2),)))
    assert await store.pickup_code("o/1") == PickupCode("o/1", "hash", 2)
    assert await store.pickup_code("o/2") is None
    operation = Operation("op", "f", OperationStage.SOLVING, 3, 4)
    await store.put_operation(operation)
    assert await store.operation("op") == operation
    assert await store.operation("other") is None
    await store.put_nodes([])


async def test_what_was_committed_is_there_after_it_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    store = open_store(url)
    changes = await store.commit(replace(new(order()), pick_tasks=(task(1), task(2))))
    store.close()
    again = open_store(url)
    assert await again.order("o") == order()
    (after,) = await again.commit(WriteSet(pick_tasks=(task(3),)))
    assert after.sequence == changes[-1].sequence + 1
    again.close()


async def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    open_store(url).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO applied_migrations (number) VALUES (:number)"),
            {"number": len(MIGRATIONS) + 1},
        )
    engine.dispose()
    with pytest.raises(NotServing):
        open_store(url)


async def test_sqlite_flushes_fully_and_lets_readers_be(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'orders.db'}")

    def pragmas(connection: sa.Connection) -> list[object]:
        return [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous")
        ]

    assert await store._writer.run(pragmas) == ["wal", 2]
    store.close()
    with pytest.raises(NotServing):
        await store.commit(WriteSet())
