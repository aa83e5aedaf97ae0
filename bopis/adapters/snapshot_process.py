"""Snapshots of the ledger, built by `bopis snapshot` in an idle process of its own.

It ends by itself when its pipe closes, so none outlives this process; what it leaves half-done at
any moment is overwritten by the next.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from bopis._allocator_rs import build_snapshot, snapshot_backlog

IDLE_IO: Final = ("ionice", "-c", "3")
"""Put before the command where the machine has it."""

_log = structlog.get_logger(__name__)


class ProcessSnapshots:
    """Implements `bopis.ports.Snapshots` for a data folder."""

    def __init__(self, data_folder: Path, ledger: str) -> None:
        self._data_folder = data_folder
        self._ledger = data_folder / ledger

    def backlog(self) -> int:
        """See the port."""
        return snapshot_backlog(self._ledger)

    async def build(self) -> bool:
        """See the port. Kills the process if it is cancelled."""
        command = [sys.executable, "-m", "bopis.cli", "snapshot", str(self._data_folder)]
        idle = IDLE_IO if shutil.which(IDLE_IO[0]) else ()
        process = await asyncio.create_subprocess_exec(
            *idle,
            *command,
            "--json",
            "--while-stdin-is-open",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            # Not communicate(), which closes its stdin at once.
            said, complained = await asyncio.gather(
                _all_of(process.stdout), _all_of(process.stderr)
            )
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code:
            why = complained.decode(errors="replace").strip()[-500:]
            _log.warning("snapshot.failed", code=code, why=why)
        else:
            _log.info("snapshot.built", report=said.decode(errors="replace").strip())
        return code == 0


def build_snapshot_of(ledger: Path) -> dict[str, Any] | None:
    """Builds the next snapshot of a ledger's folder, beside a service or not: what is in it;
    None: no segment was filled since the last.

    Raises FileNotFoundError, OpenError (another one is being built), DivergenceError.
    """
    if not ledger.is_dir():
        raise FileNotFoundError(f"there is no ledger in {ledger.parent}")
    payload = build_snapshot(ledger)
    if payload is None:
        return None
    report: dict[str, Any] = msgspec.msgpack.decode(payload)
    return report


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


def be_idle() -> None:
    """Lets everything else on the machine go first."""
    with contextlib.suppress(OSError):
        os.nice(19)
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
