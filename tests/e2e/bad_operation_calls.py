"""Bad calls of operations and of what re-allocations found."""

from google.longrunning import operations_pb2
from google.protobuf.message import Message

from bopis.testing.client import new_uuid
from bopis.v1 import reallocation_service_pb2 as moves
from tests.e2e.bad_calls import Case

GHOST = "operations/ghost"


def cases() -> list[Case]:
    """All of them."""
    return [*_of_operations(), *_of_moves()]


def _of_operations() -> list[Case]:
    listed = operations_pb2.ListOperationsRequest
    rows: list[tuple[str, str, Message, str, str]] = [
        (
            "an unknown operation",
            "operations.CancelOperation",
            operations_pb2.CancelOperationRequest(name=GHOST),
            "OPERATION_NOT_FOUND",
            "",
        ),
        ("a filter", "operations.ListOperations", listed(filter="done"), "FIELD_INVALID", "filter"),
        ("a parent", "operations.ListOperations", listed(name="x"), "FIELD_INVALID", "name"),
        (
            "a page that is too large",
            "operations.ListOperations",
            listed(page_size=1_001),
            "FIELD_INVALID",
            "page_size",
        ),
        (
            "a token that is too long",
            "operations.ListOperations",
            listed(page_token="x" * 65),
            "TOKEN_INVALID",
            "page_token",
        ),
    ]
    return [Case(*row) for row in rows]


def _of_moves() -> list[Case]:
    rows: list[tuple[str, str, Message, str, str]] = [
        (
            "an unknown operation",
            "reallocations.ListReallocationMoves",
            moves.ListReallocationMovesRequest(operation=GHOST),
            "OPERATION_NOT_FOUND",
            "",
        ),
        (
            "no operation",
            "reallocations.ListReallocationMoves",
            moves.ListReallocationMovesRequest(),
            "FIELD_INVALID",
            "operation",
        ),
        (
            "an operation's name of no form",
            "reallocations.ListReallocationMoves",
            moves.ListReallocationMovesRequest(operation="ghost"),
            "OPERATION_NOT_FOUND",
            "operation",
        ),
        (
            "an unknown operation",
            "reallocations.ApplyReallocation",
            moves.ApplyReallocationRequest(request_id=new_uuid(), operation=GHOST),
            "OPERATION_NOT_FOUND",
            "",
        ),
        (
            "no request_id",
            "reallocations.ApplyReallocation",
            moves.ApplyReallocationRequest(operation=GHOST),
            "FIELD_INVALID",
            "request_id",
        ),
        (
            "a move number below 1",
            "reallocations.ApplyReallocation",
            moves.ApplyReallocationRequest(request_id=new_uuid(), operation=GHOST, move_ids=[1, 0]),
            "FIELD_INVALID",
            "move_ids[1]",
        ),
        (
            "an unknown operation",
            "reallocations.DownloadCertificate",
            moves.DownloadCertificateRequest(operation=GHOST),
            "OPERATION_NOT_FOUND",
            "",
        ),
    ]
    return [Case(*row) for row in rows]
