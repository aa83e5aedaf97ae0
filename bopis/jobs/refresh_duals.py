"""Dual prices made anew every so often, and withdrawn when they could not be.

The optimizer has a process of its own for each refresh, so a re-allocation that runs at the same
time is not waited for. One that fails or hangs leaves the prices as they are until they are too
old.
"""

import asyncio
from typing import Final

import structlog

from bopis.jobs.polling import poll, until_stopped
from bopis.service.dependencies import Dependencies
from bopis.service.pricing import refresh_duals, withdraw_stale

LOOK_S: Final = 1.0
"""Real seconds between two looks at the age of the prices."""
TIME_LIMIT_MS: Final = 10_000
"""For the optimizer; less where refreshes follow each other sooner."""

_log = structlog.get_logger(__name__)


async def run(deps: Dependencies, *, every_s: float, age_max_s: float, stop: asyncio.Event) -> None:
    """Refreshes every so many real seconds until told to stop; 0: never. Prices that were made for
    a moment longer ago than `age_max_s` on the service's clock are withdrawn.
    """
    if every_s <= 0:
        return
    limit_ms = min(TIME_LIMIT_MS, max(1, round(every_s * 500)))

    async def refresh() -> int:
        done = await until_stopped(refresh_duals(deps, time_limit_ms=limit_ms), stop)
        if done is not None:
            _log.info("duals.refreshed", **{name: getattr(done, name) for name in done.__slots__})
        return 0

    async def look() -> int:
        withdraw_stale(deps, age_max_ms=round(age_max_s * 1_000))
        return 0

    await asyncio.gather(
        poll("refresh_duals", refresh, every_s=every_s, stop=stop, first_s=every_s),
        poll("withdraw_duals", look, every_s=min(LOOK_S, every_s), stop=stop),
    )
