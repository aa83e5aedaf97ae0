"""The ledger's change feed over the native engine: what leaves as events."""

import asyncio
from pathlib import Path
from typing import Final

import msgspec

from bopis._allocator_rs import Engine
from bopis.domain.ledger import CellKey
from bopis.domain.ledger_events import DeficitChanged, HoldExpired, LedgerNews

WANTED: Final = 4_096
"""Events of the feed that one call looks at, about."""


class _Cell(msgspec.Struct, frozen=True, tag="cell"):
    pass


class _Reservation(msgspec.Struct, frozen=True, tag="reservation"):
    sequence: int
    wall_ms: int
    reservation_id: str


class _Deficit(msgspec.Struct, frozen=True, tag="deficit"):
    sequence: int
    wall_ms: int
    node_id: str
    sku: str | None
    window_start_s: int | None
    quantity: int
    quantity_before: int
    reservation_ids: tuple[str, ...]


class _Events(msgspec.Struct, frozen=True):
    through: int
    events: tuple[_Cell | _Reservation | _Deficit, ...]


_decoder: Final = msgspec.msgpack.Decoder(_Events)


class NativeFeed:
    """Implements `bopis.ports.LedgerFeed` over the engine of `directory` in this process."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._directory = directory

    def journal_id(self) -> str:
        """See the port."""
        return self._engine.journal_id()

    def position(self) -> int:
        """See the port."""
        return self._engine.position()

    async def news(self, after: int) -> LedgerNews:
        """See the port. What memory forgot is read from the journal, in a thread of its own."""
        found = self._engine.events(after, WANTED, notable=True)
        if found is None:
            found = await asyncio.to_thread(
                self._engine.events_of_journal, self._directory, after, WANTED, notable=True
            )
        events = _decoder.decode(found)
        changes = tuple(_change(one) for one in events.events if not isinstance(one, _Cell))
        return LedgerNews(events.through, changes)


def _change(event: _Reservation | _Deficit) -> HoldExpired | DeficitChanged:
    if isinstance(event, _Reservation):
        return HoldExpired(event.sequence, event.wall_ms, event.reservation_id)
    return DeficitChanged(
        sequence=event.sequence,
        wall_ms=event.wall_ms,
        cell=CellKey(event.node_id, event.sku, event.window_start_s),
        quantity=event.quantity,
        quantity_before=event.quantity_before,
        reservation_ids=event.reservation_ids,
    )
