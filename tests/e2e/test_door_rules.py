"""The door's compiled rules and the Python services' rules find the same faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

from bopis.server.validate import violations
from bopis.v1 import (
    inventory_service_pb2,
    inventory_service_pb2_grpc,
    stock_service_pb2,
    stock_service_pb2_grpc,
)
from tests.e2e import door_process
from tests.e2e.door_house import open_house

SEED = 20_261_123
MESSAGES = 400

UUID = "00000000-0000-4000-8000-000000000001"
IDS = ["", " a", "a ", "a\x00b", "a\x7f", "\u043e", "x" * 64, "x" * 65, door_process.NODE_ID]
UUIDS = [
    "",
    UUID,
    UUID.upper(),
    UUID[:-1],
    UUID.replace("-", ""),
    "{" + UUID[1:],
    "é" * 36,
    "g" * 36,
]
QUANTITIES = [-(2**63), -1, 0, 1, 10**9, 10**9 + 1, 2**63 - 1]
PRIORITIES = [-(2**31), -1, 0, 100, 101]
DURATIONS = [(0, 0), (0, 999_999), (0, 10**6), (86_400, 0), (86_400, 1), (-1, 1), (1, -1)]
DURATIONS += [(2**62, 0), (-(2**62), -1), (1, 10**9), (3, -(2**31))]


def line(rng: random.Random) -> inventory_service_pb2.ReservationLine:
    """A line, unset oneof included."""
    made = inventory_service_pb2.ReservationLine(
        node_id=rng.choice(IDS), quantity=rng.choice(QUANTITIES)
    )
    if rng.random() < 0.8:
        made.sku = rng.choice(IDS)
    return made


def reserve(rng: random.Random) -> inventory_service_pb2.ReserveRequest:
    seconds, nanos = rng.choice(DURATIONS)
    return inventory_service_pb2.ReserveRequest(
        request_id=rng.choice(UUIDS),
        reservation_id=rng.choice(UUIDS),
        order_id=rng.choice(IDS),
        lines=[line(rng) for _ in range(rng.choice([0, 1, 2, 3, 513]))],
        ttl=duration_pb2.Duration(seconds=seconds, nanos=nanos) if rng.random() < 0.7 else None,
        priority=rng.choice(PRIORITIES),
    )


def move(rng: random.Random) -> inventory_service_pb2.MoveReservationRequest:
    moves = [
        inventory_service_pb2.MoveReservationRequest.Move(
            reservation_id=rng.choice(UUIDS), lines=[line(rng) for _ in range(rng.randrange(3))]
        )
        for _ in range(rng.choice([0, 1, 2, 257]))
    ]
    return inventory_service_pb2.MoveReservationRequest(request_id=rng.choice(UUIDS), moves=moves)


def read(rng: random.Random) -> inventory_service_pb2.BatchGetAvailabilityRequest:
    return inventory_service_pb2.BatchGetAvailabilityRequest(
        node_ids=rng.choices(IDS, k=rng.choice([0, 1, 5, 1001])),
        skus=rng.choices(IDS, k=rng.choice([0, 1, 5, 5001])),
        at_least_position={
            "journal_id": rng.choice(UUIDS),
            "sequence": rng.choice(QUANTITIES),
        },
    )


def listing(rng: random.Random) -> inventory_service_pb2.ListReservationsRequest:
    """Any of the filters, or none."""
    seconds, nanos = rng.choice(DURATIONS)
    made = inventory_service_pb2.ListReservationsRequest(
        page_size=rng.choice([-1, 0, 1_000, 1_001]), page_token=rng.choice(["", "é", "x" * 129])
    )
    match rng.randrange(4):
        case 0:
            made.order_id = rng.choice(IDS)
        case 1:
            made.cell.node_id = rng.choice(IDS)
            if rng.random() < 0.5:
                made.cell.sku = rng.choice(IDS)
            elif rng.random() < 0.5:
                made.cell.labor_window_start_time.seconds = rng.choice([0, 3_600])
        case 2:
            made.expire_within.CopyFrom(duration_pb2.Duration(seconds=seconds, nanos=nanos))
    return made


def adjust(rng: random.Random) -> stock_service_pb2.AdjustStockRequest:
    return stock_service_pb2.AdjustStockRequest(
        request_id=rng.choice(UUIDS),
        node_id=rng.choice(IDS),
        sku=rng.choice(IDS),
        on_hand_delta=rng.choice(QUANTITIES),
        unavailable_delta=rng.choice(QUANTITIES),
        reason=rng.choice([0, 1, 5, 6, -1]),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    with open_house() as house, house.channel() as channel:
        yield channel


@pytest.mark.parametrize("make", [reserve, move, read, listing, adjust])
def test_both_sides_find_the_same_faults_in_the_same_order(
    channel: grpc.Channel, make: Callable[[random.Random], Any]
) -> None:
    inventory = inventory_service_pb2_grpc.InventoryServiceStub(channel)
    stock = stock_service_pb2_grpc.StockServiceStub(channel)
    calls: dict[Any, Callable[[Any], object]] = {
        reserve: lambda message: inventory.Reserve(message, timeout=20),
        move: lambda message: inventory.MoveReservation(message, timeout=20),
        read: lambda message: list(inventory.BatchGetAvailability(message, timeout=20)),
        listing: lambda message: inventory.ListReservations(message, timeout=20),
        adjust: lambda message: stock.AdjustStock(message, timeout=20),
    }
    rng = random.Random(SEED)
    faulty = 0
    for _ in range(MESSAGES):
        message = make(rng)
        expected = [(fault.path, fault.description) for fault in violations(message)]
        if not expected:
            continue
        faulty += 1
        with pytest.raises(grpc.RpcError) as raised:
            calls[make](message)
        assert found(raised.value) == expected, f"seed {SEED}, message {message}"
    assert faulty > MESSAGES / 2


def found(error: Any) -> list[tuple[str, str]]:
    """Paths and words of the BadRequest."""
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    bad = error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(details).details:
        detail.Unpack(bad)
    return [(fault.field, fault.description) for fault in bad.field_violations]
