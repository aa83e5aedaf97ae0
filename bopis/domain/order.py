"""The order: what was asked, who does it, and its state, derived from its groups."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bopis.domain.cost import CostBreakdown, breakdown, gap_over
from bopis.domain.duals import DualCharge, DualCharges
from bopis.domain.fulfillment import DELIVERED, ENDED, FulfillmentOrder, FulfillmentState
from bopis.domain.machine import Transition, machine
from bopis.domain.network import Method, Place
from bopis.domain.quote import QuotedPromise
from bopis.domain.sourcing import Consent, UnfilledLine

ORDER_VALUE_MICRO_MAX: Final = 1_000_000_000_000_000
"""The most that an order's lines may be worth together."""


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    IN_FULFILLMENT = "IN_FULFILLMENT"
    READY = "READY"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    UNFILLED = "UNFILLED"


class OrderVerb(StrEnum):
    """What is asked of an order as a whole; its other moves follow from its groups."""

    ALLOCATE = "CreateOrder"
    CANCEL = "CancelOrder"
    HAND_OVER = "HandOver"
    MOVE = "Reallocate"


_S = OrderState
_V = OrderVerb

ORDER_MACHINE: Final = machine(
    "order",
    _S.PENDING,
    (
        Transition(_S.PENDING, _V.ALLOCATE, _S.CONFIRMED, "order.allocated"),
        Transition(_S.CONFIRMED, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
        Transition(_S.IN_FULFILLMENT, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
        Transition(_S.READY, _V.CANCEL, _S.CANCELLED, "order.cancelled"),
        Transition(_S.READY, _V.HAND_OVER, _S.COMPLETED, "order.picked_up"),
        # A pickup can be ready while another group of the order is still on its way.
        Transition(_S.IN_FULFILLMENT, _V.HAND_OVER, _S.IN_FULFILLMENT, "order.picked_up"),
        Transition(_S.CONFIRMED, _V.MOVE, _S.CONFIRMED, "order.moved"),
    ),
)
"""Which verbs an order accepts. The state after one is `derived_state`: the targets here are the
ones of an order with one group."""

FINAL: Final = frozenset({_S.COMPLETED, _S.CANCELLED, _S.EXPIRED, _S.UNFILLED})


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line as ordered; quantity in base units, price of one unit in micro-units."""

    line_number: int
    sku: str
    quantity: int
    unit_price_micro: int


@dataclass(frozen=True, slots=True)
class BatchMark:
    """A re-allocation: its operation, what its plans cost together, and what none costs less than
    (micro-units; 0: nothing is proven). A re-evaluation is no operation: its id is empty.
    """

    operation_id: str
    planned_micro: int
    bound_micro: int

    @property
    def gap(self) -> float:
        """See `bopis.domain.cost.gap_over`."""
        return gap_over(self.bound_micro, self.planned_micro)


@dataclass(frozen=True, slots=True)
class Sourcing:
    """One sourcing attempt: its number from 1, the reservation it made, what its plan costs, under
    which policy, and at which change of the planners' overrides; and what dual prices charged for
    it (None: there were none), altogether and by cell. `ledger_sequence`: the ledger's record that
    holds what it takes (0: not known). `batch`: the re-allocation that made it, if one did.
    """

    attempt: int
    reservation_id: str
    cost: CostBreakdown
    policy_version: str = ""
    override_sequence: int = 0
    duals: DualCharges | None = None
    dual_rows: tuple[DualCharge, ...] = ()
    ledger_sequence: int = 0
    batch: BatchMark | None = None


@dataclass(frozen=True, slots=True)
class ShortAt:
    """A line was short at a node: that node does this line no more."""

    line_number: int
    node_id: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. Times are Unix ms; `version` changes with each change.

    `body_digest` tells whether another CreateOrder with the same order_id is the same order.
    `groups_made` counts fulfillment orders ever made, so that their ids are never used twice.
    `quoted`: what became of the option that it was placed with.
    """

    order_id: str
    tenant: str
    state: OrderState
    method: Method
    place: Place
    lines: tuple[OrderLine, ...]
    currency: str
    create_time_ms: int
    promise_time_ms: int
    consent: Consent
    body_digest: str
    all_or_nothing: bool = False
    customer_id: str = ""
    note: str = ""
    customer_node_id: str = ""
    fulfillment_orders: tuple[FulfillmentOrder, ...] = ()
    unfilled_lines: tuple[UnfilledLine, ...] = ()
    sourcings: tuple[Sourcing, ...] = ()
    short_at: tuple[ShortAt, ...] = ()
    attempts: int = 0
    groups_made: int = 0
    cancelled: bool = False
    cancel_reason: str = ""
    version: int = 1
    quoted: QuotedPromise | None = None

    @property
    def etag(self) -> str:
        """Changes with each change of the order."""
        return str(self.version)

    @property
    def cost(self) -> CostBreakdown:
        """What its allocation costs: the terms of all its sourcing attempts, added up."""
        return breakdown(term for sourcing in self.sourcings for term in sourcing.cost.terms)

    @property
    def policy_version(self) -> str:
        """The policy of its last sourcing; empty if there was none."""
        return self.sourcings[-1].policy_version if self.sourcings else ""

    def group(self, fulfillment_order_id: str) -> FulfillmentOrder | None:
        """The fulfillment order of an id."""
        for group in self.fulfillment_orders:
            if group.fulfillment_order_id == fulfillment_order_id:
                return group
        return None

    def with_group(self, changed: FulfillmentOrder) -> "Order":
        """The order with one of its fulfillment orders replaced."""
        return replace(
            self,
            fulfillment_orders=tuple(
                changed if one.fulfillment_order_id == changed.fulfillment_order_id else one
                for one in self.fulfillment_orders
            ),
        )


def derived_state(order: Order) -> OrderState:
    """The state that follows from the groups; the only place that decides it."""
    if not order.sourcings:
        return OrderState.PENDING
    states = [group.state for group in order.fulfillment_orders]
    if all(state in ENDED for state in states):
        return _final_state(order, states)
    waiting = [
        group.state
        for group in order.fulfillment_orders
        if group.method is Method.PICKUP and group.state not in ENDED
    ]
    if waiting and all(state is FulfillmentState.READY_FOR_PICKUP for state in waiting):
        return OrderState.READY
    begun = any(
        state not in (FulfillmentState.ALLOCATED, FulfillmentState.CANCELLED) for state in states
    )
    return OrderState.IN_FULFILLMENT if begun else OrderState.CONFIRMED


def _final_state(order: Order, states: list[FulfillmentState]) -> OrderState:
    """Every group has ended, or there is none."""
    if any(state in (FulfillmentState.NO_SHOW, FulfillmentState.RESTOCKED) for state in states):
        return OrderState.EXPIRED
    if any(state in DELIVERED for state in states):
        return OrderState.COMPLETED
    return OrderState.CANCELLED if order.cancelled else OrderState.UNFILLED
