"""From the ledger's change feed into the outbox: holds that expired, deficits. Exactly once.

The events and how far the feed was read are written in one transaction, so a crash before it reads
the same again, and one after it goes on behind it.
"""

import asyncio
from typing import Final

from bopis.domain.ledger_events import LedgerPosition, ledger_event
from bopis.failpoints import failpoint
from bopis.jobs.polling import poll
from bopis.ports import LedgerFeed, OrderStore

POLL_S: Final = 0.1
POSITION_EVERY: Final = 10_000
"""Records without any event after which the position is written anyway."""


async def run(
    feed: LedgerFeed, store: OrderStore, *, stop: asyncio.Event, every_s: float = POLL_S
) -> None:
    """Relays until told to stop."""
    relay = LedgerRelay(feed, store)
    await poll("relay_ledger", relay.once, every_s=every_s, stop=stop)


class LedgerRelay:
    """Knows how far it has read."""

    def __init__(self, feed: LedgerFeed, store: OrderStore) -> None:
        self._feed = feed
        self._store = store
        self._read = -1
        self._written = 0

    async def once(self) -> int:
        """Takes over a part of what is new; how many records that were."""
        journal_id = self._feed.journal_id()
        if self._read < 0:
            self._read = self._written = await self._from(journal_id)
        if self._feed.position() <= self._read:
            return 0
        news = await self._feed.news(self._read)
        taken = news.through - self._read
        if news.changes or news.through - self._written >= POSITION_EVERY:
            events = [ledger_event(change, journal_id) for change in news.changes]
            failpoint("relay_ledger.before_write")
            await self._store.put_ledger_events(
                events, position=LedgerPosition(journal_id, news.through)
            )
            self._written = news.through
        self._read = news.through
        return taken

    async def _from(self, journal_id: str) -> int:
        """Behind what is in the outbox. If nothing ever was, the history of a ledger that is older
        than this job stays unsaid.
        """
        position = await self._store.ledger_position()
        if position is not None and position.journal_id == journal_id:
            return position.sequence
        now = self._feed.position()
        return 0 if now < POSITION_EVERY else now
