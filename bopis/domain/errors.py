"""The error tree. `server/status.py` maps it to gRPC once; the door uses the same reasons.

    BopisError
    ├── InvalidInput            INVALID_ARGUMENT
    │   ├── FieldInvalid            a field breaks its rule; `field` is its path
    │   │   └── FieldsInvalid           several do; `complaints` names them
    │   ├── RequestIdReused         the request_id was used with another body
    │   ├── QuantityOutOfRange      a quantity, or a sum of quantities, does not fit
    │   ├── CardNumberRefused       free text holds what looks like a card number
    │   ├── TokenInvalid            a page, resume or promise token is not one of ours
    │   └── PromiseMismatch         a promise token is for another basket or method
    ├── NotFound                NOT_FOUND
    │   ├── NodeNotFound
    │   ├── SkuNotFound
    │   ├── ReservationNotFound
    │   ├── OrderNotFound
    │   ├── PickTaskNotFound
    │   ├── FulfillmentOrderNotFound
    │   ├── OperationNotFound
    │   ├── PolicyVersionNotFound
    │   ├── OverrideNotFound
    │   └── LineNotFound
    ├── WrongMoment             FAILED_PRECONDITION
    │   ├── ReservationExpired
    │   ├── ReservationAlreadyCommitted
    │   ├── ReservationEnded
    │   ├── ReservationNotCommitted
    │   ├── WrongState              the verb does not apply in this state
    │   ├── TaskClaimed             another associate holds the task
    │   ├── WrongNode               the order is not ready at this node
    │   ├── NotPromisable           an order whose conditions cannot be met
    │   └── PromiseExpired          a promise token was given out too long ago
    ├── AlreadyExists           ALREADY_EXISTS
    │   └── OrderExists             the order_id exists with another body
    ├── Denied                  PERMISSION_DENIED
    │   └── PickupCodeWrong
    ├── Lost                    ABORTED
    │   └── StaleEtag
    ├── Exhausted               RESOURCE_EXHAUSTED
    │   ├── PickupCodeLocked
    │   ├── RequestWindowFull
    │   ├── Overloaded
    │   ├── DiskFull
    │   └── TooManyStreams
    ├── TooLate                 DEADLINE_EXCEEDED
    │   └── DeadlinePassed          the call's deadline passed before it touched anything
    ├── OperationCancelled      CANCELLED
    └── Unavailable             UNAVAILABLE
        └── NotServing

A business outcome (no stock, a race lost) is a result, never an error. An error means that the
call changed nothing, except a wrong pickup code, which costs one of the tries.
"""

# ruff: noqa: N818 (the names are those of the reasons; BopisError says that they are errors)
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Code(StrEnum):
    """The gRPC status codes that errors come with, by their names."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CANCELLED = "CANCELLED"
    UNAVAILABLE = "UNAVAILABLE"


class BopisError(Exception):
    """An answer that is an error.

    `reason` is the name in `ErrorReason` without its prefix, `code` the status code, `metadata`
    goes into ErrorInfo, `field` is the path of the field at fault (may be empty), and
    `retry_after_ms` (0: none) goes into RetryInfo.
    """

    reason: ClassVar[str] = ""
    code: ClassVar[Code] = Code.UNAVAILABLE

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] = _NO_METADATA,
        field: str = "",
        retry_after_ms: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata)
        self.field = field
        self.retry_after_ms = retry_after_ms


class InvalidInput(BopisError):
    """The request itself is wrong, whatever the state."""

    code = Code.INVALID_ARGUMENT


class FieldInvalid(InvalidInput):
    """A field breaks its rule; `field` is its path."""

    reason = "FIELD_INVALID"


class FieldsInvalid(FieldInvalid):
    """Fields break their rules; `complaints` has (path, words) of each, at least one."""

    def __init__(self, complaints: tuple[tuple[str, str], ...]) -> None:
        path, words = complaints[0]
        if len(complaints) > 1:
            words = "; ".join(words for _, words in complaints)
        super().__init__(words, field=path)
        self.complaints = complaints


class RequestIdReused(InvalidInput):
    """The request_id was used with another body."""

    reason = "REQUEST_ID_REUSED"


class QuantityOutOfRange(InvalidInput):
    """A quantity, or a sum of quantities, does not fit."""

    reason = "QUANTITY_OUT_OF_RANGE"


class CardNumberRefused(InvalidInput):
    """Free text holds what looks like a payment card number; nothing was stored."""

    reason = "CARD_NUMBER_REFUSED"


class TokenInvalid(InvalidInput):
    """A page, resume or promise token is not one of ours."""

    reason = "TOKEN_INVALID"


class PromiseMismatch(InvalidInput):
    """A promise token is for another basket or method; `field` tells which."""

    reason = "PROMISE_MISMATCH"


class NotFound(BopisError):
    """What the request names is not there."""

    code = Code.NOT_FOUND


class NodeNotFound(NotFound):
    """No such node."""

    reason = "NODE_NOT_FOUND"


class SkuNotFound(NotFound):
    """No such SKU."""

    reason = "SKU_NOT_FOUND"


class ReservationNotFound(NotFound):
    """No such reservation, or it ended longer ago than reservations are kept."""

    reason = "RESERVATION_NOT_FOUND"


class OrderNotFound(NotFound):
    """No such order."""

    reason = "ORDER_NOT_FOUND"


class PickTaskNotFound(NotFound):
    """No such pick task."""

    reason = "PICK_TASK_NOT_FOUND"


class FulfillmentOrderNotFound(NotFound):
    """No such fulfillment order."""

    reason = "FULFILLMENT_ORDER_NOT_FOUND"


class OperationNotFound(NotFound):
    """No such operation."""

    reason = "OPERATION_NOT_FOUND"


class PolicyVersionNotFound(NotFound):
    """No such version of the policy."""

    reason = "POLICY_VERSION_NOT_FOUND"


class OverrideNotFound(NotFound):
    """No such pin or forbid, or it ended."""

    reason = "OVERRIDE_NOT_FOUND"


class LineNotFound(NotFound):
    """No such line in the task or order."""

    reason = "LINE_NOT_FOUND"


class WrongMoment(BopisError):
    """The state of things does not allow it."""

    code = Code.FAILED_PRECONDITION


class PromiseExpired(WrongMoment):
    """A promise token was given out too long ago."""

    reason = "PROMISE_EXPIRED"


class ReservationExpired(WrongMoment):
    """The hold's deadline passed before it was committed or consumed."""

    reason = "RESERVATION_EXPIRED"


class ReservationAlreadyCommitted(WrongMoment):
    """The reservation is committed already."""

    reason = "RESERVATION_ALREADY_COMMITTED"


class ReservationEnded(WrongMoment):
    """The reservation is consumed or released."""

    reason = "RESERVATION_ENDED"


class ReservationNotCommitted(WrongMoment):
    """The reservation is only held."""

    reason = "RESERVATION_NOT_COMMITTED"


class WrongState(WrongMoment):
    """The verb does not apply in this state; metadata: state, verb."""

    reason = "WRONG_STATE"


class TaskClaimed(WrongMoment):
    """Another associate holds the task; metadata: associate_id."""

    reason = "TASK_CLAIMED"


class WrongNode(WrongMoment):
    """The order is not ready at this node."""

    reason = "WRONG_NODE"


class NotPromisable(WrongMoment):
    """The order asks for nothing that can be promised under its conditions."""

    reason = "NOT_PROMISABLE"


class AlreadyExists(BopisError):
    """What shall be made is there and differs."""

    code = Code.ALREADY_EXISTS


class OrderExists(AlreadyExists):
    """The order_id exists with another body."""

    reason = "ORDER_EXISTS"


class Denied(BopisError):
    """Not for this caller."""

    code = Code.PERMISSION_DENIED


class PickupCodeWrong(Denied):
    """The pickup code does not match; metadata: tries_left."""

    reason = "PICKUP_CODE_WRONG"


class Lost(BopisError):
    """A compare-and-set was lost."""

    code = Code.ABORTED


class StaleEtag(Lost):
    """The etag is not the current one."""

    reason = "STALE_ETAG"


class Exhausted(BopisError):
    """Over a limit."""

    code = Code.RESOURCE_EXHAUSTED


class PickupCodeLocked(Exhausted):
    """The pickup code was tried too often."""

    reason = "PICKUP_CODE_LOCKED"


class RequestWindowFull(Exhausted):
    """The request window is full; retry later."""

    reason = "REQUEST_WINDOW_FULL"


class Overloaded(Exhausted):
    """A queue is full; retry later."""

    reason = "OVERLOADED"


class DiskFull(Exhausted):
    """The disk is full: no new promises."""

    reason = "DISK_FULL"


class TooManyStreams(Exhausted):
    """Too many open streams."""

    reason = "TOO_MANY_STREAMS"


class TooLate(BopisError):
    """Nobody waits for the answer any more."""

    code = Code.DEADLINE_EXCEEDED


class DeadlinePassed(TooLate):
    """The call's deadline passed before it touched anything."""

    reason = "DEADLINE_EXCEEDED"


class OperationCancelled(BopisError):
    """The operation was cancelled."""

    code = Code.CANCELLED
    reason = "OPERATION_CANCELLED"


class Unavailable(BopisError):
    """Not now; the same call may succeed later."""

    code = Code.UNAVAILABLE


class NotServing(Unavailable):
    """The service is starting, draining or stopped."""

    reason = "NOT_SERVING"


def _with_reason(kind: type[BopisError]) -> Iterator[type[BopisError]]:
    """The errors below one that have a reason of their own."""
    for below in kind.__subclasses__():
        if "reason" in vars(below):
            yield below
        yield from _with_reason(below)


ALL_ERRORS: tuple[type[BopisError], ...] = tuple(_with_reason(BopisError))
"""Every error that has a reason of its own."""
