"""The worker process: frames in, frames out, and how it ends."""

import io
import os
import signal
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from solver.problem import Request
from solver.worker import read_frame, run, write_frame
from tests.unit.solver.small_batches import optimum, small_request

DEADLINE_S = 60.0


def started(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "solver.worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def frame_of(request: Request) -> bytes:
    body = msgspec.msgpack.encode(
        {
            "type": "solve",
            "nodes": request.nodes,
            "items": request.items,
            "policy": request.policy,
            "problem": request.problem,
        }
    )
    return len(body).to_bytes(4, "big") + body


def frames(output: bytes) -> list[dict[str, Any]]:
    stream = io.BytesIO(output)
    found = []
    while stream.tell() < len(output):
        found.append(msgspec.msgpack.decode(read_frame(stream)))
    return found


def test_a_request_is_answered_with_progress_and_one_result() -> None:
    request = small_request(21, orders=5)
    process = started()
    assert process.stdin is not None
    assert process.stdout is not None
    # The pipe stays open until the result is out: closing it would end the process.
    process.stdin.write(frame_of(request))
    process.stdin.flush()
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["type"] == "progress":
        answers.append(msgspec.msgpack.decode(read_frame(process.stdout)))
    process.stdin.close()
    assert process.wait(DEADLINE_S) == 0
    process.stdout.close()
    result = answers[-1]
    assert result["type"] == "result"
    assert [answer["type"] for answer in answers[:-1]] == ["progress"] * (len(answers) - 1)
    assert result["considered"] == len(request.problem.orders)
    assert result["bound_micro"] <= optimum(request) <= result["cost_planned_micro"]
    assert result["cost_planned_micro"] <= result["cost_before_micro"]


@pytest.mark.parametrize(
    ("arguments", "scheduling"),
    [((), os.SCHED_IDLE), (("--foreground",), os.sched_getscheduler(0))],
)
def test_everything_else_goes_first_unless_a_command_waits(
    arguments: tuple[str, ...], scheduling: int
) -> None:
    process = started(*arguments)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(frame_of(small_request(23)))
    process.stdin.flush()
    assert msgspec.msgpack.decode(read_frame(process.stdout))["type"] == "progress"
    assert os.sched_getscheduler(process.pid) == scheduling
    process.stdin.close()
    process.wait(DEADLINE_S)
    process.stdout.close()


def test_the_process_ends_when_its_pipe_closes() -> None:
    process = started()
    assert process.stdin is not None
    process.stdin.write(frame_of(small_request(22))[:100])
    process.stdin.close()
    assert process.wait(DEADLINE_S) != 0
    assert process.stdout is not None
    assert frames(process.stdout.read())[-1]["type"] == "failed"
    process.stdout.close()


def test_an_interrupt_does_not_end_the_process() -> None:
    process = started()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(frame_of(small_request(23)))
    process.stdin.flush()
    first = msgspec.msgpack.decode(read_frame(process.stdout))
    assert first["type"] == "progress"
    os.kill(process.pid, signal.SIGINT)
    last = first
    while last["type"] == "progress":
        last = msgspec.msgpack.decode(read_frame(process.stdout))
    assert last["type"] == "result"
    process.stdin.close()
    process.wait(DEADLINE_S)
    process.stdout.close()


@pytest.mark.parametrize("garbage", [b"", b"\x00\x00", b"\x00\x00\x00\x05abc", b"\xff\xff\xff\xff"])
def test_what_is_no_frame_fails_with_a_reason(garbage: bytes) -> None:
    sink = io.BytesIO()
    assert run(io.BytesIO(garbage), sink) == 1
    assert frames(sink.getvalue())[-1]["type"] == "failed"


def test_what_is_no_request_fails_with_a_reason() -> None:
    source, sink = io.BytesIO(), io.BytesIO()
    write_frame(source, {"type": "solve", "nodes": 3})
    source.seek(0)
    assert run(source, sink) == 1
    answer = frames(sink.getvalue())[-1]
    assert answer["type"] == "failed"
    assert "ValidationError" in answer["why"]


def test_a_batch_that_contradicts_itself_fails_with_a_reason() -> None:
    request = small_request(24)
    body = msgspec.to_builtins(request)
    body["problem"]["stock"] = []
    source, sink = io.BytesIO(), io.BytesIO()
    write_frame(source, {"type": "solve", **body})
    source.seek(0)
    assert run(source, sink) == 1
    assert "no line or limit" in frames(sink.getvalue())[-1]["why"]


def test_the_worker_imports_nothing_of_the_service_but_the_native_module() -> None:
    code = (
        "import sys, solver.worker\n"
        "ours = {m for m in sys.modules if m.split('.')[0] == 'bopis'}\n"
        "assert ours == {'bopis', 'bopis._allocator_rs'}, ours\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=DEADLINE_S)
