"""The one re-allocation on the way, through google.longrunning.Operations."""

from __future__ import annotations

import asyncio
import time

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2

from bopis.demo.client_log import ClientLog
from bopis.demo.outcome import list_orders
from bopis.demo.server_process import DemoError
from bopis.demo.wire import promised_lines, request_id
from bopis.v1 import allocation_service_pb2, allocation_service_pb2_grpc, order_service_pb2

TIME_LIMIT_S = 4
DONE_WITHIN_S = 120.0
POLL_S = 0.1
_Order = order_service_pb2.Order


async def reallocate(
    channel: grpc.aio.Channel, *, seed: int, log: ClientLog
) -> allocation_service_pb2.ReallocateResponse:
    """Starts a re-allocation, polls it to its end, and writes down where the open orders are then.

    Raises DemoError if it fails.
    """
    sent = time.monotonic()
    operation = await allocation_service_pb2_grpc.AllocationServiceStub(channel).Reallocate(
        allocation_service_pb2.ReallocateRequest(
            request_id=request_id(seed, "reallocate"),
            time_limit=duration_pb2.Duration(seconds=TIME_LIMIT_S),
        ),
        timeout=30.0,
    )
    operations = operations_pb2_grpc.OperationsStub(channel)
    while not operation.done:
        if time.monotonic() - sent > DONE_WITHIN_S:
            raise DemoError(f"the re-allocation did not end within {DONE_WITHIN_S:g} s")
        await asyncio.sleep(POLL_S)
        operation = await operations.GetOperation(
            operations_pb2.GetOperationRequest(name=operation.name), timeout=30.0
        )
    if operation.WhichOneof("result") == "error":
        raise DemoError(f"the re-allocation failed: {operation.error.message}")
    response = allocation_service_pb2.ReallocateResponse()
    if not operation.response.Unpack(response):
        raise DemoError(f"the re-allocation answered {operation.response.type_url}")
    for state in (_Order.STATE_CONFIRMED, _Order.STATE_IN_FULFILLMENT):
        for order in await list_orders(channel, state):
            log.write(
                "promise",
                sent,
                time.monotonic(),
                order_id=order.order_id,
                lines=promised_lines(order),
                snapshot=True,
            )
    return response
