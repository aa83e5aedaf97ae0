"""Building a snapshot of the ledger after every so many sealed segments, one at a time."""

import asyncio
from typing import Final

from bopis.jobs.polling import pause, poll, until_stopped
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
        if await until_stopped(snapshots.build(), stop) is False:
            await pause(AFTER_FAILURE_S, stop)
        return 0

    await poll("build_snapshots", once, every_s=every_s, stop=stop)
