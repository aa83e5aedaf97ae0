"""Moves that a re-allocation proposed, as they are kept for a planner to approve."""

from dataclasses import dataclass
from enum import StrEnum

from bopis.domain.cost import CostBreakdown
from bopis.domain.sourcing import PlannedGroup, UnfilledLine


@dataclass(frozen=True, slots=True)
class ProposedPlan:
    """A plan of an order, and what it costs without the term `opportunity`."""

    groups: tuple[PlannedGroup, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: CostBreakdown


@dataclass(frozen=True, slots=True)
class ProposedMove:
    """One order's way from the plan that it had at `version` to another."""

    order_id: str
    version: int
    before: ProposedPlan
    after: ProposedPlan


@dataclass(frozen=True, slots=True)
class ProposedMoves:
    """All moves of a re-allocation, in the order in which they can be made. Orders of one move swap
    units: all of them move, or none. The number of a move is its place, from 1. `policy_version`:
    the policy that they were planned under.
    """

    currency: str
    moves: tuple[tuple[ProposedMove, ...], ...]
    cost_planned_micro: int = 0
    bound_micro: int = 0
    policy_version: str = ""


def saving_micro(move: tuple[ProposedMove, ...]) -> int:
    """What a move saves (micro-units), opportunity left aside."""
    return sum(one.before.cost.total_micro - one.after.cost.total_micro for one in move)


class RefusedReason(StrEnum):
    """Why a move was not made."""

    ORDER_CHANGED = "ORDER_CHANGED"
    ROOM_TAKEN = "ROOM_TAKEN"
    RULES_CHANGED = "RULES_CHANGED"


@dataclass(frozen=True, slots=True)
class RefusedMove:
    """A move that was not made; `order_id` is the order that changed, or that a planner pinned or
    forbade something, or empty.
    """

    move_id: int
    reason: RefusedReason
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What became of approved moves. `refused`: the first of them; `made_before_count`: of those
    that are made, by an earlier request. Money in micro-units.
    """

    moved_count: int
    moved_order_count: int
    saving_micro: int
    refused_count: int
    refused: tuple[RefusedMove, ...]
    currency: str
    made_before_count: int = 0
