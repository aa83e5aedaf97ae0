"""Figures of days decided order by order: shares, intervals, goals, and what is no figure."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.online import Day, days_in, figures_of

COSTS = {"B3": 100.0, "B4": 96.0, "duals": 94.0, "duals+reevaluation": 88.0, "hindsight": 80.0}


def day_of(seed: int, costs: dict[str, float], *, bound: float = 75.0) -> Day:
    return {
        policy: {
            "policy": policy,
            "seed": seed,
            "cost": cost,
            "bound": bound,
            "fill_rate": 0.9,
            "promise_kept": 0.8,
            "oversold_units": 0,
            "rule_violations": 0,
            "violations": [],
        }
        for policy, cost in costs.items()
    }


def by_policy(days: list[Day]) -> dict[str, dict[str, Any]]:
    return {figure["method"]: figure for figure in figures_of({}, days)}


def goals_of(figure: dict[str, Any]) -> dict[str, bool]:
    return {goal["figure"]: goal["met"] for goal in figure["goal"]}


def test_shares_are_of_what_exact_per_order_costs_beyond_hindsight() -> None:
    figures = by_policy([day_of(seed, COSTS) for seed in range(4)])
    assert figures["duals"]["closes"] == [0.3, 0.3, 0.3]
    assert figures["duals+reevaluation"]["closes"] == [0.6, 0.6, 0.6]
    assert figures["B3"]["over_hindsight"] == [0.25, 0.25, 0.25]
    assert figures["hindsight"]["bound"] == 75
    assert figures["duals"]["met"]
    assert figures["duals+reevaluation"]["met"]
    assert figures["B4"]["goal"] is None


def test_goals_count_at_the_lower_end_of_the_interval() -> None:
    # On the mean of both days 0.45 of the way is gone, but on one of them only 0.2.
    worse = {**COSTS, "duals": 96.0, "duals+reevaluation": 97.0}
    better = {**COSTS, "duals": 86.0}
    figures = by_policy([day_of(0, worse), day_of(1, better)])
    mean, low, high = figures["duals"]["closes"]
    assert (mean, low, high) == (0.45, 0.2, 0.7)
    assert not goals_of(figures["duals"])["closes, lower end"]
    assert not goals_of(figures["duals+reevaluation"])["saved against B4, lower end"]


def test_a_policy_that_fills_or_keeps_less_than_a_baseline_misses_a_goal() -> None:
    day = day_of(0, COSTS)
    duals = {**day["duals"], "promise_kept": 0.79}
    figures = by_policy([{**day, "duals": duals}])
    assert goals_of(figures["duals"]) == {
        "closes, lower end": True,
        "fill_rate": True,
        "promise_kept": False,
    }


def test_there_are_no_goals_where_exact_per_order_is_near_hindsight() -> None:
    figures = by_policy([day_of(0, {**COSTS, "hindsight": 97.0})])
    assert all(figure["goal"] is None for figure in figures.values())


@pytest.mark.parametrize(
    ("name", "value"), [("oversold_units", 1), ("rule_violations", 1), ("cost", 74.0)]
)
def test_no_figure_is_made_of_a_day_against_the_rules(name: str, value: float) -> None:
    day = day_of(0, COSTS)
    with pytest.raises(AssertionError, match="duals, day 0"):
        list(figures_of({}, [{**day, "duals": {**day["duals"], name: value}}]))


def test_days_of_several_files_are_put_together(tmp_path: Path) -> None:
    for seed in (2, 1):
        records = list(day_of(seed, COSTS).values())
        (tmp_path / f"{seed}.json").write_text(json.dumps(records))
    files = [tmp_path / "2.json", tmp_path / "1.json"]
    assert [day["B3"]["seed"] for day in days_in(files)] == [1, 2]
    with pytest.raises(ValueError, match="twice"):
        days_in([*files, files[0]])
    (tmp_path / "3.json").write_text(json.dumps(list(day_of(3, {"B3": 1.0}).values())))
    with pytest.raises(ValueError, match="same policies"):
        days_in([*files, tmp_path / "3.json"])
