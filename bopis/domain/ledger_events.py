"""What of the ledger's change feed leaves as events: holds that expired, and deficits."""

from dataclasses import dataclass
from typing import Final

from bopis.domain.events import OrderEvent
from bopis.domain.ids import derived_uuid
from bopis.domain.ledger import CellKey

EXPIRED: Final = "reservation.expired"
OPENED: Final = "deficit.opened"
CHANGED: Final = "deficit.changed"
CLOSED: Final = "deficit.closed"


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """A record of a journal; 0: before the first."""

    journal_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class HoldExpired:
    """The deadline of a hold passed (`wall_ms`: Unix ms)."""

    sequence: int
    wall_ms: int
    reservation_id: str


@dataclass(frozen=True, slots=True)
class DeficitChanged:
    """Promised units of a cell that are not there became more or fewer. 0 `quantity`: closed.

    `reservation_ids` are those that have a line of the cell, at most 1,000.
    """

    sequence: int
    wall_ms: int
    cell: CellKey
    quantity: int
    quantity_before: int
    reservation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerNews:
    """What happened up to `through`, in order, and nothing of what came later."""

    through: int
    changes: tuple[HoldExpired | DeficitChanged, ...]


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """An event as the outbox keeps it; `event.order_id` is its subject, which is no order."""

    event: OrderEvent
    data: dict[str, str | int | tuple[str, ...]]


def ledger_event(change: HoldExpired | DeficitChanged, journal_id: str) -> LedgerEvent:
    """The event of a change. The id is derived: the same change always has the same."""
    data: dict[str, str | int | tuple[str, ...]] = {
        "journal_id": journal_id,
        "sequence": change.sequence,
    }
    match change:
        case HoldExpired():
            kind, subject = EXPIRED, change.reservation_id
            data["reservation_id"] = change.reservation_id
        case _:
            cell = change.cell
            item = cell.sku if cell.sku is not None else f"labor@{cell.window_start_s}"
            kind, subject = _deficit(change), f"{cell.node_id}/{item}"
            data |= {
                "node_id": cell.node_id,
                "sku": cell.sku or "",
                "quantity": change.quantity,
                "quantity_before": change.quantity_before,
                "reservation_ids": change.reservation_ids,
            }
    event = OrderEvent(
        event_id=derived_uuid("ledger event", journal_id, str(change.sequence), kind, subject),
        type=kind,
        order_id=subject,
        time_ms=change.wall_ms,
    )
    return LedgerEvent(event, data)


def _deficit(change: DeficitChanged) -> str:
    if change.quantity_before == 0:
        return OPENED
    return CHANGED if change.quantity else CLOSED
