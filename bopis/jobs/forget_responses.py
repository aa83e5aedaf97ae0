"""Forgetting stored answers that are older than the request window, and old decisions."""

import asyncio
from typing import Final

from bopis.jobs.polling import poll
from bopis.ports import Clock, OrderStore

POLL_S: Final = 60.0
RETENTION_MS: Final = 24 * 3_600_000
"""A repeat of a request gets its first answer for at least this long."""

BATCH: Final = 1_000


async def run(
    store: OrderStore,
    clock: Clock,
    *,
    stop: asyncio.Event,
    decisions_ms: int,
    every_s: float = POLL_S,
) -> None:
    """Forgets old answers, and decisions older than `decisions_ms`, until told to stop."""

    async def once() -> int:
        answers = await store.forget_responses(clock.wall_ms() - RETENTION_MS, BATCH)
        decisions = await store.forget_decisions(clock.wall_ms() - decisions_ms, BATCH)
        return max(answers, decisions)

    await poll("forget_responses", once, every_s=every_s, stop=stop)
