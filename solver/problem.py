"""The batch problem: open orders with their plans in force, and the stock and labor they share.

The dataclasses have the fields of the values of the same name in `bopis.domain`, so that the
worker decodes what the service sends straight into them; this package imports nothing of bopis.
Money is micro-units, labor seconds, times Unix ms (fields in `_s`: Unix seconds).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from solver.sending import Receipt, Transfers

Method = Literal["PICKUP", "SHIP"]
PICKUP_KINDS: Final = frozenset({"STORE", "DARK_STORE"})
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees in WGS 84."""

    latitude: float
    longitude: float
    region: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One node."""

    node_id: str
    kind: str
    place: Place
    pick_lines_per_hour: int

    @property
    def line_seconds(self) -> int:
        """Labor seconds of one line, rounded up."""
        return -(-HOUR_S // self.pick_lines_per_hour)


@dataclass(frozen=True, slots=True)
class Window:
    """An open hour and the seconds it offers; what is free of it is a limit of the problem."""

    start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """A node with its open hours."""

    node: Node
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One SKU; a weight of 0 is unknown."""

    sku: str
    unit_price_micro: int = 0
    weight_g: int = 0


@dataclass(frozen=True, slots=True)
class CostCard:
    """Prices of the terms in micro-units; shares in basis points."""

    ship_package_micro: int
    ship_km_micro: int
    ship_kg_micro: int
    pick_line_micro: int
    extra_group_micro: int
    other_store_km_micro: int
    pickup_shipped_micro: int
    late_hour_micro: int
    promise_broken_micro: int
    unfilled_share_bp: int
    unfilled_goodwill_micro: int
    opportunity_last_bp: int
    opportunity_next_two_bp: int
    opportunity_cap_micro: int
    opportunity_block_micro: int


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """A set of nodes: those named, of a kind, or in a region; `inverted`: all others."""

    node_ids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class NodeRule:
    """What the nodes of a group may do."""

    name: str
    nodes: NodeGroup
    ships: bool = True
    pickup: bool = True
    ship_floor: int = 0
    ship_km_max: int | None = None


@dataclass(frozen=True, slots=True)
class ItemRule:
    """SKUs that come from no node of a group, or only from those; `until_ms` None: for ever."""

    name: str
    sku: str
    is_prefix: bool
    nodes: NodeGroup
    only: bool
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What no plan may break."""

    nodes_max: int | None = None
    ship_km_max: int | None = None
    nodes: tuple[NodeRule, ...] = ()
    items: tuple[ItemRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The cost card and the rules for windows, reach and shipping."""

    card: CostCard
    unit_weight_g: int
    lead_time_ms: int
    pickup_reach_km: int
    ship_when_out_of_reach: bool
    late_windows_max_h: int
    span_windows_max: int
    rules: Rules = Rules()
    transfers: Transfers | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What the customer agrees to."""

    other_store_km: int = 0
    ship_home: bool = False


@dataclass(frozen=True, slots=True)
class AskLine:
    """One line."""

    line_number: int
    sku: str
    quantity: int
    unit_price_micro: int


@dataclass(frozen=True, slots=True)
class AskPin:
    """What a planner fixed for an order; None: any."""

    node_id: str | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Closure:
    """A node takes no group that gets ready after `after_s` and until `until_s`."""

    rule: str
    node_id: str
    method: Method | None
    after_s: int
    until_s: int

    @property
    def is_planners(self) -> bool:
        """Whether a planner forbids the node: whenever a group gets ready."""
        return self.after_s <= 0


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be sourced at `now_ms`. `customer_node_id`: the customer's store as it was found
    when the order was placed; None: it is to be found now.
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


@dataclass(frozen=True, slots=True)
class LaborShare:
    """Seconds that a group takes from one hour."""

    window_start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that one node does, by one method."""

    node_id: str
    method: Method
    line_numbers: tuple[int, ...]
    labor: tuple[LaborShare, ...]
    window_start_ms: int
    ready_by_ms: int
    receipt: Receipt | None = None

    @property
    def store(self) -> str | None:
        """Where it is collected; None: it is shipped."""
        collected = None if self.method == "SHIP" else self.node_id
        return collected if self.receipt is None else self.receipt.node_id

    @property
    def is_sent(self) -> bool:
        """Whether what is picked leaves the node for elsewhere."""
        return self.method == "SHIP" or self.receipt is not None

    def counted(self) -> Iterator[tuple[str, Method, int]]:
        """Where it counts on the node's day: node, as which method, and when it is done there (Unix
        seconds). What is sent to a store counts at both.
        """
        ready_s = self.ready_by_ms // 1000
        if self.receipt is None:
            yield self.node_id, self.method, ready_s
            return
        yield self.node_id, "SHIP", self.window_start_ms // 1000 + HOUR_S * len(self.labor)
        yield self.receipt.node_id, "PICKUP", ready_s

    def all_labor(self) -> Iterator[tuple[str, int, int]]:
        """Node, hour and seconds of picking and of receiving."""
        for share in self.labor:
            yield self.node_id, share.window_start_s, share.seconds
        if self.receipt is not None:
            yield self.receipt.node_id, self.receipt.window_start_s, self.receipt.seconds


@dataclass(frozen=True, slots=True)
class UnfilledLine:
    """A line that nobody does, and why; the rule's name where that is the reason."""

    line_number: int
    reason: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CostTerm:
    """A term of the cost card."""

    name: str
    amount_micro: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Terms that are not zero."""

    terms: tuple[CostTerm, ...] = ()

    @property
    def total_micro(self) -> int:
        """Their sum."""
        return sum(term.amount_micro for term in self.terms)


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to fulfill one order; the cost holds no opportunity."""

    groups: tuple[Group, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: Cost


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that nobody picks yet, with its plan in force; a move must gain `stay_micro`."""

    ask: Ask
    groups: tuple[Group, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: Cost
    stay_micro: int = 0

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return Plan(self.groups, self.unfilled, self.cost)


@dataclass(frozen=True, slots=True)
class StockLimit:
    """Units that these orders may use, what they hold there included."""

    node_id: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class LaborLimit:
    """Seconds that these orders may use, what they hold there included."""

    node_id: str
    window_start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """Groups that these orders may have ready at a node after `after_s` and until `until_s`, those
    they have included; `method`: which count, None: all.
    """

    node_id: str
    method: Method | None
    after_s: int
    until_s: int
    groups: int

    def counts(self, group: Group) -> int:
        """How often a group counts."""
        here = (one[1:] for one in group.counted() if one[0] == self.node_id)
        methods = (method for method, done_s in here if self.after_s < done_s <= self.until_s)
        return sum(self.method in (None, method) for method in methods)


@dataclass(frozen=True, slots=True)
class StockPrice:
    """What a unit is worth to the other orders, micro-units."""

    node_id: str
    sku: str
    price_micro: int


@dataclass(frozen=True, slots=True)
class LaborPrice:
    """What a second of a node's hour is worth to the other orders, micro-units."""

    node_id: str
    window_start_s: int
    price_micro: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One batch. Prices: to start from, or, if `is_charged`, paid by plans beside their costs for
    what they take. `shipping`, `groups`: limits that might bind. Maxima: None is any number.
    """

    now_ms: int
    orders: tuple[OpenOrder, ...]
    stock: tuple[StockLimit, ...]
    labor: tuple[LaborLimit, ...]
    time_limit_ms: int
    seed: int = 0
    stock_prices: tuple[StockPrice, ...] = ()
    labor_prices: tuple[LaborPrice, ...] = ()
    moves_max: int | None = None
    late_max: int | None = None
    unfilled_max: int | None = None
    is_charged: bool = False
    shipping: tuple[StockLimit, ...] = ()
    groups: tuple[GroupLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A batch with the world that it lives in."""

    nodes: tuple[NetworkNode, ...]
    items: tuple[Item, ...]
    policy: Policy
    problem: Problem
