"""A seeded generator of scenarios for whoever has only the clone.

Geography: the committed table zip3.csv (the most populous three-digit ZIP areas of the 2010 census
with their centers). Markets are areas drawn by population, nodes are placed in them; most customers
live near a store, some anywhere. SKU popularity follows Zipf's law, prices are log-normal, baskets
hold 1 to 20 lines, orders arrive along a day's curve in the customer's local time, stock follows
popularity. The same parameters give the same scenario in every process.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

from bopis.scenario.model import (
    Method,
    Node,
    NodeKind,
    Scenario,
    ScenarioLine,
    ScenarioOrder,
    Sku,
)

# Share of a day's orders in each local hour from midnight: quiet nights, lunch and evening peaks.
ARRIVAL_CURVE = (1, 0, 0, 0, 0, 1, 2, 4, 7, 9, 11, 12, 13, 11, 10, 9, 9, 10, 11, 11, 9, 6, 4, 2)
ZIPF_EXPONENT = 0.9
PRICE_MEDIAN = 12.0
PRICE_SIGMA = 0.8
WEIGHT_MEDIAN_G = 450.0
WEIGHT_SIGMA = 0.7
WEIGHT_KNOWN_SHARE = 0.9
BASKET_LINES_MAX = 20
BASKET_STOP = 0.24
PICKUP_SHARE = 0.7
READY_WITHIN_SHARE = 0.25
READY_WITHIN_MINUTES = (120, 180, 240, 360, 480)
NODES_PER_MARKET = 4
NEAR_STORE_SHARE = 0.85
NEAR_STORE_KM = 9.0
AREA_KM = 25.0
KM_PER_DEGREE = 111.2
STORE_HOURS = ((480, 1260), (540, 1260), (540, 1320), (600, 1260))
WAREHOUSE_PICK_RATE = (240, 480)
STORE_PICK_RATE = (18, 60)
# Units in the network per unit of a day's expected demand, and who carries what.
STOCK_COVER = 3.0
ASSORTMENT_SHARE = (0.35, 0.9)
WAREHOUSE_ASSORTMENT_SHARE = 0.9
UNITS_LEAST = (2, 9)


@dataclass(frozen=True, slots=True)
class GeneratorParameters:
    """Size of a scenario. All counts at least 1; `nodes` at least 2."""

    nodes: int = 24
    skus: int = 400
    orders: int = 300
    seed: int = 1
    day: date = date(2026, 3, 3)


@dataclass(frozen=True, slots=True)
class _Area:
    zip3: str
    city: str
    state: str
    latitude: float
    longitude: float
    population: int
    time_zone: str


def generate_scenario(parameters: GeneratorParameters) -> Scenario:
    """Makes the scenario of these parameters. Raises ValueError for a size out of range."""
    if parameters.nodes < 2 or parameters.skus < 1 or parameters.orders < 1:
        raise ValueError("a scenario has at least 2 nodes, 1 SKU and 1 order")
    dice = random.Random(f"bopis/{parameters.seed}")
    areas = _areas()
    nodes = _nodes(dice, areas, count=parameters.nodes)
    skus = _skus(dice, count=parameters.skus)
    popularity = [1.0 / (rank + 1) ** ZIPF_EXPONENT for rank in range(parameters.skus)]
    orders = _orders(dice, parameters, areas=areas, nodes=nodes, skus=skus, popularity=popularity)
    on_hand = _on_hand(dice, nodes=nodes, skus=skus, popularity=popularity, orders=orders)
    return Scenario(
        name=f"generated-{parameters.orders}-{parameters.seed}",
        nodes=tuple(nodes),
        skus=tuple(skus),
        on_hand=on_hand,
        orders=tuple(orders),
    )


def _areas() -> list[_Area]:
    text = resources.files("bopis.scenario").joinpath("zip3.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return [
        _Area(
            zip3=row["zip3"],
            city=row["city"],
            state=row["state"],
            latitude=float(row["latitude"]),
            longitude=float(row["longitude"]),
            population=int(row["population"]),
            time_zone=row["time_zone"],
        )
        for row in rows
    ]


def _near(dice: random.Random, latitude: float, longitude: float, km: float) -> tuple[float, float]:
    """A point around a center, `km` one standard deviation in each direction."""
    north, east = dice.gauss(0.0, km), dice.gauss(0.0, km)
    scale = KM_PER_DEGREE * math.cos(math.radians(latitude))
    return round(latitude + north / KM_PER_DEGREE, 5), round(longitude + east / scale, 5)


def _nodes(dice: random.Random, areas: list[_Area], *, count: int) -> list[Node]:
    """Warehouses are one in ten (at least one), dark stores one in eight, the rest stores."""
    warehouses = max(1, count // 10)
    markets: dict[_Area, None] = {}
    while len(markets) < min(len(areas), max(1, round(count / NODES_PER_MARKET))):
        markets[dice.choices(areas, [area.population for area in areas])[0]] = None
    weights = [area.population for area in markets]
    nodes = []
    for index in range(count):
        area = dice.choices(list(markets), weights)[0]
        latitude, longitude = _near(dice, area.latitude, area.longitude, AREA_KM / 2)
        warehouse = index < warehouses
        dark = not warehouse and index % 8 == 7
        kind = NodeKind.WAREHOUSE if warehouse else NodeKind.STORE
        kind = NodeKind.DARK_STORE if dark else kind
        opens, closes = (0, 1440) if warehouse else dice.choice(STORE_HOURS)
        rate = dice.randint(*(WAREHOUSE_PICK_RATE if warehouse else STORE_PICK_RATE))
        nodes.append(
            Node(
                node_id=f"{'W' if warehouse else 'D' if dark else 'S'}{index:04d}",
                kind=kind,
                name=f"{area.city} {kind.replace('_', ' ').lower()} {index}",
                city=area.city,
                region=area.state,
                postal_code=f"{area.zip3}01",
                latitude=latitude,
                longitude=longitude,
                time_zone=area.time_zone,
                open_minute=opens,
                close_minute=closes,
                pick_lines_per_hour=rate,
            )
        )
    return nodes


def _skus(dice: random.Random, *, count: int) -> list[Sku]:
    skus = []
    for index in range(count):
        price = dice.lognormvariate(math.log(PRICE_MEDIAN), PRICE_SIGMA)
        weight = round(dice.lognormvariate(math.log(WEIGHT_MEDIAN_G), WEIGHT_SIGMA))
        skus.append(
            Sku(
                sku=f"SKU{index:05d}",
                description=f"Article {index}",
                unit_price_micro=max(1, round(price * 100)) * 10_000,
                weight_g=max(1, weight) if dice.random() < WEIGHT_KNOWN_SHARE else None,
            )
        )
    return skus


def _orders(
    dice: random.Random,
    parameters: GeneratorParameters,
    *,
    areas: list[_Area],
    nodes: list[Node],
    skus: list[Sku],
    popularity: list[float],
) -> list[ScenarioOrder]:
    stores = [node for node in nodes if node.offers_pickup]
    weights = [area.population for area in areas]
    cumulated = list(itertools.accumulate(popularity))
    drafts = []
    for _ in range(parameters.orders):
        if stores and dice.random() < NEAR_STORE_SHARE:
            store = dice.choice(stores)
            latitude, longitude = _near(dice, store.latitude, store.longitude, NEAR_STORE_KM)
            home = (latitude, longitude, store.postal_code, store.region, store.time_zone)
        else:
            area = dice.choices(areas, weights)[0]
            latitude, longitude = _near(dice, area.latitude, area.longitude, AREA_KM)
            home = (latitude, longitude, f"{area.zip3}02", area.state, area.time_zone)
        placed_at = _arrival(dice, parameters.day, home[4])
        drafts.append((placed_at, home, _basket(dice, skus, cumulated)))
    drafts.sort(key=lambda draft: draft[0])
    orders = []
    for index, (placed_at, home, lines) in enumerate(drafts):
        method = Method.PICKUP if dice.random() < PICKUP_SHARE else Method.SHIP
        asked = dice.random() < READY_WITHIN_SHARE
        orders.append(
            ScenarioOrder(
                order_id=f"G{parameters.seed}-{index:06d}",
                method=method,
                placed_at=placed_at,
                latitude=home[0],
                longitude=home[1],
                postal_code=home[2],
                region=home[3],
                ready_within_minutes=dice.choice(READY_WITHIN_MINUTES) if asked else None,
                lines=lines,
            )
        )
    return orders


def _arrival(dice: random.Random, day: date, time_zone: str) -> datetime:
    hour = dice.choices(range(24), ARRIVAL_CURVE)[0]
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    return midnight + timedelta(seconds=hour * 3600 + dice.randrange(3600))


def _basket(
    dice: random.Random, skus: list[Sku], cumulated: list[float]
) -> tuple[ScenarioLine, ...]:
    size = 1
    while size < min(BASKET_LINES_MAX, len(skus)) and dice.random() > BASKET_STOP:
        size += 1
    chosen: dict[int, None] = {}
    while len(chosen) < size:
        chosen[dice.choices(range(len(skus)), cum_weights=cumulated)[0]] = None
    return tuple(
        ScenarioLine(
            line_number=number,
            sku=skus[index].sku,
            quantity=dice.choices((1, 2, 3, 4), (70, 18, 8, 4))[0],
            unit_price_micro=skus[index].unit_price_micro,
        )
        for number, index in enumerate(chosen, start=1)
    )


def _on_hand(
    dice: random.Random,
    *,
    nodes: list[Node],
    skus: list[Sku],
    popularity: list[float],
    orders: list[ScenarioOrder],
) -> dict[tuple[str, str], int]:
    """Warehouses carry nearly every SKU, stores the popular ones more often; what a node carries it
    has in STOCK_COVER times its share of the expected demand, and never less than a few units.
    """
    demand = sum(line.quantity for order in orders for line in order.lines)
    on_hand: dict[tuple[str, str], int] = {}
    for rank, (sku, weight) in enumerate(zip(skus, popularity, strict=True)):
        mean = STOCK_COVER * demand * weight / sum(popularity) / len(nodes)
        least_share, most_share = ASSORTMENT_SHARE
        share = most_share - (most_share - least_share) * rank / len(skus)
        for node in nodes:
            warehouse = node.kind is NodeKind.WAREHOUSE
            if dice.random() < (WAREHOUSE_ASSORTMENT_SHARE if warehouse else share):
                units = math.floor(mean * dice.uniform(0.4, 1.6))
                on_hand[node.node_id, sku.sku] = max(units, dice.randint(*UNITS_LEAST))
    return dict(sorted(on_hand.items()))
