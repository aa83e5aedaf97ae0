"""ReallocationService, and what re-allocations look like outside."""

from collections.abc import AsyncGenerator
from typing import Final

from google.longrunning import operations_pb2

from bopis.domain.commands import ApplyReallocation
from bopis.domain.moves import ProposedMove, ProposedPlan, saving_micro
from bopis.domain.sourcing import Plan
from bopis.server import encode
from bopis.server.operations import message_of, operation_id_of
from bopis.server.rpc import Caller, Service, service
from bopis.service import approval
from bopis.service.dependencies import Dependencies
from bopis.v1 import allocation_service_pb2
from bopis.v1 import reallocation_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["ReallocationService"]
PIECE_BYTES: Final = 256 << 10
"""Of a certificate, in one message."""


def reallocation_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def list_moves(
        request: pb.ListReallocationMovesRequest, _caller: Caller
    ) -> pb.ListReallocationMovesResponse:
        page = await approval.list_moves(
            deps,
            operation_id_of(request.operation, field="operation"),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return _move_page(page)

    async def apply(
        request: pb.ApplyReallocationRequest, caller: Caller
    ) -> operations_pb2.Operation:
        command = ApplyReallocation(
            request_id=request.request_id,
            tenant=caller.tenant,
            operation_id=operation_id_of(request.operation, field="operation"),
            move_ids=tuple(request.move_ids),
        )
        return message_of(deps, await approval.begin_apply(deps, command))

    async def download(
        request: pb.DownloadCertificateRequest, _caller: Caller
    ) -> AsyncGenerator[pb.DownloadCertificateResponse, None]:
        operation_id = operation_id_of(request.operation, field="operation")
        content = await approval.read_certificate(deps, operation_id)
        for first in range(0, len(content), PIECE_BYTES):
            yield pb.DownloadCertificateResponse(data=content[first : first + PIECE_BYTES])

    return service(
        DESCRIPTOR,
        {
            "ListReallocationMoves": list_moves,
            "ApplyReallocation": apply,
            "DownloadCertificate": download,
        },
    )


def _move_page(page: approval.MovePage) -> pb.ListReallocationMovesResponse:
    message = pb.ListReallocationMovesResponse(
        next_page_token=page.next_page_token,
        total_count=page.total_count,
        total_saving=encode.money(page.total_micro, page.currency),
    )
    for move_id, move in enumerate(page.moves, start=page.first_id):
        saving = encode.money(saving_micro(move), page.currency)
        orders = [_order_move(one, page.currency) for one in move]
        message.moves.add(move_id=move_id, orders=orders, saving=saving)
    return message


def _order_move(one: ProposedMove, currency: str) -> pb.ReallocationMove.OrderMove:
    return pb.ReallocationMove.OrderMove(
        order_id=one.order_id,
        before=_plan(one.before, currency),
        after=_plan(one.after, currency),
    )


def _plan(value: ProposedPlan, currency: str) -> allocation_service_pb2.Plan:
    return encode.plan(Plan(value.groups, value.unfilled, value.cost), currency)
