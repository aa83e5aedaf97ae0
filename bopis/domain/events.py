"""Events, in the envelope of CloudEvents 1.0 (https://cloudevents.io, context attributes)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bopis.domain.ids import derived_uuid

SPEC_VERSION: Final = "1.0"
SOURCE: Final = "/bopis/orders"
LEDGER_SOURCE: Final = "/bopis/ledger"
LEDGER_PREFIXES: Final = ("reservation.", "deficit.")
TYPE_PREFIX: Final = "bopis.v1."

EVENT_TYPES: Final = (
    "order.created",
    "order.allocated",
    "order.unfilled",
    "fulfillment.allocated",
    "pick.claimed",
    "pick.completed",
    "pick.short",
    "order.ready",
    "order.shipped",
    "order.picked_up",
    "order.cancelled",
    "order.expired",
    "order.moved",
    "restock.completed",
)
"""Every type, without prefix."""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One thing that happened to an order. `data` is the order's document (JSON) after it.

    The id is derived from the order, its version and the event's place among those of the version:
    the same change writes the same ids, so a replayed relay is deduplicated by id.
    """

    event_id: str
    type: str
    order_id: str
    time_ms: int
    fulfillment_order_id: str = ""
    line_number: int = 0


def order_event(
    event_type: str,
    *,
    order_id: str,
    version: int,
    index: int,
    time_ms: int,
    fulfillment_order_id: str = "",
    line_number: int = 0,
) -> OrderEvent:
    """An event of an order's change to `version`. Raises ValueError for an unknown type."""
    if event_type not in EVENT_TYPES:
        raise ValueError(f"no such event type: {event_type}")
    return OrderEvent(
        event_id=derived_uuid("event", order_id, str(version), str(index)),
        type=event_type,
        order_id=order_id,
        time_ms=time_ms,
        fulfillment_order_id=fulfillment_order_id,
        line_number=line_number,
    )


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it leaves: attributes of CloudEvents, and `data` as JSON bytes.

    `subject` is the order_id (of the ledger's events: see `ledger_events`); `time` is RFC 3339 UTC
    (`time_ms`: the same, Unix ms).
    """

    id: str
    type: str
    subject: str
    time: str
    time_ms: int
    data: bytes
    source: str = SOURCE
    specversion: str = SPEC_VERSION
    datacontenttype: str = "application/json"


def envelope(event: OrderEvent, data: bytes) -> Envelope:
    """The event as it leaves."""
    time = datetime.fromtimestamp(event.time_ms / 1_000, UTC)
    return Envelope(
        id=event.event_id,
        type=TYPE_PREFIX + event.type,
        subject=event.order_id,
        time=time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        time_ms=event.time_ms,
        data=data,
        source=LEDGER_SOURCE if event.type.startswith(LEDGER_PREFIXES) else SOURCE,
    )
