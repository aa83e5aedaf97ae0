"""From events to messages for customers. Pickup codes are derived here and nowhere kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import msgspec

from bopis.domain.events import TYPE_PREFIX, Envelope
from bopis.domain.notification import Notification, NotificationKind
from bopis.domain.order import Order
from bopis.domain.pickup import pickup_code
from bopis.domain.policy import Policy
from bopis.ports import BusHandler, Notifier

_KINDS: Final[Mapping[str, NotificationKind]] = MappingProxyType(
    {
        TYPE_PREFIX + name: kind
        for name, kind in (
            ("order.allocated", NotificationKind.CONFIRMED),
            ("order.unfilled", NotificationKind.UNFILLED),
            ("order.ready", NotificationKind.READY),
            ("order.shipped", NotificationKind.SHIPPED),
            ("order.cancelled", NotificationKind.CANCELLED),
            ("order.expired", NotificationKind.EXPIRED),
            ("order.picked_up", NotificationKind.PICKED_UP),
        )
    }
)


class _Data(msgspec.Struct, frozen=True):
    order: Order
    fulfillment_order_id: str
    line_number: int


_decoder: Final = msgspec.json.Decoder(_Data)


def notifying_handler(notifier: Notifier, *, code_key: bytes, policy: Policy) -> BusHandler:
    """The bus consumer that tells customers. What cannot be read fails alone; what cannot be sent
    fails together.
    """

    async def handle(events: Sequence[Envelope]) -> Sequence[Exception | None]:
        results: dict[str, Exception] = {}
        messages: list[Notification] = []
        for event in events:
            if event.type not in _KINDS:
                continue
            try:
                messages.append(_notification(event, code_key, policy))
            except msgspec.MsgspecError as error:
                results[event.id] = error
        try:
            if messages:
                await notifier.send(messages)
        except OSError as error:
            results |= dict.fromkeys((one.event_id for one in messages), error)
        return [results.get(event.id) for event in events]

    return handle


def _ready_by_ms(order: Order) -> int:
    """When all of it is ready: what the customer is told, whatever the target was."""
    return max((one.ready_by_ms for one in order.fulfillment_orders if one.lines), default=0)


def _notification(event: Envelope, code_key: bytes, policy: Policy) -> Notification:
    data = _decoder.decode(event.data)
    order, kind = data.order, _KINDS[event.type]
    group = order.group(data.fulfillment_order_id)
    message = Notification(
        event_id=event.id,
        kind=kind,
        time_ms=event.time_ms,
        order_id=order.order_id,
        customer_id=order.customer_id,
        fulfillment_order_id=data.fulfillment_order_id,
        ready_by_ms=_ready_by_ms(order) if kind is NotificationKind.CONFIRMED else 0,
    )
    if group is None:
        return message
    code = ""
    if kind is NotificationKind.READY:
        code = pickup_code(
            code_key, group.fulfillment_order_id, group.staging_attempt, policy.code_digits
        )
    return replace(
        message,
        node_id=group.node_id,
        pickup_code=code,
        ready_by_ms=group.ready_by_ms,
        pickup_expire_ms=group.pickup_expire_ms,
        staging_location=group.staging_location,
    )
