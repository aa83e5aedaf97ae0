"""What is told to customers."""

from dataclasses import dataclass
from enum import StrEnum


class NotificationKind(StrEnum):
    """What it is about."""

    CONFIRMED = "CONFIRMED"
    UNFILLED = "UNFILLED"
    READY = "READY"
    SHIPPED = "SHIPPED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    PICKED_UP = "PICKED_UP"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to the customer of an order; `event_id` is the event it answers.

    `pickup_code` is set for READY only: codes leave the system only here. Times are Unix ms, 0: not
    set.
    """

    event_id: str
    kind: NotificationKind
    time_ms: int
    order_id: str
    customer_id: str = ""
    fulfillment_order_id: str = ""
    node_id: str = ""
    pickup_code: str = ""
    ready_by_ms: int = 0
    pickup_expire_ms: int = 0
    staging_location: str = ""
