"""Finishing what failed half-way while the service runs.

What a crash left open is finished by `service.assembly.bring_up` before anything is served.
"""

import asyncio
from typing import Final

from bopis.jobs.polling import poll
from bopis.service.dependencies import Dependencies
from bopis.service.reconcile import reconcile_unfinished

POLL_S: Final = 1.0


class NothingFinishedError(RuntimeError):
    """Every intent failed again: what keeps them from ending is still there."""


async def run(deps: Dependencies, *, stop: asyncio.Event, every_s: float = POLL_S) -> None:
    """Sends unfinished intents again until told to stop, more and more seldom while none ends."""

    async def once() -> int:
        done = await reconcile_unfinished(deps)
        if done.failed and not done.finished:
            raise NothingFinishedError(f"{done.failed} intents could not be finished")
        return done.finished

    await poll("reconcile", once, every_s=every_s, stop=stop)
