"""google.longrunning.Operations: get, list, wait, cancel. Operations are not deleted."""

from typing import Final

from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from bopis.domain.errors import ALL_ERRORS, FieldInvalid, OperationNotFound, TokenInvalid
from bopis.domain.moves import ApplyReport
from bopis.domain.reallocation import GREEDY
from bopis.domain.records import Operation, OperationStage, ReallocationReport
from bopis.server import encode, status
from bopis.server.rpc import Caller, Service, service
from bopis.service import operations
from bopis.service.dependencies import Dependencies, Operations
from bopis.v1 import allocation_service_pb2, reallocation_service_pb2

DESCRIPTOR = operations_pb2.DESCRIPTOR.services_by_name["Operations"]
NAME_PREFIX: Final = "operations/"
TOKEN_MAX: Final = 64
WAIT_MAX_S: Final = 60.0
WAIT_SHARE: Final = 0.9
"""Of the caller's remaining time: the answer shall be out before nobody listens."""

_Stage: Final = allocation_service_pb2.ReallocateMetadata.Stage
_ERRORS: Final = {error.reason: error for error in ALL_ERRORS}


def operations_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def get_operation(
        request: operations_pb2.GetOperationRequest, _caller: Caller
    ) -> operations_pb2.Operation:
        return message_of(deps, await operations.get_operation(deps, operation_id_of(request.name)))

    async def list_operations(
        request: operations_pb2.ListOperationsRequest, _caller: Caller
    ) -> operations_pb2.ListOperationsResponse:
        _check_list(request)
        found, following = await operations.list_operations(
            deps, page_size=request.page_size, page_token=request.page_token
        )
        return operations_pb2.ListOperationsResponse(
            operations=[message_of(deps, one) for one in found], next_page_token=following
        )

    async def cancel_operation(
        request: operations_pb2.CancelOperationRequest, _caller: Caller
    ) -> empty_pb2.Empty:
        await operations.cancel_operation(deps, operation_id_of(request.name))
        return empty_pb2.Empty()

    async def wait_operation(
        request: operations_pb2.WaitOperationRequest, caller: Caller
    ) -> operations_pb2.Operation:
        timeout_s = WAIT_MAX_S
        if request.HasField("timeout"):
            asked_s = request.timeout.seconds + request.timeout.nanos / 1e9
            timeout_s = min(timeout_s, max(0.0, asked_s))
        if caller.remaining_s is not None:
            timeout_s = min(timeout_s, caller.remaining_s * WAIT_SHARE)
        operation_id = operation_id_of(request.name)
        found = await operations.wait_operation(deps, operation_id, timeout_s=timeout_s)
        return message_of(deps, found)

    return service(
        DESCRIPTOR,
        {
            "GetOperation": get_operation,
            "ListOperations": list_operations,
            "CancelOperation": cancel_operation,
            "WaitOperation": wait_operation,
        },
        whole=False,
    )


def operation_id_of(name: str, *, field: str = "name") -> str:
    """The id in a name. Raises OperationNotFound."""
    if not name.startswith(NAME_PREFIX):
        raise OperationNotFound("no such operation", field=field)
    return name.removeprefix(NAME_PREFIX)


def _check_list(request: operations_pb2.ListOperationsRequest) -> None:
    """Raises FieldInvalid, TokenInvalid."""
    if request.filter or request.name not in ("", NAME_PREFIX.rstrip("/")):
        field = "filter" if request.filter else "name"
        raise FieldInvalid("operations are listed all, or none", field=field)
    if not 0 <= request.page_size <= operations.PAGE_MAX:
        raise FieldInvalid(f"0 to {operations.PAGE_MAX}", field="page_size")
    if len(request.page_token) > TOKEN_MAX or not request.page_token.isascii():
        raise TokenInvalid("the page token is not one of ours", field="page_token")


def message_of(deps: Dependencies, operation: Operation) -> operations_pb2.Operation:
    """An operation as it stands: metadata always, the response or the error once it is done."""
    metadata = allocation_service_pb2.ReallocateMetadata(
        stage=_Stage.Value(f"STAGE_{operation.stage.value}"),
        considered_count=operation.considered_count,
    )
    if deps.operations.running_id == operation.operation_id:
        _add_progress(metadata, deps.operations)
    message = operations_pb2.Operation(
        name=NAME_PREFIX + operation.operation_id,
        metadata=_packed(metadata),
        done=operation.stage is OperationStage.DONE,
    )
    if operation.report is not None:
        message.response.CopyFrom(_packed(_reallocation(operation.report)))
    elif operation.applied is not None:
        message.response.CopyFrom(_packed(_applied(operation.applied)))
    elif operation.error_reason:
        message.error.CopyFrom(_error_of(operation))
    return message


def _add_progress(metadata: allocation_service_pb2.ReallocateMetadata, now: Operations) -> None:
    metadata.done_move_count, metadata.move_count = now.moves
    if now.solve is None:
        return
    metadata.step = now.solve.step
    if now.solve.bound_micro > 0:
        metadata.bound.CopyFrom(encode.money(now.solve.bound_micro, now.currency))
    if now.solve.cost_micro > 0:
        metadata.best_cost.CopyFrom(encode.money(now.solve.cost_micro, now.currency))
    metadata.elapsed.CopyFrom(encode.duration(now.solve.elapsed_ms))
    metadata.time_limit.CopyFrom(encode.duration(now.time_limit_ms))


def _reallocation(value: ReallocationReport) -> allocation_service_pb2.ReallocateResponse:
    message = allocation_service_pb2.ReallocateResponse(
        considered_count=value.considered_count,
        moved_count=value.moved_count,
        race_lost_count=value.race_lost_count,
        cost_before=encode.money(value.cost_before_micro, value.currency),
        cost_after=encode.money(value.cost_after_micro, value.currency),
        gap=value.gap,
        solve_time=encode.duration(value.solve_time_ms),
        step=value.step,
        greedy_reason=value.greedy_reason,
    )
    if value.step != GREEDY:
        message.bound.CopyFrom(encode.money(value.bound_micro, value.currency))
    return message


def _applied(value: ApplyReport) -> reallocation_service_pb2.ApplyReallocationResponse:
    message = reallocation_service_pb2.ApplyReallocationResponse(
        moved_count=value.moved_count,
        moved_order_count=value.moved_order_count,
        made_before_count=value.made_before_count,
        saving=encode.money(value.saving_micro, value.currency),
        refused_count=value.refused_count,
    )
    for one in value.refused:
        reason = f"REASON_{one.reason.value}"
        message.refused.add(move_id=one.move_id, reason=reason, order_id=one.order_id)
    return message


def _error_of(operation: Operation) -> status_pb2.Status:
    kind = _ERRORS.get(operation.error_reason)
    if kind is None:
        return status_pb2.Status(code=code_pb2.UNAVAILABLE, message=operation.error_message)
    return status.status_of(status.answer_of(kind(operation.error_message)))


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
