"""The door and grpc.aio in one process: starting, draining, breaking, dying."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from bopis.v1 import inventory_service_pb2, inventory_service_pb2_grpc
from tests.e2e import door_process
from tests.e2e.door_house import House, failure, open_house, path, reason, unary, wait_until

DEADLINE_S = 20
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as it:
        yield it


def health(channel: grpc.Channel, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=DEADLINE_S)
    return int(answer.status)


def reserve(channel: grpc.Channel) -> inventory_service_pb2.ReserveResponse:
    line = inventory_service_pb2.ReservationLine(
        node_id=door_process.NODE_ID, sku=door_process.SKU, quantity=1
    )
    request = inventory_service_pb2.ReserveRequest(request_id=str(uuid.uuid4()), lines=[line])
    return inventory_service_pb2_grpc.InventoryServiceStub(channel).Reserve(
        request, timeout=DEADLINE_S
    )


def test_native_calls_go_on_while_python_is_busy(house: House) -> None:
    with house.channel() as channel:
        reserve(channel)
        house.send("hold_gil", seconds=2)
        started = time.monotonic()
        calls = 0
        while time.monotonic() - started < 1:
            assert reserve(channel).HasField("reservation")
            calls += 1
        house.hear()
    assert calls >= 50


def test_health_and_reflection_are_answered_by_the_door(house: House) -> None:
    with house.channel() as channel:
        for service in ("", "bopis.v1.InventoryService", "bopis.v1.StockService", "test.Upstream"):
            assert health(channel, service) == SERVING
        house.do("serve", serving=False)
        assert health(channel, "test.Upstream") == NOT_SERVING
        house.do("serve", serving=True)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = list(stub.ServerReflectionInfo(iter([request]), timeout=DEADLINE_S))
        names = {service.name for service in answers[0].list_services_response.service}
    assert {"bopis.v1.InventoryService", "bopis.v1.StockService", "test.Upstream"} <= names


def test_a_broken_upstream_is_unavailable_with_a_reason_and_comes_back(house: House) -> None:
    with house.channel() as channel:
        before = house.do("look")["started"]
        hanging = unary(channel, "Hang").future(b"")
        watching = channel.unary_stream(path("Watch"))(b"")
        assert next(watching) == b"snapshot"
        wait_until(lambda: house.do("look")["started"] >= before + 2, what="both arrive")
        house.do("stop_upstream", grace_s=0)
        for error in (failure(hanging.result), failure(lambda: next(watching))):
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            assert reason(error) == "UPSTREAM_UNAVAILABLE"
        error = failure(lambda: unary(channel, "Echo")(b"", timeout=DEADLINE_S))
        assert reason(error) == "UPSTREAM_UNAVAILABLE"
        assert reserve(channel).HasField("reservation"), "native calls need no upstream"
        house.do("start_upstream")
        wait_until(lambda: answers(channel), what="the door finds the upstream again", seconds=5)


def answers(channel: grpc.Channel) -> bool:
    """Whether a call reaches the upstream."""
    try:
        return bool(unary(channel, "Echo")(b"x", timeout=DEADLINE_S) == b"x")
    except grpc.RpcError as error:
        assert reason(error) == "UPSTREAM_UNAVAILABLE"
        return False


def test_draining_refuses_new_calls_and_finishes_those_under_way(house: House) -> None:
    with house.channel() as channel:
        chat = channel.stream_stream(path("Chat"))
        more: list[bytes] = [b"before"]
        talking = chat(_words(more), timeout=DEADLINE_S)
        assert next(talking) == b"re: before"
        house.do("drain")
        assert health(channel) == NOT_SERVING
        for call in (lambda: unary(channel, "Echo")(b"", timeout=5), lambda: reserve(channel)):
            error = failure(call)
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            assert reason(error) == "NOT_SERVING"
        more.extend([b"after", b""])
        assert list(talking) == [b"re: after"]
        assert house.do("stop", deadline_ms=10_000) is True
    assert house.close() == 0


def _words(words: list[bytes]) -> Iterator[bytes]:
    """Says what the list holds and will hold, until an empty word."""
    said = 0
    while True:
        wait_until(lambda: len(words) > said, what="a word")  # noqa: B023
        if not words[said]:
            return
        yield words[said]
        said += 1


def test_stopping_ends_watches_at_once_and_hanging_calls_at_the_deadline(house: House) -> None:
    with house.channel() as channel:
        watching = channel.unary_stream(path("Watch"))(b"")
        assert next(watching) == b"snapshot"
        hanging = unary(channel, "Hang").future(b"")
        wait_until(lambda: house.do("look")["started"] == 2, what="both arrive")
        started = time.monotonic()
        house.send("stop", deadline_ms=1000)
        error = failure(lambda: next(watching))
        assert time.monotonic() - started < 0.9
        assert reason(error) == "NOT_SERVING"
        error = failure(hanging.result)
        assert reason(error) == "NOT_SERVING"
        assert house.hear() is False
        assert house.do("look")["door_threads"] == 0, "the door's threads are joined"
        error = failure(lambda: reserve(channel))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert house.close() == 0


def test_after_kill_9_clients_see_unavailable_and_a_new_process_takes_over(
    tmp_path: Path,
) -> None:
    with House(tmp_path) as first, first.channel() as channel:
        watching = channel.unary_stream(path("Watch"))(b"")
        assert next(watching) == b"snapshot"
        hanging = unary(channel, "Hang").future(b"")
        wait_until(lambda: first.do("look")["started"] == 2, what="both arrive")
        first.kill()
        for error in (failure(lambda: next(watching)), failure(hanging.result)):
            assert error.code() == grpc.StatusCode.UNAVAILABLE
    # The same folder, the dead process's socket in it.
    with House(tmp_path) as second, second.channel() as channel:
        assert unary(channel, "Echo")(b"again", timeout=DEADLINE_S) == b"again"
        assert reserve(channel).HasField("reservation")
