"""What goes wrong on the day, decided by the seed alone, so that two worlds meet the same.

A decision is a hash of (seed, kind, key): it depends on nothing that either world did before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random

from bopis.demo.geo import distance_m
from bopis.scenario.hours import HOUR_S, open_intervals
from bopis.scenario.model import Method, Node, NodeKind, Scenario, ScenarioOrder

SHORT_PICK_SHARE = 0.02
CANCEL_SHARE = 0.01
NO_SHOW_SHARE = 0.01
CANCEL_DELAY_S = (60, HOUR_S)
COLLECT_DELAY_S = (900, 8 * HOUR_S)
SALES_PER_LINE = 0.1
SALES_MIN = 20
SALES_TRIES = 20
SALES_STOCK_SHARE_MAX = 0.05
DUPLICATE_SHARE = 0.1
SHORT_REASONS = ("NOT_IN_STOCK", "MISMATCH", "DAMAGED", "WORN_DISPLAY", "WRONG_LOCATION")


@dataclass(frozen=True, slots=True)
class TillSale:
    """A customer at a till wants units of one SKU; the till sells what the shelf holds of them."""

    source_id: str
    time_s: int
    node_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ShortPick:
    """A line found short. `lost` units leave the sellable shelf (gone, damaged or worn)."""

    reason: str
    found: int
    lost: int
    seeded: bool


@dataclass(frozen=True, slots=True)
class Disturbances:
    """The day's disturbances. `cancels` maps an order to the seconds after its placing."""

    seed: int
    cancels: Mapping[str, int]
    no_shows: frozenset[str]
    sales: tuple[TillSale, ...]

    def short_pick(
        self, order_id: str, line_number: int, *, attempt: int
    ) -> tuple[str, float] | None:
        """Whether this picking of a line is short: the reason and the share of it that is found."""
        key = f"{order_id}/{line_number}/{attempt}"
        if chance(self.seed, "short", key) >= SHORT_PICK_SHARE:
            return None
        index = int(chance(self.seed, "reason", key) * len(SHORT_REASONS))
        return SHORT_REASONS[index], chance(self.seed, "found", key)

    def short_here(
        self, order_id: str, line_number: int, *, attempt: int, asked: int, there: int
    ) -> ShortPick | None:
        """What the associate finds who wants `asked` units where the shelf holds `there`.

        A shelf with too little is short in fact (NOT_IN_STOCK). A seeded short pick loses at most
        what was asked, whichever node it meets: an empty-shelf report where more than that is there
        becomes a MISMATCH.
        """
        if there < asked:
            return ShortPick("NOT_IN_STOCK", found=there, lost=0, seeded=False)
        drawn = self.short_pick(order_id, line_number, attempt=attempt)
        if drawn is None:
            return None
        reason, share = drawn
        found = int(share * asked)
        if reason == "NOT_IN_STOCK" and there > asked:
            reason = "MISMATCH"
        lost = 0 if reason == "WRONG_LOCATION" else asked - found
        return ShortPick(reason, found=found, lost=lost, seeded=True)

    def collect_delay_s(self, order_id: str) -> int:
        """Seconds from the goods' being ready to the customer's wish to collect them."""
        least, most = COLLECT_DELAY_S
        return least + int(chance(self.seed, "collect", order_id) * (most - least))

    def is_sent_twice(self, batch: str) -> bool:
        """Whether the tills send this batch of sales a second time under a new request."""
        return chance(self.seed, "duplicate", batch) < DUPLICATE_SHARE


def chance(seed: int, kind: str, key: str) -> float:
    """A number in [0, 1) that depends on its arguments alone."""
    digest = blake2b(f"{seed}/{kind}/{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def make_disturbances(scenario: Scenario, *, seed: int, reach_m: int) -> Disturbances:
    """Decides the day's disturbances: 1 % of the orders are cancelled (half of them pickups within
    reach of a store: parcels are gone quickly), 1 % of those pickups are never collected. At least
    two cancels of each kind and five no-shows (some of them turn out to be shipped) on a short day.
    """
    stores = [node for node in scenario.nodes if node.offers_pickup]
    collectable = [
        order.order_id
        for order in scenario.orders
        if order.method is Method.PICKUP and _has_store(order, stores, reach_m)
    ]
    everyone = [order.order_id for order in scenario.orders]
    cancelled = _draw(seed, "cancel", everyone, CANCEL_SHARE / 2)
    cancelled |= _draw(seed, "cancel pickup", collectable, CANCEL_SHARE / 2)
    collectable = [order_id for order_id in collectable if order_id not in cancelled]
    least, most = CANCEL_DELAY_S
    return Disturbances(
        seed=seed,
        cancels={
            order_id: least + int(chance(seed, "cancel delay", order_id) * (most - least))
            for order_id in sorted(cancelled)
        },
        no_shows=frozenset(_draw(seed, "no-show", collectable, NO_SHOW_SHARE, least=5)),
        sales=_sales(scenario, seed=seed),
    )


def _spare(scenario: Scenario) -> Counter[str]:
    """Half of the units of each SKU that the network holds beyond what the day orders."""
    spare: Counter[str] = Counter()
    for (_, sku), quantity in scenario.on_hand.items():
        spare[sku] += quantity
    for order in scenario.orders:
        for line in order.lines:
            spare[line.sku] -= line.quantity
    return Counter({sku: quantity // 2 for sku, quantity in spare.items() if quantity > 1})


def _draw(seed: int, kind: str, keys: Sequence[str], share: float, *, least: int = 2) -> set[str]:
    count = min(len(keys), max(least, round(len(keys) * share)))
    return set(sorted(keys, key=lambda key: chance(seed, kind, key))[:count])


def _has_store(order: ScenarioOrder, stores: Sequence[Node], reach_m: int) -> bool:
    place = (order.latitude, order.longitude)
    return any(distance_m(place, (s.latitude, s.longitude)) <= reach_m for s in stores)


def _sales(scenario: Scenario, *, seed: int) -> tuple[TillSale, ...]:
    """Sales at the tills of stores in their open hours while orders come in.

    All sales of a SKU together want at most half of what the network holds beyond the day's orders:
    a side whose shelves are emptier would sell less at its tills and gain units for its orders by
    it, which says nothing about allocation.
    """
    dice = Random(f"{seed}/sales")
    start_s = math.floor(scenario.orders[0].placed_at.timestamp())
    end_s = math.ceil(scenario.orders[-1].placed_at.timestamp()) + HOUR_S
    shelves: dict[str, tuple[list[str], list[int]]] = {}
    for (node_id, sku), quantity in scenario.on_hand.items():
        skus, quantities = shelves.setdefault(node_id, ([], []))
        skus.append(sku)
        quantities.append(quantity)
    tills = [
        (node.node_id, intervals)
        for node in scenario.nodes
        if node.kind is NodeKind.STORE
        and sum(shelves.get(node.node_id, ([], []))[1]) > 0
        and (intervals := open_intervals(node, start_s=start_s, end_s=end_s))
    ]
    if not tills:
        return ()
    lines = sum(len(order.lines) for order in scenario.orders)
    units = sum(scenario.on_hand.values())
    count = min(max(SALES_MIN, round(lines * SALES_PER_LINE)), int(units * SALES_STOCK_SHARE_MAX))
    spare = _spare(scenario)
    sales: list[TillSale] = []
    for index in range(count * SALES_TRIES):
        if len(sales) == count:
            break
        node_id, intervals = dice.choice(tills)
        opens, closes = dice.choice(intervals)
        time_s = dice.randint(max(opens, start_s), max(start_s, min(closes, end_s) - 1))
        skus, quantities = shelves[node_id]
        sku = dice.choices(skus, quantities)[0]
        quantity = dice.choice((1, 1, 2))
        if spare[sku] >= quantity:
            spare[sku] -= quantity
            sales.append(TillSale(f"till-{seed}-{index}", time_s, node_id, sku, quantity))
    return tuple(sorted(sales, key=lambda sale: (sale.time_s, sale.source_id)))
