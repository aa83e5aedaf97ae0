"""Nodes, places and the catalog's items."""

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """How an order, or one group of its lines, reaches the customer."""

    PICKUP = "PICKUP"
    SHIP = "SHIP"


class NodeKind(StrEnum):
    """What kind of node it is; customers collect only at the first two."""

    STORE = "STORE"
    DARK_STORE = "DARK_STORE"
    MICRO_FULFILLMENT_CENTER = "MICRO_FULFILLMENT_CENTER"
    WAREHOUSE = "WAREHOUSE"


PICKUP_KINDS = frozenset({NodeKind.STORE, NodeKind.DARK_STORE})


@dataclass(frozen=True, slots=True)
class Place:
    """A place on earth, degrees in WGS 84."""

    latitude: float
    longitude: float
    postal_code: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One node. Opens and closes at minutes after local midnight in its IANA time zone."""

    node_id: str
    kind: NodeKind
    place: Place
    time_zone: str
    open_minute: int
    close_minute: int
    pick_lines_per_hour: int
    name: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class LaborWindow:
    """Labor of one hour: its start (Unix seconds, on a full hour UTC) and the seconds it offers."""

    start_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """A node as the sourcer holds it: with the labor windows compiled from its hours.

    Windows ascend by start. What is still free in them is in the ledger, not here.
    """

    node: Node
    windows: tuple[LaborWindow, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One SKU. `weight_g` 0: unknown."""

    sku: str
    description: str = ""
    unit_price_micro: int = 0
    currency: str = ""
    weight_g: int = 0
