"""How jobs run: again and again until told to stop; one failure does not end a job."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

BACKOFF_MAX_S: Final = 5.0

_Found = TypeVar("_Found")

_log = structlog.get_logger(__name__)


async def poll(
    name: str,
    once: Callable[[], Awaitable[int]],
    *,
    every_s: float,
    stop: asyncio.Event,
    first_s: float = 0.0,
) -> None:
    """Calls `once` (which returns how much it found) until `stop`, for the first time after
    `first_s` real seconds: at once again while there is more, else after `every_s`, doubled with
    each failure in a row up to BACKOFF_MAX_S.
    """
    failures = 0
    if first_s:
        await pause(first_s, stop)
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
        await pause(min(every_s * 2**failures, max(BACKOFF_MAX_S, every_s)), stop)


async def until_stopped(awaited: Awaitable[_Found], stop: asyncio.Event) -> _Found | None:
    """What is awaited; None if told to stop before it came, and it is cancelled then."""
    task, stopping = asyncio.ensure_future(awaited), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for one in (task, stopping):
            one.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Waits so many real seconds, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
