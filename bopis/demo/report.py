"""Shows a run's result: one JSON object, or a table beside nearest-first."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

COMPARED = (
    ("cost", "cost"),
    ("fill_rate", "lines filled"),
    ("promise_kept", "promises kept, by plan"),
    ("ready_in_time", "orders ready in time"),
    ("split_rate", "orders split"),
    ("nodes_per_order", "nodes per order"),
)
ENDS = ("handed_over", "shipped", "cancelled", "expired", "unfilled", "stuck")
DISTURBANCES = (
    "short_picks",
    "cancels",
    "no_shows",
    "till_sales",
    "duplicate_sales",
    "moved",
    "restocked",
    "stream_reconnects",
    "wrong_codes_refused",
)


def show_result(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Writes the result to standard output."""
    if as_json:
        sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
        return
    console = Console()
    table = Table(title=f"{result['scenario']}: {result['orders']} orders")
    table.add_column("")
    table.add_column("bopis", justify="right")
    table.add_column("nearest-first", justify="right")
    for key, label in COMPARED:
        ours, theirs = result[key], result[f"{key}_nearest_first"]
        table.add_row(label, _figure(key, ours), _figure(key, theirs))
        if key == "cost" and result["cost_saved_rate"] is not None:
            table.add_row("cost saved", _share(result["cost_saved_rate"]), "")
    console.print(table)
    if result["reallocated"]:
        console.print(_reallocation(result))
    console.print("ended: " + ", ".join(f"{result[key]} {key.replace('_', ' ')}" for key in ENDS))
    console.print(
        "on the way: " + ", ".join(f"{result[key]} {key.replace('_', ' ')}" for key in DISTURBANCES)
    )
    console.print(
        f"CreateOrder p50 {result['allocation_ms_p50']} ms, p99 {result['allocation_ms_p99']} ms, "
        f"p99.9 {result['allocation_ms_p999']} ms"
    )
    console.print(
        f"oversold units: {result['oversold_units']}   replay equal: {result['replay_equal']}   "
        f"rules broken: {result['rule_violations']}   "
        f"ledger against shelves: {result['ledger_drift_units']} units apart   "
        f"acknowledged and lost: {result['acknowledged_lost']} of {result['acknowledged_checked']}"
    )
    if result["kills"]:
        console.print(
            f"killed {result['kills']} times, {result['kills_with_calls_in_flight']} of them with "
            f"calls in flight ({result['calls_in_flight_at_kills']} calls)"
        )
    for text in result["problems"]:
        console.print(f"[bold red]problem[/]: {text}")
    console.print(f"{result['seconds']} s")


def _figure(key: str, value: float) -> str:
    if key == "cost":
        return f"{value:,.2f}"
    return f"{value:.3f}" if key == "nodes_per_order" else _share(value)


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"


def _reallocation(result: Mapping[str, Any]) -> str:
    """What the one re-allocation on the way did, and how far its orders are from the best plans."""
    after, bound = result["reallocation_cost_after"], result["reallocation_bound"]
    proven = (
        "nothing proven"
        if bound is None
        else f"proven: no allocation of them costs less than {bound:,.2f} "
        f"(they cost {_share(max(0.0, after - bound) / bound)} more)"
    )
    return (
        f"re-allocation: {result['moved']} of {result['reallocated']} open orders moved, "
        f"{result['race_lost']} lost to a race; their cost "
        f"{result['reallocation_cost_before']:,.2f} before, {after:,.2f} after; {proven}"
    )
