"""Calls of the demo's clients: retries with one request_id, errors by their reason, conversions."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2
from google.type import money_pb2

from bopis.demo.simclock import SimClock
from bopis.scenario.model import Method
from bopis.v1 import common_pb2, order_service_pb2

REQUEST_NAMESPACE = uuid.UUID("5f0c7a1e-3f0b-5d0e-9a53-6f0e5e1c2b77")
CALL_TIMEOUT_S = 30.0
RETRY_FIRST_S = 0.05
RETRY_MOST_S = 1.0
RETRY_FOR_S = 120.0
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
RETRYABLE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
RETRYABLE_REASONS = frozenset({"OVERLOADED", "REQUEST_WINDOW_FULL", "NOT_SERVING"})
NANOS_PER_MICRO = 1000
MICROS = 1_000_000
CURRENCY = "XXX"
"""ISO 4217's code for "no currency": scenarios do not name theirs."""

_Order = order_service_pb2.Order
_Group = order_service_pb2.FulfillmentOrder
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Response]):
    """A response and the monotonic seconds at which its call was first sent and answered."""

    response: Response
    sent: float
    acknowledged: float


class CallError(Exception):
    """The service refused a call for good. `reason` is that of its ErrorInfo, or ""."""

    def __init__(self, code: grpc.StatusCode, reason: str, text: str) -> None:
        super().__init__(f"{code.name} {reason}: {text}")
        self.code = code
        self.reason = reason


class Caller:
    """One channel; counts what is in flight and holds calls back while the clock is paused.

    `cut_off` is told of each attempt that failed and will be sent again: the monotonic seconds at
    which it was sent and failed.
    """

    def __init__(
        self, address: str, clock: SimClock, *, cut_off: Callable[[float, float], None]
    ) -> None:
        self.channel = make_channel(address)
        self.in_flight = 0
        self.retries = 0
        self._clock = clock
        self._cut_off = cut_off
        self._idle = asyncio.Event()
        self._idle.set()

    async def quiet(self) -> None:
        """Returns once no call is in flight."""
        await self._idle.wait()

    async def call(self, method: Any, request: Any) -> Answer[Any]:
        """Calls until it is answered; a repeat carries the same request. Raises CallError."""
        sent = 0.0
        pause_s = RETRY_FIRST_S
        give_up = time.monotonic() + RETRY_FOR_S
        while True:
            await self._clock.running()
            self.in_flight += 1
            self._idle.clear()
            tried = time.monotonic()
            sent = sent or tried
            try:
                response = await method(request, timeout=CALL_TIMEOUT_S)
                return Answer(response, sent, time.monotonic())
            except grpc.aio.AioRpcError as error:
                reason = reason_of(error)
                again = error.code() in RETRYABLE or reason in RETRYABLE_REASONS
                if not again or time.monotonic() > give_up:
                    raise CallError(error.code(), reason, error.details() or "") from error
            finally:
                self.in_flight -= 1
                if not self.in_flight:
                    self._idle.set()
            self.retries += 1
            self._cut_off(tried, time.monotonic())
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RETRY_MOST_S)


def make_channel(address: str) -> grpc.aio.Channel:
    """A channel to the door with room for the demo's largest messages."""
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.use_local_subchannel_pool", 1),
        ],
    )


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in the error's ErrorInfo, or ""."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return str(info.reason)
    return ""


_LONG_NUMBERS = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")


def plain(text: str, most: int) -> str:
    """A text as the API takes it: one line, no number that could be a card's, at most so long."""
    printable = "".join(one if one.isprintable() else " " for one in text)
    return _LONG_NUMBERS.sub("(number)", printable)[:most]


def request_id(seed: int, *parts: object) -> str:
    """The UUID of one act of this run: the same act gets the same id."""
    return str(uuid.uuid5(REQUEST_NAMESPACE, "/".join(map(str, (seed, *parts)))))


def money(micros: int) -> money_pb2.Money:
    """An amount in the scenario's currency, whatever it is."""
    units, rest = divmod(micros, MICROS)
    return money_pb2.Money(currency_code=CURRENCY, units=units, nanos=rest * NANOS_PER_MICRO)


def micros_of(amount: money_pb2.Money) -> int:
    """The amount in micro-units."""
    return int(amount.units) * MICROS + int(amount.nanos) // NANOS_PER_MICRO


def method_to_wire(method: Method) -> common_pb2.FulfillmentMethod.ValueType:
    """The wire's value of a method."""
    if method is Method.PICKUP:
        return common_pb2.FULFILLMENT_METHOD_PICKUP
    return common_pb2.FULFILLMENT_METHOD_SHIP


def method_of(method: common_pb2.FulfillmentMethod.ValueType) -> Method:
    """The method of a wire value."""
    pickup = method == common_pb2.FULFILLMENT_METHOD_PICKUP
    return Method.PICKUP if pickup else Method.SHIP


ENDED = frozenset(
    {_Order.STATE_COMPLETED, _Order.STATE_CANCELLED, _Order.STATE_EXPIRED, _Order.STATE_UNFILLED}
)
UNPROMISED = frozenset({_Group.STATE_CANCELLED, _Group.STATE_RESTOCKED})


def promised_lines(order: order_service_pb2.Order) -> dict[int, tuple[str, str, int]]:
    """Line number -> (node, SKU, quantity) of what the order is promised, as answered."""
    return lines_of(group for group in order.fulfillment_orders if group.state not in UNPROMISED)


def lines_of(
    groups: Iterable[order_service_pb2.FulfillmentOrder],
) -> dict[int, tuple[str, str, int]]:
    """Line number -> (node, SKU, quantity) of some groups."""
    return {
        line.line_number: (group.node_id, line.sku, line.quantity)
        for group in groups
        for line in group.lines
    }
