"""The field rules, read from the descriptors and enforced on messages."""

import math
import uuid
from collections.abc import Callable

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from bopis.server import validate
from bopis.v1 import (
    allocation_service_pb2,
    catalog_service_pb2,
    common_pb2,
    inventory_service_pb2,
    order_service_pb2,
    pick_service_pb2,
    store_service_pb2,
)

Request = order_service_pb2.CreateOrderRequest


def good_order() -> Request:
    """A request that breaks no rule."""
    request = Request(
        request_id=str(uuid.UUID(int=7)),
        method=common_pb2.FULFILLMENT_METHOD_PICKUP,
        place=common_pb2.Place(latitude=40.0, longitude=-74.0),
    )
    request.lines.add(line_number=1, sku="sku-1", quantity=1)
    return request


def paths(message: object) -> list[str]:
    """The paths of the broken rules."""
    return [violation.path for violation in validate.violations(message)]  # type: ignore[arg-type]


def set_note(text: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.note = text

    return change


def set_order_id(text: str) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.order_id = text

    return change


def set_quantity(quantity: int) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.lines[0].quantity = quantity

    return change


def set_latitude(latitude: float) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.place.latitude = latitude

    return change


def set_ready_within(seconds: int, nanos: int = 0) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        request.ready_within.seconds = seconds
        request.ready_within.nanos = nanos

    return change


def set_price(currency: str, units: int, nanos: int) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        price = request.lines[0].unit_price
        price.currency_code, price.units, price.nanos = currency, units, nanos

    return change


def test_a_good_message_breaks_no_rule() -> None:
    assert paths(good_order()) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda request: request.ClearField("request_id"), "request_id"),
        (lambda request: setattr(request, "request_id", "x" * 10_000), "request_id"),
        (lambda request: setattr(request, "request_id", "{" + "0" * 34 + "}"), "request_id"),
        (lambda request: request.ClearField("method"), "method"),
        (lambda request: setattr(request, "method", 99), "method"),
        (lambda request: request.ClearField("place"), "place"),
        (lambda request: request.ClearField("lines"), "lines"),
        (lambda request: setattr(request.lines[0], "line_number", 501), "lines[0].line_number"),
        (lambda request: request.lines[0].ClearField("sku"), "lines[0].sku"),
        (set_order_id(" a"), "order_id"),
        (set_order_id("a\x00b"), "order_id"),
        (set_order_id("a" * 65), "order_id"),
        (set_order_id("\u0430bc"), "order_id"),
        (set_quantity(0), "lines[0].quantity"),
        (set_quantity(-1), "lines[0].quantity"),
        (set_quantity(2**63 - 1), "lines[0].quantity"),
        (set_latitude(math.nan), "place.latitude"),
        (set_latitude(math.inf), "place.latitude"),
        (set_latitude(91.0), "place.latitude"),
        (set_ready_within(59), "ready_within"),
        (set_ready_within(59, 999_999_999), "ready_within"),
        (set_ready_within(-60), "ready_within"),
        (set_ready_within(2_592_001), "ready_within"),
        (set_ready_within(60, -1), "ready_within"),
        (set_ready_within(2**62), "ready_within"),
        (set_note("a\x1bb"), "note"),
        (set_note("n" * 501), "note"),
        (set_price("eur", 1, 0), "lines[0].unit_price.currency_code"),
        (set_price("EUR", 1, -1), "lines[0].unit_price.nanos"),
    ],
)
def test_each_broken_rule_is_named_by_its_path(
    change: Callable[[Request], None], path: str
) -> None:
    request = good_order()
    change(request)
    found = paths(request)
    assert path in found
    assert all(violation.startswith(path) for violation in found)


def test_a_line_far_down_is_named_by_its_index() -> None:
    request = good_order()
    for number in range(2, 6):
        request.lines.add(line_number=number, sku="sku", quantity=1)
    request.lines[3].quantity = 0
    assert paths(request) == ["lines[3].quantity"]


def test_a_hundred_thousand_lines_are_refused_by_their_count_alone() -> None:
    request = good_order()
    line = request.lines[0]
    request.lines.extend([line] * 99_999)
    request.lines[5].quantity = 0
    assert paths(request) == ["lines"]


def test_violations_reported_are_bounded() -> None:
    request = good_order()
    for _ in range(400):
        request.lines.add()
    assert len(paths(request)) == validate.VIOLATIONS_MAX


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "card 4111 1111 1111 1111 please",
        "4111-1111-1111-1111",
        "x5500005555555559x",
        "378282246310005",
        "4111 1111 1111 1111 1227",
    ],
)
def test_a_card_number_in_free_text_is_refused_with_its_own_reason(text: str) -> None:
    request = good_order()
    request.note = text
    [violation] = validate.violations(request)
    assert (violation.path, violation.reason) == ("note", "CARD_NUMBER_REFUSED")
    assert "4111" not in violation.description


@pytest.mark.parametrize(
    "text", ["ring 4155550123", "4111111111111112", "order 20261123174912", ""]
)
def test_digits_that_are_no_card_number_pass(text: str) -> None:
    request = good_order()
    request.note = text
    assert paths(request) == []


def test_a_required_oneof_is_named_by_the_oneof() -> None:
    request = inventory_service_pb2.ReserveRequest(request_id=str(uuid.UUID(int=1)))
    request.lines.add(node_id="n", quantity=1)
    assert paths(request) == ["lines[0].item"]
    request.lines[0].labor_window_start_time.seconds = 3600
    assert paths(request) == []
    request.lines[0].sku = ""
    assert paths(request) == ["lines[0].sku"]


def test_timestamps_outside_the_calendar_are_refused() -> None:
    request = store_service_pb2.SetCapacityRequest(request_id=str(uuid.UUID(int=1)), node_id="n")
    request.windows.add(start_time=Timestamp(seconds=-62_135_596_801), labor_seconds=1)
    request.windows.add(start_time=Timestamp(seconds=253_402_300_800), labor_seconds=1)
    request.windows.add(start_time=Timestamp(seconds=0, nanos=-1), labor_seconds=1)
    request.windows.add(labor_seconds=1)
    assert paths(request) == [f"windows[{index}].start_time" for index in range(4)]


@pytest.mark.parametrize(("zone", "passes"), [("America/New_York", True), ("Mars/Base", False)])
def test_time_zones_are_those_of_the_tz_database(zone: str, passes: bool) -> None:
    request = store_service_pb2.ImportStoresRequest()
    request.stores.add(
        node_id="n",
        kind=store_service_pb2.Store.KIND_STORE,
        place=common_pb2.Place(),
        time_zone=zone,
        close_minute=60,
        pick_lines_per_hour=30,
    )
    assert paths(request) == ([] if passes else ["stores[0].time_zone"])


def test_a_token_that_is_not_printable_is_refused() -> None:
    request = pick_service_pb2.WatchPickTasksRequest(node_id="n", resume_token="caf\u00e9")
    assert paths(request) == ["resume_token"]


def test_unset_optional_messages_pass() -> None:
    request = allocation_service_pb2.ReallocateRequest(request_id=str(uuid.UUID(int=1)))
    assert paths(request) == []
    request.time_limit.nanos = 99_999_999
    assert paths(request) == ["time_limit"]


def test_an_empty_element_of_a_formatted_list_is_refused() -> None:
    request = inventory_service_pb2.BatchGetAvailabilityRequest(node_ids=["a", ""], skus=["s"])
    assert paths(request) == ["node_ids[1]"]


def test_items_of_the_catalog_are_checked_each() -> None:
    request = catalog_service_pb2.ImportItemsRequest()
    request.items.add(sku="ok", weight_g=0)
    request.items.add(sku="", weight_g=-1)
    assert paths(request) == ["items[1].sku", "items[1].weight_g"]
