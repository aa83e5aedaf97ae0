"""Calls through the door to grpc.aio in the same process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.e2e import door_process
from tests.e2e.door_house import House, failure, open_house, path, reason, unary, wait_until

MESSAGE_MAX = door_process.MESSAGE_MAX
DEADLINE_S = 20
STALLED_STREAMS = 300
BUSY_CALLS = 400


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house() as it:
        yield it


@pytest.fixture
def channel(house: House) -> Iterator[grpc.Channel]:
    with house.channel() as channel:
        yield channel


def test_a_unary_call_passes_with_head_tail_and_request_id(channel: grpc.Channel) -> None:
    answer, call = unary(channel, "Echo").with_call(
        b"hello", metadata=(("x-request-id", "r-1"),), timeout=DEADLINE_S
    )
    assert answer == b"hello"
    head, tail = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert head["x-head"] == "1"
    assert head["x-request-id"] == "r-1"
    assert (tail["x-tail"], tail["x-tail-bin"]) == ("1", b"\x00\xff")


def test_the_upstream_sees_only_what_the_door_says_about_the_caller(channel: grpc.Channel) -> None:
    metadata = (
        ("x-bopis-secret", "guessed"),
        ("x-bopis-identity", "admin"),
        ("x-bopis-more", "x"),
        ("x-request-id", "r-2"),
    )
    seen = json.loads(unary(channel, "Describe")(b"", metadata=metadata, timeout=7))
    assert seen["headers"]["x-bopis-secret"] == door_process.SECRET
    assert seen["headers"]["x-bopis-identity"] == "local"
    assert "x-bopis-more" not in seen["headers"]
    assert seen["headers"]["x-request-id"] == "r-2"
    # gRPC's core sends a timeout of seconds rounded up to 10 ms: that much was the caller's own.
    assert 0 < seen["remaining_s"] <= 7.01


def test_an_error_of_the_upstream_passes_as_it_is(channel: grpc.Channel) -> None:
    error = failure(lambda: unary(channel, "Refuse")(b"", timeout=DEADLINE_S))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == "not like this: é"
    assert dict(error.trailing_metadata())["x-tail"] == "1"


def test_streams_pass_both_ways(channel: grpc.Channel) -> None:
    collect = channel.stream_unary(path("Collect"))
    answer = collect(iter([b"a" * 1000] * 500), timeout=DEADLINE_S)
    assert json.loads(answer) == [500, 500_000]
    count = channel.unary_stream(path("Count"))
    sizes = [len(message) for message in count(json.dumps([300, 5000]).encode(), timeout=20)]
    assert sizes == [5000] * 300


def test_a_conversation_passes_message_by_message(channel: grpc.Channel) -> None:
    # Each word is only said when the last was answered.
    heard: list[bytes] = []

    def words() -> Iterator[bytes]:
        for number in range(50):
            wait_until(lambda: len(heard) >= number, what="an answer")  # noqa: B023
            yield b"%d" % number

    for answer in channel.stream_stream(path("Chat"))(words(), timeout=DEADLINE_S):
        heard.append(answer)  # noqa: PERF402
    assert heard == [b"re: %d" % number for number in range(50)]


@pytest.mark.parametrize("name", ["Hang", "Watch"])
def test_a_cancelled_call_is_cancelled_upstream(
    house: House, channel: grpc.Channel, name: str
) -> None:
    before = house.do("look")
    if name == "Hang":
        call = unary(channel, name).future(b"")
    else:
        call = channel.unary_stream(path(name))(b"")
        assert next(call) == b"snapshot"
    wait_until(lambda: house.do("look")["started"] > before["started"], what="the call arrives")
    call.cancel()
    wait_until(lambda: house.do("look")["cancelled"] > before["cancelled"], what="cancelled")


@pytest.mark.parametrize("name", ["Hang", "Watch"])
def test_a_deadline_ends_the_call_here_and_upstream(
    house: House, channel: grpc.Channel, name: str
) -> None:
    before = house.do("look")
    method = channel.unary_stream(path(name))
    error = failure(lambda: list(method(b"", timeout=0.3)))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: house.do("look")["cancelled"] > before["cancelled"], what="cancelled")


def test_the_largest_message_passes_both_ways(channel: grpc.Channel) -> None:
    message = bytes(range(256)) * (MESSAGE_MAX // 256)
    assert unary(channel, "Echo")(message, timeout=DEADLINE_S) == message


def test_a_message_over_the_limit_is_refused_by_reason(channel: grpc.Channel) -> None:
    error = failure(lambda: unary(channel, "Echo")(b"x" * (MESSAGE_MAX + 1), timeout=DEADLINE_S))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason(error) == "MALFORMED_MESSAGE"
    stream = channel.stream_unary(path("Collect"))
    parts = iter([b"small", b"x" * (MESSAGE_MAX + 1), b"small"])
    error = failure(lambda: stream(parts, timeout=DEADLINE_S))
    assert reason(error) == "MALFORMED_MESSAGE"


def test_an_unknown_method_is_refused_by_reason(channel: grpc.Channel) -> None:
    for name in ("/test.Upstream/Nothing", "/nobody.Knows/This"):
        error = failure(lambda: channel.unary_unary(name)(b"", timeout=5))  # noqa: B023
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
        assert reason(error) == "UNKNOWN_METHOD"


def test_streams_that_nobody_reads_do_not_hold_up_other_calls(house: House) -> None:
    # Unread streams, each with more behind it than any window holds.
    with house.channel() as stalled, house.channel() as busy:
        calls = [stalled.unary_stream(path("Flood"))(b"") for _ in range(STALLED_STREAMS)]
        for call in calls:
            assert len(next(call)) == door_process.FLOOD_BYTES
        memory_before = house.do("look")["resident_kib"]
        slowest_s = busy_calls(busy)
        # A stream of a client that does read goes on as well.
        count = busy.unary_stream(path("Count"))
        assert len(list(count(json.dumps([50, 1000]).encode(), timeout=DEADLINE_S))) == 50
        grown_mib = (house.do("look")["resident_kib"] - memory_before) / 1024
        for call in calls:
            call.cancel()
    assert slowest_s < 5
    assert grown_mib < 64


def busy_calls(channel: grpc.Channel) -> float:
    """The slowest of many unary calls, seconds."""

    def timed(number: int) -> float:
        started = time.monotonic()
        message = b"%d" % number * 1000
        assert unary(channel, "Echo")(message, timeout=DEADLINE_S) == message
        return time.monotonic() - started

    with ThreadPoolExecutor(8) as pool:
        return max(pool.map(timed, range(BUSY_CALLS)))


def test_one_stream_too_many_is_refused_and_memory_stays_bounded() -> None:
    with open_house(max_streams=100) as house, house.channel() as channel:
        watch = channel.unary_stream(path("Watch"))
        calls = [watch(b"") for _ in range(100)]
        for call in calls:
            assert next(call) == b"snapshot"
        memory_before = house.do("look")["resident_kib"]
        with ThreadPoolExecutor(16) as pool:
            errors = list(pool.map(lambda _: failure(lambda: list(watch(b""))), range(2000)))
        assert {error.code() for error in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert {reason(error) for error in errors} == {"TOO_MANY_STREAMS"}
        assert house.do("look")["resident_kib"] - memory_before < 32 * 1024
        assert unary(channel, "Echo")(b"still", timeout=DEADLINE_S) == b"still"
        calls[0].cancel()
        wait_until(lambda: opens(watch), what="a freed place is given again")
        for call in calls:
            call.cancel()


def opens(watch: grpc.UnaryStreamMultiCallable[bytes, bytes]) -> bool:
    """Whether one more stream may be opened."""
    call = watch(b"")
    try:
        return next(call) == b"snapshot"
    except grpc.RpcError:
        return False
    finally:
        call.cancel()
