"""google.longrunning.Operations, as far as re-allocations need it: get and wait."""

from typing import Final

from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from bopis.domain.errors import ALL_ERRORS, OperationNotFound
from bopis.domain.records import Operation, OperationStage
from bopis.server import encode, status
from bopis.server.rpc import Caller, Service, service
from bopis.service import reallocation
from bopis.service.dependencies import Dependencies
from bopis.v1 import allocation_service_pb2

DESCRIPTOR = operations_pb2.DESCRIPTOR.services_by_name["Operations"]
NAME_PREFIX: Final = "operations/"
WAIT_MAX_S: Final = 60.0
WAIT_SHARE: Final = 0.9
"""Of the caller's remaining time: the answer shall be out before nobody listens."""

_ERRORS: Final = {error.reason: error for error in ALL_ERRORS}


def operations_service(deps: Dependencies) -> Service:
    """Gets operations and waits for them."""

    async def get_operation(
        request: operations_pb2.GetOperationRequest, _caller: Caller
    ) -> operations_pb2.Operation:
        operation_id = _operation_id(request.name)
        return message_of(await reallocation.get_operation(deps, operation_id))

    async def wait_operation(
        request: operations_pb2.WaitOperationRequest, caller: Caller
    ) -> operations_pb2.Operation:
        timeout_s = WAIT_MAX_S
        if request.HasField("timeout"):
            asked_s = request.timeout.seconds + request.timeout.nanos / 1e9
            timeout_s = min(timeout_s, max(0.0, asked_s))
        if caller.remaining_s is not None:
            timeout_s = min(timeout_s, caller.remaining_s * WAIT_SHARE)
        operation_id = _operation_id(request.name)
        found = await reallocation.wait_operation(deps, operation_id, timeout_s=timeout_s)
        return message_of(found)

    return service(
        DESCRIPTOR,
        {"GetOperation": get_operation, "WaitOperation": wait_operation},
        whole=False,
    )


def _operation_id(name: str) -> str:
    if not name.startswith(NAME_PREFIX):
        raise OperationNotFound("no such operation", field="name")
    return name.removeprefix(NAME_PREFIX)


def message_of(operation: Operation) -> operations_pb2.Operation:
    """An operation as it stands: metadata always, the response or the error once it is done."""
    metadata = allocation_service_pb2.ReallocateMetadata(
        stage=encode.reallocation_stage(operation.stage),
        considered_count=operation.considered_count,
    )
    message = operations_pb2.Operation(
        name=NAME_PREFIX + operation.operation_id,
        metadata=_packed(metadata),
        done=operation.stage is OperationStage.DONE,
    )
    if operation.report is not None:
        message.response.CopyFrom(_packed(encode.reallocation(operation.report)))
    elif operation.error_reason:
        message.error.CopyFrom(_error_of(operation))
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
