"""What can be asked of the ledger, and what comes of it: the values of the ledger port.

Names are strings here (node ids, SKUs); the native side interns them. Quantities are base units of
the SKU, or labor seconds of the hour that starts at `window_start_s` (Unix seconds).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CLOSED_BUFFER: Final = 1 << 53
"""The safety stock of a closed labor window: more than there can be of anything."""


@dataclass(frozen=True, slots=True)
class CellKey:
    """One cell: a SKU at a node, or (with `sku` None) labor of the hour `window_start_s` there."""

    node_id: str
    sku: str | None = None
    window_start_s: int | None = None


@dataclass(frozen=True, slots=True)
class CellView:
    """The counters of one cell; only `on_hand` may be negative."""

    on_hand: int = 0
    held: int = 0
    committed: int = 0
    unavailable: int = 0
    safety_stock: int = 0

    @property
    def atp(self) -> int:
        """Available to promise."""
        return self.on_hand - self.held - self.committed - self.unavailable - self.safety_stock


@dataclass(frozen=True, slots=True)
class CellsRead:
    """Cells as they stood together at one position, in the order asked; unknown ones are zero."""

    sequence: int
    wall_ms: int
    cells: tuple[CellView, ...]


@dataclass(frozen=True, slots=True)
class ReservationLine:
    """A quantity (at least 1) of one cell."""

    node_id: str
    quantity: int
    sku: str | None = None
    window_start_s: int | None = None

    @property
    def cell(self) -> CellKey:
        """The cell that the line takes from."""
        return CellKey(self.node_id, self.sku, self.window_start_s)


class ReservationState(StrEnum):
    """Where a reservation stands."""

    HELD = "HELD"
    COMMITTED = "COMMITTED"
    CONSUMED = "CONSUMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation as it stood at a moment; `lines` is what remains, one line per cell.

    `expire_wall_ms` is Unix ms, meaningful while HELD.
    """

    reservation_id: str
    state: ReservationState
    lines: tuple[ReservationLine, ...]
    expire_wall_ms: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ReservationsFound:
    """Reservations in order of their ids, at most 1,000 of the `count` there are, at a position."""

    sequence: int
    reservations: tuple[Reservation, ...]
    count: int


# Commands. An act is a sequence of them, applied together, in order, one outcome each.


@dataclass(frozen=True, slots=True)
class RegisterNodes:
    """Makes nodes known; known ones stay. Outcome: Registered."""

    node_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegisterItems:
    """Makes SKUs known; known ones stay. Outcome: Registered."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CapacityWindow:
    """Labor seconds of the hour that starts at `start_s` (Unix seconds, on a full hour).

    Of a `closed` one nothing is promised any more; False opens it, None leaves it as it is.
    """

    start_s: int
    seconds: int
    closed: bool | None = None


@dataclass(frozen=True, slots=True)
class SetCapacity:
    """Sets labor seconds (not less what is promised) of a node's windows, closes and opens them.

    Outcome: CellsSet.
    """

    node_id: str
    windows: tuple[CapacityWindow, ...]


@dataclass(frozen=True, slots=True)
class Adjust:
    """Adds to the counters of one cell. Outcome: CellChanged.

    `reason` is the name in AdjustStockRequest.Reason, for example REASON_DAMAGED.
    """

    node_id: str
    sku: str
    on_hand_delta: int
    unavailable_delta: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetOnHand:
    """Sets on hand of one cell. Outcome: CellChanged."""

    node_id: str
    sku: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Takes all lines until the deadline, or nothing. Outcome: ReservationNow or Insufficient.

    An id in use returns that reservation unchanged.
    """

    reservation_id: str
    order_id: str
    lines: tuple[ReservationLine, ...]
    ttl_ms: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """HELD to COMMITTED. Outcome: ReservationNow."""

    reservation_id: str


@dataclass(frozen=True, slots=True)
class Release:
    """Gives back all that remains (`lines` None), or the named part. Outcome: ReservationNow."""

    reservation_id: str
    lines: tuple[ReservationLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class Consume:
    """Units of a committed reservation leave: all (`lines` None) or the named part.

    Outcome: ReservationNow.
    """

    reservation_id: str
    lines: tuple[ReservationLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReservationMove:
    """All that one reservation shall hold from now on."""

    reservation_id: str
    lines: tuple[ReservationLine, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Replaces what remains of several reservations, net per cell, all or none; at most 512 lines.

    Outcome: Moved or Insufficient.
    """

    moves: tuple[ReservationMove, ...]


Command = (
    RegisterNodes
    | RegisterItems
    | SetCapacity
    | Adjust
    | SetOnHand
    | Hold
    | Commit
    | Release
    | Consume
    | Move
)


# Outcomes.


@dataclass(frozen=True, slots=True)
class Registered:
    """All names of the command are known."""


@dataclass(frozen=True, slots=True)
class CellsSet:
    """The windows of a SetCapacity as they are now, in the command's order."""

    cells: tuple[CellView, ...]


@dataclass(frozen=True, slots=True)
class CellChanged:
    """The fact was taken over; the cell as it is now."""

    cell: CellView


@dataclass(frozen=True, slots=True)
class ReservationNow:
    """The reservation as it is now."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Moved:
    """The moved reservations, in the order of the command."""

    reservations: tuple[Reservation, ...]


@dataclass(frozen=True, slots=True)
class Shortage:
    """One cell that lacks: what was asked of it in all, and what could have been taken."""

    line_index: int
    cell: CellKey
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class Insufficient:
    """Too little; nothing was taken."""

    shortages: tuple[Shortage, ...]


class Refusal(StrEnum):
    """Why a command was refused; nothing changed."""

    MALFORMED = "MALFORMED"
    RESERVATION_NOT_FOUND = "RESERVATION_NOT_FOUND"
    RESERVATION_EXPIRED = "RESERVATION_EXPIRED"
    RESERVATION_ENDED = "RESERVATION_ENDED"
    ALREADY_COMMITTED = "ALREADY_COMMITTED"
    NOT_COMMITTED = "NOT_COMMITTED"
    LINE_NOT_HELD = "LINE_NOT_HELD"
    QUANTITY_OUT_OF_RANGE = "QUANTITY_OUT_OF_RANGE"
    NOT_AS_EXPECTED = "NOT_AS_EXPECTED"
    COUNT_TOO_OLD = "COUNT_TOO_OLD"


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused; nothing changed."""

    refusal: Refusal


Outcome = Registered | CellsSet | CellChanged | ReservationNow | Moved | Insufficient | Refused


@dataclass(frozen=True, slots=True)
class ActDone:
    """What came of an act: durable at `sequence`, one outcome per command, in order."""

    sequence: int
    wall_ms: int
    outcomes: tuple[Outcome, ...]
