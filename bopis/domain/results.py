"""What the mutations answer where it is more than one thing."""

from dataclasses import dataclass

from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.order import Order
from bopis.domain.pick_task import PickTask


@dataclass(frozen=True, slots=True)
class ConfirmedPick:
    """The task after a confirmation, and where its fulfillment order stands."""

    pick_task: PickTask
    fulfillment_order_state: FulfillmentState


@dataclass(frozen=True, slots=True)
class ShortPicked:
    """The task after a short pick, and the order with its new allocation."""

    pick_task: PickTask
    order: Order


@dataclass(frozen=True, slots=True)
class WindowCapacity:
    """Labor of one hour: what is offered and what is still to be promised (may be negative)."""

    start_s: int
    seconds: int
    available_seconds: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class CapacitySet:
    """The windows after a SetCapacity, in the order of the request."""

    windows: tuple[WindowCapacity, ...]


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error that had an effect, kept so that a repeat gets it again."""

    reason: str
    message: str
    metadata: dict[str, str]
