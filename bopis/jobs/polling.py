"""How jobs run: again and again until told to stop; one failure does not end a job."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

BACKOFF_MAX_S: Final = 5.0

_log = structlog.get_logger(__name__)


async def poll(
    name: str, once: Callable[[], Awaitable[int]], *, every_s: float, stop: asyncio.Event
) -> None:
    """Calls `once` (which returns how much it found) until `stop`: at once again while there is
    more, else after `every_s` real seconds, doubled with each failure in a row up to BACKOFF_MAX_S.
    """
    failures = 0
    while not stop.is_set():
        try:
            found = await once()
            failures = 0
        except Exception:  # noqa: BLE001 (logged, and tried again)
            failures += 1
            found = 0
            _log.exception("job.failed", job=name, failures=failures)
        if found:
            await asyncio.sleep(0)
            continue
        pause = min(every_s * 2**failures, max(BACKOFF_MAX_S, every_s))
        try:
            async with asyncio.timeout(pause):
                await stop.wait()
        except TimeoutError:
            continue
