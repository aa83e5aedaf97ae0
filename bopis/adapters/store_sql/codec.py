"""Documents: domain values to JSON bytes and back."""

from typing import Final

import msgspec

from bopis.domain.events import OrderEvent
from bopis.domain.network import Item, Node
from bopis.domain.order import Order
from bopis.domain.pick_task import PickTask
from bopis.domain.planner import Override, PolicyVersion
from bopis.domain.records import Operation

_ENCODER: Final = msgspec.json.Encoder()
ORDER: Final = msgspec.json.Decoder(Order)
PICK_TASK: Final = msgspec.json.Decoder(PickTask)
NODE: Final = msgspec.json.Decoder(Node)
ITEM: Final = msgspec.json.Decoder(Item)
POLICY_VERSION: Final = msgspec.json.Decoder(PolicyVersion)
OVERRIDE: Final = msgspec.json.Decoder(Override)
OPERATION: Final = msgspec.json.Decoder(Operation)


def encode(value: object) -> bytes:
    """JSON of a domain value."""
    return _ENCODER.encode(value)


def event_data(event: OrderEvent, order_document: bytes) -> bytes:
    """Data of an event: the order after it, the fulfillment order and line concerned."""
    return _ENCODER.encode(
        {
            "order": msgspec.Raw(order_document),
            "fulfillment_order_id": event.fulfillment_order_id,
            "line_number": event.line_number,
        }
    )
