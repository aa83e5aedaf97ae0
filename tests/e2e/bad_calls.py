"""Calls that must be refused: what is wrong, the rpc, the request, the reason, the path."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf.message import Message

from bopis.testing.client import new_uuid
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import catalog_service_pb2 as catalog
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import pickup_service_pb2 as pickup
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores
from tests.e2e.small_town import order_request


@dataclass(frozen=True, slots=True)
class Case:
    """A call that is refused."""

    name: str
    rpc: str
    request: Message
    reason: str
    path: str = ""


def reserve(**changes: Any) -> inventory.ReserveRequest:
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.lines.add(node_id="east", sku="apple", quantity=1)
    for name, value in changes.items():
        if name in {"node_id", "sku", "quantity"}:
            setattr(request.lines[0], name, value)
        elif name == "ttl_s":
            request.ttl.seconds = value
        else:
            setattr(request, name, value)
    return request


def changed(request: Any, change: Callable[[Any], Any]) -> Any:
    change(request)
    return request


def set_place(name: str, degrees: float) -> orders.CreateOrderRequest:
    request = order_request()
    setattr(request.place, name, degrees)
    return request


def negative_price() -> orders.CreateOrderRequest:
    request = order_request()
    request.lines[0].unit_price.units = -1
    return request


def many_lines(count: int) -> inventory.ReserveRequest:
    request = reserve()
    request.lines.extend([request.lines[0]] * (count - 1))
    return request


def many_order_lines(count: int) -> orders.CreateOrderRequest:
    request = order_request()
    request.lines.extend([request.lines[0]] * (count - 1))
    return request


def dear_order() -> orders.CreateOrderRequest:
    request = order_request(quantity=1_000_000)
    request.lines[0].unit_price.units = 10_000_000
    return request


def dear_at_the_catalogs_price() -> orders.CreateOrderRequest:
    request = order_request(quantity=1_000_000)
    request.lines[0].ClearField("unit_price")
    for number in range(2, 200):
        request.lines.add(line_number=number, sku="apple", quantity=1_000_000)
    return request


def in_euro(*, units: int = 10) -> orders.CreateOrderRequest:
    request = order_request()
    price = request.lines[0].unit_price
    price.currency_code, price.units = "EUR", units
    return request


def an_item_in_euro() -> catalog.ImportItemsRequest:
    request = catalog.ImportItemsRequest()
    price = request.items.add(sku="import").unit_price
    price.currency_code, price.units = "EUR", 3
    return request


def two_currencies() -> orders.CreateOrderRequest:
    request = order_request()
    line = request.lines.add(line_number=2, sku="bread", quantity=1)
    line.unit_price.currency_code = "EUR"
    return request


def capacity(start_s: int, *, node_id: str = "east", nanos: int = 0) -> stores.SetCapacityRequest:
    request = stores.SetCapacityRequest(request_id=new_uuid(), node_id=node_id)
    window = request.windows.add(labor_seconds=60)
    window.start_time.seconds, window.start_time.nanos = start_s, nanos
    return request


def field_cases() -> list[Case]:
    """Broken field rules, natively answered and passed on."""
    native = "inventory.Reserve"
    passed = "orders.CreateOrder"
    order = order_request
    rows: list[tuple[str, str, Message, str]] = [
        ("no request_id", native, reserve(request_id=""), "request_id"),
        ("a request_id of 10 kB", native, reserve(request_id="x" * 10_000), "request_id"),
        ("a quantity of 0", native, reserve(quantity=0), "lines[0].quantity"),
        ("a quantity of -1", native, reserve(quantity=-1), "lines[0].quantity"),
        ("a quantity of 2^63-1", native, reserve(quantity=2**63 - 1), "lines[0].quantity"),
        ("100,000 lines", native, many_lines(100_000), "lines"),
        ("a negative ttl", native, reserve(ttl_s=-1), "ttl"),
        ("a ttl of a year", native, reserve(ttl_s=31_536_000), "ttl"),
        ("an empty id", native, reserve(node_id=""), "lines[0].node_id"),
        ("an id with NUL", native, reserve(node_id="a\0b"), "lines[0].node_id"),
        ("an overlong id", native, reserve(sku="a" * 65), "lines[0].sku"),
        ("a look-alike id", native, reserve(sku="\u0430pple"), "lines[0].sku"),
        ("no lines", native, changed(reserve(), lambda r: r.ClearField("lines")), "lines"),
        (
            "an unset oneof",
            native,
            changed(reserve(), lambda r: r.lines[0].ClearField("sku")),
            "lines[0].item",
        ),
        (
            "an unknown enum",
            "stock.AdjustStock",
            stock.AdjustStockRequest(
                request_id=new_uuid(), node_id="east", sku="apple", on_hand_delta=1, reason=99
            ),
            "reason",
        ),
        (
            "no ttl",
            "inventory.ExtendReservation",
            inventory.ExtendReservationRequest(
                request_id=new_uuid(), reservation_id=str(uuid.UUID(int=1))
            ),
            "ttl",
        ),
        (
            "no request_id",
            passed,
            changed(order(), lambda r: r.ClearField("request_id")),
            "request_id",
        ),
        ("an order_id with a space", passed, order(" x"), "order_id"),
        ("a quantity of 0", passed, order(quantity=0), "lines[0].quantity"),
        ("a quantity of 2^63-1", passed, order(quantity=2**63 - 1), "lines[0].quantity"),
        ("100,000 lines", passed, many_order_lines(100_000), "lines"),
        ("an unknown enum", passed, order(method=77), "method"),  # type: ignore[arg-type]
        ("latitude NaN", passed, set_place("latitude", nan), "place.latitude"),
        ("latitude 91", passed, set_place("latitude", 91), "place.latitude"),
        ("longitude inf", passed, set_place("longitude", inf), "place.longitude"),
        ("no place", passed, changed(order(), lambda r: r.ClearField("place")), "place"),
        ("a line number twice", passed, many_order_lines(2), "lines[1].line_number"),
        ("another currency", passed, in_euro(), "lines[0].unit_price.currency_code"),
        ("nothing, in another", passed, in_euro(units=0), "lines[0].unit_price.currency_code"),
        (
            "another currency",
            "catalog.ImportItems",
            an_item_in_euro(),
            "items[0].unit_price.currency_code",
        ),
        ("two currencies", passed, two_currencies(), "lines[1].unit_price.currency_code"),
        ("a negative price", passed, negative_price(), "lines[0].unit_price"),
        (
            "a window off the hour",
            "stores.SetCapacity",
            capacity(1_780_308_001),
            "windows[0].start_time",
        ),
        (
            "a window in year 9999",
            "stores.SetCapacity",
            capacity(253_402_297_200),
            "windows[0].start_time",
        ),
        (
            "a window in year 0",
            "stores.SetCapacity",
            capacity(-62_135_600_400),
            "windows[0].start_time",
        ),
        ("a window past", "stores.SetCapacity", capacity(3_600), "windows[0].start_time"),
    ]
    return [Case(name, rpc, request, "FIELD_INVALID", path) for name, rpc, request, path in rows]


def other_cases() -> list[Case]:
    """Everything that is not a field rule."""
    ghost = str(uuid.UUID(int=1))
    card = changed(order_request(), lambda r: setattr(r, "note", "pay 4111 1111 1111 1111"))
    rows: list[tuple[str, str, Message, str, str]] = [
        ("a card number", "orders.CreateOrder", card, "CARD_NUMBER_REFUSED", "note"),
        (
            "a value that overflows",
            "orders.CreateOrder",
            dear_order(),
            "QUANTITY_OUT_OF_RANGE",
            "lines",
        ),
        (
            "a value that overflows at the catalog's price",
            "orders.CreateOrder",
            dear_at_the_catalogs_price(),
            "QUANTITY_OUT_OF_RANGE",
            "lines",
        ),
        ("an unknown node", "inventory.Reserve", reserve(node_id="nowhere"), "NODE_NOT_FOUND", ""),
        ("an unknown SKU", "inventory.Reserve", reserve(sku="nothing"), "SKU_NOT_FOUND", ""),
        (
            "an unknown reservation",
            "inventory.CommitReservation",
            inventory.CommitReservationRequest(request_id=new_uuid(), reservation_id=ghost),
            "RESERVATION_NOT_FOUND",
            "",
        ),
        (
            "an unknown reservation",
            "inventory.GetReservation",
            inventory.GetReservationRequest(reservation_id=ghost),
            "RESERVATION_NOT_FOUND",
            "",
        ),
        (
            "an unknown order",
            "orders.GetOrder",
            orders.GetOrderRequest(order_id="ghost"),
            "ORDER_NOT_FOUND",
            "",
        ),
        (
            "an unknown order",
            "orders.CancelOrder",
            orders.CancelOrderRequest(request_id=new_uuid(), order_id="ghost"),
            "ORDER_NOT_FOUND",
            "",
        ),
        (
            "an unknown task",
            "pick.ClaimPickTask",
            pick.ClaimPickTaskRequest(
                request_id=new_uuid(), pick_task_id="ghost/1/pick", associate_id="ann"
            ),
            "PICK_TASK_NOT_FOUND",
            "",
        ),
        (
            "a task id of no form",
            "pick.ClaimPickTask",
            pick.ClaimPickTaskRequest(
                request_id=new_uuid(), pick_task_id="ghost", associate_id="ann"
            ),
            "PICK_TASK_NOT_FOUND",
            "",
        ),
        (
            "an unknown group",
            "pick.StageOrder",
            pick.StageOrderRequest(
                request_id=new_uuid(), fulfillment_order_id="ghost/1", staging_location="a"
            ),
            "FULFILLMENT_ORDER_NOT_FOUND",
            "",
        ),
        (
            "an unknown node",
            "stores.GetStore",
            stores.GetStoreRequest(node_id="nowhere"),
            "NODE_NOT_FOUND",
            "",
        ),
        (
            "an unknown node",
            "pick.ListPickTasks",
            pick.ListPickTasksRequest(node_id="nowhere"),
            "NODE_NOT_FOUND",
            "",
        ),
        (
            "an unknown node",
            "stores.SetCapacity",
            capacity(1_780_308_000, node_id="nowhere"),
            "NODE_NOT_FOUND",
            "",
        ),
        (
            "an unknown SKU",
            "catalog.GetItem",
            catalog.GetItemRequest(sku="nothing"),
            "SKU_NOT_FOUND",
            "",
        ),
        (
            "an unknown operation",
            "operations.GetOperation",
            operations_pb2.GetOperationRequest(name="operations/ghost"),
            "OPERATION_NOT_FOUND",
            "",
        ),
        (
            "an operation's name of no form",
            "operations.GetOperation",
            operations_pb2.GetOperationRequest(name="ghost"),
            "OPERATION_NOT_FOUND",
            "name",
        ),
        (
            "an operation that no rpc lists",
            "operations.DeleteOperation",
            operations_pb2.DeleteOperationRequest(name="operations/ghost"),
            "UNKNOWN_METHOD",
            "",
        ),
        (
            "an unknown order",
            "allocation.ExplainAllocation",
            allocation.ExplainAllocationRequest(order_id="ghost"),
            "ORDER_NOT_FOUND",
            "",
        ),
        (
            "an unknown order",
            "pickup.HandOver",
            pickup.HandOverRequest(
                request_id=new_uuid(), order_id="ghost", node_id="east", pickup_code="123456"
            ),
            "ORDER_NOT_FOUND",
            "",
        ),
        (
            "a page token of another's",
            "orders.ListOrders",
            orders.ListOrdersRequest(page_token="nonsense"),
            "TOKEN_INVALID",
            "",
        ),
        (
            "a page token of another's",
            "stores.ListStores",
            stores.ListStoresRequest(page_token="nonsense"),
            "TOKEN_INVALID",
            "",
        ),
        (
            "a page token of another's",
            "pick.ListPickTasks",
            pick.ListPickTasksRequest(node_id="east", page_token="nonsense"),
            "TOKEN_INVALID",
            "",
        ),
    ]
    return [Case(*row) for row in rows]
