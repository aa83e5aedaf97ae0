"""The service under demonstration: `bopis serve` as a child process on a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from bopis.demo.wire import make_channel
from bopis.v1 import inventory_service_pb2, inventory_service_pb2_grpc, store_service_pb2
from bopis.v1.store_service_pb2_grpc import StoreServiceStub

READY_WITHIN_S = 60.0
DRAIN_WITHIN_S = 60.0
POLL_S = 0.05
CALIBRATIONS = 5
LOG_TAIL_CHARACTERS = 3000


class DemoError(RuntimeError):
    """The demo cannot go on; the text says why."""


@dataclass(slots=True)
class Server:
    """The child process. `starts` counts how often it was started, `cpu_s` the processor seconds
    that it took (0 where the system does not tell; its workers are not counted).
    """

    folder: Path
    log: Path
    origin_s: int
    port: int = 0
    starts: int = 0
    scale: float = 1.0
    cpu_s: float = 0.0
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The door's address."""
        return f"127.0.0.1:{self.port}"

    async def start(self, scale: float) -> None:
        """Starts it at this scale and returns when it answers. Raises DemoError."""
        self.port = self.port or _free_port()
        self.scale = scale
        self.starts += 1
        origin = datetime.fromtimestamp(self.origin_s, UTC).isoformat().replace("+00:00", "Z")
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *bopis_command(
                    "serve",
                    "--data",
                    str(self.folder),
                    "--port",
                    str(self.port),
                    "--time-origin",
                    origin,
                    "--time-scale",
                    f"{scale:g}",
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self._ready()

    async def _ready(self) -> None:
        give_up = time.monotonic() + READY_WITHIN_S
        async with make_channel(self.address) as channel:
            stub = StoreServiceStub(channel)
            while True:
                try:
                    await stub.ListStores(
                        store_service_pb2.ListStoresRequest(page_size=1), timeout=2.0
                    )
                    return
                except grpc.aio.AioRpcError as error:
                    self.check()
                    if time.monotonic() > give_up:
                        raise DemoError(
                            f"the service did not answer within {READY_WITHIN_S:g} s: "
                            f"{error.code().name} {error.details()}\n{self._log_tail()}"
                        ) from error
                await asyncio.sleep(POLL_S)

    def check(self) -> None:
        """Raises DemoError if the process ended by itself."""
        if self.process is not None and self.process.returncode is not None:
            raise DemoError(
                f"the service ended with {self.process.returncode}:\n{self._log_tail()}"
            )

    async def drain(self) -> dict[str, Any]:
        """Stops it in order; returns what it wrote in drained.json. Raises DemoError."""
        if self.process is None:
            raise DemoError("the service is not running")
        self.check()
        self.cpu_s += _cpu_s(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(DRAIN_WITHIN_S):
                code = await self.process.wait()
        except TimeoutError:
            raise DemoError(
                f"the service did not drain within {DRAIN_WITHIN_S:g} s\n{self._log_tail()}"
            ) from None
        if code != 0:
            raise DemoError(f"the service ended with {code}:\n{self._log_tail()}")
        self.process = None
        path = next(iter(sorted(self.folder.rglob("drained.json"))), None)
        if path is None:
            raise DemoError("the service left no drained.json")
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report

    async def restart(self, scale: float) -> None:
        """Drains it and starts it again: its clock goes on at the new scale."""
        await self.drain()
        await self.start(scale)

    async def kill(self) -> None:
        """Ends the process at once, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def kill_and_start(self) -> float:
        """Kills it with SIGKILL and starts it again at once, at the same scale; returns the instant
        of the kill (monotonic seconds). Raises DemoError if it had ended or does not come back.
        """
        self.check()
        if self.process is None:
            raise DemoError("the service is not running")
        process, self.process = self.process, None
        self.cpu_s += _cpu_s(process.pid)
        killed = time.monotonic()
        process.kill()
        await process.wait()
        await self.start(self.scale)
        return killed

    async def clock(self, node_id: str, sku: str) -> tuple[float, float]:
        """(simulated second, monotonic second): what the service's clock shows, read through the
        door; the quickest of a few answers.
        """
        readings = []
        async with make_channel(self.address) as channel:
            stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
            request = inventory_service_pb2.GetAvailabilityRequest(node_id=node_id, sku=sku)
            for _ in range(CALIBRATIONS):
                before = time.monotonic()
                answer = await stub.GetAvailability(request, timeout=10.0)
                after = time.monotonic()
                sim_s = answer.as_of_time.seconds + answer.as_of_time.nanos / 1e9
                readings.append((after - before, sim_s, (before + after) / 2))
        _, sim_s, real_s = min(readings)
        return sim_s, real_s

    def _log_tail(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return text[-LOG_TAIL_CHARACTERS:]


def bopis_command(*arguments: str) -> list[str]:
    """The bopis command line, run by the interpreter that runs now; it ends with this process."""
    start = (
        f"from bopis.demo.lifeline import end_with; end_with({os.getpid()}); "
        "from bopis.cli import app; app()"
    )
    return [sys.executable, "-c", start, *arguments]


def _cpu_s(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / ticks


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
