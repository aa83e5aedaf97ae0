"""The one re-allocation on the way, through google.longrunning.Operations. A service that is killed
meanwhile reports it as cut off: then it is asked for again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2

from bopis.demo.client_log import ClientLog
from bopis.demo.outcome import list_orders
from bopis.demo.server_process import DemoError
from bopis.demo.wire import RETRYABLE, Caller, promised_lines, request_id
from bopis.v1 import allocation_service_pb2, allocation_service_pb2_grpc, order_service_pb2

TIME_LIMIT_S = 4
DONE_WITHIN_S = 120.0
POLL_S = 0.1
SNAPSHOT_WITHIN_S = 120.0
CUT_OFF_CODE: int = grpc.StatusCode.UNAVAILABLE.value[0]


@dataclass(frozen=True, slots=True)
class Reallocated:
    """What the re-allocation answered, and how many times it was cut off before."""

    response: allocation_service_pb2.ReallocateResponse = field(
        default_factory=allocation_service_pb2.ReallocateResponse
    )
    cut_off: int = 0


async def reallocate(caller: Caller, *, seed: int, log: ClientLog, attempts: int) -> Reallocated:
    """Starts a re-allocation, polls it to its end, and writes down where the orders are then;
    one that was cut off is asked for again, at most `attempts` times in all. Raises DemoError if it
    fails, CallError.
    """
    why = ""
    for attempt in range(attempts):
        sent = time.monotonic()
        operation = await _ended(caller, request_id(seed, "reallocate", attempt))
        await _snapshot(caller.channel, log, sent)
        if operation.WhichOneof("result") == "response":
            response = allocation_service_pb2.ReallocateResponse()
            if not operation.response.Unpack(response):
                raise DemoError(f"the re-allocation answered {operation.response.type_url}")
            return Reallocated(response, attempt)
        if operation.error.code != CUT_OFF_CODE:
            raise DemoError(f"the re-allocation failed: {operation.error.message}")
        why = operation.error.message
    raise DemoError(f"the re-allocation failed {attempts} times, the last time: {why}")


async def _ended(caller: Caller, identifier: str) -> operations_pb2.Operation:
    asked = time.monotonic()
    request = allocation_service_pb2.ReallocateRequest(
        request_id=identifier, time_limit=duration_pb2.Duration(seconds=TIME_LIMIT_S)
    )
    stub = allocation_service_pb2_grpc.AllocationServiceStub(caller.channel)
    operations = operations_pb2_grpc.OperationsStub(caller.channel)
    operation: operations_pb2.Operation = (await caller.call(stub.Reallocate, request)).response
    poll = operations_pb2.GetOperationRequest(name=operation.name)
    while not operation.done:
        if time.monotonic() - asked > DONE_WITHIN_S:
            raise DemoError(f"the re-allocation did not end within {DONE_WITHIN_S:g} s")
        await asyncio.sleep(POLL_S)
        operation = (await caller.call(operations.GetOperation, poll)).response
    return operation


async def _snapshot(channel: grpc.aio.Channel, log: ClientLog, sent: float) -> None:
    """Writes down where every order is, also those that left meanwhile."""
    asked, orders = await _all_orders(channel)
    read = time.monotonic()
    for order in orders:
        log.write(
            "promise",
            sent,
            read,
            order_id=order.order_id,
            lines=promised_lines(order),
            asked=asked,
        )


async def _all_orders(channel: grpc.aio.Channel) -> tuple[float, list[order_service_pb2.Order]]:
    """When the list was asked for, and every order; what a kill cut off is read again whole."""
    give_up = time.monotonic() + SNAPSHOT_WITHIN_S
    while True:
        asked = time.monotonic()
        try:
            return asked, await list_orders(channel)
        except grpc.aio.AioRpcError as error:
            if error.code() not in RETRYABLE or time.monotonic() > give_up:
                raise
            await asyncio.sleep(POLL_S)
