"""Whatever a client sends gets an answer or a typed error, and the books agree afterwards.

BOPIS_RANDOM_CALLS sets how many calls are made (2,000 by default; `make soak` makes 100,000), and
BOPIS_RANDOM_SEED replays a failure.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from bopis.testing.client import Client, error_of
from bopis.testing.server import ServerProcess
from tests.e2e import small_town
from tests.e2e.random_calls import RandomCall, random_calls

pytestmark = pytest.mark.needs_services()

Code = grpc.StatusCode
COUNT = int(os.environ.get("BOPIS_RANDOM_CALLS", "2000"))
SEED = int(os.environ.get("BOPIS_RANDOM_SEED", "1"))
CALL_S = 5.0
STREAM_S = 0.05
NEVER = {Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS}
READ_MAX = 3
MEMORY_MAX_KIB = 200 * 1024
"""How much a server may grow over the calls."""


def answers(channel: grpc.Channel, call: RandomCall) -> Iterator[bytes]:
    """What comes back: of a stream the first few messages."""
    method = call.method
    if method.client_streaming:
        collect = channel.stream_unary(call.path)
        yield collect(iter(call.messages), timeout=CALL_S)
    elif method.server_streaming:
        stream = channel.unary_stream(call.path)(call.messages[0], timeout=STREAM_S)
        for _, message in zip(range(READ_MAX), stream, strict=False):
            yield message
        stream.cancel()
    else:
        yield channel.unary_unary(call.path)(call.messages[0], timeout=CALL_S)


def code_of(channel: grpc.Channel, call: RandomCall, number: int) -> Any:
    """OK, or the code of a typed error."""
    try:
        list(answers(channel, call))
    except grpc.RpcError as raised:
        code = raised.code()
        where = f"call {number} of seed {SEED}: {call.path} {call.messages!r:.2000}: {raised}"
        assert code not in NEVER, where
        if code is Code.DEADLINE_EXCEEDED:
            assert call.method.server_streaming or "WaitOperation" in call.path, where
        else:
            assert error_of(raised).domain == "bopis", where
        return code
    return Code.OK


def resident_kib(server: ServerProcess) -> int:
    """Memory of the server, KiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_random_calls_get_an_answer_or_a_typed_error(server: ServerProcess) -> None:
    codes: Counter[tuple[str, str]] = Counter()
    before = resident_kib(server)
    with server.channel() as channel:
        for number, call in enumerate(random_calls(SEED, COUNT)):
            codes[call.method.name, code_of(channel, call, number).name] += 1
    grown = resident_kib(server) - before
    print(f"seed {SEED}: {COUNT} calls, memory grew by {grown} KiB, {dict(codes)}")
    assert grown < MEMORY_MAX_KIB
    for name in ("CreateOrder", "Reserve", "CancelOrder", "SetCapacity", "Reallocate"):
        assert codes[name, "OK"], f"some are in order: {name}"
    log = server.log.read_text(encoding="utf-8", errors="replace")
    assert "rpc.failed" not in log, server.log_tail()
    assert "panicked" not in log, server.log_tail()


def test_the_service_works_as_before(client: Client) -> None:
    order = small_town.place(client, small_town.order_request("after", sku="candle"))
    assert small_town.get_order(client, "after").state == order.state
