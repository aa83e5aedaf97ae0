"""Reads a scenario folder: nodes.csv, skus.csv, on_hand.csv, orders.csv, lines.csv, and labor.csv
where it is there. Each of them may be Parquet instead (nodes.parquet).

Columns are found by name, in any order; further columns are ignored. Texts may be empty, a missing
stock row means zero, orders may ask for SKUs that the catalog does not have. Whatever breaks the
format raises ScenarioError, which names the file and the line.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bopis.scenario.model import Method, Node, NodeKind, Scenario, ScenarioLine, ScenarioOrder, Sku
from bopis.scenario.rows import Row, ScenarioError, read_rows
from bopis.scenario.tables import TableError, table_file

DATA_VARIABLE = "BOPIS_DATA"
DEFAULT_DATA = Path("../shared/data")
ORDER_LINES_MAX = 500
QUANTITY_MAX = 1_000_000
ON_HAND_MAX = 1_000_000_000

HOUR_S = 3_600
LABOR_MAX = 1_000_000_000
LABOR_COLUMNS = ["node_id", "window_start", "seconds"]
NODE_COLUMNS = [
    "node_id",
    "kind",
    "name",
    "city",
    "region",
    "postal_code",
    "latitude",
    "longitude",
    "time_zone",
    "open_minute",
    "close_minute",
    "pick_lines_per_hour",
]
SKU_COLUMNS = ["sku", "description", "unit_price", "weight_g"]
ON_HAND_COLUMNS = ["node_id", "sku", "quantity"]
ORDER_COLUMNS = [
    "order_id",
    "method",
    "placed_at",
    "latitude",
    "longitude",
    "postal_code",
    "region",
    "ready_within_minutes",
]
LINE_COLUMNS = ["order_id", "line_number", "sku", "quantity", "unit_price"]


def data_directory() -> Path:
    """The folder of shared data: $BOPIS_DATA, else ../shared/data."""
    return Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA)


def load_scenario(directory: Path) -> Scenario:
    """Reads and checks the scenario in `directory`. Raises ScenarioError."""
    if not directory.is_dir():
        raise ScenarioError(f"{directory}: no such folder")
    nodes = _load_nodes(_file(directory, "nodes"))
    skus = _load_skus(_file(directory, "skus"))
    on_hand = _load_on_hand(_file(directory, "on_hand"), nodes, skus)
    lines = _load_lines(_file(directory, "lines"), skus)
    orders = _load_orders(_file(directory, "orders"), lines)
    return Scenario(
        name=directory.name,
        nodes=tuple(nodes.values()),
        skus=tuple(skus.values()),
        on_hand=on_hand,
        orders=tuple(orders.values()),
    )


def _file(directory: Path, name: str) -> Path:
    try:
        return table_file(directory, name)
    except TableError as error:
        raise ScenarioError(str(error)) from None


def load_labor(directory: Path, nodes: Collection[str]) -> dict[tuple[str, int], int] | None:
    """Seconds of labor by node and hour (Unix seconds of its start), as the table `labor` gives
    them; None: there is no such table. Raises ScenarioError.
    """
    path = _file(directory, "labor")
    if not path.exists():
        return None
    labor: dict[tuple[str, int], int] = {}
    for row in read_rows(path, LABOR_COLUMNS):
        node_id = row.identifier("node_id")
        if node_id not in nodes:
            raise row.error(f"node_id {node_id!r} is not among the nodes")
        start_s = int(row.instant("window_start").timestamp())
        if start_s % HOUR_S:
            raise row.error(f"window_start {row.text('window_start')!r} is no full hour")
        if (node_id, start_s) in labor:
            raise row.error(f"window_start comes twice at node {node_id!r}")
        labor[node_id, start_s] = row.integer("seconds", least=0, most=LABOR_MAX)
    return labor


def _load_nodes(path: Path) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for row in read_rows(path, NODE_COLUMNS):
        node_id = row.identifier("node_id")
        if node_id in nodes:
            raise row.error(f"node_id {node_id!r} comes twice")
        nodes[node_id] = _node(row, node_id)
    if not nodes:
        raise ScenarioError(f"{path}:1: no node")
    return nodes


def _node(row: Row, node_id: str) -> Node:
    kind = row.text("kind")
    if kind not in NodeKind.__members__:
        raise row.error(f"kind {kind!r} is none of {', '.join(NodeKind)}")
    time_zone = row.text("time_zone")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise row.error(f"time_zone {time_zone!r} is no IANA time zone") from None
    open_minute = row.integer("open_minute", least=0, most=1439)
    close_minute = row.integer("close_minute", least=1, most=1440)
    if close_minute <= open_minute:
        raise row.error(f"close_minute {close_minute} is not after open_minute {open_minute}")
    return Node(
        node_id=node_id,
        kind=NodeKind(kind),
        name=row.text("name"),
        city=row.text("city"),
        region=row.text("region"),
        postal_code=row.text("postal_code"),
        latitude=row.degrees("latitude", limit=90.0),
        longitude=row.degrees("longitude", limit=180.0),
        time_zone=time_zone,
        open_minute=open_minute,
        close_minute=close_minute,
        pick_lines_per_hour=row.integer("pick_lines_per_hour", least=1, most=1_000_000),
    )


def _load_skus(path: Path) -> dict[str, Sku]:
    skus: dict[str, Sku] = {}
    for row in read_rows(path, SKU_COLUMNS):
        sku = row.identifier("sku")
        if sku in skus:
            raise row.error(f"sku {sku!r} comes twice")
        skus[sku] = Sku(
            sku=sku,
            description=row.text("description"),
            unit_price_micro=row.money("unit_price"),
            weight_g=row.optional_integer("weight_g", least=0, most=100_000_000),
        )
    return skus


def _load_on_hand(
    path: Path, nodes: Mapping[str, Node], skus: Mapping[str, Sku]
) -> dict[tuple[str, str], int]:
    on_hand: dict[tuple[str, str], int] = {}
    for row in read_rows(path, ON_HAND_COLUMNS):
        cell = (row.values["node_id"], row.values["sku"])
        if cell[0] not in nodes:
            raise row.error(f"node_id {cell[0]!r} is not in nodes.csv")
        if cell[1] not in skus:
            raise row.error(f"sku {cell[1]!r} is not in skus.csv")
        if cell in on_hand:
            raise row.error(f"sku {cell[1]!r} comes twice at node {cell[0]!r}")
        on_hand[cell] = row.integer("quantity", least=0, most=ON_HAND_MAX)
    return on_hand


def _load_lines(path: Path, skus: Mapping[str, Sku]) -> dict[str, list[tuple[Row, ScenarioLine]]]:
    lines: dict[str, list[tuple[Row, ScenarioLine]]] = {}
    for row in read_rows(path, LINE_COLUMNS):
        sku = row.identifier("sku")
        known = skus.get(sku)
        priced = bool(row.text("unit_price"))
        line = ScenarioLine(
            line_number=row.integer("line_number", least=1, most=ORDER_LINES_MAX),
            sku=sku,
            quantity=row.integer("quantity", least=1, most=QUANTITY_MAX),
            unit_price_micro=row.money("unit_price")
            if priced
            else (known.unit_price_micro if known else 0),
        )
        lines.setdefault(row.identifier("order_id"), []).append((row, line))
    return lines


def _load_orders(
    path: Path, lines: dict[str, list[tuple[Row, ScenarioLine]]]
) -> dict[str, ScenarioOrder]:
    orders: dict[str, ScenarioOrder] = {}
    latest = None
    for row in read_rows(path, ORDER_COLUMNS):
        order_id = row.identifier("order_id")
        if order_id in orders:
            raise row.error(f"order_id {order_id!r} comes twice")
        order = _order(row, order_id, lines.pop(order_id, []))
        if latest is not None and order.placed_at < latest:
            raise row.error(f"placed_at {row.text('placed_at')} lies before the order above it")
        latest = order.placed_at
        orders[order_id] = order
    for order_id, strays in lines.items():
        raise strays[0][0].error(f"order_id {order_id!r} is not in orders.csv")
    return orders


def _order(row: Row, order_id: str, lines: list[tuple[Row, ScenarioLine]]) -> ScenarioOrder:
    method = row.text("method")
    if method not in Method.__members__:
        raise row.error(f"method {method!r} is none of {', '.join(Method)}")
    if not lines:
        raise row.error(f"order_id {order_id!r} has no line in lines.csv")
    numbers: set[int] = set()
    for line_row, line in lines:
        if line.line_number in numbers:
            raise line_row.error(f"line_number {line.line_number} comes twice in the order")
        numbers.add(line.line_number)
    return ScenarioOrder(
        order_id=order_id,
        method=Method(method),
        placed_at=row.instant("placed_at"),
        latitude=row.degrees("latitude", limit=90.0),
        longitude=row.degrees("longitude", limit=180.0),
        postal_code=row.text("postal_code"),
        region=row.text("region"),
        ready_within_minutes=row.optional_integer("ready_within_minutes", least=1, most=43_200),
        lines=tuple(line for _, line in lines),
    )
