"""Calls about stock, supply and counts that must be refused."""

import uuid
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from bopis.testing.client import new_uuid
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e.bad_calls import Case, reserve

BEYOND = 3_000_001
"""A day after the last one that can be named."""


def of_apples(request: type[Any], **fields: Any) -> Any:
    return request(request_id=new_uuid(), **{"node_id": "east", "sku": "apple"} | fields)


def transfer(**changes: str | int) -> stock.TransferStockRequest:
    names = {"from_node_id": "east", "to_node_id": "west", "sku": "apple", "quantity": 1}
    return stock.TransferStockRequest(request_id=new_uuid(), **names | changes)  # type: ignore[arg-type]


def release(*lines: inventory.ReservationLine) -> inventory.ReleaseReservationRequest:
    ghost = str(uuid.UUID(int=1))
    return inventory.ReleaseReservationRequest(
        request_id=new_uuid(), reservation_id=ghost, lines=lines
    )


def watch(**fields: Any) -> inventory.WatchAvailabilityRequest:
    return inventory.WatchAvailabilityRequest(**{"node_ids": ["east"], "skus": ["apple"]} | fields)


def listing(**fields: Any) -> inventory.ListReservationsRequest:
    return inventory.ListReservationsRequest(**fields)


def of_cell(**fields: Any) -> inventory.ListReservationsRequest:
    cell = inventory.ListReservationsRequest.Cell(**{"node_id": "east"} | fields)
    return listing(cell=cell)


def list_cases() -> list[Case]:
    """Lists of reservations that cannot be."""
    rpc, invalid = "inventory.ListReservations", "FIELD_INVALID"
    day = Duration(seconds=86_400)
    off_the_hour = Timestamp(seconds=1_780_308_001)
    rows: list[tuple[str, Message, str, str]] = [
        ("of nothing", listing(), invalid, "filter"),
        ("of an empty order", listing(order_id=""), invalid, "order_id"),
        ("of an overlong order", listing(order_id="o" * 65), invalid, "order_id"),
        ("of no item", of_cell(), invalid, "cell.item"),
        ("of no node", of_cell(node_id="", sku="apple"), invalid, "cell.node_id"),
        (
            "off the hour",
            of_cell(labor_window_start_time=off_the_hour),
            invalid,
            "cell.labor_window_start_time",
        ),
        ("within no time", listing(expire_within=Duration()), invalid, "expire_within"),
        (
            "within a year",
            listing(expire_within=Duration(seconds=31_536_000)),
            invalid,
            "expire_within",
        ),
        ("within less", listing(expire_within=Duration(seconds=-1)), invalid, "expire_within"),
        ("a large page", listing(expire_within=day, page_size=1_001), invalid, "page_size"),
        ("a page of -1", listing(expire_within=day, page_size=-1), invalid, "page_size"),
        ("an unknown node", of_cell(node_id="x", sku="apple"), "NODE_NOT_FOUND", "cell.node_id"),
        ("an unknown SKU", of_cell(sku="nothing"), "SKU_NOT_FOUND", "cell.sku"),
        (
            "a page token of another's",
            listing(expire_within=day, page_token="nonsense"),
            "TOKEN_INVALID",
            "page_token",
        ),
    ]
    return [Case(name, rpc, request, reason, path) for name, request, reason, path in rows]


def cases() -> list[Case]:
    """Each with its reason, and its path where there is one."""
    year_0 = Timestamp(seconds=-62_135_600_400)
    long_ago = Timestamp(seconds=1_000_000_000)
    line = inventory.ReservationLine
    invalid = "FIELD_INVALID"
    rows: list[tuple[str, str, Message, str, str]] = [
        (
            "to the same node",
            "stock.TransferStock",
            transfer(to_node_id="east"),
            invalid,
            "to_node_id",
        ),
        (
            "less than nothing",
            "stock.SetSafetyStock",
            of_apples(stock.SetSafetyStockRequest, safety_stock=-1),
            invalid,
            "safety_stock",
        ),
        (
            "no day",
            "stock.SetInbound",
            of_apples(stock.SetInboundRequest, quantity=1),
            invalid,
            "day",
        ),
        (
            "a day too far",
            "stock.SetInbound",
            of_apples(stock.SetInboundRequest, day=BEYOND, quantity=1),
            invalid,
            "day",
        ),
        (
            "less than nothing",
            "stock.SetInbound",
            of_apples(stock.SetInboundRequest, day=20_000, quantity=-1),
            invalid,
            "quantity",
        ),
        (
            "an unknown node",
            "stock.SetInbound",
            of_apples(stock.SetInboundRequest, day=20_000, quantity=1, node_id="nowhere"),
            "NODE_NOT_FOUND",
            "node_id",
        ),
        (
            "nothing",
            "stock.ReceiveStock",
            of_apples(stock.ReceiveStockRequest),
            invalid,
            "quantity",
        ),
        (
            "an unknown SKU",
            "stock.ReceiveStock",
            of_apples(stock.ReceiveStockRequest, quantity=1, sku="nothing"),
            "SKU_NOT_FOUND",
            "sku",
        ),
        (
            "less than nothing",
            "stock.CountStock",
            of_apples(stock.CountStockRequest, counted_quantity=-1),
            invalid,
            "counted_quantity",
        ),
        (
            "in year 0",
            "stock.CountStock",
            of_apples(stock.CountStockRequest, effective_time=year_0),
            invalid,
            "effective_time",
        ),
        (
            "in 2001",
            "stock.CountStock",
            of_apples(stock.CountStockRequest, effective_time=long_ago),
            "COUNT_TOO_OLD",
            "",
        ),
        ("a day too far", "inventory.Reserve", reserve(day=BEYOND), invalid, "day"),
        (
            "a line of nothing",
            "inventory.ReleaseReservation",
            release(line(node_id="east", sku="apple")),
            invalid,
            "lines[0].quantity",
        ),
        (
            "an unknown SKU",
            "inventory.ReleaseReservation",
            release(line(node_id="east", sku="nothing", quantity=1)),
            "SKU_NOT_FOUND",
            "lines[0].sku",
        ),
        ("no nodes", "inventory.WatchAvailability", watch(node_ids=[]), invalid, "node_ids"),
        (
            "an unknown SKU",
            "inventory.WatchAvailability",
            watch(skus=["nothing"]),
            "SKU_NOT_FOUND",
            "skus[0]",
        ),
        (
            "a token of another's",
            "inventory.WatchAvailability",
            watch(resume_token="1.abc"),
            "TOKEN_INVALID",
            "resume_token",
        ),
    ]
    return [Case(*row) for row in rows]
