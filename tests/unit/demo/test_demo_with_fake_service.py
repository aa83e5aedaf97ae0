"""The whole demo against a naive stand-in for the service: clients, logs, checks and figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bopis.demo import server_process, speeds, verifying
from bopis.demo.options import DemoOptions
from bopis.demo.run import run_demo

FAKE = Path(__file__).with_name("fake_service.py")


def fake_command(*arguments: str) -> list[str]:
    return [sys.executable, str(FAKE), *arguments]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(server_process, "bopis_command", fake_command)
    monkeypatch.setattr(verifying, "bopis_command", fake_command)
    monkeypatch.setattr(speeds, "QUIET_SPEED", 150_000.0)
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))

    def run(orders: int) -> dict[str, Any]:
        options = DemoOptions(orders=orders, speed=20_000, quiet=True, keep=tmp_path / "run")
        return run_demo(options)

    return run


@pytest.mark.slow
def test_a_day_without_oversell_ends_with_every_order_accounted_for(play: Any) -> None:
    result = play(80)
    ends = ("handed_over", "shipped", "cancelled", "expired", "unfilled")
    assert sum(result[key] for key in ends) == result["orders"] == 80
    assert result["stuck"] == 0
    assert result["oversold_units"] == 0
    assert result["unpromised_lines"] == 0
    assert result["replay_equal"] is True
    assert result["ledger_drift_units"] == 0
    assert result["ledger_promised_units"] == 0
    assert result["unfilled_without_reason"] == 0
    assert result["duplicate_sales_recorded"] == 0
    for key in ("short_picks", "cancels", "no_shows", "till_sales", "duplicate_sales", "restocked"):
        assert result[key] > 0, key
    assert result["server_starts"] == 4
    assert result["stream_reconnects"] >= result["streams_broken"] > 0
    assert result["rule_violations"] > 0, "the fake minds neither distance nor hours"


@pytest.mark.slow
def test_a_service_that_promises_without_looking_is_found_out(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_OVERSELL", "1")
    assert play(80)["oversold_units"] > 0
