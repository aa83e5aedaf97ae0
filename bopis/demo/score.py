"""The independent scorer: what the plans in force cost, and whether they keep the rules.

It shares no code with the kernel, the promise or the ledger. It takes orders with their plans,
recomputes every realized term of the cost card (opportunity and promise_broken steer decisions and
are no cost), and checks the rules; each broken rule becomes one sentence in `violations`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bopis.demo.card import Card
from bopis.demo.geo import distance_m
from bopis.demo.plans import HOUR_S, Group, PlannedOrder, promise_s
from bopis.scenario.hours import open_windows
from bopis.scenario.model import Method, Node, Sku

RECEIVING_HOURS: Final = 3
"""Open hours of the store after the arrival in which a transfer may be received."""


@dataclass(frozen=True, slots=True)
class Score:
    """Figures over all scored orders. Money in micro-units, rates between 0 and 1."""

    orders: int
    cost: int
    terms: Mapping[str, int]
    fill_rate: float
    unit_fill_rate: float
    promise_kept: float
    split_rate: float
    nodes_per_order: float
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes and items by id, and each node's labor windows (hour start -> open seconds)."""

    nodes: Mapping[str, Node]
    items: Mapping[str, Sku]
    windows: Mapping[str, Mapping[int, int]]

    def distance_m(self, node_id: str, place: tuple[float, float]) -> int:
        """Whole meters from the node to a place."""
        node = self.nodes[node_id]
        return distance_m((node.latitude, node.longitude), place)


def make_network(
    nodes: Iterable[Node], items: Iterable[Sku], *, start_s: int, end_s: int
) -> Network:
    """Indexes nodes and items and opens the labor windows whose hour starts in [start_s, end_s)."""
    by_id = {node.node_id: node for node in nodes}
    return Network(
        nodes=by_id,
        items={item.sku: item for item in items},
        windows={
            node_id: dict(open_windows(node, start_s=start_s, end_s=end_s))
            for node_id, node in by_id.items()
        },
    )


def customer_store(order: PlannedOrder, network: Network, card: Card) -> tuple[str | None, int]:
    """The customer's store and its distance in meters: the nearest in reach that has a whole
    window between placing and promise, else the nearest in reach; (None, 0) without one.
    """
    promise = promise_s(order.placed_s, order.ready_within_s, default_h=card.promise_h)
    first = -(-order.placed_s // HOUR_S) * HOUR_S
    near: list[tuple[bool, int, str]] = []
    for node in network.nodes.values():
        if not node.offers_pickup:
            continue
        meters = network.distance_m(node.node_id, order.place)
        if meters <= card.reach_m:
            hours = network.windows[node.node_id]
            opens = any(hour in hours for hour in range(first, promise, HOUR_S))
            near.append((not opens, meters, node.node_id))
    if not near:
        return None, 0
    _, meters, node_id = min(near)
    return node_id, meters


def score_plans(
    orders: Sequence[PlannedOrder],
    *,
    network: Network,
    card: Card,
    stock: Mapping[tuple[str, str], int] | None = None,
) -> Score:
    """Scores plans. With `stock`, also checks that no cell gives more than it (by all plans)."""
    terms: Counter[str] = Counter()
    violations: list[str] = []
    filled = units = filled_units = lines = kept = split = nodes = planned = 0
    labor: Counter[tuple[str, int]] = Counter()
    taken: Counter[tuple[str, str]] = Counter()
    for order in orders:
        violations += check_rules(order, network, card)
        terms.update(cost_terms(order, network, card))
        by_number = {line.line_number: line for line in order.lines}
        numbers = [number for group in order.groups for number in group.line_numbers]
        lines += len(order.lines)
        filled += len(numbers)
        units += sum(line.quantity for line in order.lines)
        filled_units += sum(by_number[number].quantity for number in numbers if number in by_number)
        promise = promise_s(order.placed_s, order.ready_within_s, default_h=card.promise_h)
        ready = max((group.ready_s for group in order.groups), default=promise + 1)
        kept += len(numbers) == len(order.lines) and ready <= promise
        visited = len({group.node_id for group in order.groups})
        planned += visited > 0
        split += visited > 1
        nodes += visited
        for group in order.groups:
            labor.update(_labor(group, network, card))
            for number in group.line_numbers:
                if number in by_number:
                    line = by_number[number]
                    taken[group.node_id, line.sku] += line.quantity
    violations += _over_labor(labor, network)
    if stock is not None:
        violations += [
            f"{node_id}: {count} units of {sku} planned, {stock.get((node_id, sku), 0)} there"
            for (node_id, sku), count in sorted(taken.items())
            if count > stock.get((node_id, sku), 0)
        ]
    return Score(
        orders=len(orders),
        cost=sum(terms.values()),
        terms=dict(terms),
        fill_rate=filled / lines if lines else 1.0,
        unit_fill_rate=filled_units / units if units else 1.0,
        promise_kept=kept / len(orders) if orders else 1.0,
        split_rate=split / planned if planned else 0.0,
        nodes_per_order=nodes / planned if planned else 0.0,
        violations=tuple(violations),
    )


def cost_terms(order: PlannedOrder, network: Network, card: Card) -> dict[str, int]:
    """Realized cost of one order's plan by term of the card, in micro-units."""
    terms: Counter[str] = Counter()
    by_number = {line.line_number: line for line in order.lines}
    store, store_m = (
        customer_store(order, network, card) if order.method is Method.PICKUP else (None, 0)
    )
    for group in order.groups:
        meters = network.distance_m(group.node_id, order.place)
        terms["pick"] += card.pick * len(group.line_numbers)
        if group.method is Method.SHIP:
            grams = sum(
                _grams(by_number[number].sku, network, card) * by_number[number].quantity
                for number in group.line_numbers
            )
            terms["ship_package"] += card.ship_package
            terms["ship_km"] += _half_up(card.ship_km * meters, 1000)
            terms["ship_kg"] += _half_up(card.ship_kg * grams, 1000)
            terms["pickup_shipped"] += card.pickup_shipped if store is not None else 0
        elif group.receipt is not None and card.transfers is not None:
            way = _way_m(group, network)
            terms["transfer"] += card.transfers.per_source
            terms["transfer"] += _half_up(card.transfers.per_km * way, 1000)
    # The customer drives to a store once, whatever is collected there.
    for node_id in {group.store for group in order.groups} - {None}:
        if store is not None and node_id is not None:
            beyond = max(0, network.distance_m(node_id, order.place) - store_m)
            terms["other_store_km"] += _half_up(card.other_store_km * beyond, 1000)
    terms["extra_group"] += card.extra_group * max(0, len(order.groups) - 1)
    promise = promise_s(order.placed_s, order.ready_within_s, default_h=card.promise_h)
    ready = max((group.ready_s for group in order.groups), default=promise)
    terms["late"] += card.late_hour * max(0, -(-(ready - promise) // HOUR_S))
    done = {number for group in order.groups for number in group.line_numbers}
    for number, line in by_number.items():
        if number not in done:
            value = line.quantity * line.unit_price_micro
            price = _half_up(value * card.unfilled_percent, 100) + card.unfilled_goodwill
            terms["unfilled"] += max(card.unfilled_floor, price)
    return {name: amount for name, amount in terms.items() if amount}


def check_rules(order: PlannedOrder, network: Network, card: Card) -> list[str]:
    """The rules that one order's plan breaks, a sentence each."""
    broken: list[str] = []
    numbers = [number for group in order.groups for number in group.line_numbers]
    known = {line.line_number for line in order.lines}
    if len(numbers) != len(set(numbers)):
        broken.append("a line is in two groups")
    if not set(numbers) <= known:
        broken.append("a group names a line that was not ordered")
    stores = {group.store for group in order.groups} - {None}
    if len(stores) > 1:
        broken.append("more than one pickup store")
    store, _ = customer_store(order, network, card)
    for group in order.groups:
        broken += _check_group(group, order, network=network, card=card, store=store)
    return [f"{order.order_id}: {text}" for text in broken]


def _check_group(
    group: Group, order: PlannedOrder, *, network: Network, card: Card, store: str | None
) -> list[str]:
    node = network.nodes.get(group.node_id)
    if node is None:
        return [f"unknown node {group.node_id}"]
    broken = []
    if not group.line_numbers:
        broken.append(f"an empty group at {group.node_id}")
    if group.store is not None:
        there = network.nodes.get(group.store)
        if there is None:
            return [f"unknown node {group.store}"]
        meters = network.distance_m(group.store, order.place)
        if order.method is not Method.PICKUP:
            broken.append("collected though it was to be shipped")
        if not there.offers_pickup:
            broken.append(f"collected at {group.store}, a {there.kind}")
        reach = min(card.reach_m, card.consent_other_store_m)
        if group.store != store and meters > reach:
            broken.append(f"collected {meters} m away at {group.store}, beyond consent")
    elif order.method is Method.PICKUP:
        allowed = card.consent_ship_home if store is not None else card.ship_when_out_of_reach
        if not allowed:
            broken.append("shipped home without consent")
    if group.receipt is not None:
        broken += _check_transfer(group, node, network=network, card=card)
    hours = range(group.window_start_s, group.picked_s, HOUR_S)
    if group.window_start_s % HOUR_S or group.picked_s % HOUR_S or group.ready_s % HOUR_S:
        broken.append(f"a window off the full hour at {group.node_id}")
    elif not 1 <= len(hours) <= card.span_windows_max:
        broken.append(f"a span of {len(hours)} hours at {group.node_id}")
    elif any(hour not in network.windows[group.node_id] for hour in hours):
        broken.append(f"picked while {group.node_id} is closed")
    if group.window_start_s < order.placed_s:
        broken.append(f"picked at {group.node_id} before the order was placed")
    return broken


def _way_m(group: Group, network: Network) -> int:
    """Whole meters from a transfer's node to the store."""
    there = network.nodes[group.store or ""]
    return network.distance_m(group.node_id, (there.latitude, there.longitude))


def _check_transfer(group: Group, node: Node, *, network: Network, card: Card) -> list[str]:
    rules, receipt = card.transfers, group.receipt
    if rules is None or receipt is None or group.method is not Method.PICKUP:
        return [f"moved from {group.node_id}, though nothing is"]
    broken = []
    way = _way_m(group, network)
    if group.node_id == receipt.node_id or node.kind.value not in rules.kinds:
        broken.append(f"moved from {group.node_id}, a {node.kind}, to {receipt.node_id}")
    if way > rules.reach_m:
        broken.append(f"moved {way} m from {group.node_id}, too far")
    arrival_s = receipt.picked_s + rules.handling_s + -(-way * 3600 // (1000 * rules.km_per_h))
    if receipt.window_start_s < arrival_s:
        broken.append(f"received at {receipt.node_id} before it arrived")
    hours = sorted(h for h in network.windows[receipt.node_id] if h >= arrival_s)
    if receipt.window_start_s not in hours[:RECEIVING_HOURS]:
        broken.append(f"received while {receipt.node_id} is closed, or long after the arrival")
    if group.ready_s != receipt.window_start_s + HOUR_S:
        broken.append("a transfer is ready when it was received")
    return broken


def line_seconds(node: Node) -> int:
    """Labor seconds that a line takes at the node."""
    return -(-HOUR_S // node.pick_lines_per_hour)


def share_s(seconds: int, *, span: int, index: int) -> int:
    """Seconds of one line in window `index` of `span`: equal, the first ones take the rest."""
    return seconds // span + (index < seconds % span)


def _labor(group: Group, network: Network, card: Card) -> dict[tuple[str, int], int]:
    node = network.nodes.get(group.node_id)
    hours = range(group.window_start_s, group.picked_s, HOUR_S)
    if node is None or not hours:
        return {}
    seconds, lines = line_seconds(node), len(group.line_numbers)
    taken = {
        (group.node_id, hour): lines * share_s(seconds, span=len(hours), index=index)
        for index, hour in enumerate(hours)
    }
    if group.receipt is not None and card.transfers is not None:
        receiving = group.receipt.node_id, group.receipt.window_start_s
        taken[receiving] = lines * card.transfers.receive_line_s
    return taken


def _over_labor(labor: Mapping[tuple[str, int], int], network: Network) -> list[str]:
    return [
        f"{node_id}: {seconds} s of labor in the hour from {hour}, {there} s there"
        for (node_id, hour), seconds in sorted(labor.items())
        if seconds > (there := network.windows[node_id].get(hour, 0))
    ]


def _grams(sku: str, network: Network, card: Card) -> int:
    item = network.items.get(sku)
    return card.unit_weight_g if item is None or not item.weight_g else item.weight_g


def _half_up(numerator: int, divisor: int) -> int:
    return (2 * numerator + divisor) // (2 * divisor)
