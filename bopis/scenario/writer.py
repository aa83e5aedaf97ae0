"""Writes a scenario in the format that the loader reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from bopis.scenario.loader import (
    LINE_COLUMNS,
    NODE_COLUMNS,
    ON_HAND_COLUMNS,
    ORDER_COLUMNS,
    SKU_COLUMNS,
)
from bopis.scenario.model import Scenario
from bopis.scenario.rows import MICROS


def write_scenario(scenario: Scenario, directory: Path) -> None:
    """Writes the five files into `directory`, which is made if missing. The same scenario gives
    the same bytes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _write(
        directory / "nodes.csv",
        NODE_COLUMNS,
        ([getattr(node, column) for column in NODE_COLUMNS] for node in scenario.nodes),
    )
    _write(
        directory / "skus.csv",
        SKU_COLUMNS,
        (
            [sku.sku, sku.description, _money(sku.unit_price_micro), _optional(sku.weight_g)]
            for sku in scenario.skus
        ),
    )
    _write(
        directory / "on_hand.csv",
        ON_HAND_COLUMNS,
        (
            [node_id, sku, quantity]
            for (node_id, sku), quantity in scenario.on_hand.items()
            if quantity
        ),
    )
    _write(directory / "orders.csv", ORDER_COLUMNS, _order_rows(scenario))
    _write(
        directory / "lines.csv",
        LINE_COLUMNS,
        (
            [
                order.order_id,
                line.line_number,
                line.sku,
                line.quantity,
                _money(line.unit_price_micro),
            ]
            for order in scenario.orders
            for line in order.lines
        ),
    )


def _order_rows(scenario: Scenario) -> Iterable[list[object]]:
    for order in scenario.orders:
        yield [
            order.order_id,
            order.method,
            order.placed_at.isoformat().replace("+00:00", "Z"),
            order.latitude,
            order.longitude,
            order.postal_code,
            order.region,
            _optional(order.ready_within_minutes),
        ]


def _write(path: Path, columns: list[str], rows: Iterable[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _optional(value: int | None) -> object:
    return "" if value is None else value


def _money(micros: int) -> str:
    whole, rest = divmod(micros, MICROS)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
