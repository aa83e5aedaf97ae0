"""Building a snapshot of the ledger after every so many sealed segments, one at a time."""

import asyncio
import contextlib
from typing import Final

from bopis.jobs.polling import poll
from bopis.ports import Snapshots

POLL_S: Final = 5.0
AFTER_FAILURE_S: Final = 60.0
"""A builder that failed harmed nothing; it is not started again sooner."""


async def run(
    snapshots: Snapshots, *, every_segments: int, stop: asyncio.Event, every_s: float = POLL_S
) -> None:
    """Builds until told to stop; a builder that runs then is ended. 0 segments: never."""
    if not every_segments:
        return

    async def once() -> int:
        if await asyncio.to_thread(snapshots.backlog) < every_segments:
            return 0
        building = asyncio.create_task(snapshots.build())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((building, stopping), return_when=asyncio.FIRST_COMPLETED)
            if building.done() and not building.result():
                await _pause(stop)
        finally:
            for task in (building, stopping):
                task.cancel()
            await asyncio.gather(building, stopping, return_exceptions=True)
        return 0

    await poll("build_snapshots", once, every_s=every_s, stop=stop)


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(AFTER_FAILURE_S):
            await stop.wait()
