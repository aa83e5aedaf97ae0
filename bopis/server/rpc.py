"""How a call is served: bytes in, checks, the use case, bytes out, errors mapped once.

Messages are parsed here and not by grpc.aio, which answers INTERNAL to bytes that are no protobuf.
A call is refused before it touches anything if its bytes are malformed, a field breaks its rule, or
its deadline has passed.
"""

import contextlib
import hmac
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar, cast

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from bopis.domain.errors import BopisError
from bopis.server import status, validate
from bopis.service.deadline import begin_call, check_deadline

DOOR_KEY: Final = "x-bopis-secret"
TENANT: Final = "default"
"""The one tenant there is."""

Request = TypeVar("Request", bound=Message)
_Context = grpc.aio.ServicerContext[bytes, bytes]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and how long the answer is worth waiting for (seconds; None: no deadline)."""

    tenant: str = TENANT
    remaining_s: float | None = None


Unary = Callable[[Any, Caller], Awaitable[Message]]
"""One request, one response."""
ServerStream = Callable[[Any, Caller], AsyncGenerator[Message, None]]
"""One request, many responses."""
ClientStream = Callable[[AsyncIterator[Any], Caller], Awaitable[Message]]
"""Many requests, each checked before it is seen, one response."""
Method = Unary | ServerStream | ClientStream


@dataclass(frozen=True, slots=True)
class Service:
    """A service ready to be added to a server, and the rpcs of it that the door lets through."""

    handler: grpc.GenericRpcHandler
    descriptor: ServiceDescriptor
    rpcs: tuple[MethodDescriptor, ...]


def service(
    descriptor: ServiceDescriptor, methods: Mapping[str, Method], *, whole: bool = True
) -> Service:
    """A service from its descriptor and one function per rpc: all of them, unless not `whole`.

    Raises ValueError where `methods` does not fit the descriptor.
    """
    expected = {method.name for method in descriptor.methods}
    if set(methods) - expected or (whole and set(methods) != expected):
        raise ValueError(f"{descriptor.full_name}: {set(methods) ^ expected} do not match")
    rpcs = tuple(method for method in descriptor.methods if method.name in methods)
    handlers = {method.name: _handler(method, methods[method.name]) for method in rpcs}
    handler = grpc.method_handlers_generic_handler(descriptor.full_name, handlers)
    return Service(handler, descriptor, rpcs)


def parse(message_type: type[Request], raw: bytes, *, root: str = "") -> Request:
    """A checked message. Raises EdgeError for malformed bytes and for broken field rules."""
    message = message_type()
    try:
        message.ParseFromString(raw)
    except (DecodeError, UnicodeDecodeError):
        raise status.EdgeError(status.MALFORMED) from None
    broken = validate.violations(message, root=root)
    if broken:
        raise status.EdgeError(status.answer_of_violations(broken))
    return message


class SecretInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls that do not carry the secret which the door was given at the start."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Passes the call on, or gives a handler that refuses it."""
        given = _metadata(handler_call_details.invocation_metadata, DOOR_KEY)
        if not hmac.compare_digest(given.encode(), self._secret):
            return _refusal(status.NOT_THE_DOOR)
        handler: Any = await continuation(handler_call_details)
        return _refusal(status.UNKNOWN_METHOD) if handler is None else handler


def _refusal(answer: status.Answer) -> Any:
    async def refuse(_requests: object, context: _Context) -> None:
        await _abort(context, answer)

    # A handler of streams answers calls of any kind.
    return grpc.stream_stream_rpc_method_handler(refuse)


def _handler(method: MethodDescriptor, implement: Any) -> Any:
    request_type = GetMessageClass(method.input_type)
    name = method.full_name
    if method.client_streaming and not method.server_streaming:
        return grpc.stream_unary_rpc_method_handler(_collect(name, request_type, implement))
    if method.server_streaming and not method.client_streaming:
        return grpc.unary_stream_rpc_method_handler(_stream(name, request_type, implement))
    if method.server_streaming:
        raise ValueError(f"{name}: streams both ways are the door's")
    return grpc.unary_unary_rpc_method_handler(_unary(name, request_type, implement))


def _unary(
    name: str, request_type: type[Message], implement: Unary
) -> Callable[[bytes, _Context], Awaitable[bytes]]:
    async def handle(raw: bytes, context: _Context) -> bytes:
        try:
            caller = _caller(context)
            response = await implement(parse(request_type, raw), caller)
            return response.SerializeToString()
        except Exception as error:  # noqa: BLE001 - the one place that answers for all of them
            await _abort(context, _answer(name, error))

    return handle


def _stream(
    name: str, request_type: type[Message], implement: ServerStream
) -> Callable[[bytes, _Context], AsyncIterator[bytes]]:
    async def handle(raw: bytes, context: _Context) -> AsyncIterator[bytes]:
        try:
            responses = implement(parse(request_type, raw), _caller(context))
            async with contextlib.aclosing(responses):
                async for response in responses:
                    yield response.SerializeToString()
        except Exception as error:  # noqa: BLE001 - the one place that answers for all of them
            await _abort(context, _answer(name, error))

    return handle


def _collect(
    name: str, request_type: type[Message], implement: ClientStream
) -> Callable[[AsyncIterable[bytes], _Context], Awaitable[bytes]]:
    async def checked(requests: AsyncIterable[bytes]) -> AsyncIterator[Message]:
        index = 0
        async for raw in requests:
            yield parse(request_type, raw, root=f"messages[{index}]")
            index += 1

    async def handle(requests: AsyncIterable[bytes], context: _Context) -> bytes:
        try:
            response = await implement(checked(requests), _caller(context))
            return response.SerializeToString()
        except Exception as error:  # noqa: BLE001 - the one place that answers for all of them
            await _abort(context, _answer(name, error))

    return handle


def _caller(context: _Context) -> Caller:
    """Who calls. Raises DeadlinePassed."""
    remaining_s = cast("float | None", context.time_remaining())
    begin_call(remaining_s)
    check_deadline()
    return Caller(remaining_s=remaining_s)


def _answer(name: str, error: Exception) -> status.Answer:
    if isinstance(error, status.EdgeError):
        return error.answer
    if isinstance(error, BopisError):
        return status.answer_of(error)
    _log.error("rpc.failed", rpc=name, exc_info=error)
    return status.OUR_FAULT


async def _abort(context: _Context, answer: status.Answer) -> NoReturn:
    await context.abort(
        answer.code, answer.message[: status.MESSAGE_MAX], status.trailers_of(answer)
    )
    raise AssertionError("abort raises")


def _metadata(metadata: Any, key: str) -> str:
    for name, value in metadata or ():
        if name == key and isinstance(value, str):
            return value
    return ""
