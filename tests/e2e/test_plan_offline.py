"""`bopis reallocate --offline`: tables in, a plan out, checked from the tables alone."""

import csv
import json
import signal
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from bopis.testing.client import eventually
from tests.unit.scenario.test_tables import as_parquet

NAMES = ("nodes", "skus", "on_hand", "orders", "lines")


def bopis(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bopis.cli", *words],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offline") / "scenario"
    done = bopis("generate", str(folder), "--nodes", "8", "--orders", "60", "--skus", "40")
    assert done.returncode == 0, done.stderr
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".csv":
        return list(csv.DictReader(path.open(encoding="utf-8")))
    found = duckdb.execute("SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?)", [str(path)])
    names = [one[0] for one in found.description or ()]
    return [
        {name: value or "" for name, value in zip(names, row, strict=True)}
        for row in found.fetchall()
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_plan_of_tables_takes_no_more_than_there_is_and_is_proven(
    scenario: Path, tmp_path: Path, kind: str
) -> None:
    folder = scenario if kind == "csv" else as_parquet(scenario, tmp_path / "parquet", *NAMES)
    out, proof = tmp_path / f"plan.{kind}", tmp_path / "proof"
    done = bopis(
        *("reallocate", "--offline", str(folder), "--time-limit", "2", "--json"),
        *("--out", str(out), "--certificate", str(proof)),
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["orders"] == 60
    assert figures["bound"] <= figures["cost_after"]
    planned = rows(out)
    asked = {(one["order_id"], one["line_number"]): one for one in rows(scenario / "lines.csv")}
    assert {(one["order_id"], one["line_number"]) for one in planned} == set(asked)
    on_hand = {(o["node_id"], o["sku"]): int(o["quantity"]) for o in rows(scenario / "on_hand.csv")}
    taken: Counter[tuple[str, str]] = Counter()
    for one in planned:
        assert bool(one["node_id"]) != bool(one["unfilled_reason"])
        if one["node_id"]:
            taken[one["node_id"], one["sku"]] += int(one["quantity"])
    assert all(units <= on_hand.get(cell, 0) for cell, units in taken.items())
    assert sum(1 for one in planned if not one["node_id"]) == figures["unfilled_lines"]
    costs = {one["order_id"]: float(one["order_cost"]) for one in planned if one["order_cost"]}
    if len(costs) == 60:
        assert sum(costs.values()) == pytest.approx(figures["cost_after"])
    proven = bopis("certificate", str(proof))
    assert proven.returncode == 0, proven.stdout


def test_ctrl_c_ends_with_130_and_says_that_nothing_was_written(
    scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plan.csv"
    words = ("reallocate", "--offline", str(scenario), "--time-limit", "600", "--json")
    running = subprocess.Popen(
        [sys.executable, "-m", "bopis.cli", *words, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    [solver] = eventually(lambda: children.read_text().split() or None)
    running.send_signal(signal.SIGINT)
    told, complaint = running.communicate(timeout=60)
    assert (running.returncode, told) == (130, "")
    assert complaint.strip() == "bopis: interrupted: nothing was written"
    assert list(tmp_path.iterdir()) == []
    assert eventually(lambda: not Path(f"/proc/{solver}").exists() or None)


def test_the_labor_of_a_table_binds(scenario: Path, tmp_path: Path) -> None:
    folder = as_parquet(scenario, tmp_path / "tables")
    nodes = [one["node_id"] for one in rows(scenario / "nodes.csv")]
    # Nobody works but at one node, and there for as long as ten lines take in one hour.
    first = rows(scenario / "orders.csv")[-1]["placed_at"][:10]
    rate = int(rows(scenario / "nodes.csv")[0]["pick_lines_per_hour"])
    seconds = 10 * 3_600 // rate
    (folder / "labor.csv").write_text(
        f"node_id,window_start,seconds\n{nodes[0]},{first}T23:00:00Z,{seconds}\n"
    )
    out = tmp_path / "plan.csv"
    done = bopis(
        "reallocate", "--offline", str(folder), "--time-limit", "1", "--json", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    working = [one for one in rows(out) if one["node_id"]]
    assert len(working) <= 10
    assert {(one["node_id"], one["window_start"]) for one in working} <= {
        (nodes[0], f"{first}T23:00:00Z")
    }


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("on_hand", "node_id,sku,quantity\nnowhere,x,1\n", "on_hand.csv:2: node_id 'nowhere'"),
        ("orders", "order_id\n", "orders.csv:1: no column method"),
        ("labor", "node_id,window_start,seconds\nx,y,z\n", "labor.csv:2: node_id 'x'"),
    ],
)
def test_a_wrong_table_is_named_with_its_line_and_column(
    scenario: Path, tmp_path: Path, table: str, text: str, said: str
) -> None:
    folder = as_parquet(scenario, tmp_path / "tables")
    (folder / f"{table}.csv").write_text(text)
    done = bopis("reallocate", "--offline", str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


NODES = """node_id,kind,name,city,region,postal_code,latitude,longitude,time_zone,\
open_minute,close_minute,pick_lines_per_hour
east,WAREHOUSE,East,E,NY,10001,40.0,-74.0,America/New_York,0,1440,100
west,WAREHOUSE,West,W,NY,10002,40.0,-74.2,America/New_York,0,1440,100
"""
ORDERS = """order_id,method,placed_at,latitude,longitude,postal_code,region,ready_within_minutes
two-nodes,SHIP,2026-03-03T15:00:00Z,40.0,-74.1,10001,NY,
recalled,SHIP,2026-03-03T15:00:00Z,40.0,-74.1,10001,NY,
gone,SHIP,2026-03-03T15:00:00Z,40.0,-74.1,10001,NY,
"""
LINES = """order_id,line_number,sku,quantity,unit_price
two-nodes,1,a,1,900
two-nodes,2,b,1,80
recalled,1,c,1,90
gone,1,d,1,90
"""


def test_a_line_that_a_rule_leaves_names_the_rule_also_where_its_order_has_no_plan(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    skus = "sku,description,unit_price,weight_g\n" + "".join(f"{s},{s},90,100\n" for s in "abcd")
    stock = "node_id,sku,quantity\neast,a,5\nwest,b,5\neast,c,5\n"
    tables = {"nodes": NODES, "skus": skus, "on_hand": stock, "orders": ORDERS, "lines": LINES}
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    policy, out = tmp_path / "policy.toml", tmp_path / "plan.csv"
    rules = """
[rules]
nodes_per_order_max = 1

[[rules.items]]
name = "recalled by the maker"
sku = "c"
never_at = "all"
"""
    shipped = Path("bopis/policy/default.toml").read_text(encoding="utf-8")
    policy.write_text(shipped + rules)
    done = bopis(
        *("reallocate", "--offline", str(folder), "--policy", str(policy)),
        *("--time-limit", "1", "--json", "--out", str(out)),
    )
    assert done.returncode == 0, done.stderr
    left = {
        (one["order_id"], one["line_number"]): one["unfilled_reason"]
        for one in rows(out)
        if not one["node_id"]
    }
    assert left == {
        ("two-nodes", "2"): "RULE (nodes_per_order_max)",
        ("recalled", "1"): "RULE (recalled by the maker)",
        ("gone", "1"): "NO_STOCK",
    }


def test_limits_of_days_and_floors_bind_all_orders_of_a_plan_together(
    scenario: Path, tmp_path: Path
) -> None:
    policy, out, proof = tmp_path / "policy.toml", tmp_path / "plan.csv", tmp_path / "proof"
    rules = """
[[rules.nodes]]
name = "few parcels"
group = "all"
ship_floor = 2
parcels_per_day_max = 3
parcel_cutoff_hour = 15
"""
    shipped = Path("bopis/policy/default.toml").read_text(encoding="utf-8")
    policy.write_text(shipped + rules)
    done = bopis(
        *("reallocate", "--offline", str(scenario), "--policy", str(policy), "--json"),
        *("--time-limit", "2", "--out", str(out), "--certificate", str(proof)),
    )
    assert done.returncode == 0, done.stderr
    zones = {one["node_id"]: ZoneInfo(one["time_zone"]) for one in rows(scenario / "nodes.csv")}
    on_hand = {(o["node_id"], o["sku"]): int(o["quantity"]) for o in rows(scenario / "on_hand.csv")}
    parcels: set[tuple[str, str, str]] = set()
    sent: Counter[tuple[str, str]] = Counter()
    for one in rows(out):
        if one["method"] == "SHIP" and one["node_id"]:
            parcels.add((one["node_id"], one["order_id"], one["ready_by"]))
            sent[one["node_id"], one["sku"]] += int(one["quantity"])
    days: Counter[tuple[str, date]] = Counter()
    for node_id, _, ready_by in parcels:
        ready = datetime.fromisoformat(ready_by).astimezone(zones[node_id])
        # What is ready at the stroke of 15 still goes on that day.
        days[node_id, (ready - timedelta(microseconds=1) + timedelta(hours=9)).date()] += 1
    assert max(days.values()) == 3, "the limit binds, and holds"
    assert all(units <= on_hand[cell] - 2 for cell, units in sent.items())
    proven = bopis("certificate", str(proof))
    assert proven.returncode == 0, proven.stdout
