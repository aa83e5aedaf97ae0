"""All figures of a run, from what the service answered and from what the clients wrote down."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bopis.demo.acknowledged import find_lost
from bopis.demo.client_log import entry_of, read_logs
from bopis.demo.killing import count_cut
from bopis.demo.nearest_first import play_nearest_first
from bopis.demo.outcome import (
    Ends,
    StockComparison,
    count_ends,
    planned_orders,
    promise_differences,
)
from bopis.demo.oversold import find_oversold
from bopis.demo.plans import PlannedOrder
from bopis.demo.readiness import ReadyTimes, ready_in_time, ready_times
from bopis.demo.reallocating import Reallocated
from bopis.demo.score import Score, make_network, score_plans
from bopis.demo.wire import micros_of
from bopis.v1 import order_service_pb2

if TYPE_CHECKING:
    from bopis.demo.run import Run

DAY_S = 86_400
HORIZON_DAYS = 11
"""After the last order: what the service opens ahead, and the day on which it does."""
MICROS = 1_000_000
PROBLEMS_MAX = 20
COUNTS = (
    "short_picks",
    "short_picks_seeded",
    "lost_units",
    "cancels",
    "cancels_refused",
    "no_shows",
    "till_sales",
    "till_units",
    "deficit_sales",
    "duplicate_sales",
    "duplicate_sales_recorded",
    "restocked",
    "stream_reconnects",
    "streams_broken",
    "stream_resyncs",
    "wrong_codes_refused",
    "handovers",
    "shipped_groups",
    "staged",
    "picked_lines",
    "picks_withdrawn",
    "collections_refused",
    "reclaimed",
    "too_late",
    "retries",
    "placing_lag_ms_max",
)


def figures(
    run: Run,
    *,
    orders: Sequence[order_service_pb2.Order],
    stock: StockComparison,
    drained: Mapping[str, Any],
    verified: str,
) -> dict[str, Any]:
    """The result object; each figure is defined in docs/demo.md."""
    ends = count_ends(orders)
    asked = {order.order_id: order for order in run.scenario.orders}
    planned = planned_orders(orders, asked)
    records = list(read_logs(run.logs))
    ours, theirs = _compared(run, planned, ready_times(records))
    oversold = find_oversold(
        run.scenario.on_hand, (e for e in map(entry_of, records) if e is not None)
    )
    differences = promise_differences(orders, planned, default_h=run.card.promise_h)
    replay_equal = str(drained.get("state_hash")) == verified
    acknowledged, lost = find_lost(records, orders, asked)
    cut = count_cut(run.killed, records)
    problems = [
        *run.failures,
        *lost,
        *_problems(ends, ours.score, theirs.score, stock, differences),
    ]
    if oversold.units:
        problems.append(f"{oversold.units} units were oversold: {dict(oversold.by_cell)}")
    if oversold.unpromised_lines:
        problems.append(f"{oversold.unpromised_lines} lines left a node that was not promised them")
    if not acknowledged:
        problems.append("no acknowledged act was looked at")
    if not replay_equal:
        problems.append(f"the journal replays to {verified}, not to {drained.get('state_hash')}")
    return {
        "scenario": run.scenario.name,
        "seed": run.options.seed,
        "orders": len(orders),
        **_ends(ends),
        "oversold_units": oversold.units,
        "oversold_cells": len(oversold.by_cell),
        "replay_equal": replay_equal,
        **_score(ours.score, ""),
        "ready_in_time": round(ours.ready_in_time, 6),
        **_score(theirs.score, "_nearest_first"),
        "ready_in_time_nearest_first": round(theirs.ready_in_time, 6),
        "cost_saved_rate": saved_rate(ours=ours.score.cost, theirs=theirs.score.cost),
        **_latencies(records),
        **{name: run.counts[name] for name in COUNTS},
        **reallocation_figures(run.reallocation),
        "rule_violations": len(ours.score.violations),
        "rule_violations_nearest_first": len(theirs.score.violations),
        "promise_differences": len(differences),
        "ledger_drift_units": stock.drift_units,
        "ledger_promised_units": stock.promised_units,
        "unpromised_lines": oversold.unpromised_lines,
        "acknowledged_checked": acknowledged,
        "acknowledged_lost": len(lost),
        "kills": len(run.killed),
        "kills_with_calls_in_flight": cut.kills,
        "calls_in_flight_at_kills": cut.calls,
        "problems": problems[:PROBLEMS_MAX],
        "server_starts": run.server.starts,
        "server_cpu_seconds": round(run.server.cpu_s, 2),
        "client_cpu_seconds": round(run.counts["client_cpu_ms"] / 1000, 2),
        **run.timings,
        "seconds": round(time.monotonic() - run.started, 2),
    }


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of the comparison: its plans scored, and the share of orders ready in time."""

    score: Score
    ready_in_time: float


def _compared(run: Run, planned: Sequence[PlannedOrder], ready: ReadyTimes) -> tuple[_Side, _Side]:
    """The replay and nearest-first, over the orders that the seed does not cancel."""
    start_s = run.server.origin_s - DAY_S
    network = make_network(
        run.scenario.nodes,
        run.scenario.skus,
        start_s=start_s,
        end_s=int(run.scenario.orders[-1].placed_at.timestamp()) + HORIZON_DAYS * DAY_S,
    )
    day = play_nearest_first(
        planned,
        network=network,
        card=run.card,
        stock=run.scenario.on_hand,
        disturbances=run.disturbances,
    )

    def side(orders: Sequence[PlannedOrder], times: ReadyTimes) -> _Side:
        kept = [order for order in orders if order.order_id not in run.disturbances.cancels]
        return _Side(
            score_plans(kept, network=network, card=run.card),
            ready_in_time(kept, times, promise_h=run.card.promise_h),
        )

    return side(planned, ready), side(day.orders, day.ready)


def _ends(ends: Ends) -> dict[str, int]:
    return {
        "handed_over": ends.handed_over,
        "shipped": ends.shipped,
        "cancelled": ends.cancelled,
        "expired": ends.expired,
        "unfilled": ends.unfilled,
        "stuck": ends.stuck,
        "partly_unfilled": ends.partly_unfilled,
        "unfilled_without_reason": ends.without_reason,
    }


def _score(score: Score, suffix: str) -> dict[str, Any]:
    return {
        f"cost{suffix}": round(score.cost / MICROS, 6),
        f"fill_rate{suffix}": round(score.fill_rate, 6),
        f"promise_kept{suffix}": round(score.promise_kept, 6),
        f"split_rate{suffix}": round(score.split_rate, 6),
        f"nodes_per_order{suffix}": round(score.nodes_per_order, 6),
        f"unit_fill_rate{suffix}": round(score.unit_fill_rate, 6),
        f"cost_terms{suffix}": {
            name: round(amount / MICROS, 6) for name, amount in sorted(score.terms.items())
        },
    }


def _latencies(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    waits = sorted(
        1000 * (record["acknowledged"] - record["sent"])
        for record in records
        if record.get("placed")
    )
    return {
        f"allocation_ms_{name}": round(quantile(waits, share), 3)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    }


def quantile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed; 0 without values."""
    if not ascending:
        return 0.0
    index = max(0, -int(-share * len(ascending) // 1) - 1)
    return ascending[min(index, len(ascending) - 1)]


def saved_rate(*, ours: int, theirs: int) -> float | None:
    """The share of their cost that ours saves; None: theirs is nothing."""
    return round((theirs - ours) / theirs, 6) if theirs > 0 else None


def reallocation_figures(reallocated: Reallocated) -> dict[str, Any]:
    """What the re-allocation on the way did, and what it proved: None where that is nothing."""
    answer = reallocated.response
    bound = micros_of(answer.bound) / MICROS
    is_proven = bound > 0
    return {
        "reallocated": answer.considered_count,
        "moved": answer.moved_count,
        "race_lost": answer.race_lost_count,
        "reallocation_cost_before": micros_of(answer.cost_before) / MICROS,
        "reallocation_cost_after": micros_of(answer.cost_after) / MICROS,
        "reallocation_bound": bound if is_proven else None,
        "reallocation_gap": answer.gap if is_proven else None,
        "reallocations_cut_off": reallocated.cut_off,
    }


def _problems(
    ends: Ends,
    ours: Score,
    theirs: Score,
    stock: StockComparison,
    differences: Sequence[str],
) -> list[str]:
    problems = [*ours.violations, *differences]
    problems += [f"nearest-first: {text}" for text in theirs.violations]
    if ends.stuck:
        problems.append(f"{ends.stuck} orders did not end")
    if ends.without_reason:
        problems.append(f"{ends.without_reason} orders lack a line without a reason")
    problems += [
        f"{node_id}: the ledger has {ledger} units of {sku} on hand, the shelves {there}"
        for node_id, sku, ledger, there in stock.drifted
    ]
    problems += [
        f"{node_id}: {units} units of {sku} are still promised"
        for node_id, sku, units in stock.promised
    ]
    return problems
