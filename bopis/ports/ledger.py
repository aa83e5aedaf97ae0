"""Counters and reservations, what happened to them, and snapshots of them."""

from collections.abc import Sequence
from typing import Protocol

from bopis.domain.ledger import ActDone, CellKey, CellsRead, Command, Reservation, ReservationsFound
from bopis.domain.ledger_events import LedgerNews


class Ledger(Protocol):
    """Quantities and reservations."""

    async def act(self, commands: Sequence[Command], *, request_id: str) -> ActDone:
        """Applies commands together; durable when it returns. One outcome per command, in order.

        One effect per request_id (UUID): a repeat returns the first outcomes. Names of cells must
        have been registered. Refusals and shortages are outcomes. Raises RequestIdReused (same
        id, other commands), RequestWindowFull, NodeNotFound, SkuNotFound, QuantityOutOfRange.
        """
        ...

    async def reservation(self, reservation_id: str) -> Reservation | None:
        """A reservation as it stands, reading own writes; None if there is none (any more)."""
        ...

    async def reservations_of_order(self, order_id: str) -> ReservationsFound:
        """Those held for an order, ended ones as long as they are kept, reading own writes."""
        ...

    async def reservations_of_cell(self, cell: CellKey) -> ReservationsFound:
        """The live ones with a line of a cell, reading own writes. Raises NodeNotFound,
        SkuNotFound.
        """
        ...

    async def read(self, cells: Sequence[CellKey]) -> CellsRead:
        """At most 4,096 cells, all at one position; cells and names never seen read as zeros."""
        ...

    async def read_atp(self, node_ids: Sequence[str], items: Sequence[CellKey]) -> Sequence[int]:
        """ATP of every item (its `node_id` is ignored) at every node, node-major. Any number of
        cells, each exact at some moment of the call; names never seen read as 0.
        """
        ...


class LedgerFeed(Protocol):
    """What happened in the ledger, from any position on."""

    def journal_id(self) -> str:
        """Which journal the positions are of."""
        ...

    def position(self) -> int:
        """The last record that reads see."""
        ...

    async def news(self, after: int) -> LedgerNews:
        """What happened after a record, a part of it: at least one record, if there is any."""
        ...


class Snapshots(Protocol):
    """The ledger's state in files, from which the next start goes on."""

    def backlog(self) -> int:
        """How many full segments of the journal no snapshot holds. Reads files."""
        ...

    async def build(self) -> bool:
        """Builds the next one; whether that succeeded. Cancelled, it is ended and harms nothing."""
        ...
