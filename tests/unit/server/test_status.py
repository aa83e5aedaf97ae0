"""The one mapping from errors to google.rpc.Status."""

import grpc
import pytest
from google.rpc import error_details_pb2

from bopis.domain import errors
from bopis.server import status
from bopis.server.validate import Violation
from bopis.v1 import common_pb2

NAMES = [value.name for value in common_pb2.ErrorReason.DESCRIPTOR.values]


def details(answer: status.Answer) -> dict[str, object]:
    """The details of the rich status by type."""
    found: dict[str, object] = {}
    for packed in status.status_of(answer).details:
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.RetryInfo,
        ):
            message = kind()
            if packed.Unpack(message):
                found[kind.DESCRIPTOR.name] = message
    return found


@pytest.mark.parametrize("kind", errors.ALL_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_and_a_reason_that_the_api_names(
    kind: type[errors.BopisError],
) -> None:
    answer = status.answer_of(kind("words"))
    assert f"ERROR_REASON_{answer.reason}" in NAMES
    assert answer.code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
    rich = status.status_of(answer)
    assert rich.code == answer.code.value[0]
    info = details(answer)["ErrorInfo"]
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == (kind.reason, "bopis")


@pytest.mark.parametrize("answer", [status.MALFORMED, status.UNKNOWN_METHOD])
def test_answers_of_the_edge_have_reasons_that_the_api_names(answer: status.Answer) -> None:
    assert f"ERROR_REASON_{answer.reason}" in NAMES


def test_every_reason_of_the_api_that_python_gives_has_an_error() -> None:
    native = {
        "STOCK_CHANGED",  # a compare-and-set of the ledger
        "COUNT_TOO_OLD",  # a count of the ledger
        "POSITION_OUT_OF_RANGE",  # reads at a position: the door's
        "RESERVATION_OF_ORDER",  # the door keeps clients' acts away from orders' reservations
        "UPSTREAM_UNAVAILABLE",  # the door's
    }
    edge = {status.MALFORMED.reason, status.UNKNOWN_METHOD.reason}
    named = {name.removeprefix("ERROR_REASON_") for name in NAMES}
    assert named - {"UNSPECIFIED"} - native - edge == {one.reason for one in errors.ALL_ERRORS}


def test_a_field_and_a_time_to_retry_become_details() -> None:
    error = errors.Overloaded("full", field="lines", retry_after_ms=1_500, metadata={"queue": "7"})
    found = details(status.answer_of(error))
    bad_request, retry, info = found["BadRequest"], found["RetryInfo"], found["ErrorInfo"]
    assert isinstance(bad_request, error_details_pb2.BadRequest)
    assert [one.field for one in bad_request.field_violations] == ["lines"]
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 1_500
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert dict(info.metadata) == {"queue": "7"}


def test_a_card_number_gives_the_reason_and_all_broken_rules_their_paths() -> None:
    broken = [Violation("a", "FIELD_INVALID", "y"), Violation("note", "CARD_NUMBER_REFUSED", "x")]
    answer = status.answer_of_violations(broken)
    assert (answer.code, answer.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "CARD_NUMBER_REFUSED",
    )
    bad_request = details(answer)["BadRequest"]
    assert isinstance(bad_request, error_details_pb2.BadRequest)
    assert [one.field for one in bad_request.field_violations] == ["a", "note"]


def test_a_long_message_is_cut() -> None:
    rich = status.status_of(status.answer_of(errors.NodeNotFound("n" * 10_000)))
    assert len(rich.message) == 500
