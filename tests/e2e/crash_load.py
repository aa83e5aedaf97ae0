"""Clients that go on through crashes: each call is sent again, unchanged, until it is answered."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from bopis.testing.client import Client, new_uuid, pickup_code
from bopis.testing.server import ServerProcess
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import pickup_service_pb2 as pickup
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e.small_town import order_request, task_id

CALL_S = 20.0
RETRY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
"""Whether the call took effect is not known."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A call that was answered."""

    rpc: str
    request: Message
    response: Message


@dataclass(slots=True)
class Expected:
    """What must be so when all calls are answered, by what the clients were told."""

    reservations: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    held: int = 0
    committed: int = 0
    on_hand_change: int = 0


@dataclass(slots=True)
class Load:
    """All clients together."""

    server: ServerProcess
    up: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    given_up: threading.Event = field(default_factory=threading.Event)
    """The server does not come back: nothing is sent again any more."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    expected: Expected = field(default_factory=Expected)
    failures: list[str] = field(default_factory=list)
    in_flight: int = 0
    retries: int = 0

    def start(self, *, clients: int, seed: int) -> list[threading.Thread]:
        """Starts the clients; they go on until `done`."""
        threads = [
            threading.Thread(target=self._client, args=(number, random.Random(f"{seed}/{number}")))
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, number: int, dice: random.Random) -> None:
        caller = _Caller(self)
        try:
            round_number = 0
            while not self.done.is_set():
                if number % 2:
                    _reserver(caller, dice)
                else:
                    _customer(caller, dice, f"order-{number}-{round_number}")
                round_number += 1
        except Exception as error:  # noqa: BLE001 - the test shows it
            self.failures.append(f"client {number}: {error!r}")
        finally:
            caller.close()


class _Caller:
    """One client: its channel, opened anew after every failure."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._channel: grpc.Channel | None = None

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def call(self, rpc: str, request: Message) -> Any:
        """Sends a call until it is answered. Raises what is not worth a retry."""
        service, name = rpc.split(".")
        load = self.load
        while True:
            load.up.wait()
            if self._channel is None:
                self._channel = load.server.channel()
            method = getattr(getattr(Client(self._channel), service), name)
            with load.lock:
                load.in_flight += 1
            try:
                response = method(request, timeout=CALL_S)
            except grpc.RpcError as error:
                if error.code() not in RETRY or load.given_up.is_set():
                    raise
                self.close()
                with load.lock:
                    load.retries += 1
                time.sleep(0.005)  # Between two tries, not for a condition.
                continue
            finally:
                with load.lock:
                    load.in_flight -= 1
            with load.lock:
                load.acknowledged.append(Acknowledged(rpc, request, response))
            return response


def _note(caller: _Caller, change: Callable[[Expected], None]) -> None:
    with caller.load.lock:
        change(caller.load.expected)


def _reserver(caller: _Caller, dice: random.Random) -> None:
    """Reserves, commits, releases, or stops on the way; adjusts stock now and then."""
    State = inventory.Reservation  # noqa: N806
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.ttl.seconds = 86_400
    request.lines.add(node_id="east", sku="apple", quantity=1)
    reservation_id = caller.call("inventory.Reserve", request).reservation.reservation_id
    state, held, committed = State.STATE_HELD, 1, 0
    if dice.random() < 0.8:
        commit = inventory.CommitReservationRequest(
            request_id=new_uuid(), reservation_id=reservation_id
        )
        caller.call("inventory.CommitReservation", commit)
        state, held, committed = State.STATE_COMMITTED, 0, 1
    if dice.random() < 0.5:
        release = inventory.ReleaseReservationRequest(
            request_id=new_uuid(), reservation_id=reservation_id
        )
        caller.call("inventory.ReleaseReservation", release)
        state, held, committed = State.STATE_RELEASED, 0, 0
    adjust = stock.AdjustStockRequest(
        request_id=new_uuid(),
        node_id="east",
        sku="apple",
        on_hand_delta=1,
        reason=stock.AdjustStockRequest.REASON_RECEIVED,
    )
    caller.call("stock.AdjustStock", adjust)

    def note(expected: Expected) -> None:
        expected.reservations[reservation_id] = state
        expected.held += held
        expected.committed += committed
        expected.on_hand_change += 1

    _note(caller, note)


def _customer(caller: _Caller, dice: random.Random, order_id: str) -> None:
    """Places an order; it is left, cancelled, or followed to the handover."""
    State = orders.Order  # noqa: N806
    order = caller.call("orders.CreateOrder", order_request(order_id)).order
    state, committed, left = State.STATE_CONFIRMED, 1, 0
    way = dice.random()
    if way < 0.3:
        request = orders.CancelOrderRequest(request_id=new_uuid(), order_id=order_id)
        caller.call("orders.CancelOrder", request)
        state, committed = State.STATE_CANCELLED, 0
    elif way < 0.8:
        _follow(caller, order)
        state, committed, left = State.STATE_COMPLETED, 0, 1

    def note(expected: Expected) -> None:
        expected.orders[order_id] = state
        expected.committed += committed
        expected.on_hand_change -= left

    _note(caller, note)


def _follow(caller: _Caller, order: orders.Order) -> None:
    [group] = order.fulfillment_orders
    claim = pick.ClaimPickTaskRequest(
        request_id=new_uuid(), pick_task_id=task_id(order), associate_id="ann"
    )
    caller.call("pick.ClaimPickTask", claim)
    confirm = pick.ConfirmPickRequest(request_id=new_uuid(), pick_task_id=task_id(order))
    confirm.lines.add(line_number=1, picked_quantity=1)
    caller.call("pick.ConfirmPick", confirm)
    stage = pick.StageOrderRequest(
        request_id=new_uuid(),
        fulfillment_order_id=group.fulfillment_order_id,
        staging_location="shelf",
    )
    caller.call("pick.StageOrder", stage)
    hand_over = pickup.HandOverRequest(
        request_id=new_uuid(),
        order_id=order.order_id,
        node_id=group.node_id,
        pickup_code=_sent_code(caller.load, order.order_id),
    )
    caller.call("pickup.HandOver", hand_over)


def _sent_code(load: Load, order_id: str) -> str:
    """The code that the customer was sent; a disk that is gone comes back."""
    while True:
        load.up.wait()
        with contextlib.suppress(OSError):
            return pickup_code(load.server.data, order_id)
        time.sleep(0.005)  # Between two tries, not for a condition.
