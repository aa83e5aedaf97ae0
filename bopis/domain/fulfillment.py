"""The fulfillment order: one order at one node, and its state machine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bopis.domain.ledger import ReservationLine
from bopis.domain.machine import Transition, machine
from bopis.domain.network import Method
from bopis.domain.sourcing import LaborShare


class FulfillmentState(StrEnum):
    """Where a fulfillment order stands."""

    ALLOCATED = "ALLOCATED"
    PICKING = "PICKING"
    PICKED = "PICKED"
    READY_FOR_PICKUP = "READY_FOR_PICKUP"
    HANDED_OVER = "HANDED_OVER"
    SHIPPED = "SHIPPED"
    NO_SHOW = "NO_SHOW"
    RESTOCKED = "RESTOCKED"
    CANCELLED = "CANCELLED"


class FulfillmentVerb(StrEnum):
    """What moves a fulfillment order."""

    CLAIM = "ClaimPickTask"
    COMPLETE_PICK = "ConfirmPick"
    SHORT_PICK = "ReportShortPick"
    EMPTY = "ReportShortPick (last line)"
    STAGE = "StageOrder"
    SHIP = "ConfirmShipment"
    HAND_OVER = "HandOver"
    NO_SHOW = "no-show timer"
    RESTOCK = "ConfirmPick (restock)"
    CANCEL = "CancelOrder"


_S = FulfillmentState
_V = FulfillmentVerb

FULFILLMENT_MACHINE: Final = machine(
    "fulfillment order",
    _S.ALLOCATED,
    (
        Transition(_S.ALLOCATED, _V.CLAIM, _S.PICKING, "pick.claimed"),
        Transition(_S.PICKING, _V.COMPLETE_PICK, _S.PICKED, "pick.completed"),
        Transition(_S.PICKING, _V.SHORT_PICK, _S.PICKING, "pick.short"),
        # The last open line was short and nothing was picked: the group has no lines left.
        Transition(_S.PICKING, _V.EMPTY, _S.CANCELLED, "pick.short"),
        Transition(_S.PICKED, _V.STAGE, _S.READY_FOR_PICKUP, "order.ready"),
        Transition(_S.PICKED, _V.SHIP, _S.SHIPPED, "order.shipped"),
        Transition(_S.READY_FOR_PICKUP, _V.HAND_OVER, _S.HANDED_OVER, "order.picked_up"),
        Transition(_S.READY_FOR_PICKUP, _V.NO_SHOW, _S.NO_SHOW, "order.expired"),
        Transition(_S.NO_SHOW, _V.RESTOCK, _S.RESTOCKED, "restock.completed"),
        # The goods of a cancelled group that was picked: back on the shelf, state stays.
        Transition(_S.CANCELLED, _V.RESTOCK, _S.CANCELLED, "restock.completed"),
        Transition(_S.ALLOCATED, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
        Transition(_S.PICKING, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
        Transition(_S.PICKED, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
        Transition(_S.READY_FOR_PICKUP, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
    ),
)
"""Source: OPERATIONS.md, the rows of the first issue."""

ENDED: Final = frozenset({_S.HANDED_OVER, _S.SHIPPED, _S.NO_SHOW, _S.RESTOCKED, _S.CANCELLED})
"""States in which nothing more is owed to the customer."""

DELIVERED: Final = frozenset({_S.HANDED_OVER, _S.SHIPPED})


@dataclass(frozen=True, slots=True)
class FulfillmentLine:
    """One line of it, in base units."""

    line_number: int
    sku: str
    quantity: int
    picked_quantity: int = 0


@dataclass(frozen=True, slots=True)
class FulfillmentOrder:
    """One order at one node. Times are Unix ms; 0: not set.

    `labor` is what it holds of the node's hours. `staging_attempt` counts stagings: each has a
    pickup code of its own. `restock_open` says that goods taken from the shelf wait to go back.
    """

    fulfillment_order_id: str
    order_id: str
    node_id: str
    method: Method
    state: FulfillmentState
    lines: tuple[FulfillmentLine, ...]
    labor: tuple[LaborShare, ...]
    window_start_ms: int
    ready_by_ms: int
    reservation_id: str
    staging_location: str = ""
    staging_attempt: int = 0
    staged_at_ms: int = 0
    pickup_expire_ms: int = 0
    carrier: str = ""
    tracking_number: str = ""
    restock_open: bool = False

    @property
    def holds_goods(self) -> bool:
        """Whether units off the shelf are with this group and still in the node's on hand."""
        if self.restock_open:
            return True
        return self.state not in ENDED and any(line.picked_quantity for line in self.lines)


def held_lines(group: FulfillmentOrder) -> tuple[ReservationLine, ...]:
    """What a live group holds in its reservation: units by SKU (lines summed), then labor."""
    return stock_lines(group.node_id, group.lines) + labor_lines(group)


def stock_lines(node_id: str, lines: tuple[FulfillmentLine, ...]) -> tuple[ReservationLine, ...]:
    """Lines of stock in the ledger, one per SKU."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return tuple(ReservationLine(node_id, quantity, sku=sku) for sku, quantity in units.items())


def labor_lines(group: FulfillmentOrder) -> tuple[ReservationLine, ...]:
    """Lines of labor in the ledger, one per hour."""
    return tuple(
        ReservationLine(group.node_id, share.seconds, window_start_s=share.window_start_s)
        for share in group.labor
    )
