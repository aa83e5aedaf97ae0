"""Starts and commands a door process, and reads errors as a client sees them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2, status_pb2

from tests.e2e import door_process

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWER_S = 20


class House:
    """A running door process."""

    def __init__(self, folder: Path, **options: Any) -> None:
        command = [sys.executable, "-m", "tests.e2e.door_process", str(folder / "up")]
        self.process = subprocess.Popen(
            [*command, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        self.port = int(self._hear()["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> int:
        """Ends the process in order; kills it if it will not."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            return self.process.wait(timeout=ANSWER_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def send(self, do: str, **arguments: Any) -> None:
        """Gives a command and does not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """The answer to a command that was sent."""
        return self._hear()["answer"]

    def do(self, do: str, **arguments: Any) -> Any:
        """Gives a command and waits for its answer."""
        self.send(do, **arguments)
        return self.hear()

    def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the door process ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def channel(self) -> grpc.Channel:
        """A new connection."""
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
        ]
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)


@contextmanager
def open_house(**options: Any) -> Iterator[House]:
    """A door process on a temporary folder."""
    # A short path: a unix socket's address has room for about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="bd-") as folder, House(Path(folder), **options) as it:
        yield it


def path(name: str) -> str:
    """The path of an rpc behind the door."""
    return f"/{door_process.SERVICE}/{name}"


def unary(channel: grpc.Channel, name: str) -> Any:
    """A callable that sends bytes and returns bytes."""
    return channel.unary_unary(path(name))


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float = ANSWER_S) -> None:
    """Waits for a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def failure(call: Callable[[], object]) -> grpc.RpcError:
    """The error of a call that must fail."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"the call answered {answer!r}")


def reason(error: Any) -> str:
    """The reason of the ErrorInfo that every error of the door carries."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    assert info.domain == "bopis"
                    return str(info.reason)
    raise AssertionError(f"no ErrorInfo in {error!r}")
