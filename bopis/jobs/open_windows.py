"""Keeping labor windows open for the policy's horizon."""

import asyncio
from typing import Final

from bopis.jobs.polling import poll
from bopis.service.dependencies import Dependencies
from bopis.service.stores import extend_windows

POLL_S: Final = 1.0
"""Real seconds; how far windows must be open is decided by the clock port."""


async def run(deps: Dependencies, *, stop: asyncio.Event, every_s: float = POLL_S) -> None:
    """Opens windows until told to stop."""
    await poll("open_windows", lambda: extend_windows(deps), every_s=every_s, stop=stop)
