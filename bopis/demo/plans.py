"""Orders with their plans in force, as the scorer takes them and nearest-first makes them.

Times are integer seconds since 1970-01-01T00:00Z.
"""

from __future__ import annotations

from dataclasses import dataclass

from bopis.scenario.model import Method, ScenarioLine

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where and in which hour a transfer is received, whose picking ended at `picked_s`."""

    node_id: str
    window_start_s: int
    picked_s: int


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one order at one node, done in the hours from `window_start_s` to `ready_s`. With a
    receipt they are moved to another node and ready when they have been received there.
    """

    node_id: str
    method: Method
    window_start_s: int
    ready_s: int
    line_numbers: tuple[int, ...]
    receipt: Receipt | None = None

    @property
    def picked_s(self) -> int:
        """When picking ends."""
        return self.ready_s if self.receipt is None else self.receipt.picked_s

    @property
    def store(self) -> str | None:
        """Where it is collected; None: it is shipped."""
        if self.method is not Method.PICKUP:
            return None
        return self.node_id if self.receipt is None else self.receipt.node_id


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order as it was placed, and who does what. Lines in no group are unfilled."""

    order_id: str
    method: Method
    placed_s: int
    latitude: float
    longitude: float
    ready_within_s: int | None
    lines: tuple[ScenarioLine, ...]
    groups: tuple[Group, ...]

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude in degrees."""
        return self.latitude, self.longitude


def promise_s(placed_s: int, ready_within_s: int | None, *, default_h: int) -> int:
    """The promise: placing plus the time asked for, rounded up to the end of a full hour."""
    asked = placed_s + (default_h * HOUR_S if ready_within_s is None else ready_within_s)
    return -(-asked // HOUR_S) * HOUR_S
