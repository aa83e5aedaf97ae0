"""What the order store keeps of policies, planners' overrides and the groups that are due."""

import json
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from bopis.adapters.store_sql import SqlOrderStore, open_store
from bopis.adapters.store_sql.engines import open_engine
from bopis.adapters.store_sql.migrations import MIGRATIONS
from bopis.domain.day_limits import DueGroups
from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.network import Method
from bopis.domain.order import OrderState
from bopis.domain.planner import Override, OverrideKind, PolicyVersion
from bopis.domain.records import OrderWrite, WriteSet
from tests.contract.test_order_store_contract import group, key, new, order, store

__all__ = ["store"]

VERSION = PolicyVersion("1/base", 1, "text", "base", 5, "ann", "why")
PIN = Override("b", OverrideKind.PIN, "ann", "why", 5, 1, order_id="o", method=Method.SHIP)


async def test_versions_of_the_policy_come_in_their_order(store: SqlOrderStore) -> None:
    second = replace(VERSION, version="1/base+2", number=2, text="é")
    for version in (second, VERSION, second):
        await store.put_policy_version(version)
    assert await store.policy_versions() == (VERSION, second)


async def test_overrides_are_replaced_by_id(store: SqlOrderStore) -> None:
    forbid = Override("a", OverrideKind.FORBID, "bob", "why", 5, 2, node_id="n", sku="s")
    ended = replace(PIN, ended_ms=9, ended_sequence=3, ended_by="bob")
    for override in (PIN, forbid, ended):
        await store.put_override(override)
    assert await store.overrides() == (forbid, ended)


async def test_groups_that_are_due_are_counted_and_cancelled_ones_are_not(
    store: SqlOrderStore,
) -> None:
    states = [FulfillmentState.ALLOCATED, FulfillmentState.SHIPPED, FulfillmentState.CANCELLED]
    for number, state in enumerate(states):
        one = replace(group(f"o{number}", state), ready_by_ms=50, method=Method.SHIP)
        await store.commit(new(replace(order(f"o{number}"), fulfillment_orders=(one,))))
    assert await store.due_groups(49) == (DueGroups("east", Method.SHIP, 50, 2),)
    assert await store.due_groups(50) == ()
    gone = replace(order("o0", state=OrderState.CANCELLED), version=2)
    await store.commit(WriteSet(orders=(OrderWrite(gone, 1),)))
    assert await store.due_groups(0) == (DueGroups("east", Method.SHIP, 50, 1),)


async def test_groups_of_a_database_from_before_are_due_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    opened = open_store(url)
    one = replace(group("o", FulfillmentState.ALLOCATED), ready_by_ms=50)
    await opened.commit(new(replace(order(), fulfillment_orders=(one,))))
    assert await opened.response(key(1)) is None
    opened.close()
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in (
            "DROP INDEX fulfillment_orders_by_ready",
            "ALTER TABLE fulfillment_orders DROP COLUMN method",
            "ALTER TABLE fulfillment_orders DROP COLUMN ready_by_ms",
            "DROP TABLE policy_versions",
            "DROP TABLE overrides",
            "DELETE FROM applied_migrations WHERE number > 2",
        ):
            connection.execute(sa.text(statement))
        raw = connection.execute(sa.text("SELECT document FROM orders")).scalar_one()
        assert json.loads(raw)["fulfillment_orders"][0]["ready_by_ms"] == 50
    engine.dispose()
    again = open_store(url)
    assert len(MIGRATIONS) >= 3
    assert await again.due_groups(0) == (DueGroups("east", one.method, 50, 1),)
    again.close()
