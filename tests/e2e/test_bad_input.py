"""Bad input gets its specific code, reason and path, and changes nothing; native and passed on."""

import contextlib
import sqlite3
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from bopis.testing.client import Client, error_of, new_uuid, refused
from bopis.testing.server import ServerProcess
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import pickup_service_pb2 as pickup
from tests.e2e import bad_calls, bad_operation_calls, bad_stock_calls, bad_streams, small_town
from tests.e2e.bad_calls import Case, reserve
from tests.e2e.small_town import CALL_S, cell, get_order, order_request, place

pytestmark = pytest.mark.needs_services()

Code = grpc.StatusCode
INVALID = Code.INVALID_ARGUMENT
Position = tuple[str, int]


def call(client: Client, rpc: str, request: Message) -> Any:
    """Calls by name, of whatever kind."""
    service, name = rpc.split(".")
    method = getattr(getattr(client, service), name)
    if name.startswith("Import"):
        return method(iter([request]), timeout=CALL_S)
    answer = method(request, timeout=CALL_S)
    return list(answer) if name.startswith(("Watch", "Download")) else answer


def journal_position(client: Client) -> Position:
    """Where the ledger's journal ends."""
    request = inventory.GetAvailabilityRequest(node_id="east", sku="apple")
    position = client.inventory.GetAvailability(request, timeout=CALL_S).position
    return position.journal_id, position.sequence


def kept(server: ServerProcess) -> dict[str, list[Any]]:
    """All that the order store keeps, but for what waits to be told."""
    path = server.data / "orders.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        names = [
            name for (name,) in store.execute("select name from sqlite_schema where type = 'table'")
        ]
        return {
            name: store.execute(f'select * from "{name}"').fetchall()  # noqa: S608 (names of ours)
            for name in names
            if name != "outbox"
        }


CASES = [
    *bad_calls.field_cases(),
    *bad_calls.other_cases(),
    *bad_operation_calls.cases(),
    *bad_stock_calls.cases(),
    *bad_stock_calls.list_cases(),
    *bad_streams.watch_cases(),
]
CODES = {
    "FIELD_INVALID": INVALID,
    "CARD_NUMBER_REFUSED": INVALID,
    "QUANTITY_OUT_OF_RANGE": INVALID,
    "TOKEN_INVALID": INVALID,
    "COUNT_TOO_OLD": Code.FAILED_PRECONDITION,
    "UNKNOWN_METHOD": Code.UNIMPLEMENTED,
}
"""Codes by reason; of all others NOT_FOUND."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rpc}: {case.name}")
def test_bad_input_gets_its_code_reason_and_path_and_changes_nothing(
    server: ServerProcess, client: Client, case: Case
) -> None:
    before = journal_position(client), cell(client, "east", "apple"), kept(server)
    with refused() as errors:
        call(client, case.rpc, case.request)
    error = errors[0]
    code = CODES.get(case.reason, Code.NOT_FOUND)
    assert (error.code, error.reason, error.domain) == (code, case.reason, "bopis")
    if case.path:
        assert case.path in error.paths
    position, units, rows = before
    assert cell(client, "east", "apple") == units
    assert kept(server) == rows
    # What the ledger itself refused is in the journal, as a refusal.
    if not case.reason.startswith(("RESERVATION_", "COUNT_", "LINE_")):
        assert journal_position(client) == position


@pytest.mark.parametrize(
    "method",
    [
        "bopis.v1.InventoryService/Reserve",
        "bopis.v1.OrderService/CreateOrder",
        "bopis.v1.PickService/ClaimPickTask",
    ],
)
@pytest.mark.parametrize(
    "raw",
    [b"\xff\xff\xff", b"\x0a", b"\x0a\xff\xff\xff\xff\x7f", b"\x0a\x02\xc3\x28"],
    ids=["garbage", "cut off", "a length beyond the end", "invalid UTF-8"],
)
def test_bytes_that_are_no_message_are_malformed(client: Client, method: str, raw: bytes) -> None:
    with refused() as errors:
        client.channel.unary_unary(f"/{method}")(raw, timeout=CALL_S)
    assert (errors[0].code, errors[0].reason) == (INVALID, "MALFORMED_MESSAGE")


@pytest.mark.parametrize(
    "method", ["bopis.v1.OrderService/CreateOrder", "bopis.v1.StoreService/ImportStores"]
)
def test_a_message_over_the_limit_is_refused_with_a_reason(client: Client, method: str) -> None:
    raw = b"\x52" + (5 << 20).to_bytes(4, "little") + b"\0" * (5 << 20)
    with refused() as errors:
        client.channel.unary_unary(f"/{method}")(raw, timeout=CALL_S)
    assert errors[0].code in {Code.RESOURCE_EXHAUSTED, Code.INVALID_ARGUMENT}
    assert errors[0].reason


def test_an_rpc_that_does_not_exist_is_unimplemented(client: Client) -> None:
    for path in ("/bopis.v1.OrderService/Nothing", "/bopis.v1.Nothing/Nothing"):
        with refused() as errors:
            client.channel.unary_unary(path)(b"", timeout=CALL_S)
        assert (errors[0].code, errors[0].reason) == (Code.UNIMPLEMENTED, "UNKNOWN_METHOD")


@pytest.mark.parametrize("end", ["deadline", "cancel"])
def test_a_call_given_up_under_way_happens_whole_or_not_at_all(client: Client, end: str) -> None:
    # A library may round a deadline up, so that a call without time is now and then in time.
    before = cell(client, "west", "bread").committed
    requests = [order_request(f"{end}-{number}", sku="bread") for number in range(8)]
    for number, request in enumerate(requests):
        request.place.longitude = -74.1
        given_up_s = number * 0.000_5
        call = client.orders.CreateOrder.future(
            request, timeout=given_up_s if end == "deadline" else CALL_S
        )
        with contextlib.suppress(grpc.RpcError, grpc.FutureTimeoutError, grpc.FutureCancelledError):
            call.result(timeout=given_up_s)
        call.cancel()
    for request in requests:
        [group] = place(client, request).fulfillment_orders
        assert group.node_id == "west"
    assert cell(client, "west", "bread").committed == before + len(requests)


def test_a_secret_or_identity_sent_by_a_client_is_not_believed(client: Client) -> None:
    metadata = (("x-bopis-secret", "guess"), ("x-bopis-identity", "admin"))
    request = orders.GetOrderRequest(order_id="ghost")
    with refused() as errors:
        client.orders.GetOrder(request, timeout=CALL_S, metadata=metadata)
    assert errors[0].reason == "ORDER_NOT_FOUND"


def test_states_and_versions_are_kept(client: Client) -> None:
    order = place(client, order_request("states-1"))
    [group] = order.fulfillment_orders
    with refused() as errors:
        small_town.stage(client, group.fulfillment_order_id)
    assert (errors[0].code, errors[0].reason) == (Code.FAILED_PRECONDITION, "WRONG_STATE")
    stale = orders.CancelOrderRequest(request_id=new_uuid(), order_id="states-1", etag="0")
    with refused() as errors:
        client.orders.CancelOrder(stale, timeout=CALL_S)
    assert (errors[0].code, errors[0].reason) == (Code.ABORTED, "STALE_ETAG")
    task = small_town.claim(client, small_town.task_id(order))
    other = pick.ClaimPickTaskRequest(
        request_id=new_uuid(), pick_task_id=task.pick_task_id, associate_id="bob"
    )
    with refused() as errors:
        client.pick.ClaimPickTask(other, timeout=CALL_S)
    assert (errors[0].reason, errors[0].metadata["associate_id"]) == ("TASK_CLAIMED", "ann")
    wrong_line = pick.ConfirmPickRequest(request_id=new_uuid(), pick_task_id=task.pick_task_id)
    wrong_line.lines.add(line_number=7, picked_quantity=1)
    with refused() as errors:
        client.pick.ConfirmPick(wrong_line, timeout=CALL_S)
    assert (errors[0].code, errors[0].reason) == (Code.NOT_FOUND, "LINE_NOT_FOUND")
    small_town.confirm_all(client, task)
    small_town.stage(client, group.fulfillment_order_id)
    wrong_node = pickup.HandOverRequest(
        request_id=new_uuid(), order_id="states-1", node_id="west", pickup_code="123456"
    )
    with refused() as errors:
        client.pickup.HandOver(wrong_node, timeout=CALL_S)
    assert errors[0].reason == "WRONG_NODE"


def test_five_wrong_codes_lock_the_pickup(client: Client) -> None:
    order = place(client, order_request("codes-1"))
    small_town.make_ready(client, order)
    reasons = []
    for _ in range(6):
        request = pickup.HandOverRequest(
            request_id=new_uuid(), order_id="codes-1", node_id="east", pickup_code="x"
        )
        with refused() as errors:
            client.pickup.HandOver(request, timeout=CALL_S)
        reasons.append((errors[0].reason, errors[0].metadata.get("tries_left", "")))
    wrong = [("PICKUP_CODE_WRONG", str(left)) for left in (4, 3, 2, 1, 0)]
    assert reasons == [*wrong, ("PICKUP_CODE_LOCKED", "")]


def test_a_reservation_is_committed_once_and_not_after_its_end(client: Client) -> None:
    held = client.inventory.Reserve(reserve(), timeout=CALL_S).reservation
    commit = inventory.CommitReservationRequest(
        request_id=new_uuid(), reservation_id=held.reservation_id
    )
    client.inventory.CommitReservation(commit, timeout=CALL_S)
    again = inventory.CommitReservationRequest(
        request_id=new_uuid(), reservation_id=held.reservation_id
    )
    with refused() as errors:
        client.inventory.CommitReservation(again, timeout=CALL_S)
    assert errors[0].reason == "RESERVATION_ALREADY_COMMITTED"
    release = inventory.ReleaseReservationRequest(
        request_id=new_uuid(), reservation_id=held.reservation_id
    )
    client.inventory.ReleaseReservation(release, timeout=CALL_S)
    again.request_id = new_uuid()
    with refused() as errors:
        client.inventory.CommitReservation(again, timeout=CALL_S)
    assert errors[0].reason == "RESERVATION_ENDED"


def test_streams_opened_and_never_read_do_not_stop_other_calls(client: Client) -> None:
    watches = [
        client.pick.WatchPickTasks(pick.WatchPickTasksRequest(node_id="east"), timeout=CALL_S)
        for _ in range(200)
    ]
    try:
        assert place(client, order_request("beside-1")).order_id == "beside-1"
    finally:
        for watch in watches:
            watch.cancel()


def test_every_error_names_the_domain(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        get_order(client, "ghost")
    assert error_of(raised.value).domain == "bopis"
