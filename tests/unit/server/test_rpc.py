"""How calls are served, over a real grpc.aio server on a unix socket."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from bopis.domain.errors import OrderNotFound
from bopis.server import listen, rpc
from bopis.server.rpc import Caller
from bopis.testing.client import error_of
from bopis.v1 import catalog_service_pb2, order_service_pb2, pick_service_pb2

ORDERS = order_service_pb2.DESCRIPTOR.services_by_name["OrderService"]
PICK = pick_service_pb2.DESCRIPTOR.services_by_name["PickService"]
CATALOG = catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"]
GET = "/bopis.v1.OrderService/GetOrder"
CALL_S = 10.0


async def get_order(
    request: order_service_pb2.GetOrderRequest, caller: Caller
) -> order_service_pb2.GetOrderResponse:
    if request.order_id == "ghost":
        raise OrderNotFound("no order ghost")
    if request.order_id == "bug":
        raise ZeroDivisionError("a secret of ours")
    assert caller.remaining_s is not None
    order = order_service_pb2.Order(order_id=request.order_id, customer_id=caller.tenant)
    return order_service_pb2.GetOrderResponse(order=order)


async def watch(
    request: pick_service_pb2.WatchPickTasksRequest, _caller: Caller
) -> AsyncGenerator[Message, None]:
    for number in range(3):
        yield pick_service_pb2.WatchPickTasksResponse(resume_token=f"{request.node_id}{number}")
    raise OrderNotFound("at the end")


async def import_items(
    requests: AsyncIterator[catalog_service_pb2.ImportItemsRequest], _caller: Caller
) -> catalog_service_pb2.ImportItemsResponse:
    count = 0
    async for request in requests:
        count += len(request.items)
    return catalog_service_pb2.ImportItemsResponse(imported_count=count)


@pytest_asyncio.fixture
async def address(tmp_path: Path) -> AsyncIterator[listen.Address]:
    services = [
        rpc.service(ORDERS, {"GetOrder": get_order}, whole=False),
        rpc.service(PICK, {"WatchPickTasks": watch}, whole=False),
        rpc.service(CATALOG, {"ImportItems": import_items}, whole=False),
    ]
    here = listen.new_address(tmp_path / "note")
    server = await listen.start_server(services, here, message_bytes_max=1 << 20)
    yield here
    await server.stop(None)
    here.remove()


@pytest_asyncio.fixture
async def channel(address: listen.Address) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"unix:{address.socket}") as opened:
        yield opened


def door(address: listen.Address) -> Any:
    return ((rpc.DOOR_KEY, address.secret),)


async def failure(call: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return error_of(raised.value)


async def test_a_call_is_answered(channel: grpc.aio.Channel, address: listen.Address) -> None:
    request = order_service_pb2.GetOrderRequest(order_id="o").SerializeToString()
    raw = await channel.unary_unary(GET)(request, metadata=door(address), timeout=CALL_S)
    answer = order_service_pb2.GetOrderResponse.FromString(raw)
    assert (answer.order.order_id, answer.order.customer_id) == ("o", rpc.TENANT)


@pytest.mark.parametrize("secret", ["", "0" * 64, "\x7f"])
async def test_a_call_without_the_secret_is_refused(channel: grpc.aio.Channel, secret: str) -> None:
    metadata = ((rpc.DOOR_KEY, secret),) if secret.isprintable() and secret else ()
    for path in (GET, "/bopis.v1.OrderService/Nothing"):
        error = await failure(channel.unary_unary(path)(b"", metadata=metadata, timeout=CALL_S))
        assert error.code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("raw", "code", "reason"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"),
        (b"\x0a\x02\xc3\x28", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"),
        (b"", grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        (b"\x0a\x05ghost", grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND"),
        (b"\x0a\x03bug", grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_what_is_refused_says_why(
    channel: grpc.aio.Channel,
    address: listen.Address,
    raw: bytes,
    code: grpc.StatusCode,
    reason: str,
) -> None:
    call = channel.unary_unary(GET)(raw, metadata=door(address), timeout=CALL_S)
    error = await failure(call)
    assert (error.code, error.reason) == (code, reason)
    assert "secret" not in error.message


async def test_a_stream_ends_with_its_error(
    channel: grpc.aio.Channel, address: listen.Address
) -> None:
    request = pick_service_pb2.WatchPickTasksRequest(node_id="n").SerializeToString()
    path = "/bopis.v1.PickService/WatchPickTasks"
    call = channel.unary_stream(path)(request, metadata=door(address), timeout=CALL_S)
    raw = [await call.read() for _ in range(3)]
    tokens = [pick_service_pb2.WatchPickTasksResponse.FromString(one).resume_token for one in raw]
    assert tokens == ["n0", "n1", "n2"]
    assert (await failure(call.read())).reason == "ORDER_NOT_FOUND"


async def test_messages_of_a_client_stream_are_checked_one_by_one(
    channel: grpc.aio.Channel, address: listen.Address
) -> None:
    good = catalog_service_pb2.ImportItemsRequest()
    good.items.add(sku="a")
    bad = catalog_service_pb2.ImportItemsRequest()
    bad.items.add(sku="a")
    bad.items.add(sku=" b")
    path = "/bopis.v1.CatalogService/ImportItems"
    for messages, paths in (([good, good], ()), ([good, bad], ("messages[1].items[1].sku",))):
        call = channel.stream_unary(path)(
            iter([message.SerializeToString() for message in messages]),
            metadata=door(address),
            timeout=CALL_S,
        )
        if paths:
            assert (await failure(call)).paths == paths
        else:
            answer = catalog_service_pb2.ImportItemsResponse.FromString(await call)
            assert answer.imported_count == 2


async def test_an_rpc_that_nobody_implements_is_unknown(
    channel: grpc.aio.Channel, address: listen.Address
) -> None:
    path = "/bopis.v1.OrderService/CreateOrder"
    call = channel.unary_unary(path)(b"", metadata=door(address), timeout=CALL_S)
    assert (await failure(call)).reason == "UNKNOWN_METHOD"


async def test_a_message_over_the_limit_is_exhausted(
    channel: grpc.aio.Channel, address: listen.Address
) -> None:
    call = channel.unary_unary(GET)(b"\0" * (2 << 20), metadata=door(address), timeout=CALL_S)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_socket_is_in_a_folder_of_its_owner_with_a_short_path(tmp_path: Path) -> None:
    here = listen.new_address(tmp_path / "note")
    assert here.folder.stat().st_mode & 0o777 == 0o700
    assert len(str(here.socket)) < 80
    here.remove()
    assert not here.folder.exists()


def test_a_start_removes_the_folder_that_a_crash_left_behind_and_no_other(tmp_path: Path) -> None:
    note = tmp_path / "note"
    crashed = listen.new_address(note)
    crashed.socket.touch()
    after = listen.new_address(note)
    assert not crashed.folder.exists()
    after.remove()
    foreign = tmp_path / "precious"
    foreign.mkdir()
    note.write_text(str(foreign))
    listen.new_address(note).remove()
    assert foreign.exists()


def test_a_service_must_have_every_rpc_and_no_other() -> None:
    with pytest.raises(ValueError, match="CancelOrder"):
        rpc.service(ORDERS, {"GetOrder": get_order})
    with pytest.raises(ValueError, match="Nothing"):
        rpc.service(ORDERS, {"Nothing": get_order}, whole=False)


def test_the_door_is_told_what_passes_and_which_of_it_streams() -> None:
    services = [
        rpc.service(ORDERS, {"GetOrder": get_order}, whole=False),
        rpc.service(CATALOG, {"ImportItems": import_items}, whole=False),
    ]
    assert listen.passthrough(services) == (
        listen.PassThroughMethod(GET, streaming=False),
        listen.PassThroughMethod("/bopis.v1.CatalogService/ImportItems", streaming=True),
    )
