"""Forgetting stored answers that are older than the request window, and old decisions."""

import asyncio
from typing import Final

from bopis.jobs.polling import poll
from bopis.ports import Clock, OrderStore

POLL_S: Final = 60.0
DAY_MS: Final = 24 * 3_600_000
RETENTION_MS: Final = DAY_MS
"""A repeat of a request gets its first answer for at least this long."""

BATCH: Final = 1_000


async def run(
    store: OrderStore,
    clock: Clock,
    *,
    stop: asyncio.Event,
    days: int,
    every_s: float = POLL_S,
) -> None:
    """Forgets old answers, and decisions older than so many days, until told to stop."""

    async def once() -> int:
        answers = await store.forget_responses(clock.wall_ms() - RETENTION_MS, BATCH)
        decisions = await store.forget_decisions(clock.wall_ms() - days * DAY_MS, BATCH)
        return max(answers, decisions)

    await poll("forget_responses", once, every_s=every_s, stop=stop)
