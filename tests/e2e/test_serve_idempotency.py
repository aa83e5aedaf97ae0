"""One effect per request_id, for every mutating rpc: a repeat gets the first response, the same id
with another body is refused, before and after a restart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from bopis.testing.client import Client, new_uuid, pickup_code, refused
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import pickup_service_pb2 as pickup
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S, SHIP, cell, claim, order_request, place, task_id

pytestmark = pytest.mark.needs_services()


@dataclass(frozen=True, slots=True)
class Mutation:
    """An rpc, what must be done before it, and a change that makes its body another one."""

    rpc: str
    prepare: Callable[[Client, ServerProcess], Message]
    change: Callable[[Any], None]


def _reserve(client: Client, _server: ServerProcess) -> Message:
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.lines.add(node_id="east", sku="apple", quantity=1)
    return request


def _held(client: Client) -> str:
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.lines.add(node_id="east", sku="bread", quantity=1)
    return client.inventory.Reserve(request, timeout=CALL_S).reservation.reservation_id


def _batch_reserve(client: Client, _server: ServerProcess) -> Message:
    request = inventory.BatchReserveRequest(request_id=new_uuid())
    item = request.items.add(reservation_id=new_uuid())
    item.lines.add(node_id="east", sku="apple", quantity=1)
    return request


def _commit(client: Client, _server: ServerProcess) -> Message:
    return inventory.CommitReservationRequest(request_id=new_uuid(), reservation_id=_held(client))


def _release(client: Client, _server: ServerProcess) -> Message:
    return inventory.ReleaseReservationRequest(request_id=new_uuid(), reservation_id=_held(client))


def _move(client: Client, _server: ServerProcess) -> Message:
    request = inventory.MoveReservationRequest(request_id=new_uuid())
    move = request.moves.add(reservation_id=_held(client))
    move.lines.add(node_id="west", sku="bread", quantity=1)
    return request


def _adjust(client: Client, _server: ServerProcess) -> Message:
    return stock.AdjustStockRequest(
        request_id=new_uuid(),
        node_id="east",
        sku="apple",
        on_hand_delta=5,
        reason=stock.AdjustStockRequest.REASON_RECEIVED,
    )


def _sales(client: Client, _server: ServerProcess) -> Message:
    request = stock.RecordSalesRequest(request_id=new_uuid())
    request.sales.add(source_id=new_uuid(), node_id="east", sku="apple", quantity=1)
    return request


def _create(client: Client, _server: ServerProcess) -> Message:
    return order_request()


def _cancel(client: Client, _server: ServerProcess) -> Message:
    order = place(client, order_request())
    return orders.CancelOrderRequest(request_id=new_uuid(), order_id=order.order_id)


def _claim(client: Client, _server: ServerProcess) -> Message:
    order = place(client, order_request())
    return pick.ClaimPickTaskRequest(
        request_id=new_uuid(), pick_task_id=task_id(order), associate_id="ann"
    )


def _claimed(client: Client, **words: Any) -> tuple[orders.Order, pick.PickTask]:
    order = place(client, order_request(**words))
    return order, claim(client, task_id(order))


def _confirm(client: Client, _server: ServerProcess) -> Message:
    _, task = _claimed(client)
    request = pick.ConfirmPickRequest(request_id=new_uuid(), pick_task_id=task.pick_task_id)
    request.lines.add(line_number=1, picked_quantity=1)
    return request


def _short(client: Client, _server: ServerProcess) -> Message:
    _, task = _claimed(client)
    return pick.ReportShortPickRequest(
        request_id=new_uuid(),
        pick_task_id=task.pick_task_id,
        line_number=1,
        found_quantity=0,
        reason=pick.ReportShortPickRequest.REASON_MISMATCH,
    )


def _stage(client: Client, _server: ServerProcess) -> Message:
    order, task = _claimed(client)
    small_town.confirm_all(client, task)
    return pick.StageOrderRequest(
        request_id=new_uuid(),
        fulfillment_order_id=order.fulfillment_orders[0].fulfillment_order_id,
        staging_location="shelf-1",
    )


def _ship(client: Client, _server: ServerProcess) -> Message:
    order, task = _claimed(client, sku="candle", method=SHIP)
    small_town.confirm_all(client, task)
    return pick.ConfirmShipmentRequest(
        request_id=new_uuid(),
        fulfillment_order_id=order.fulfillment_orders[0].fulfillment_order_id,
        carrier="parcels",
    )


def _hand_over(client: Client, server: ServerProcess) -> Message:
    order = place(client, order_request())
    small_town.make_ready(client, order)
    return pickup.HandOverRequest(
        request_id=new_uuid(),
        order_id=order.order_id,
        node_id=order.fulfillment_orders[0].node_id,
        pickup_code=pickup_code(server.data, order.order_id),
    )


def _capacity(client: Client, _server: ServerProcess) -> Message:
    request = stores.SetCapacityRequest(request_id=new_uuid(), node_id="west")
    window = request.windows.add(labor_seconds=1_800, closed=True)
    window.start_time.FromJsonString("2026-06-02T12:00:00Z")
    return request


def _set(name: str, value: object) -> Callable[[Any], None]:
    return lambda request: setattr(request, name, value)


MUTATIONS = (
    Mutation("inventory.Reserve", _reserve, _set("priority", 9)),
    Mutation(
        "inventory.BatchReserve", _batch_reserve, lambda r: setattr(r.items[0], "priority", 9)
    ),
    Mutation("inventory.CommitReservation", _commit, _set("reservation_id", new_uuid())),
    Mutation("inventory.ReleaseReservation", _release, _set("reservation_id", new_uuid())),
    Mutation(
        "inventory.MoveReservation", _move, lambda r: setattr(r.moves[0].lines[0], "quantity", 2)
    ),
    Mutation("stock.AdjustStock", _adjust, _set("on_hand_delta", 6)),
    Mutation("stock.RecordSales", _sales, lambda r: setattr(r.sales[0], "quantity", 2)),
    Mutation("orders.CreateOrder", _create, lambda r: setattr(r.lines[0], "quantity", 2)),
    Mutation("orders.CancelOrder", _cancel, _set("reason", "another one")),
    Mutation("pick.ClaimPickTask", _claim, _set("associate_id", "bob")),
    Mutation("pick.ConfirmPick", _confirm, lambda r: setattr(r.lines[0], "picked_quantity", 2)),
    Mutation("pick.ReportShortPick", _short, _set("reason", 3)),
    Mutation("pick.StageOrder", _stage, _set("staging_location", "shelf-2")),
    Mutation("pick.ConfirmShipment", _ship, _set("carrier", "others")),
    Mutation("pickup.HandOver", _hand_over, _set("pickup_code", "0")),
    Mutation("stores.SetCapacity", _capacity, lambda r: setattr(r.windows[0], "closed", False)),
)


def call(client: Client, rpc: str, request: Message) -> Any:
    service, name = rpc.split(".")
    return getattr(getattr(client, service), name)(request, timeout=CALL_S)


def stock_of(client: Client) -> list[Any]:
    cells = (("east", "apple"), ("east", "bread"), ("west", "bread"), ("hub", "candle"))
    return [cell(client, *one) for one in cells]


def copy_of(request: Any, change: Callable[[Any], None]) -> Message:
    other = type(request)()
    other.CopyFrom(request)
    change(other)
    assert other != request
    return other  # type: ignore[no-any-return]


def without_moment(response: Any) -> Any:
    """Without what a repeat tells anew: a position at which the effect is visible."""
    if "position" in response.DESCRIPTOR.fields_by_name:
        response.ClearField("position")
    return response


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.rpc)
def test_a_repeat_has_one_effect_and_another_body_none(
    server: ServerProcess, client: Client, mutation: Mutation
) -> None:
    request = mutation.prepare(client, server)
    first = call(client, mutation.rpc, request)
    after = stock_of(client)
    assert call(client, mutation.rpc, request) == first
    with refused() as errors:
        call(client, mutation.rpc, copy_of(request, mutation.change))
    assert (errors[0].code, errors[0].reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "REQUEST_ID_REUSED",
    )
    assert stock_of(client) == after


def test_first_responses_survive_a_stop_and_a_crash(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("repeats"), options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            requests = [(one, one.prepare(client, server)) for one in MUTATIONS]
            firsts = [call(client, one.rpc, request) for one, request in requests]
            after = stock_of(client)
        for stop in (server.terminate, server.kill):
            stop()
            server.start()
            with server.channel() as channel:
                client = Client(channel)
                for (one, request), first in zip(requests, firsts, strict=True):
                    again = call(client, one.rpc, request)
                    assert without_moment(again) == without_moment(first), one.rpc
                    with refused() as errors:
                        call(client, one.rpc, copy_of(request, one.change))
                    assert errors[0].reason == "REQUEST_ID_REUSED", one.rpc
                assert stock_of(client) == after


def test_the_same_order_under_another_request_id_is_returned_as_it_stands(client: Client) -> None:
    request = order_request("same-1")
    first = place(client, request)
    request.request_id = new_uuid()
    assert place(client, request) == first
    request.request_id = new_uuid()
    request.lines[0].quantity = 2
    with refused() as errors:
        place(client, request)
    assert (errors[0].code, errors[0].reason) == (grpc.StatusCode.ALREADY_EXISTS, "ORDER_EXISTS")
