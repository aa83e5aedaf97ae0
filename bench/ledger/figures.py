"""The figures, their goals, and the JSON line of each.

A goal is about the value, or about the ratio to the peer, in the sizes that it is stated for.
`met` is null where there is no goal, nothing was measured (the line says why), or sizes are quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Line = dict[str, Any]

FIELDS: Final = (
    "figure",
    "value",
    "unit",
    "mode",
    "peer",
    "peer_value",
    "ratio",
    "p50_us",
    "p99_us",
    "p999_us",
    "goal",
    "met",
)
"""First in every line, in this order; null where they do not apply."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure must reach: at least or at most `bound`, in its value or its ratio."""

    of: str
    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.bound:.12g}"

    def is_met(self, line: Line) -> bool | None:
        """None if it was not measured."""
        measured = line.get(self.of)
        if measured is None:
            return None
        return bool(measured >= self.bound if self.sign == ">=" else measured <= self.bound)

    def share(self, line: Line) -> float | None:
        """How far the goal is reached: 1 is exactly, more is better."""
        measured = line.get(self.of)
        if not measured:
            return None
        return float(measured / self.bound if self.sign == ">=" else self.bound / measured)


def _value(sign: str, bound: float) -> Goal:
    return Goal("value", sign, bound)


def _ratio(bound: float) -> Goal:
    return Goal("ratio", ">=", bound)


FIGURES: Final[dict[str, Goal | None]] = {
    "memory_uniform": _value(">=", 10_000_000),
    "memory_hot_cell": None,
    "hot_cell_over_uniform": _value(">=", 1.2),
    "durable_batched": None,
    "durable_hot_cell": None,
    "durable_vs_redis_pipelined": _ratio(50),
    "durable_vs_redis_unpipelined": _ratio(100),
    "durable_vs_postgres_uniform": _ratio(200),
    "durable_vs_postgres_hot_row": _ratio(1_000),
    "durable_vs_postgres_set_based": _ratio(40),
    "durable_ack_p99_over_flush_p99": _value("<=", 2),
    "durable_ack_p99_over_flush_p99_solver_running": _value("<=", 3),
    "replay_records": _value(">=", 5_000_000),
    "recovery_10m_seconds": _value("<=", 2),
    "expiry_storm_1m_ms": _value("<=", 150),
    "memory_5m_cells_gib": _value("<=", 1),
    "growth_20m_over_1m": _value("<=", 1.5),
}
"""In the order in which they are printed."""

QUICK: Final = "quick"
"""The size of a line that proves only that its figure can be measured."""

STORM_RATIO_MAX: Final = 2
"""A storm's second goal: p99 of those who reserve meanwhile over p99 before."""


def finished(measured: Line) -> Line:
    """The line with all fields, the goal and whether it is met."""
    goal = FIGURES[measured["figure"]]
    line: Line = {field: measured.get(field) for field in FIELDS} | measured
    line["goal"] = None if goal is None else str(goal)
    line["met"] = None if goal is None else goal.is_met(line)
    if "p99_ratio" in line:
        line["goal"] = f"{line['goal']}, p99_ratio <= {STORM_RATIO_MAX}"
        line["met"] = bool(line["met"] and line["p99_ratio"] <= STORM_RATIO_MAX)
    if line.get("size") == QUICK:
        line["met"] = None
    return line


def unmeasured(figure: str, *, unit: str, mode: str, reason: str) -> Line:
    """The line of a figure that could not be measured here."""
    return finished({"figure": figure, "value": None, "unit": unit, "mode": mode, "reason": reason})
