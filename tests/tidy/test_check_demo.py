"""The check of the demo's figures finds what is wrong with them."""

import json

import pytest

from tools.check_demo import DISTURBANCES, SHORT_DISTURBANCES, problems_of

DISTURBED = dict.fromkeys(DISTURBANCES, 2)
GOOD = {
    "orders": 10,
    "handed_over": 5,
    "shipped": 2,
    "cancelled": 1,
    "expired": 1,
    "unfilled": 1,
    "oversold_units": 0,
    "replay_equal": True,
    "split_rate": 0.2,
    "nodes_per_order": 1.2,
    "cost": 80.5,
    "fill_rate": 0.95,
    "promise_kept": 0.9,
    "split_rate_nearest_first": 0.3,
    "nodes_per_order_nearest_first": 1.4,
    "cost_nearest_first": 100.0,
    "fill_rate_nearest_first": 0.9,
    "promise_kept_nearest_first": 0.9,
    "allocation_ms_p50": 1.0,
    "allocation_ms_p99": 4.0,
    "allocation_ms_p999": 9.5,
    "stuck": 0,
    "unfilled_without_reason": 0,
    "problems": [],
    **DISTURBED,
}


def test_good_figures_pass_for_a_short_demo_and_for_a_whole_day() -> None:
    assert problems_of(json.dumps(GOOD), full=False) == []
    assert problems_of(json.dumps(GOOD), full=True) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("orders", 11),
        ("orders", 0),
        ("oversold_units", 1),
        ("replay_equal", False),
        ("replay_equal", 1),
        ("fill_rate", 1.5),
        ("cost", 0),
        ("cost", "80"),
        ("split_rate", float("nan")),
        ("allocation_ms_p50", 5.0),
        ("allocation_ms_p50", 0),
        ("stuck", 1),
        ("problems", ["an order was lost"]),
        ("problems", None),
        *((name, 0) for name in SHORT_DISTURBANCES),
    ],
)
def test_a_wrong_figure_is_found(key: str, value: object) -> None:
    assert problems_of(json.dumps({**GOOD, key: value}), full=False)


@pytest.mark.parametrize("key", [key for key in GOOD if key not in {*DISTURBANCES, "problems"}])
def test_a_missing_figure_is_found(key: str) -> None:
    figures = {name: value for name, value in GOOD.items() if name != key}
    assert problems_of(json.dumps(figures), full=False) == [f"{key} is missing"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cost", 100.0),
        ("fill_rate", 0.89),
        ("promise_kept", 0.5),
        *((name, 0) for name in DISTURBANCES if name not in SHORT_DISTURBANCES),
    ],
)
def test_a_whole_day_without_gain_or_disturbance_is_found(key: str, value: object) -> None:
    figures = json.dumps({**GOOD, key: value})
    assert problems_of(figures, full=False) == []
    assert problems_of(figures, full=True)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"orders": 1} {"orders": 2}'])
def test_what_is_no_json_object_is_found(text: str) -> None:
    assert problems_of(text, full=False)
