"""`bopis reallocate --offline`: tables in, a plan out, checked from the tables alone."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

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
