"""A scenario in memory: nodes, SKUs, stock, and one day's orders.

Money is integer micro-units of the scenario's currency, quantities are base units, weights are
grams, times are aware UTC datetimes, coordinates are degrees in WGS 84.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


class NodeKind(enum.StrEnum):
    """What a node is; the first two can be collected from."""

    STORE = "STORE"
    DARK_STORE = "DARK_STORE"
    MICRO_FULFILLMENT_CENTER = "MICRO_FULFILLMENT_CENTER"
    WAREHOUSE = "WAREHOUSE"


class Method(enum.StrEnum):
    """How an order, or a group of its lines, reaches the customer."""

    PICKUP = "PICKUP"
    SHIP = "SHIP"


PICKUP_KINDS = frozenset({NodeKind.STORE, NodeKind.DARK_STORE})


@dataclass(frozen=True, slots=True)
class Node:
    """One node. Hours are minutes after local midnight in `time_zone` (IANA), every day alike."""

    node_id: str
    kind: NodeKind
    name: str
    city: str
    region: str
    postal_code: str
    latitude: float
    longitude: float
    time_zone: str
    open_minute: int
    close_minute: int
    pick_lines_per_hour: int

    @property
    def offers_pickup(self) -> bool:
        """Whether customers can collect here."""
        return self.kind in PICKUP_KINDS


@dataclass(frozen=True, slots=True)
class Sku:
    """One article. `weight_g` is None when unknown."""

    sku: str
    description: str
    unit_price_micro: int
    weight_g: int | None


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """One line of an order."""

    line_number: int
    sku: str
    quantity: int
    unit_price_micro: int


@dataclass(frozen=True, slots=True)
class ScenarioOrder:
    """One order. `ready_within_minutes` is None when the policy's default applies."""

    order_id: str
    method: Method
    placed_at: datetime
    latitude: float
    longitude: float
    postal_code: str
    region: str
    ready_within_minutes: int | None
    lines: tuple[ScenarioLine, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario; `on_hand` maps (node_id, sku) to units, a missing pair means zero."""

    name: str
    nodes: tuple[Node, ...]
    skus: tuple[Sku, ...]
    on_hand: Mapping[tuple[str, str], int]
    orders: tuple[ScenarioOrder, ...]
