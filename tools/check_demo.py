"""Checks the figures that `bopis demo --json` printed; docs/demo.md defines them.

Usage: check_demo.py FILE [--full]. FILE holds the one JSON object (`-`: standard input). Without
`--full` it asks for what must hold however short the demo is; with it also for what a whole day
must show: every disturbance happened, and bopis beats nearest-first.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

END_STATES = ("handed_over", "shipped", "cancelled", "expired", "unfilled")
COMPARED = ("split_rate", "nodes_per_order", "cost", "fill_rate", "promise_kept")
LATENCIES = ("allocation_ms_p50", "allocation_ms_p99", "allocation_ms_p999")
RATES = ("split_rate", "fill_rate", "promise_kept")
REQUIRED = (
    "orders",
    *END_STATES,
    "stuck",
    "unfilled_without_reason",
    "oversold_units",
    "replay_equal",
    *COMPARED,
    *(f"{name}_nearest_first" for name in COMPARED),
    *LATENCIES,
)
# What goes wrong in any day, however short, and in every whole day.
SHORT_DISTURBANCES = ("short_picks", "till_sales")
DISTURBANCES = (
    *SHORT_DISTURBANCES,
    "cancels",
    "no_shows",
    "duplicate_sales",
    "moved",
    "restocked",
    "stream_reconnects",
    "wrong_codes_refused",
)


def is_number(value: object) -> bool:
    """A finite number, not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def form_problems(figures: Mapping[str, object]) -> list[str]:
    """Keys that are missing or hold no number."""
    problems = [f"{key} is missing" for key in REQUIRED if key not in figures]
    problems += [
        f"{key} is no number: {figures[key]!r}"
        for key in REQUIRED
        if key in figures and key != "replay_equal" and not is_number(figures[key])
    ]
    return problems


def number(figures: Mapping[str, object], key: str) -> float:
    """The figure as a number; `form_problems` has made sure that it is one."""
    value = figures[key]
    if not isinstance(value, int | float):
        raise TypeError(key)
    return value


def figure_problems(figures: Mapping[str, object]) -> list[str]:
    """What must hold however short the demo is."""
    problems = []
    orders = number(figures, "orders")
    ended = sum(number(figures, key) for key in END_STATES)
    if orders <= 0:
        problems.append("no orders were placed")
    if ended != orders:
        problems.append(f"{orders} orders, but {ended} ended ({', '.join(END_STATES)})")
    if number(figures, "handed_over") + number(figures, "shipped") <= 0:
        problems.append("nothing was handed over or shipped")
    problems += [
        f"{key} is {figures[key]}, not 0"
        for key in ("stuck", "unfilled_without_reason", "oversold_units")
        if number(figures, key) != 0
    ]
    if figures["replay_equal"] is not True:
        problems.append("the replayed journal differs from what the server held")
    problems += [
        f"{key} is no rate: {figures[key]}"
        for key in (*RATES, *(f"{rate}_nearest_first" for rate in RATES))
        if not 0 <= number(figures, key) <= 1
    ]
    if number(figures, "cost") <= 0 or number(figures, "cost_nearest_first") <= 0:
        problems.append("a cost is not above 0")
    latencies = [number(figures, key) for key in LATENCIES]
    if latencies != sorted(latencies) or latencies[0] <= 0:
        problems.append(f"latencies {latencies} are no quantiles")
    found = figures.get("problems")
    if found != []:
        problems.append(f"the demo itself found problems: {found}")
    return problems + absent_disturbances(figures, SHORT_DISTURBANCES)


def absent_disturbances(figures: Mapping[str, object], names: Sequence[str]) -> list[str]:
    """One sentence per disturbance that was not counted, or did not happen."""
    return [
        f"no {name} happened"
        for name in names
        if not is_number(figures.get(name)) or number(figures, name) <= 0
    ]


def full_day_problems(figures: Mapping[str, object]) -> list[str]:
    """What a whole day must show besides."""
    problems = absent_disturbances(figures, DISTURBANCES)
    if number(figures, "cost") >= number(figures, "cost_nearest_first"):
        problems.append("the cost is not below that of nearest-first")
    problems += [
        f"{key} is lower than that of nearest-first"
        for key in ("fill_rate", "promise_kept")
        if number(figures, key) < number(figures, f"{key}_nearest_first")
    ]
    return problems


def problems_of(text: str, *, full: bool) -> list[str]:
    """Everything wrong with the printed figures. Empty: nothing."""
    try:
        figures = json.loads(text)
    except ValueError as error:
        return [f"not one JSON object: {error}"]
    if not isinstance(figures, dict):
        return ["not a JSON object"]
    return form_problems(figures) or figure_problems(figures) + (
        full_day_problems(figures) if full else []
    )


def main() -> int:
    """Checks the file. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Check the figures of bopis demo --json.")
    parser.add_argument("file", help="the JSON object that it printed; - for standard input")
    parser.add_argument("--full", action="store_true", help="a whole day was replayed")
    arguments = parser.parse_args()
    text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text()
    print(text.strip())
    problems = problems_of(text, full=arguments.full)
    for problem in problems:
        print(f"demo: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
