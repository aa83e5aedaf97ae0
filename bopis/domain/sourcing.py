"""What is asked of the sourcer, and what it answers: the values of the sourcer port."""

from dataclasses import dataclass
from enum import StrEnum

from bopis.domain.cost import CostBreakdown
from bopis.domain.duals import DualCharge, DualCharges
from bopis.domain.ledger import Reservation
from bopis.domain.network import Item, Method, Place
from bopis.domain.quote import QuoteAsk, QuoteLost


@dataclass(frozen=True, slots=True)
class Consent:
    """What the customer agrees to: another store up to some km (0: no), lines shipped home."""

    other_store_km: int = 0
    ship_home: bool = False


@dataclass(frozen=True, slots=True)
class AskLine:
    """One line to be sourced."""

    line_number: int
    sku: str
    quantity: int
    unit_price_micro: int


@dataclass(frozen=True, slots=True)
class AskPin:
    """What a planner fixed for an order: the one node, the one method; None: any."""

    node_id: str | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Closure:
    """A node takes no group of the order that gets ready after `after_s` and until `until_s` (Unix
    seconds): a limit is used up, or a planner forbids it. `method` None: both.
    """

    rule: str
    node_id: str
    method: Method | None
    after_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class Ask:
    """An order, or some lines of one, to be sourced. Times are Unix ms.

    `now_ms` is the moment of asking, windows before it are past; `promise_ms` is the promised
    ready-by time, already rounded to a window end. `excluded_node_ids` do none of the lines.
    `pickup_only_at` names the one store where pickup is possible (another group of the order waits
    there); None: any store that method, reach and consent allow. `customer_node_id` is the
    customer's store as it was found when the order was placed; None: it is to be found now.
    `weight_percent`: what lateness and unfilled lines count, percent of the card's prices.
    """

    order_id: str
    method: Method
    place: Place
    lines: tuple[AskLine, ...]
    now_ms: int
    promise_ms: int
    consent: Consent
    all_or_nothing: bool = False
    excluded_node_ids: tuple[str, ...] = ()
    pickup_only_at: str | None = None
    customer_node_id: str | None = None
    pin: AskPin | None = None
    closed: tuple[Closure, ...] = ()
    weight_percent: int = 100


class ReservationTakenError(Exception):
    """The reservation's id is in use: what it holds, or held, is not the plan just made."""


@dataclass(frozen=True, slots=True)
class PlaceAsk:
    """An ask whose best plan shall be held under `reservation_id` by the act `request_id`; with a
    `quote`, that plan as long as it is possible.
    """

    ask: Ask
    reservation_id: str
    request_id: str
    hold_ttl_ms: int
    priority: int = 0
    quote: QuoteAsk | None = None


@dataclass(frozen=True, slots=True)
class LaborShare:
    """Labor seconds that a group takes from one hour (Unix seconds of its start)."""

    window_start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Lines received at the store where they are collected: in which hour (Unix seconds of its
    start), and the labor seconds that it takes of it.
    """

    node_id: str
    window_start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """Lines that one node does, by one method, with the labor it takes. Times are Unix ms.

    Lines collected at another node have a receipt there and are ready at the end of its hour;
    `labor` is that of picking.
    """

    node_id: str
    method: Method
    line_numbers: tuple[int, ...]
    labor: tuple[LaborShare, ...]
    window_start_ms: int
    ready_by_ms: int
    receipt: Receipt | None = None


class UnfilledReason(StrEnum):
    """Why no plan fills a line."""

    NO_STOCK = "NO_STOCK"
    OUT_OF_REACH = "OUT_OF_REACH"
    NO_LABOR = "NO_LABOR"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    TOO_COSTLY = "TOO_COSTLY"
    QUANTITY = "QUANTITY"
    RULE = "RULE"


@dataclass(frozen=True, slots=True)
class UnfilledLine:
    """A line that no plan fills, and why; `rule` is the rule's name where that is the reason."""

    line_number: int
    reason: UnfilledReason
    rule: str = ""

    @property
    def words(self) -> str:
        """The reason for people: with the rule's name, if there is one."""
        return f"{self.reason.value} ({self.rule})" if self.rule else self.reason.value


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to fulfill an ask. `customer_node_id` is empty for orders that are shipped."""

    groups: tuple[PlannedGroup, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: CostBreakdown
    customer_node_id: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that many choices share (a network, a policy, dual prices), under its digest."""

    digest: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a choice was made of, beside what was asked: the record of the journal as of which
    counters were read, the settings, and the ask's items.

    `duals` None: there were none. `sequence` None: counters or the catalog changed in between, so
    that the choice is of no one moment.
    """

    journal_id: str
    sequence: int | None
    network: Setting
    policy: Setting
    duals: Setting | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """The plan chosen and the reservation that holds it; no reservation if the plan is empty.

    For an all-or-nothing ask that cannot be filled the plan has no group and names every line that
    lacks. `attempts` counts plans tried: more than one means that a race was lost on the way.
    `duals`: what dual prices charged, None if there are none; `dual_rows`: the same by cell.
    `quote_lost`: why the quote was not kept; of a required one the plan is empty then. `made_of`:
    with it the choice can be made again.
    """

    plan: Plan
    reservation: Reservation | None
    sequence: int = 0
    attempts: int = 1
    duals: DualCharges | None = None
    quote_lost: QuoteLost | None = None
    made_of: MadeOf | None = None
    dual_rows: tuple[DualCharge, ...] = ()
