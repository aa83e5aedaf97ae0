"""What the order store keeps beside orders and tasks, and what one transaction writes."""

from dataclasses import dataclass
from enum import StrEnum

from bopis.domain.decision import Decision
from bopis.domain.events import OrderEvent
from bopis.domain.ids import RequestKey
from bopis.domain.moves import ApplyReport
from bopis.domain.order import Order
from bopis.domain.pick_task import PickTask


@dataclass(frozen=True, slots=True)
class Intent:
    """A mutation that was begun: the ledger may or may not have seen it yet.

    `command` is the command's JSON, `facts` what was read before the ledger act and must be the
    same when the act is sent again (JSON, may be empty).
    """

    key: RequestKey
    order_id: str
    fingerprint: str
    command: bytes
    facts: bytes
    created_ms: int


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The first answer to a request, kept for the retention of the request window.

    `is_error`: the answer was an error that had an effect (a wrong pickup code).
    """

    key: RequestKey
    fingerprint: str
    body: bytes
    stored_ms: int
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class PickupCode:
    """The keyed hash of a fulfillment order's code, and how often it was tried in vain."""

    fulfillment_order_id: str
    code_hash: str
    tries_used: int = 0


@dataclass(frozen=True, slots=True)
class OrderWrite:
    """An order as it shall be; `expected_version` 0: it must not exist yet."""

    order: Order
    expected_version: int


@dataclass(frozen=True, slots=True)
class WriteSet:
    """One transaction: all of it or nothing.

    Events carry the document of the order of the same id in `orders`, which must be there.
    `drop_order` takes a PENDING order out again that came to nothing. `decisions` are what the
    orders' plans were chosen from.
    """

    orders: tuple[OrderWrite, ...] = ()
    pick_tasks: tuple[PickTask, ...] = ()
    events: tuple[OrderEvent, ...] = ()
    pickup_codes: tuple[PickupCode, ...] = ()
    open_intent: Intent | None = None
    close_intent: RequestKey | None = None
    response: StoredResponse | None = None
    drop_order: str = ""
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task as it was written, with its place in its node's sequence of changes (from 1)."""

    sequence: int
    task: PickTask


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event that waits to be published. `data` is JSON; `tries` counts failures so far."""

    sequence: int
    event: OrderEvent
    data: bytes
    tries: int


@dataclass(frozen=True, slots=True)
class LaborHorizon:
    """Until when (Unix seconds) a node's labor windows are open in the ledger, by which hours.

    `hours` is the node's time zone, opening and closing minute, as one text.
    """

    node_id: str
    hours: str
    opened_until_s: int


class OperationStage(StrEnum):
    """How far a long operation is."""

    READING = "READING"
    SOLVING = "SOLVING"
    MOVING = "MOVING"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class ReallocationReport:
    """What a re-allocation did. Money in micro-units of `currency`; the gap is that of
    `cost_after_micro` over `bound_micro`, which is never above it.

    `step` found the plans. If that was not the optimizer, nothing is proven: `bound_micro` is 0,
    and `greedy_reason` says why it did not answer.
    """

    considered_count: int
    moved_count: int
    race_lost_count: int
    cost_before_micro: int
    cost_after_micro: int
    bound_micro: int
    gap: float
    solve_time_ms: int
    currency: str
    step: str = ""
    greedy_reason: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """A long operation: `report` (or `applied`, where moves were approved) once it is done,
    `error_reason` if it failed.
    """

    operation_id: str
    fingerprint: str
    stage: OperationStage
    considered_count: int
    created_ms: int
    report: ReallocationReport | None = None
    error_reason: str = ""
    error_message: str = ""
    applied: ApplyReport | None = None
