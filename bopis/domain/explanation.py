"""Why an order is planned as it is: what the sourcer is asked, and what it answers.

Money is in micro-units, distance in meters; times are Unix seconds where the name ends so, else ms.
"""

from dataclasses import dataclass
from enum import StrEnum

from bopis.domain.ledger import ReservationLine
from bopis.domain.network import Method
from bopis.domain.sourcing import Ask, Plan, PlannedGroup


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order as it would be asked for now, its plan in force, and what it holds."""

    ask: Ask
    in_force: tuple[PlannedGroup, ...]
    own: tuple[ReservationLine, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of each: next-best plans; nodes not used, the nearest; changes that flip the
    decision, of each kind; relaxations, of each line that lacks. `opportunity`: whether the cost
    card's term counts; batches, which move orders, do not charge it.
    """

    plans: int = 0
    nodes: int = 0
    flips: int = 0
    relaxations: int = 0
    opportunity: bool = True


@dataclass(frozen=True, slots=True)
class Weighed:
    """A plan and what plans are compared by: `total` is cost and dual charges, less what a change
    takes off. `is_exact`: the search came to its end.
    """

    plan: Plan
    stock_dual_micro: int
    labor_dual_micro: int
    total_micro: int
    is_exact: bool


class ChangeKind(StrEnum):
    """What might be otherwise."""

    UNITS = "UNITS"
    SECONDS = "SECONDS"
    PRICE = "PRICE"
    PROMISE = "PROMISE"
    RULE = "RULE"
    OTHER_STORE = "OTHER_STORE"
    SHIP_HOME = "SHIP_HOME"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that might be otherwise. `amount`: units, seconds, micro-units, hours or km more
    (of a price: less). Fields that the kind does not need are empty.
    """

    kind: ChangeKind
    amount: int
    node_id: str = ""
    sku: str = ""
    window_start_s: int = 0
    method: Method | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Changes, and the best plan under all of them, solved anew. `saving_micro`: what it costs less
    than the best plan of now.
    """

    changes: tuple[Change, ...]
    outcome: Weighed
    saving_micro: int


class Rejection(StrEnum):
    """Why a node is not used."""

    SHORT_BEFORE = "SHORT_BEFORE"
    NO_CONSENT = "NO_CONSENT"
    TOO_FAR = "TOO_FAR"
    PIN = "PIN"
    FORBID = "FORBID"
    RULE = "RULE"
    NO_STOCK = "NO_STOCK"
    CLOSED = "CLOSED"
    NO_LABOR = "NO_LABOR"
    NOT_WHOLE = "NOT_WHOLE"
    LEAVES_PROMISED = "LEAVES_PROMISED"
    STOPPED = "STOPPED"
    DEARER = "DEARER"
    CHEAPER = "CHEAPER"


@dataclass(frozen=True, slots=True)
class Lack:
    """A line that a node cannot fill: what may be taken there, and what the line asks for."""

    line_number: int
    units: int
    needed: int


@dataclass(frozen=True, slots=True)
class RejectedNode:
    """A node that the plan in force does not use, and the cheapest plan that does (of those that
    leave no line that was promised).
    """

    node_id: str
    meters: int
    reason: Rejection
    rule: str
    meters_max: int
    line_seconds: int
    free_seconds: int
    lacks: tuple[Lack, ...]
    plan: Weighed | None


class Cause(StrEnum):
    """What is in the way of a line."""

    NOTHING = "NOTHING"
    NO_STOCK = "NO_STOCK"
    QUANTITY = "QUANTITY"
    BEYOND_PROMISE = "BEYOND_PROMISE"
    LABOR = "LABOR"
    RULE = "RULE"
    OUT_OF_REACH = "OUT_OF_REACH"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    COST = "COST"


@dataclass(frozen=True, slots=True)
class Lacking:
    """A line that the plan in force leaves or does late, and what would help."""

    line_number: int
    is_late: bool
    cause: Cause
    rule: str
    relaxations: tuple[WhatIf, ...]


class Part(StrEnum):
    """A part of an explanation."""

    BEST_NOW = "BEST_NOW"
    NEXT_BEST = "NEXT_BEST"
    REJECTED_NODES = "REJECTED_NODES"
    FLIPS = "FLIPS"
    LACKING_LINES = "LACKING_LINES"


@dataclass(frozen=True, slots=True)
class Explained:
    """The plan in force priced now, and everything about it that was asked for.

    `best` and `others` leave no line of the plan in force; it is the best where every other does.
    `sequence`: the ledger's record that stock was read at, or after. `incomplete`: what the work
    did not suffice for. `policy_version`: of the policy that all this is said under.
    """

    chosen: Weighed
    best: Weighed
    others: tuple[Weighed, ...]
    rejected: tuple[RejectedNode, ...]
    rejected_count: int
    flips: tuple[WhatIf, ...]
    lacking: tuple[Lacking, ...]
    incomplete: tuple[Part, ...]
    sequence: int
    duals_version: int
    policy_version: str


@dataclass(frozen=True, slots=True)
class Resource:
    """Units of a SKU at a node, or the seconds of one line in a node's hour."""

    node_id: str
    sku: str | None = None
    window_start_s: int | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What `step` units or seconds more save to open orders, and so many fewer cost (None: there
    are none to take).
    """

    more_micro: int
    fewer_micro: int | None
    step: int
