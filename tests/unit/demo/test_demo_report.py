"""The demo's closing table: what it saves, and what is proven of its one re-allocation."""

from __future__ import annotations

from typing import Any

import pytest
from google.type import money_pb2

from bopis.demo.figures import reallocation_figures, saved_rate
from bopis.demo.reallocating import Reallocated
from bopis.demo.report import COMPARED, DISTURBANCES, ENDS, show_result
from bopis.v1 import allocation_service_pb2 as allocation


def answer(*, bound: int | None, gap: float) -> Reallocated:
    response = allocation.ReallocateResponse(considered_count=40, moved_count=3, gap=gap)
    response.race_lost_count = 2
    response.cost_before.CopyFrom(money_pb2.Money(units=210))
    response.cost_after.CopyFrom(money_pb2.Money(units=202))
    if bound is not None:
        response.bound.CopyFrom(money_pb2.Money(units=bound))
    return Reallocated(response)


def result(reallocated: Reallocated, **others: Any) -> dict[str, Any]:
    zeros = ["oversold_units", "rule_violations", "ledger_drift_units", "acknowledged_lost"]
    zeros += ["acknowledged_checked", "kills", "seconds", *ENDS, *DISTURBANCES]
    zeros += [f"allocation_ms_{share}" for share in ("p50", "p99", "p999")]
    compared = {key: 0.5 for key, _ in COMPARED}
    figures: dict[str, Any] = dict.fromkeys(zeros, 0)
    figures |= compared | {f"{key}_nearest_first": value for key, value in compared.items()}
    figures |= {"scenario": "a day", "orders": 40, "replay_equal": True, "problems": []}
    figures |= {"cost_saved_rate": 0.1234}
    return figures | reallocation_figures(reallocated) | others


def shown(figures: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    show_result(figures, as_json=False)
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_what_is_saved_is_a_share_of_what_the_rule_costs() -> None:
    assert saved_rate(ours=75, theirs=100) == 0.25
    assert saved_rate(ours=110, theirs=100) == -0.1
    assert saved_rate(ours=5, theirs=0) is None


def test_the_table_says_what_is_saved_and_what_is_proven(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(result(answer(bound=200, gap=0.005)), capsys)
    assert "cost saved 12.34 %" in out
    assert "re-allocation: 3 of 40 open orders moved, 2 lost to a race; " in out
    assert "their cost 210.00 before, 202.00 after; " in out
    # Beside what they cost in the end, not what was planned before two were lost.
    assert "proven: no allocation of them costs less than 200.00 (they cost 1.00 % more)" in out


@pytest.mark.parametrize(("bound", "gap"), [(None, 1.0), (0, 1.0), (-3, 1.0)])
def test_where_nothing_is_proven_no_bound_is_told(
    capsys: pytest.CaptureFixture[str], bound: int | None, gap: float
) -> None:
    figures = reallocation_figures(answer(bound=bound, gap=gap))
    assert (figures["reallocation_bound"], figures["reallocation_gap"]) == (None, None)
    assert "nothing proven" in shown(result(answer(bound=bound, gap=gap)), capsys)


def test_where_nothing_was_open_nothing_is_said_of_a_re_allocation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(result(Reallocated(), cost_saved_rate=None), capsys)
    assert "re-allocation" not in out
    assert "cost saved" not in out
