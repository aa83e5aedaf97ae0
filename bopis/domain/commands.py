"""What can be asked of the services: one frozen value per mutating rpc, decoded and checked.

`tenant` and `request_id` identify the request (with the rpc's name). The rest is its body: the same
request_id with another body is refused.
"""

from dataclasses import dataclass
from typing import ClassVar

from bopis.domain.ids import RequestKey
from bopis.domain.ledger import CapacityWindow
from bopis.domain.network import Method, Place
from bopis.domain.order import BatchMark, OrderLine
from bopis.domain.pick_task import ShortPickReason
from bopis.domain.reallocation import OrderMove
from bopis.domain.sourcing import Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every mutation carries.

    `added`: fields that older versions did not have. Unset, they are no part of the body's digest,
    so that a repeat across an upgrade is still a repeat.
    """

    rpc: ClassVar[str] = ""
    added: ClassVar[tuple[str, ...]] = ()

    request_id: str
    tenant: str = "default"

    @property
    def key(self) -> RequestKey:
        """One effect per key; UUIDs are compared in lower case."""
        return RequestKey(self.tenant, self.rpc, self.request_id.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder(Request):
    """Places an order. `order_id` empty: made from the request; `consent` None: the policy's;
    `ready_within_ms` None: the policy's. `promise_token`: an option to take as it was quoted;
    `require_quoted`: that or nothing.
    """

    rpc: ClassVar[str] = "CreateOrder"
    added: ClassVar[tuple[str, ...]] = ("promise_token", "require_quoted")

    method: Method
    place: Place
    lines: tuple[OrderLine, ...]
    currency: str = ""
    order_id: str = ""
    ready_within_ms: int | None = None
    consent: Consent | None = None
    all_or_nothing: bool = False
    customer_id: str = ""
    note: str = ""
    promise_token: str = ""
    require_quoted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(Request):
    """Cancels what has not been handed over or shipped. `etag` empty: whatever version."""

    rpc: ClassVar[str] = "CancelOrder"

    order_id: str
    etag: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPickTask(Request):
    """An associate takes an open task."""

    rpc: ClassVar[str] = "ClaimPickTask"

    pick_task_id: str
    associate_id: str


@dataclass(frozen=True, slots=True)
class PickedLine:
    """One line picked (or put back) whole, in base units."""

    line_number: int
    picked_quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPick(Request):
    """Confirms picked lines; on a restock task, lines back on the shelf."""

    rpc: ClassVar[str] = "ConfirmPick"

    pick_task_id: str
    lines: tuple[PickedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportShortPick(Request):
    """Reports that a line was not there in full: `found_quantity` base units were."""

    rpc: ClassVar[str] = "ReportShortPick"

    pick_task_id: str
    line_number: int
    found_quantity: int
    reason: ShortPickReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOrder(Request):
    """Stages a picked pickup."""

    rpc: ClassVar[str] = "StageOrder"

    fulfillment_order_id: str
    staging_location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmShipment(Request):
    """Gives a picked shipment to the carrier."""

    rpc: ClassVar[str] = "ConfirmShipment"

    fulfillment_order_id: str
    carrier: str
    tracking_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver(Request):
    """Gives a ready order to whoever knows its code."""

    rpc: ClassVar[str] = "HandOver"

    order_id: str
    node_id: str
    pickup_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCapacity(Request):
    """Sets labor seconds of some windows of one node, closes and opens them."""

    rpc: ClassVar[str] = "SetCapacity"

    node_id: str
    windows: tuple[CapacityWindow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy(Request):
    """Makes a policy the live one; `validate_only`: only checks it. `level`: the card's column."""

    rpc: ClassVar[str] = "SetPolicy"

    text: str
    level: str
    planner_id: str
    why: str
    validate_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetShadowPolicy(Request):
    """Compares a policy with the live one from now on; an empty text ends it."""

    rpc: ClassVar[str] = "SetShadowPolicy"

    text: str
    level: str
    planner_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinOrder(Request):
    """Binds an order to a node, a method, or both. `until_ms` 0: no end."""

    rpc: ClassVar[str] = "PinOrder"

    order_id: str
    planner_id: str
    why: str
    node_id: str = ""
    method: Method | None = None
    until_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbidNode(Request):
    """Keeps one order, or one SKU, from a node. `until_ms` 0: no end."""

    rpc: ClassVar[str] = "ForbidNode"

    node_id: str
    planner_id: str
    why: str
    order_id: str = ""
    sku: str = ""
    until_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOverride(Request):
    """Ends a pin or a forbid."""

    rpc: ClassVar[str] = "EndOverride"

    override_id: str
    planner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePickup(Request):
    """The no-show timer's own command: nobody came for a fulfillment order."""

    rpc: ClassVar[str] = "ExpirePickup"

    fulfillment_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reallocate(Request):
    """Allocates open orders again. `max_orders` at least 1, `time_limit_ms` wall time."""

    rpc: ClassVar[str] = "Reallocate"

    max_orders: int = 10_000
    time_limit_ms: int = 20_000
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReallocation(Request):
    """Makes moves that a re-allocation proposed: those of `move_ids`, or all."""

    rpc: ClassVar[str] = "ApplyReallocation"

    operation_id: str
    move_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOrders(Request):
    """Re-allocation's own command: orders that move together, each from a version on.
    `policy_version`: that they were planned under (empty: the one in force).
    """

    rpc: ClassVar[str] = "MoveOrders"

    moves: tuple[OrderMove, ...]
    versions: tuple[int, ...]
    batch: BatchMark | None = None
    policy_version: str = ""


OrderCommand = (
    CreateOrder
    | CancelOrder
    | ClaimPickTask
    | ConfirmPick
    | ReportShortPick
    | StageOrder
    | ConfirmShipment
    | HandOver
    | ExpirePickup
)
"""Commands that change one order."""
