"""The gRPC path: `bopis serve` in a process of its own, its door, a Python client here.

Network figures, never to be set beside those of the library. The client's own work is most of the
processor's time (`make bench-door` is the figure of the server): what is guarded here is that the
path as a whole does not become slower.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from bench import network
from bench.conftest import Figure, Measure
from bench.serving import serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import inventory_service_pb2_grpc as inventory_grpc

SKU_COUNT = 100
CALLS = 200
IN_FLIGHT = 32


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    with serving("door") as server, grpc.insecure_channel(server.address) as opened:
        network.bring_in(opened, sku_count=SKU_COUNT)
        yield opened


def reserve(number: int) -> inventory.ReserveRequest:
    line = inventory.ReservationLine(
        node_id=network.NODE_ID, sku=network.skus(SKU_COUNT)[number % SKU_COUNT], quantity=1
    )
    return inventory.ReserveRequest(
        request_id=str(uuid.uuid4()), lines=[line], ttl=Duration(seconds=3_600)
    )


def test_reservations_with_32_calls_under_way(measure: Measure, channel: grpc.Channel) -> None:
    stub = inventory_grpc.InventoryServiceStub(channel)
    before = network.held_units(channel, sku_count=SKU_COUNT)
    answers: list[inventory.ReserveResponse] = []

    def work(requests: list[inventory.ReserveRequest]) -> None:
        calls = [stub.Reserve.future(request) for request in requests[:IN_FLIGHT]]
        for number in range(len(requests)):
            answers.append(calls[number].result(timeout=20))
            if len(calls) < len(requests):
                calls.append(stub.Reserve.future(requests[len(calls)]))

    def check() -> None:
        held = {answer.reservation.reservation_id for answer in answers}
        states = {answer.reservation.state for answer in answers}
        assert len(held) == len(answers)
        assert states == {inventory.Reservation.STATE_HELD}
        now = network.held_units(channel, sku_count=SKU_COUNT)
        assert now - before == len(answers)

    work([reserve(number) for number in range(CALLS)])
    check()
    figure = Figure("grpc_reserve_durable", "durable, gRPC, Python client", "calls", CALLS)
    measure(
        figure, work, setup=lambda: (([reserve(number) for number in range(CALLS)],), {}), rounds=40
    )
    check()


def test_one_durable_reservation_after_the_other(measure: Measure, channel: grpc.Channel) -> None:
    stub = inventory_grpc.InventoryServiceStub(channel)
    answers: list[inventory.ReserveResponse] = []
    before = network.held_units(channel, sku_count=SKU_COUNT)

    def work(request: inventory.ReserveRequest) -> None:
        answers.append(stub.Reserve(request, timeout=20))

    work(reserve(0))
    assert answers[0].reservation.state == inventory.Reservation.STATE_HELD
    figure = Figure("grpc_reserve_single_durable", "durable, gRPC, Python client", "calls", 1)
    measure(figure, work, setup=lambda: ((reserve(len(answers)),), {}), rounds=500)
    assert {answer.reservation.state for answer in answers} == {inventory.Reservation.STATE_HELD}
    assert network.held_units(channel, sku_count=SKU_COUNT) - before == len(answers)


def test_one_read_after_the_other(measure: Measure, channel: grpc.Channel) -> None:
    stub = inventory_grpc.InventoryServiceStub(channel)
    sku = network.skus(SKU_COUNT)[0]
    request = inventory.GetAvailabilityRequest(node_id=network.NODE_ID, sku=sku)
    first = stub.GetAvailability(request, timeout=20).availability
    assert first.on_hand == network.ON_HAND
    assert first.atp == first.on_hand - first.held
    answers: list[inventory.GetAvailabilityResponse] = []

    def work() -> None:
        answers.append(stub.GetAvailability(request, timeout=20))

    measure(Figure("grpc_read_single", "gRPC, Python client", "calls", 1), work, rounds=500)
    assert all(answer.availability == first for answer in answers)
