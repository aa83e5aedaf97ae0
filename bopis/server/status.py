"""The one mapping from errors to google.rpc.Status.

Every answer that is an error carries ErrorInfo{reason, domain "bopis", metadata}. Field errors add
BadRequest with paths, errors worth retrying RetryInfo. The door uses the same reasons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from bopis.domain.errors import BopisError, Code, FieldsInvalid
from bopis.server.validate import CARD_NUMBER_REFUSED, FIELD_INVALID, Violation

DOMAIN: Final = "bopis"
DETAILS_KEY: Final = "grpc-status-details-bin"
MESSAGE_MAX: Final = 500

_CODES: Final[Mapping[Code, grpc.StatusCode]] = MappingProxyType(
    {code: grpc.StatusCode[code.value] for code in Code}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as it leaves: everything that google.rpc.Status is made of."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    retry_after_ms: int = 0


class EdgeError(Exception):
    """An error that arises here at the edge and has no place in the domain's tree."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


MALFORMED: Final = Answer(
    grpc.StatusCode.INVALID_ARGUMENT,
    "MALFORMED_MESSAGE",
    "the message is no valid protobuf of the request's type",
)
UNKNOWN_METHOD: Final = Answer(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD", "no such rpc here")
NOT_THE_DOOR: Final = Answer(
    grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "calls reach this socket by the door only"
)
OUR_FAULT: Final = Answer(
    grpc.StatusCode.INTERNAL, "INTERNAL", "a fault of the service; it was logged"
)


def answer_of(error: BopisError) -> Answer:
    """The answer for an error of the domain's tree."""
    violations: tuple[Violation, ...] = ()
    if isinstance(error, FieldsInvalid):
        violations = tuple(Violation(path, error.reason, words) for path, words in error.complaints)
    elif error.field:
        violations = (Violation(error.field, error.reason, error.message),)
    return Answer(
        code=_CODES[error.code],
        reason=error.reason,
        message=error.message,
        metadata=error.metadata,
        violations=violations,
        retry_after_ms=error.retry_after_ms,
    )


def answer_of_violations(violations: Sequence[Violation]) -> Answer:
    """The answer for broken field rules (at least one), worded as the door words its own."""
    reasons = {one.reason for one in violations}
    message = f"{len(violations)} fields break their rules"
    if len(violations) == 1:
        message = f"{violations[0].path} {violations[0].description}"
    return Answer(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=CARD_NUMBER_REFUSED if CARD_NUMBER_REFUSED in reasons else FIELD_INVALID,
        message=message,
        violations=violations,
    )


def status_of(answer: Answer) -> status_pb2.Status:
    """The rich status of an answer."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=answer.reason, domain=DOMAIN, metadata=dict(answer.metadata)
        )
    ]
    if answer.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in answer.violations:
            bad_request.field_violations.add(
                field=violation.path, description=violation.description
            )
        details.append(bad_request)
    if answer.retry_after_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(answer.retry_after_ms)
        details.append(retry)
    packed = []
    for detail in details:
        wrapped = any_pb2.Any()
        wrapped.Pack(detail)
        packed.append(wrapped)
    return status_pb2.Status(
        code=code_pb2.Code.Value(answer.code.name),
        message=answer.message[:MESSAGE_MAX],
        details=packed,
    )


def trailers_of(answer: Answer) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata that carries the rich status."""
    return ((DETAILS_KEY, status_of(answer).SerializeToString()),)
