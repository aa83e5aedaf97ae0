"""A real service process for tests: `bopis serve` on a folder, started, stopped, killed."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import grpc

READY_S: Final = 60.0
STOP_S: Final = 60.0
LOG_TAIL: Final = 4_000


@dataclass(slots=True)
class ServerProcess:
    """`bopis serve` on `folder`; `log` has what it wrote on standard error, over all its starts.

    `options` are further words of the command line.
    """

    folder: Path
    options: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    journal_id: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Standard error of all starts."""
        return self.folder / "server.log"

    @property
    def address(self) -> str:
        """Where it answers. The port stays the same over restarts."""
        return f"127.0.0.1:{self.port}"

    def start(self, *, options: Sequence[str] = (), ready_s: float = READY_S) -> None:
        """Starts it and returns once it is SERVING. Raises AssertionError if it does not."""
        words = ["serve", "--data", str(self.data), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bopis.cli", *words, *self.options, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        assert self.process.stdout is not None
        line = _first_line(self.process.stdout, ready_s)
        if not line:
            self.kill()
            raise AssertionError(f"the server did not start:\n{self.log_tail()}")
        ready = json.loads(line)
        self.port = ready["port"]
        self.journal_id = ready["journal_id"]

    def channel(self) -> grpc.Channel:
        """A new channel to it."""
        # A channel of its own each time, else a restart would meet the old one's backoff.
        return grpc.insecure_channel(self.address, options=(("grpc.use_local_subchannel_pool", 1),))

    def terminate(self) -> int:
        """SIGTERM; the exit code. Raises AssertionError if it does not end."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop:\n{self.log_tail()}") from None
        self._close()
        return code

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        process = self._running()
        process.kill()
        process.wait()
        self._close()

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Waits until it ends by itself; the exit code, negative for a signal."""
        code = self._running().wait(timeout_s)
        self._close()
        return code

    def drained(self) -> dict[str, Any]:
        """What the last orderly stop wrote down."""
        [path] = self.data.rglob("drained.json")
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report

    def log_tail(self) -> str:
        """The end of its log, for messages."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "the server is not running"
        return self.process

    def _close(self) -> None:
        process, self.process = self.process, None
        if process is not None and process.stdout is not None:
            process.stdout.close()


@contextmanager
def serving(
    folder: Path, *, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """A started server that is gone afterwards, however it was left."""
    server = ServerProcess(folder, options, environment or {})
    server.start()
    try:
        yield server
    finally:
        if server.process is not None:
            server.kill()


def _first_line(stream: IO[bytes], timeout_s: float) -> bytes:
    """The first line of a pipe; empty if the other end closes, or is silent, before it."""
    deadline = time.monotonic() + timeout_s
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return b""
            part = os.read(stream.fileno(), 4_096)
            if not part:
                return b""
            line += part
    return line
