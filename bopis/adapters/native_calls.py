"""Calls into the native module that are answered later: tickets, futures, one wake-up a batch.

Submissions made in one turn of the event loop cross the border together. Completions come back in
batches too: the engine's eventfd wakes the loop once for all that wait. No native thread ever runs
Python.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog

from bopis._allocator_rs import Engine, StoppedError
from bopis.domain.errors import (
    BopisError,
    DiskFull,
    NodeNotFound,
    NotServing,
    Overloaded,
    RequestIdReused,
    RequestWindowFull,
    SkuNotFound,
)
from bopis.domain.sourcing import ReservationTakenError

OVERLOADED_RETRY_MS: Final = 100
NOT_SERVING_RETRY_MS: Final = 1_000
WINDOW_FULL_RETRY_MS: Final = 60_000

_log = structlog.get_logger(__name__)


class NativeFaultError(Exception):
    """The native side could not read what this side sent: a bug of ours, never a client's."""


class Completion(msgspec.Struct, frozen=True):
    """What came back for a ticket; `result` is decoded by whoever asked."""

    ticket: int
    sequence: int
    wall_ms: int
    result: msgspec.Raw


class _Kind(msgspec.Struct, frozen=True):
    type: str
    node_id: str = ""
    name: str = ""
    why: str = ""


class NativeCalls:
    """Hands out tickets and resolves their futures. Belongs to one event loop."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[Completion]] = {}
        self._next_ticket = 1
        self._batches: dict[Callable[[bytes], None], list[dict[str, Any]]] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(list[Completion])
        loop.add_reader(engine.wake_fd(), self._take)

    async def call(self, send: Callable[[bytes], None], payload: dict[str, Any]) -> Completion:
        """Sends a payload (a ticket is added) with this turn's batch and waits for its completion.

        Raises NotServing, Overloaded, DiskFull, RequestIdReused, RequestWindowFull, NodeNotFound,
        SkuNotFound, ReservationTakenError as the native side answers, NativeFaultError for a
        payload it cannot read.
        """
        ticket = self._next_ticket
        self._next_ticket += 1
        future: asyncio.Future[Completion] = self._loop.create_future()
        self._waiting[ticket] = future
        if not self._batches:
            self._loop.call_soon(self._flush)
        self._batches.setdefault(send, []).append({"ticket": ticket, **payload})
        completion = await future
        _raise_if_refused(completion.result)
        return completion

    def close(self) -> None:
        """Stops listening; whoever still waits is told that the service stops."""
        self._take()
        self._loop.remove_reader(self._engine.wake_fd())
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(_stopped())

    def _flush(self) -> None:
        batches, self._batches = self._batches, {}
        for send, payloads in batches.items():
            try:
                send(self._encoder.encode(payloads))
            except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
                self._fail([payload["ticket"] for payload in payloads], error)

    def _fail(self, tickets: list[int], error: Exception) -> None:
        told = _stopped() if isinstance(error, StoppedError) else NativeFaultError(str(error))
        for ticket in tickets:
            future = self._waiting.pop(ticket, None)
            if future is not None and not future.done():
                future.set_exception(told)

    def _take(self) -> None:
        for completion in self._decoder.decode(self._engine.completions()):
            future = self._waiting.pop(completion.ticket, None)
            if future is None:
                _log.error("native.unknown_ticket", ticket=completion.ticket)
            elif not future.done():  # A caller that gave up has cancelled its future.
                future.set_result(completion)


def _stopped() -> BopisError:
    return NotServing("the ledger is stopped", retry_after_ms=NOT_SERVING_RETRY_MS)


_kind_decoder = msgspec.msgpack.Decoder(_Kind)


def _raise_if_refused(result: msgspec.Raw) -> None:
    kind = _kind_decoder.decode(result)
    match kind.type:
        case "request_id_reused":
            raise RequestIdReused("the request_id was used with another body", field="request_id")
        case "request_window_full":
            raise RequestWindowFull(
                "no room to remember another request", retry_after_ms=WINDOW_FULL_RETRY_MS
            )
        case "unknown_node":
            raise NodeNotFound(f"no node {kind.node_id!r}", metadata={"node_id": kind.node_id})
        case "unknown_item":
            raise SkuNotFound(f"no item {kind.name!r}", metadata={"sku": kind.name})
        case "overloaded":
            raise Overloaded("the ledger's queue is full", retry_after_ms=OVERLOADED_RETRY_MS)
        case "disk_full":
            raise DiskFull("no new promises: the disk is full", retry_after_ms=WINDOW_FULL_RETRY_MS)
        case "stopped":
            raise _stopped()
        case "not_loaded":
            raise NotServing("the network is not loaded", retry_after_ms=NOT_SERVING_RETRY_MS)
        case "reservation_mismatch":
            raise ReservationTakenError("a reservation of this id is there already")
        case "malformed":
            raise NativeFaultError(kind.why)
        case _:
            return
