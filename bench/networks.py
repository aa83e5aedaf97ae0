"""Named, seeded networks with stock, labor and orders, for the kernel.

| instance | nodes | side of the square | nodes that hold a SKU |
| --- | --- | --- | --- |
| city-20 | 20 | 60 km | 12 |
| region-100 | 100 | 300 km | 30 |
| country-400 | 400 | 2,000 km | 60 |

Each has 500 SKUs, 100 orders of 1 to 20 lines, stock of 1 to 12 units where a SKU is held, labor
from 08:00 to 20:00 UTC for three days, every twentieth node a warehouse that only ships.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from bench.native import SyncEngine, encode, numbered_uuid

DAY_S: Final = 86_400
HOUR_S: Final = 3_600
MONDAY_S: Final = 1_794_787_200
"""2026-11-16, 00:00 UTC."""
NOW_MS: Final = (MONDAY_S + 10 * HOUR_S + 900) * 1_000
PROMISE_MS: Final = (MONDAY_S + 15 * HOUR_S) * 1_000
SKUS: Final = 500
ORDERS: Final = 100
LINES_MAX: Final = 20
LABOR_S: Final = 3_600
KM_PER_DEGREE: Final = 111.2
CENTER: Final = (40.0, -95.0)
UNITS_MAX: Final = 12

POLICY: Final[dict[str, Any]] = {
    "card": {
        "ship_package_micro": 7_000_000,
        "ship_km_micro": 3_000,
        "ship_kg_micro": 1_200_000,
        "pick_line_micro": 500_000,
        "extra_group_micro": 2_000_000,
        "other_store_km_micro": 250_000,
        "pickup_shipped_micro": 3_000_000,
        "late_hour_micro": 3_000_000,
        "promise_broken_micro": 0,
        "unfilled_share_bp": 4_500,
        "unfilled_goodwill_micro": 6_000_000,
        "opportunity_last_bp": 3_000,
        "opportunity_next_two_bp": 1_000,
        "opportunity_cap_micro": 6_000_000,
        "opportunity_block_micro": 10_000_000,
    },
    "unit_weight_g": 500,
    "lead_time_ms": 3_600_000,
    "pickup_reach_km": 40,
    "ship_when_out_of_reach": True,
    "late_windows_max_h": 48,
    "span_windows_max": 3,
    "opportunity_beside_duals": False,
    "version": "bench",
    "promise_ms": 4 * HOUR_S * 1_000,
    "quote_ttl_ms": 900_000,
}
"""Part of the instances, so that a new default policy leaves them as they are."""


@dataclass(frozen=True, slots=True)
class Instance:
    """How a network is drawn."""

    name: str
    seed: int
    nodes: int
    side_km: float
    holders: int


CITY_20: Final = Instance("city-20", seed=20, nodes=20, side_km=60, holders=12)
REGION_100: Final = Instance("region-100", seed=100, nodes=100, side_km=300, holders=30)
COUNTRY_400: Final = Instance("country-400", seed=400, nodes=400, side_km=2_000, holders=60)


@dataclass(frozen=True, slots=True)
class World:
    """What was drawn, as the promiser takes it; `stock` is by (node_id, sku)."""

    nodes: list[dict[str, Any]]
    items: list[dict[str, Any]]
    stock: dict[tuple[str, str], int]
    asks: list[dict[str, Any]]


def draw(instance: Instance) -> World:
    """The same bytes for the same instance."""
    rng = random.Random(instance.seed)
    nodes = [_node(instance, number, rng) for number in range(instance.nodes)]
    names = [node["node"]["node_id"] for node in nodes]
    items: list[dict[str, Any]] = [
        {
            "sku": f"sku-{number}",
            "unit_price_micro": rng.randint(3, 90) * 1_000_000,
            "weight_g": rng.choice((0, 150, 400, 1_200)),
        }
        for number in range(SKUS)
    ]
    stock = {
        (name, item["sku"]): rng.randint(1, UNITS_MAX)
        for item in items
        for name in sorted(rng.sample(names, instance.holders))
    }
    asks = [_ask(instance, number, items, rng) for number in range(ORDERS)]
    return World(nodes, items, stock, asks)


def _place(instance: Instance, rng: random.Random) -> dict[str, Any]:
    half = instance.side_km / 2 / KM_PER_DEGREE
    return {
        "latitude": CENTER[0] + rng.uniform(-half, half),
        "longitude": CENTER[1] + rng.uniform(-half, half),
        "postal_code": "",
        "region": "",
    }


def _node(instance: Instance, number: int, rng: random.Random) -> dict[str, Any]:
    windows = [
        {"start_s": MONDAY_S + day * DAY_S + hour * HOUR_S, "seconds": LABOR_S}
        for day in range(3)
        for hour in range(8, 20)
    ]
    node = {
        "node_id": f"node-{number}",
        "kind": "WAREHOUSE" if number % 20 == 19 else "STORE",
        "place": _place(instance, rng),
        "pick_lines_per_hour": rng.choice((20, 30, 60)),
    }
    return {"node": node, "windows": windows}


def _ask(
    instance: Instance, number: int, items: list[dict[str, Any]], rng: random.Random
) -> dict[str, Any]:
    size = min(LINES_MAX, 1 + int(rng.expovariate(0.3)))
    lines = [
        {
            "line_number": line_number,
            "sku": item["sku"],
            "quantity": rng.choice((1, 1, 1, 2, 3)),
            "unit_price_micro": item["unit_price_micro"],
        }
        for line_number, item in enumerate(rng.sample(items, size), start=1)
    ]
    return {
        "order_id": f"{instance.name}/{number}",
        "method": "PICKUP" if rng.random() < 0.7 else "SHIP",
        "place": _place(instance, rng),
        "lines": lines,
        "now_ms": NOW_MS,
        "promise_ms": PROMISE_MS,
        "consent": {"other_store_km": rng.choice((0, 10)), "ship_home": rng.random() < 0.8},
        "all_or_nothing": False,
        "excluded_node_ids": [],
        "pickup_only_at": None,
        "customer_node_id": None,
    }


def bring_in(engine: SyncEngine, world: World) -> None:
    """Stock and labor of the world into the ledger."""
    names = [node["node"]["node_id"] for node in world.nodes]
    skus = [item["sku"] for item in world.items]
    engine.act(
        {"type": "register_nodes", "node_ids": names}, {"type": "register_items", "skus": skus}
    )
    labor = [
        {"type": "set_capacity", "node_id": name, "windows": node["windows"]}
        for name, node in zip(names, world.nodes, strict=True)
    ]
    stock = [
        {"type": "set_on_hand", "node_id": node_id, "sku": sku, "on_hand": units}
        for (node_id, sku), units in world.stock.items()
    ]
    for commands in (labor, stock):
        # The first to name a window registers it for all that follow.
        engine.act(*commands[:1])
        engine.act_all(commands[1:])


def place_payload(world: World, *, batch: int) -> tuple[list[str], bytes]:
    """All asks as one payload of placements with reservation ids of their own."""
    ids = [numbered_uuid(0xA0 + batch, number) for number in range(len(world.asks))]
    asks = [
        {
            "ticket": number,
            "ask": ask,
            "reservation_id": reservation_id,
            "request_id": reservation_id,
            "hold_ttl_ms": 3_600_000,
            "priority": 0,
        }
        for number, (reservation_id, ask) in enumerate(zip(ids, world.asks, strict=True))
    ]
    return ids, encode(asks)
