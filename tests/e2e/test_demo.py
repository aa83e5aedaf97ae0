"""A short demo end to end: `bopis demo --json` in a process of its own, its figures checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN_WITHIN_S = 240


def play(folder: Path, *options: str) -> dict[str, Any]:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "bopis.cli", "demo", "--json"),
            *("--keep", str(folder)),
            *options,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=RUN_WITHIN_S,
        check=False,
    )
    assert run.stdout, run.stderr
    figures: dict[str, Any] = json.loads(run.stdout)
    assert run.returncode == 0, (figures["problems"], run.stderr)
    return figures


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo") / "run"
    return play(folder, "--orders", "100", "--speed", "5000")


pytestmark = [pytest.mark.slow, pytest.mark.needs_services]


def test_every_order_ends_and_is_counted_once(result: dict[str, Any]) -> None:
    ends = ("handed_over", "shipped", "cancelled", "expired", "unfilled")
    assert sum(result[end] for end in ends) == result["orders"] == 100
    assert result["stuck"] == 0
    assert result["unfilled_without_reason"] == 0
    assert min(result["handed_over"], result["shipped"], result["expired"]) > 0


def test_nothing_is_oversold_and_the_journal_replays(result: dict[str, Any]) -> None:
    assert result["oversold_units"] == 0
    assert result["replay_equal"] is True
    assert result["duplicate_sales_recorded"] == 0


def test_the_ledger_agrees_with_the_shelves_at_the_end(result: dict[str, Any]) -> None:
    assert result["ledger_drift_units"] == 0
    assert result["ledger_promised_units"] == 0


def test_no_rule_is_broken_on_either_side(result: dict[str, Any]) -> None:
    assert result["rule_violations"] == 0
    assert result["rule_violations_nearest_first"] == 0
    assert result["promise_differences"] == 0


@pytest.mark.parametrize(
    "count",
    ["cancels", "no_shows", "till_sales", "duplicate_sales", "restocked", "stream_reconnects"],
)
def test_every_disturbance_happened(result: dict[str, Any], count: str) -> None:
    assert result[count] > 0


def test_so_few_orders_cost_about_what_nearest_first_costs_or_less(result: dict[str, Any]) -> None:
    assert 0 < result["cost"] < 1.1 * result["cost_nearest_first"]
    assert result["fill_rate"] >= result["fill_rate_nearest_first"] - 0.01
    assert result["promise_kept"] > 0.9


def test_the_object_holds_every_figure_that_is_asked_of_it(result: dict[str, Any]) -> None:
    compared = ("split_rate", "nodes_per_order", "cost", "fill_rate", "promise_kept")
    assert {f"{name}{suffix}" for name in compared for suffix in ("", "_nearest_first")} <= set(
        result
    )
    assert (
        0
        < result["allocation_ms_p50"]
        <= result["allocation_ms_p99"]
        <= result["allocation_ms_p999"]
    )


def test_a_service_killed_in_the_middle_of_the_day_loses_nothing_it_acknowledged(
    tmp_path: Path,
) -> None:
    result = play(tmp_path / "run", "--orders", "60", "--kills", "3", "--speed", "10000")
    assert result["kills"] == 3
    assert result["server_starts"] >= 5, "one to import, one for the day, one after each kill"
    assert result["retries"] > 0
    assert result["acknowledged_checked"] > 60
    assert result["acknowledged_lost"] == 0
    assert result["orders"] == 60
    unwanted = (
        *("stuck", "oversold_units", "unpromised_lines", "duplicate_sales_recorded"),
        *("ledger_drift_units", "ledger_promised_units", "unfilled_without_reason"),
    )
    assert {name: result[name] for name in unwanted} == dict.fromkeys(unwanted, 0)
    assert result["replay_equal"] is True
