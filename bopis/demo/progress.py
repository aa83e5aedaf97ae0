"""The live view of a run: import bars, then the day's clock and counts. Quiet when asked to be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

ROWS = (
    ("placed", "orders placed"),
    ("placed_unfilled", "nothing to be had"),
    ("picked_lines", "lines picked"),
    ("short_picks", "short picks"),
    ("staged", "pickups staged"),
    ("handovers", "pickups handed over"),
    ("shipped_groups", "parcels shipped"),
    ("cancels", "orders cancelled"),
    ("restocked", "restock tasks done"),
    ("till_sales", "sales at tills"),
    ("stream_reconnects", "streams opened again"),
)


class View:
    """Shows a run on `console`; a context manager."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
        )
        self._tasks: dict[str, TaskID] = {}
        self._step = "starting"
        self._live = None if quiet else Live(self._show(), console=console, refresh_per_second=5)
        self._counts: Counter[str] = Counter()
        self._clock = ""
        self._rate = 0.0
        self._last = (time.monotonic(), 0)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.update(self._show())
            self._live.stop()
            if not self._live.console.is_terminal:
                self._live.console.print()  # Without a terminal the last line is left open.

    def step(self, text: str) -> None:
        """Says what is being done now."""
        self._step = text
        self._update()

    def advance(self, what: str, done: int, total: int) -> None:
        """Moves the bar of an import."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(f"importing {what}", total=total)
        self._bars.update(self._tasks[what], completed=done)
        self._update()

    def day(self, sim_s: float, scale: float, counts: Mapping[str, int]) -> None:
        """Shows the day's clock and counts."""
        now, placed = time.monotonic(), counts.get("placed", 0)
        if now - self._last[0] >= 1.0:
            self._rate = (placed - self._last[1]) / (now - self._last[0])
            self._last = (now, placed)
        shown = datetime.fromtimestamp(sim_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        self._clock = f"{shown}   x{scale:g}   {self._rate:.0f} orders/s"
        self._counts = Counter(counts)
        self._update()

    def _update(self) -> None:
        if self._live is not None:
            self._live.update(self._show())

    def _show(self) -> Group:
        parts: list[Progress | Text | Table] = [Text(self._step, style="bold")]
        if self._tasks:
            parts.append(self._bars)
        if getattr(self, "_clock", ""):
            parts.append(Text(self._clock))
            table = Table(box=None, show_header=False)
            table.add_column(justify="right")
            table.add_column()
            for key, label in ROWS:
                table.add_row(f"{self._counts[key]:,}", label)
            parts.append(table)
        return Group(*parts)
