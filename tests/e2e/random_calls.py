"""Random calls to every rpc: messages built from their descriptors out of wild and of fitting
values, and bytes that were such messages before they were damaged. A seed gives the same calls.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, nan
from random import Random
from typing import Any, Final

from google.longrunning import operations_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from bopis.v1 import (
    allocation_service_pb2,
    catalog_service_pb2,
    inventory_service_pb2,
    order_service_pb2,
    pick_service_pb2,
    pickup_service_pb2,
    stock_service_pb2,
    store_service_pb2,
)

FILES: Final = (
    inventory_service_pb2,
    stock_service_pb2,
    order_service_pb2,
    allocation_service_pb2,
    pick_service_pb2,
    pickup_service_pb2,
    store_service_pb2,
    catalog_service_pb2,
    operations_pb2,
)
DEPTH_MAX: Final = 6
REPEAT_MAX: Final = 3
DAMAGED_SHARE: Final = 0.1
CALM_SHARE: Final = 0.6
"""Of the calls: their values fit, so that they get deep, but for one here and there."""
SLIP_SHARE: Final = 0.01
"""Of the values of a calm call: they are as wild as the others'."""

WILD_TEXTS: Final = (
    "", " ", "a\0b", "x" * 65, "x" * 10_000, "\u0430pple", "\u202e", "4111 1111 1111 1111", "-1",
    "../..", "%s%n", "'; drop table orders; --", "\U0001f600" * 40, "east", "apple", "random-1",
    "random-1/1/pick", "Etc/UTC", "USD", "operations/x",
)  # fmt: skip
WILD_NUMBERS: Final = (0, 1, 2, -1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 10**9, 10**9 + 1)
WILD_FLOATS: Final = (0.0, 40.0, -74.0, 91.0, -181.0, nan, inf, -inf, 5e-324)

CALLS_OF_ORDERS: Final = 1_000
"""Calls that have the same two orders: later ones find them placed, picked, cancelled."""
TOWN_HOUR_S: Final = 1_780_311_600
CALM: Final[dict[str, tuple[Any, ...]]] = {
    "order_id": ("{order}",),
    "node_id": ("east", "west", "hub"),
    "node_ids": ("east", "west", "hub"),
    "sku": ("apple", "bread", "candle"),
    "skus": ("apple", "bread", "candle"),
    "fulfillment_order_id": ("{order}/1", "{order}/1", "{order}/2"),
    "pick_task_id": ("{order}/1/pick", "{order}/1/pick", "{order}/2/pick", "{order}/1/restock"),
    "associate_id": ("ann", "ann", "bob"),
    "staging_location": ("shelf-1",),
    "carrier": ("ups",),
    "pickup_code": ("123456", "000000"),
    "time_zone": ("Etc/UTC",),
    "currency_code": ("USD",),
    "quantity": (1, 1, 2, 3),
    "picked_quantity": (1, 1, 2, 3),
    "found_quantity": (0, 1, 2),
    "line_number": (1, 1, 2),
    "units": (10,),
    "on_hand_delta": (1, 2, -1),
    "on_hand": (20, 30),
    "counted_quantity": (20, 25),
    "day": (20_700, 20_701),
    "expected_day": (0, 20_700),
    "labor_seconds": (3_600, 7_200),
    "open_minute": (480,),
    "close_minute": (1_200,),
    "pick_lines_per_hour": (60,),
    "latitude": (40.0, 40.1),
    "longitude": (-74.0, -74.1),
    "Timestamp.seconds": (TOWN_HOUR_S, TOWN_HOUR_S + 3_600),
    "Duration.seconds": (60, 14_400),
    "message_sequence": (0, 1),
    "max_plans": (0, 3, 10),
    "max_nodes": (0, 2, 1_000),
    "max_flips": (0, 2, 20),
    "max_relaxations": (0, 2, 20),
    "max_orders": (0, 5),
}
"""By the name of a field, or of a message and a field: values that the small town knows."""
NOT_CALM: Final = ("at_least_position", "etag", "page_token", "resume_token", "excluded_node_ids")
"""Fields that a calm call leaves unset."""


@dataclass(frozen=True, slots=True)
class RandomCall:
    """One call: its rpc and the bytes of each message sent."""

    method: MethodDescriptor
    messages: tuple[bytes, ...]

    @property
    def path(self) -> str:
        """As gRPC names it."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"


def methods() -> tuple[MethodDescriptor, ...]:
    """Every rpc that the door answers or lets through, and some that it does not."""
    services = (one for file in FILES for one in file.DESCRIPTOR.services_by_name.values())
    return tuple(method for service in services for method in service.methods)


def random_calls(seed: int, count: int) -> Iterator[RandomCall]:
    """So many calls; the rpcs take turns."""
    known = methods()
    for number in range(count):
        dice = Random(f"{seed}/{number}")
        order_id = f"random-{number // CALLS_OF_ORDERS}-{dice.randint(1, 2)}"
        maker = _Maker(dice, order_id)
        method = known[number % len(known)]
        sent = maker.dice.randint(0, 3) if method.client_streaming else 1
        yield RandomCall(method, tuple(maker.message(method) for _ in range(sent)))


class _Maker:
    """Makes the messages of one call."""

    def __init__(self, dice: Random, order_id: str) -> None:
        self.dice = dice
        self.order_id = order_id
        self.calm = dice.random() < CALM_SHARE

    def message(self, method: MethodDescriptor) -> bytes:
        """A message of the rpc's request type, or what was one."""
        message = GetMessageClass(method.input_type)()
        self._fill(message, depth=0)
        raw = message.SerializeToString()
        return self._damaged(raw) if self.dice.random() < DAMAGED_SHARE else raw

    def _damaged(self, raw: bytes) -> bytes:
        dice, changed = self.dice, bytearray(raw)
        for _ in range(dice.randint(1, 4)):
            at = dice.randint(0, len(changed))
            match dice.randint(0, 3):
                case 0:
                    del changed[at:]
                case 1 if at < len(changed):
                    changed[at] ^= 1 << dice.randint(0, 7)
                case 2:
                    changed[at:at] = dice.randbytes(dice.randint(1, 9))
                case _:
                    changed[at:at] = changed[: dice.randint(0, len(changed))]
        return bytes(changed[:100_000])

    def _slips(self) -> bool:
        return not self.calm or self.dice.random() < SLIP_SHARE

    def _fill(self, message: Message, *, depth: int) -> None:
        for field in message.DESCRIPTOR.fields:
            if self._is_left(field, depth):
                continue
            if not field.is_repeated:
                self._set(message, field, depth)
                continue
            values = getattr(message, field.name)
            for _ in range(self._count()):
                if field.message_type is None:
                    values.append(self._scalar(field))
                else:
                    self._fill(values.add(), depth=depth + 1)

    def _count(self) -> int:
        if self.calm:
            return 2 if self.dice.random() < 0.2 else 1
        return self.dice.randint(0, REPEAT_MAX)

    def _is_left(self, field: FieldDescriptor, depth: int) -> bool:
        if field.containing_oneof is not None and self.dice.random() < 0.5:
            return True
        if self.calm:
            return field.name in NOT_CALM
        return depth > DEPTH_MAX or self.dice.random() < 0.1

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is None:
            setattr(message, field.name, self._scalar(field))
            return
        inner = getattr(message, field.name)
        inner.SetInParent()
        self._fill(inner, depth=depth + 1)

    def _scalar(self, field: FieldDescriptor) -> Any:
        if field.name.endswith("_id") and field.name in {"request_id", "reservation_id"}:
            return self._uuid(field.name) if not self._slips() else self.dice.choice(WILD_TEXTS)
        if field.type == FieldDescriptor.TYPE_ENUM:
            known = sorted(field.enum_type.values_by_number)
            return self.dice.choice((*known, 99) if self._slips() else known[1:])
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self.dice.random() < 0.5
        if not self._slips():
            return self._fitting(field)
        return self.dice.choice(_wild(field))

    def _fitting(self, field: FieldDescriptor) -> Any:
        known = CALM.get(f"{field.containing_type.name}.{field.name}") or CALM.get(field.name)
        if known is None:
            return "" if field.type == FieldDescriptor.TYPE_STRING else 0
        value = self.dice.choice(known)
        return value.format(order=self.order_id) if isinstance(value, str) else value

    def _uuid(self, name: str) -> str:
        """A few that come again and again, orders' (version 8) among them, and fresh ones."""
        often = self.dice.random() < (0.05 if name == "request_id" else 0.8)
        number = self.dice.randint(0, 7) if often else self.dice.getrandbits(48)
        version = 8 if name == "reservation_id" and self.dice.random() < 0.1 else 4
        return str(uuid.UUID(f"00000000-0000-{version}000-8000-{number:012x}"))


def _wild(field: FieldDescriptor) -> tuple[Any, ...]:
    if field.type == FieldDescriptor.TYPE_STRING:
        return WILD_TEXTS
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (b"", b"\xff" * 64)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return WILD_FLOATS
    if field.type in {FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64}:
        return tuple(number for number in WILD_NUMBERS if 0 <= number < 2**31)
    if field.type == FieldDescriptor.TYPE_INT32:
        return tuple(number for number in WILD_NUMBERS if -(2**31) <= number < 2**31)
    return WILD_NUMBERS
