"""What the demo's client processes share: configuration, the line to the controller, the end.

The controller writes one JSON object a line to a client's standard input: `clock` (run on from an
instant), `pause` (stand still; answered with `paused` once no call is in flight) and `stop`. The
client writes `counts` now and then, and `stopped` at its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bopis.demo.client_log import ClientLog
from bopis.demo.simclock import SimClock
from bopis.demo.wire import Caller

REPORT_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a client process is told at its start; paths are absolute."""

    address: str
    scenario: str
    orders: int | None
    seed: int
    reach_m: int
    log: str
    notifications: str

    def save(self, path: Path) -> None:
        """Writes it for the process to read."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @staticmethod
    def load(path: Path) -> ClientConfig:
        """Reads what `save` wrote."""
        return msgspec.json.decode(path.read_bytes(), type=ClientConfig)


@dataclass(slots=True)
class Client:
    """A running client: clock, channel, log and the counts that it reports."""

    config: ClientConfig
    clock: SimClock
    caller: Caller
    log: ClientLog
    counts: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    closing: list[Callable[[], None]] = field(default_factory=list)
    failure: BaseException | None = None

    def spawn(self, work: Awaitable[None]) -> None:
        """Runs `work` beside everything else; if it raises, the client stops and says why."""

        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
            self.stopping.set()


def say(kind: str, **fields: Any) -> None:
    """One message to the controller."""
    sys.stdout.write(json.dumps({"type": kind, **fields}) + "\n")
    sys.stdout.flush()


def run_client(work: Callable[[Client], Awaitable[None]]) -> None:
    """Runs a client process: `work` starts everything and returns; it goes on until `stop`."""
    import uvloop

    uvloop.run(_run(work, ClientConfig.load(Path(sys.argv[1]))))


async def _run(work: Callable[[Client], Awaitable[None]], config: ClientConfig) -> None:
    clock = SimClock()
    with ClientLog(Path(config.log)) as log:

        def cut_off(sent: float, failed: float) -> None:
            log.write("cut", sent, failed)

        client = Client(config, clock, Caller(config.address, clock, cut_off=cut_off), log)
        client.spawn(_listen(client))
        client.spawn(_report(client))
        client.spawn(work(client))
        await client.stopping.wait()
        for task in list(client.tasks):
            task.cancel()
        await asyncio.gather(*client.tasks, return_exceptions=True)
        await client.caller.channel.close()
        for close in client.closing:
            close()
    say("counts", counts=dict(client.counts))
    if client.failure is not None:
        raise client.failure
    say("stopped")


async def _listen(client: Client) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        if message["type"] == "clock":
            client.clock.set(
                sim_s=message["sim_s"], real_s=message["real_s"], scale=message["scale"]
            )
        elif message["type"] == "pause":
            client.clock.pause()
            await client.caller.quiet()
            say("paused", counts=dict(client.counts))
        else:
            break
    client.stopping.set()


async def _report(client: Client) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            client.counts["retries"] = client.caller.retries
            client.counts["client_cpu_ms"] = round(1000 * time.process_time())
            client.log.flush()
            say("counts", counts=dict(client.counts))
