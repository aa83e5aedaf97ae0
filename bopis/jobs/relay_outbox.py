"""Publishing the outbox: at least once, in order per order, with backoff.

An event that its consumer cannot take is buried as a dead letter after some tries. One that it
cannot take *now* (an OSError: a full disk, a server that is away) waits as long as it must.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog

from bopis.domain.events import envelope
from bopis.domain.records import OutboxRow
from bopis.failpoints import failpoint
from bopis.jobs.polling import poll
from bopis.ports import Bus, OrderStore

POLL_S: Final = 0.05
BATCH: Final = 256
TRIES_MAX: Final = 8
BACKOFF_MS: Final = 200
"""First pause after a failure, doubled with each further one: the eighth try comes after 25 s."""

BACKOFF_MAX_MS: Final = 30_000

ERROR_LENGTH_MAX: Final = 500

_log = structlog.get_logger(__name__)


async def run(store: OrderStore, bus: Bus, *, stop: asyncio.Event, every_s: float = POLL_S) -> None:
    """Relays until told to stop."""
    await poll("relay_outbox", lambda: relay(store, bus), every_s=every_s, stop=stop)


async def relay(store: OrderStore, bus: Bus) -> int:
    """Publishes one batch; how many events it took out or gave another time.

    Events of one order go one after the other: when one fails, the later ones wait for it. Pauses
    are real time, whatever the clock of the orders does.
    """
    rows = await store.outbox(BATCH, now_ms=_real_ms())
    if not rows:
        return 0
    published: list[int] = []
    failed: list[tuple[int, int, str]] = []
    dead: list[tuple[int, str]] = []
    stuck: set[str] = set()
    for wave in _waves(rows):
        going = [row for row in wave if row.event.order_id not in stuck]
        results = await bus.publish([envelope(row.event, row.data) for row in going])
        for row, error in zip(going, results, strict=True):
            if error is None:
                published.append(row.sequence)
                continue
            text = f"{type(error).__name__}: {error}"[:ERROR_LENGTH_MAX]
            if row.tries + 1 >= TRIES_MAX and not isinstance(error, OSError):
                dead.append((row.sequence, text))
                _log.error("relay.dead_letter", event_id=row.event.event_id, error=text)
            else:
                stuck.add(row.event.order_id)
                failed.append((row.sequence, _real_ms() + _pause_ms(row.tries), text))
                _log.warning("relay.failed", event_id=row.event.event_id, error=text)
    failpoint("relay.after_publish")
    await store.outbox_done(published, failed=failed, dead=dead)
    return len(published) + len(dead)


def _waves(rows: Sequence[OutboxRow]) -> list[list[OutboxRow]]:
    """The rows in as few batches as keep each order's events in different ones, in order."""
    waves: list[list[OutboxRow]] = []
    depth: dict[str, int] = {}
    for row in rows:
        at = depth.get(row.event.order_id, 0)
        depth[row.event.order_id] = at + 1
        if at == len(waves):
            waves.append([])
        waves[at].append(row)
    return waves


def _pause_ms(tries: int) -> int:
    return min(BACKOFF_MS << min(tries, TRIES_MAX), BACKOFF_MAX_MS)


def _real_ms() -> int:
    return time.time_ns() // 1_000_000
