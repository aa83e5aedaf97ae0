"""Where days are played: the network with its hours, the stock of the morning, cost card, rules.

Labor and stock can be scaled: an hour offers its open seconds times the factor, a node has its
units times the factor, both rounded down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import resources

from bopis.demo.card import Card, load_card
from bopis.demo.plans import HOUR_S, PlannedOrder, promise_s
from bopis.demo.score import Network, make_network
from bopis.domain.network import Item, LaborWindow, NetworkNode, Node, NodeKind, Place
from bopis.domain.policy import CardLevel, Policy, parse_policy
from bopis.scenario.model import Node as ScenarioNode
from bopis.scenario.model import Scenario, ScenarioOrder

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Variant:
    """Factors of labor and stock, above 0, and the level of the cost card."""

    labor: Fraction = Fraction(1)
    stock: Fraction = Fraction(1)
    card: CardLevel = CardLevel.BASE


@dataclass(frozen=True, slots=True)
class Setting:
    """A day's world. `network` and `card` are what rules and judge read, `nodes`, `items` and
    `policy` the same as the kernel takes it; `carriers` are by SKU the nodes that have units in the
    morning.
    """

    name: str
    network: Network
    card: Card
    stock: Mapping[tuple[str, str], int]
    carriers: Mapping[str, tuple[str, ...]]
    nodes: tuple[NetworkNode, ...]
    items: tuple[Item, ...]
    policy: Policy

    def promise_s(self, order: PlannedOrder) -> int:
        """When the order is promised to be ready, Unix seconds."""
        return promise_s(order.placed_s, order.ready_within_s, default_h=self.card.promise_h)


def with_transfers(setting: Setting, variant: Variant) -> Setting:
    """The same world where lines may be moved to the store where they are collected."""
    return replace(
        setting,
        card=load_card(variant.card.value, with_transfers=True),
        policy=parse_policy(_policy_text(), level=variant.card, with_transfers=True),
    )


def _policy_text() -> str:
    return resources.files("bopis.policy").joinpath("default.toml").read_text(encoding="utf-8")


def make_setting(scenario: Scenario, variant: Variant) -> Setting:
    """The setting of a scenario under a variant. Raises ValueError for one without orders."""
    if not scenario.orders:
        raise ValueError(f"{scenario.name}: no order to simulate")
    card = load_card(variant.card.value)
    orders = [placed_order(order) for order in scenario.orders]
    latest_s = max(
        promise_s(order.placed_s, order.ready_within_s, default_h=card.promise_h)
        for order in orders
    )
    network = make_network(
        scenario.nodes,
        scenario.skus,
        start_s=orders[0].placed_s // DAY_S * DAY_S - DAY_S,
        # A resampled day may be later by some of its jitter: a day more covers it.
        end_s=latest_s + card.late_windows_max_h * HOUR_S + DAY_S,
    )
    windows = {
        node_id: {hour: int(seconds * variant.labor) for hour, seconds in hours.items()}
        for node_id, hours in network.windows.items()
    }
    scaled = {cell: int(units * variant.stock) for cell, units in scenario.on_hand.items()}
    carriers: dict[str, list[str]] = {}
    for (node_id, sku), units in scaled.items():
        if units > 0:
            carriers.setdefault(sku, []).append(node_id)
    return Setting(
        name=scenario.name,
        network=replace(network, windows=windows),
        card=card,
        stock={cell: units for cell, units in scaled.items() if units > 0},
        carriers={sku: tuple(node_ids) for sku, node_ids in carriers.items()},
        nodes=tuple(_network_node(node, windows[node.node_id]) for node in scenario.nodes),
        items=tuple(
            Item(
                sku=sku.sku,
                unit_price_micro=sku.unit_price_micro,
                weight_g=sku.weight_g or 0,
            )
            for sku in scenario.skus
        ),
        policy=parse_policy(_policy_text(), level=variant.card),
    )


def placed_order(order: ScenarioOrder) -> PlannedOrder:
    """An order as it is placed: nobody does anything yet."""
    minutes = order.ready_within_minutes
    return PlannedOrder(
        order_id=order.order_id,
        method=order.method,
        placed_s=int(order.placed_at.timestamp()),
        latitude=order.latitude,
        longitude=order.longitude,
        ready_within_s=None if minutes is None else 60 * minutes,
        lines=order.lines,
        groups=(),
    )


def _network_node(node: ScenarioNode, windows: Mapping[int, int]) -> NetworkNode:
    return NetworkNode(
        node=Node(
            node_id=node.node_id,
            kind=NodeKind(node.kind.value),
            place=Place(node.latitude, node.longitude),
            time_zone=node.time_zone,
            open_minute=node.open_minute,
            close_minute=node.close_minute,
            pick_lines_per_hour=node.pick_lines_per_hour,
        ),
        windows=tuple(LaborWindow(hour, seconds) for hour, seconds in sorted(windows.items())),
    )
