"""Ids that are derived, so that a retry finds what the first try made."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6c2f3a52-9a57-5d0e-8f38-5a1f0f2b7c11")
_VERSION_SHIFT: Final = 76
_OF_ORDERS: Final = 8
"""UUID version of orders' reservations (RFC 9562: free for own use). The door keeps clients' own
acts away from ids of this version, so only an order's verbs reach what the order holds.
"""

PICK_SUFFIX: Final = "/pick"
RESTOCK_SUFFIX: Final = "/restock"


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Identifies one mutation: one effect per tenant, rpc and request_id."""

    tenant: str
    rpc: str
    request_id: str


def derived_uuid(*parts: str) -> str:
    """A UUID that the parts determine; part boundaries count."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def order_id_of_request(key: RequestKey) -> str:
    """The order's id where the client names none."""
    return derived_uuid("order", key.tenant, key.request_id.lower())


def reservation_id(order_id: str, attempt: int) -> str:
    """The reservation of an order's n-th sourcing attempt: a UUID of version 8."""
    derived = UUID(derived_uuid("reservation", order_id, str(attempt))).int
    unversioned = derived & ~(0xF << _VERSION_SHIFT)
    return str(UUID(int=unversioned | _OF_ORDERS << _VERSION_SHIFT))


def act_id(order_id: str, intent: str, attempt: str) -> str:
    """The ledger request id of one act of an intent; the same act again is one effect."""
    return derived_uuid("act", order_id, intent, attempt)


def fulfillment_order_id(order_id: str, number: int) -> str:
    """The id "<order_id>/<n>", n from 1."""
    return f"{order_id}/{number}"


def order_id_of_fulfillment(fulfillment_id: str) -> str:
    """The order of a fulfillment order; empty if the id has not the form of one.

    Order ids may hold slashes themselves, so the last one divides.
    """
    order_id, slash, number = fulfillment_id.rpartition("/")
    return order_id if slash and number.isascii() and number.isdigit() else ""


def fulfillment_id_of_task(pick_task_id: str) -> str:
    """The fulfillment order of a pick task; empty if the id has not the form of one."""
    for suffix in (PICK_SUFFIX, RESTOCK_SUFFIX):
        if pick_task_id.endswith(suffix):
            return pick_task_id.removesuffix(suffix)
    return ""
