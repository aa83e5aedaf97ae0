"""The controller's side of the client processes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bopis.demo.client_process import ClientConfig
from bopis.demo.server_process import DemoError

STOP_WITHIN_S = 30.0
PAUSE_WITHIN_S = 60.0
LINE_BYTES_MAX = 1 << 20


@dataclass(slots=True)
class ClientProcess:
    """One client process; `counts` is what it reported last."""

    module: str
    errors: Path
    counts: Counter[str] = field(default_factory=Counter)
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    paused: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False
    reader: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self, config: ClientConfig, config_path: Path) -> None:
        """Starts the process; it waits for the clock."""
        config.save(config_path)
        with self.errors.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.module,
                str(config_path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=LINE_BYTES_MAX,
                start_new_session=True,
            )
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        if self.process is None or self.process.stdout is None:
            return
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            if "counts" in message:
                self.counts = Counter(message["counts"])
            if message["type"] == "paused":
                self.paused.set()
            elif message["type"] == "stopped":
                self.stopped = True
        await self.process.wait()

    def check(self) -> None:
        """Raises DemoError if the process ended by itself."""
        if self.process is not None and self.process.returncode is not None and not self.stopped:
            text = self.errors.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise DemoError(f"{self.module} ended with {self.process.returncode}:\n{text}")

    async def say(self, kind: str, **fields: Any) -> None:
        """Sends one message. Raises DemoError where the process is gone."""
        self.check()
        if self.process is None or self.process.stdin is None:
            raise DemoError(f"{self.module} is not running")
        self.process.stdin.write(json.dumps({"type": kind, **fields}).encode() + b"\n")
        await self.process.stdin.drain()

    async def pause(self) -> None:
        """Returns once its clock stands still and no call is in flight."""
        self.paused.clear()
        await self.say("pause")
        try:
            async with asyncio.timeout(PAUSE_WITHIN_S):
                await self.paused.wait()
        except TimeoutError:
            self.check()
            raise DemoError(f"{self.module} did not pause within {PAUSE_WITHIN_S:g} s") from None

    async def stop(self) -> None:
        """Ends it in order. Raises DemoError if it failed."""
        await self.say("stop")
        if self.process is not None and self.reader is not None:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.reader
        self.check()

    async def kill(self) -> None:
        """Ends it at once, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
