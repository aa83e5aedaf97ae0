"""Finishing what failed half-way while the service runs.

What a crash left open is finished by `service.assembly.bring_up` before anything is served.
"""

import asyncio
from typing import Final

from bopis.jobs.polling import poll
from bopis.service.dependencies import Dependencies
from bopis.service.reconcile import reconcile_unfinished

POLL_S: Final = 1.0


async def run(deps: Dependencies, *, stop: asyncio.Event, every_s: float = POLL_S) -> None:
    """Sends unfinished intents again until told to stop."""

    async def once() -> int:
        return (await reconcile_unfinished(deps)).finished

    await poll("reconcile", once, every_s=every_s, stop=stop)
