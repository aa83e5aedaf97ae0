"""The pick task: a piece of work for one associate, and its state machine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bopis.domain.machine import Transition, machine
from bopis.domain.network import Method


class PickTaskKind(StrEnum):
    """What is to be done."""

    PICK = "PICK"
    RESTOCK = "RESTOCK"


class PickTaskState(StrEnum):
    """Where a task stands."""

    OPEN = "OPEN"
    CLAIMED = "CLAIMED"
    DONE = "DONE"
    WITHDRAWN = "WITHDRAWN"


class PickTaskVerb(StrEnum):
    """What moves a task."""

    CLAIM = "ClaimPickTask"
    CONFIRM = "ConfirmPick"
    SHORT_PICK = "ReportShortPick"
    FINISH = "last line finished"
    WITHDRAW = "withdrawn"


_S = PickTaskState
_V = PickTaskVerb

PICK_TASK_MACHINE: Final = machine(
    "pick task",
    _S.OPEN,
    (
        Transition(_S.OPEN, _V.CLAIM, _S.CLAIMED, "pick.claimed"),
        Transition(_S.CLAIMED, _V.CONFIRM, _S.CLAIMED, ""),
        Transition(_S.CLAIMED, _V.SHORT_PICK, _S.CLAIMED, "pick.short"),
        Transition(_S.CLAIMED, _V.FINISH, _S.DONE, "pick.completed"),
        Transition(_S.OPEN, _V.WITHDRAW, _S.WITHDRAWN, ""),
        Transition(_S.CLAIMED, _V.WITHDRAW, _S.WITHDRAWN, ""),
    ),
)

OPEN_STATES: Final = frozenset({_S.OPEN, _S.CLAIMED})
"""States of work that is still to be done."""


class ShortPickReason(StrEnum):
    """Why a line is short; decides what becomes of the stock."""

    NOT_IN_STOCK = "NOT_IN_STOCK"
    MISMATCH = "MISMATCH"
    DAMAGED = "DAMAGED"
    WORN_DISPLAY = "WORN_DISPLAY"
    WRONG_LOCATION = "WRONG_LOCATION"


@dataclass(frozen=True, slots=True)
class PickTaskLine:
    """One line of work, in base units; `done`: picked, put back, or short."""

    line_number: int
    sku: str
    quantity: int
    picked_quantity: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class PickTask:
    """A fulfillment order to pick, or goods to put back. Times are Unix ms."""

    pick_task_id: str
    fulfillment_order_id: str
    order_id: str
    node_id: str
    kind: PickTaskKind
    method: Method
    state: PickTaskState
    lines: tuple[PickTaskLine, ...]
    ready_by_ms: int
    window_start_ms: int
    associate_id: str = ""
    claimed_at_ms: int = 0
