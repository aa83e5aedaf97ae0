"""When each line was really done: staged, or given to the carrier, as the associates saw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bopis.demo.plans import PlannedOrder, promise_s

ReadyTimes = Mapping[tuple[str, int], float]
"""By order and line: the simulated second at which it was ready last."""


def ready_times(records: Iterable[Mapping[str, Any]]) -> ReadyTimes:
    """From the stores' log."""
    times: dict[tuple[str, int], float] = {}
    for record in records:
        if record["kind"] == "ready":
            times.update(
                ((record["order_id"], number), record["time_s"]) for number in record["numbers"]
            )
    return times


def ready_in_time(orders: Sequence[PlannedOrder], ready: ReadyTimes, *, promise_h: int) -> float:
    """The share of orders whose every line was ready by the promise; 0 without orders."""
    if not orders:
        return 0.0
    in_time = 0
    for order in orders:
        promise = promise_s(order.placed_s, order.ready_within_s, default_h=promise_h)
        times = [ready.get((order.order_id, line.line_number)) for line in order.lines]
        in_time += all(time_s is not None and time_s <= promise for time_s in times)
    return in_time / len(orders)
