"""The loader: what it takes, and how it names what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bopis.scenario.loader import NODE_COLUMNS, data_directory, load_scenario
from bopis.scenario.rows import ScenarioError

FILES = {
    "nodes.csv": [
        ",".join(NODE_COLUMNS),
        "S1,STORE,One,,,,40.0,-75.0,America/New_York,540,1260,30",
        "W1,WAREHOUSE,Two,,,,41.0,-76.0,America/New_York,0,1440,300",
    ],
    "skus.csv": ["sku,description,unit_price,weight_g", "A,,2.55,", "B,Bee,3,120"],
    "on_hand.csv": ["node_id,sku,quantity", "S1,A,5"],
    "orders.csv": [
        "order_id,method,placed_at,latitude,longitude,postal_code,region,ready_within_minutes",
        "o1,PICKUP,2026-03-03T15:00:00Z,40.01,-75.01,,,",
        "o2,SHIP,2026-03-03T23:59:00-04:00,40.01,-75.01,19104,PA,90",
    ],
    "lines.csv": [
        "order_id,line_number,sku,quantity,unit_price",
        "o1,1,A,2,2.50",
        "o1,2,unheard-of,1,9.99",
        "o2,1,B,1,",
    ],
}


def write(directory: Path, **replaced: list[str]) -> Path:
    for name, rows in FILES.items():
        text = "\n".join(replaced.get(name.removesuffix(".csv"), rows)) + "\n"
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def test_empty_texts_missing_rows_and_unknown_skus_are_taken(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path))
    assert [node.node_id for node in scenario.nodes] == ["S1", "W1"]
    assert scenario.nodes[0].offers_pickup
    assert not scenario.nodes[1].offers_pickup
    assert scenario.skus[0].unit_price_micro == 2_550_000
    assert scenario.skus[0].weight_g is None
    assert scenario.on_hand == {("S1", "A"): 5}
    first, second = scenario.orders
    assert first.ready_within_minutes is None
    assert [line.sku for line in first.lines] == ["A", "unheard-of"]
    assert first.lines[0].unit_price_micro == 2_500_000
    assert second.placed_at == datetime(2026, 3, 4, 3, 59, tzinfo=UTC)
    assert second.ready_within_minutes == 90
    assert second.lines[0].unit_price_micro == 3_000_000, "the catalog's price where none is given"


NODE = "S1,STORE,One,,,,40.0,-75.0,America/New_York,540,1260,30"
ORDER = "o1,PICKUP,2026-03-03T15:00:00Z,40.01,-75.01,,,"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("nodes", NODE, NODE.replace("STORE", "SHOP"), r"nodes.csv:2: kind 'SHOP' is none of"),
        ("nodes", NODE, NODE.replace("40.0", "nan"), r"nodes.csv:2: latitude nan is not within"),
        ("nodes", NODE, NODE.replace("America", "Mars"), r"nodes.csv:2: time_zone .* is no IANA"),
        ("nodes", NODE, NODE.replace("1260", "540"), r"nodes.csv:2: close_minute 540 is not after"),
        ("nodes", NODE, NODE.replace(",30", ",0"), r"nodes.csv:2: pick_lines_per_hour 0"),
        ("nodes", NODE, NODE[:-3], r"nodes.csv:2: 12 fields expected"),
        ("nodes", "W1,", "S1,", r"nodes.csv:3: node_id 'S1' comes twice"),
        ("skus", "A,,2.55,", "A,,dear,", r"skus.csv:2: unit_price 'dear' is no amount"),
        ("skus", "A,,2.55,", " A,,2.55,", r"skus.csv:2: sku ' A' is no id"),
        ("skus", "weight_g", "weight", r"skus.csv:1: no column weight_g"),
        ("on_hand", "S1,A,5", "S9,A,5", r"on_hand.csv:2: node_id 'S9' is not in nodes.csv"),
        ("on_hand", "S1,A,5", "S1,C,5", r"on_hand.csv:2: sku 'C' is not in skus.csv"),
        ("on_hand", "S1,A,5", "S1,A,-5", r"on_hand.csv:2: quantity -5 is not within"),
        ("orders", ORDER, ORDER.replace("T15:00:00Z", "T15:00:00"), r"orders.csv:2: .* no offset"),
        ("orders", ORDER, ORDER.replace("2026-", "0001-"), r"orders.csv:\d: placed_at .* between"),
        ("orders", ORDER, ORDER.replace("-03T", "-09T"), r"orders.csv:3: placed_at .* before"),
        ("orders", "o2,SHIP", "o1,SHIP", r"orders.csv:3: order_id 'o1' comes twice"),
        ("orders", "o2,SHIP", "o3,SHIP", r"orders.csv:3: order_id 'o3' has no line"),
        ("lines", "o2,1,B", "o9,1,B", r"orders.csv:3: order_id 'o2' has no line"),
        ("lines", "o1,2,", "o1,1,", r"lines.csv:3: line_number 1 comes twice"),
        ("lines", "o1,1,A,2", "o1,1,A,0", r"lines.csv:2: quantity 0 is not within"),
    ],
)
def test_a_broken_row_is_refused_with_its_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    rows = [row.replace(old, new) for row in FILES[f"{file}.csv"]]
    assert rows != FILES[f"{file}.csv"], "the case changes something"
    with pytest.raises(ScenarioError, match=message):
        load_scenario(write(tmp_path, **{file: rows}))


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="nowhere: no such folder"):
        load_scenario(tmp_path / "nowhere")
    (write(tmp_path) / "lines.csv").unlink()
    with pytest.raises(ScenarioError, match=r"lines\.csv: No such file"):
        load_scenario(tmp_path)


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("olist_day", (60, 210, 870, 7335, 7431)),
        ("us_retail_nordstrom", (123, 2262, 144140, 2763, 24521)),
    ],
)
def test_the_real_scenarios_load_whole(name: str, counts: tuple[int, ...]) -> None:
    directory = data_directory() / "scenarios" / name
    if not directory.is_dir():
        pytest.skip(f"no scenario folder at {directory} (set BOPIS_DATA)")
    scenario = load_scenario(directory)
    lines = sum(len(order.lines) for order in scenario.orders)
    assert counts == (
        len(scenario.nodes),
        len(scenario.skus),
        len(scenario.on_hand),
        len(scenario.orders),
        lines,
    )
