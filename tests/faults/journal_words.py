"""The words of a dump: cells, lines, outcomes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

Words = dict[str, Any]
Cell = tuple[str, str | int]
"""Node, and SKU or start of the labor window."""

COUNTERS: Final = ("on_hand", "held", "committed", "unavailable", "safety_stock")


class ModelError(Exception):
    """A record that cannot have followed."""


@dataclass(slots=True)
class Hold:
    """A reservation; ended ones have no lines."""

    state: str
    deadline_ms: int
    priority: int
    lines: dict[Cell, int]

    def is_due(self, now_ms: int) -> bool:
        """Whether its deadline passed while it was held."""
        return self.state == "HELD" and self.deadline_ms <= now_ms


def cell_of(words: Words) -> Cell:
    """The cell that a command, line or shortage names."""
    return words["node_id"], words["sku"] if "sku" in words else words["labor_window_start_s"]


def words_of(cell: Cell) -> Words:
    """As a dump names a cell."""
    node_id, item = cell
    return {"node_id": node_id, ("sku" if isinstance(item, str) else "labor_window_start_s"): item}


def summed(lines: Iterable[Words]) -> dict[Cell, int]:
    """Quantities by cell, in the order first named."""
    sums: dict[Cell, int] = defaultdict(int)
    for line in lines:
        sums[cell_of(line)] += line["quantity"]
    return sums


def refused(why: str) -> Words:
    """The outcome of a refused command."""
    return {"type": "refused", "why": why}
