"""PickService."""

import contextlib
from collections.abc import AsyncGenerator
from typing import cast

from bopis.server import decode, encode
from bopis.server.rpc import Caller, ServerStream, Service, service
from bopis.service import picking, shipping, shortpick, staging, watching
from bopis.service.dependencies import Dependencies
from bopis.service.watching import FeedKind, FeedMessage
from bopis.v1 import order_service_pb2
from bopis.v1 import pick_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["PickService"]


def pick_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def list_pick_tasks(
        request: pb.ListPickTasksRequest, _caller: Caller
    ) -> pb.ListPickTasksResponse:
        tasks, next_page_token = await picking.list_pick_tasks(
            deps, request.node_id, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListPickTasksResponse(
            pick_tasks=[encode.pick_task(task) for task in tasks], next_page_token=next_page_token
        )

    async def claim_pick_task(
        request: pb.ClaimPickTaskRequest, caller: Caller
    ) -> pb.ClaimPickTaskResponse:
        command = decode.claim_pick_task(request, tenant=caller.tenant)
        task = await picking.claim_pick_task(deps, command)
        return pb.ClaimPickTaskResponse(pick_task=encode.pick_task(task))

    async def confirm_pick(
        request: pb.ConfirmPickRequest, caller: Caller
    ) -> pb.ConfirmPickResponse:
        command = decode.confirm_pick(request, tenant=caller.tenant)
        confirmed = await picking.confirm_pick(deps, command)
        return pb.ConfirmPickResponse(
            pick_task=encode.pick_task(confirmed.pick_task),
            fulfillment_order_state=order_service_pb2.FulfillmentOrder.State.Value(
                f"STATE_{confirmed.fulfillment_order_state.value}"
            ),
        )

    async def report_short_pick(
        request: pb.ReportShortPickRequest, caller: Caller
    ) -> pb.ReportShortPickResponse:
        command = decode.report_short_pick(request, tenant=caller.tenant)
        short = await shortpick.report_short_pick(deps, command)
        return pb.ReportShortPickResponse(
            pick_task=encode.pick_task(short.pick_task), order=encode.order(short.order)
        )

    async def stage_order(request: pb.StageOrderRequest, caller: Caller) -> pb.StageOrderResponse:
        command = decode.stage_order(request, tenant=caller.tenant)
        group = await staging.stage_order(deps, command)
        return pb.StageOrderResponse(fulfillment_order=encode.fulfillment_order(group))

    async def confirm_shipment(
        request: pb.ConfirmShipmentRequest, caller: Caller
    ) -> pb.ConfirmShipmentResponse:
        command = decode.confirm_shipment(request, tenant=caller.tenant)
        group = await shipping.confirm_shipment(deps, command)
        return pb.ConfirmShipmentResponse(fulfillment_order=encode.fulfillment_order(group))

    return service(
        DESCRIPTOR,
        {
            "WatchPickTasks": _watching(deps),
            "ListPickTasks": list_pick_tasks,
            "ClaimPickTask": claim_pick_task,
            "ConfirmPick": confirm_pick,
            "ReportShortPick": report_short_pick,
            "StageOrder": stage_order,
            "ConfirmShipment": confirm_shipment,
        },
    )


def _watching(deps: Dependencies) -> ServerStream:
    async def watch_pick_tasks(
        request: pb.WatchPickTasksRequest, _caller: Caller
    ) -> AsyncGenerator[pb.WatchPickTasksResponse, None]:
        feed = watching.watch_pick_tasks(deps, request.node_id, resume_token=request.resume_token)
        # Closed at once when the client goes: its place among the watchers is free again.
        async with contextlib.aclosing(cast(AsyncGenerator[FeedMessage, None], feed)) as messages:
            async for message in messages:
                yield _feed_message(message)

    return watch_pick_tasks


def _feed_message(message: FeedMessage) -> pb.WatchPickTasksResponse:
    response = pb.WatchPickTasksResponse(resume_token=message.resume_token)
    match message.kind:
        case FeedKind.TASK:
            if message.task is not None:
                response.task.CopyFrom(encode.pick_task(message.task))
        case FeedKind.HEARTBEAT:
            response.heartbeat.SetInParent()
        case FeedKind.SNAPSHOT_COMPLETE:
            response.snapshot_complete.SetInParent()
        case FeedKind.RESYNC:
            response.resync.SetInParent()
    return response
