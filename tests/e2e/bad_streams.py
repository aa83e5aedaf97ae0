"""Streams that must be refused."""

from typing import Any

from bopis.v1 import catalog_service_pb2 as catalog
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import store_service_pb2 as stores
from tests.e2e import small_town
from tests.e2e.bad_calls import Case


def one_store(**changes: Any) -> stores.ImportStoresRequest:
    store = stores.Store(
        node_id="new",
        kind=stores.Store.KIND_STORE,
        place=small_town.HOME,
        time_zone="Etc/UTC",
        open_minute=480,
        close_minute=1200,
        pick_lines_per_hour=30,
    )
    for name, value in changes.items():
        if name == "latitude":
            store.place.latitude = value
        else:
            setattr(store, name, value)
    return stores.ImportStoresRequest(stores=[store])


def watch_cases() -> list[Case]:
    """Streams."""
    return [
        Case(
            "no node",
            "pick.WatchPickTasks",
            pick.WatchPickTasksRequest(),
            "FIELD_INVALID",
            "node_id",
        ),
        Case(
            "an unknown node",
            "pick.WatchPickTasks",
            pick.WatchPickTasksRequest(node_id="nowhere"),
            "NODE_NOT_FOUND",
        ),
        Case(
            "a token of another's",
            "pick.WatchPickTasks",
            pick.WatchPickTasksRequest(node_id="east", resume_token="1.abc"),
            "TOKEN_INVALID",
        ),
        Case(
            "a store at latitude 91",
            "stores.ImportStores",
            one_store(latitude=91.0),
            "FIELD_INVALID",
            "messages[0].stores[0].place.latitude",
        ),
        Case(
            "a zone on Mars",
            "stores.ImportStores",
            one_store(time_zone="Mars/Base"),
            "FIELD_INVALID",
            "messages[0].stores[0].time_zone",
        ),
        Case(
            "a store that closes first",
            "stores.ImportStores",
            one_store(close_minute=480),
            "FIELD_INVALID",
            "messages[0].stores[0].close_minute",
        ),
        Case(
            "an unknown kind",
            "stores.ImportStores",
            one_store(kind=42),
            "FIELD_INVALID",
            "messages[0].stores[0].kind",
        ),
        Case(
            "no items",
            "catalog.ImportItems",
            catalog.ImportItemsRequest(),
            "FIELD_INVALID",
            "messages[0].items",
        ),
    ]
