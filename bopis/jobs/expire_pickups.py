"""The no-show timer."""

import asyncio
from typing import Final

from bopis.jobs.polling import poll
from bopis.service.dependencies import Dependencies
from bopis.service.noshow import expire_due

POLL_S: Final = 0.2
"""Real seconds; what is due is decided by the clock port."""


async def run(deps: Dependencies, *, stop: asyncio.Event, every_s: float = POLL_S) -> None:
    """Expires due pickups until told to stop."""
    await poll("expire_pickups", lambda: expire_due(deps), every_s=every_s, stop=stop)
