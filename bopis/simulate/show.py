"""What a run came to, for people: a table, and the differences as intervals. And the bar meanwhile.

The first policy is the reference that the others are compared with.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bopis.simulate.intervals import Difference, difference, relative_difference
from bopis.simulate.judge import figures
from bopis.simulate.run import MICROS, Record, Run

CHART_WIDTH: Final = 48
PIPE_COLUMNS: Final = 160
"""Where nobody's screen says how wide it is: no figure may be cut off."""
PROBLEMS_MAX: Final = 10
SHARES: Final = {
    "fill_rate": "lines filled",
    "promise_kept": "promises kept",
    "split_rate": "orders split",
}


class Bar:
    """The progress of a run on standard error; a context manager."""

    def __init__(self, *, days: int, quiet: bool) -> None:
        self._days = days
        self._done: dict[tuple[str, int], float] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._task = self._progress.add_task("starting", total=float(days))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def notice(self, policy: str, seed: int, done: int, orders: int) -> None:
        """So many orders of this day are done."""
        self._done[policy, seed] = done / max(1, orders)
        self._progress.update(
            self._task,
            description=f"{policy}, seed {seed}: {done} of {orders} orders",
            completed=sum(self._done.values()),
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """A policy beside the reference; `cost` as a share of the reference's cost."""

    policy: str
    cost: Difference
    others: dict[str, Difference]


def of_policy(records: Sequence[Record], policy: str) -> list[Record]:
    """The days of one policy, by seed."""
    return sorted((r for r in records if r.policy == policy), key=lambda record: record.seed)


def compare(records: Sequence[Record], policies: Sequence[str]) -> list[Compared]:
    """Every policy but the first, beside the first."""
    reference = [figures(record.verdict) for record in of_policy(records, policies[0])]
    compared = []
    for policy in policies[1:]:
        ours = [figures(record.verdict) for record in of_policy(records, policy)]

        def column(days: Sequence[Mapping[str, float]], name: str) -> list[float]:
            return [day[name] for day in days]

        names = [name for name in ours[0] if name != "cost"]
        compared.append(
            Compared(
                policy=policy,
                cost=relative_difference(column(ours, "cost"), column(reference, "cost")),
                others={
                    name: difference(column(ours, name), column(reference, name)) for name in names
                },
            )
        )
    return compared


def show(name: str, run: Run, records: Sequence[Record]) -> None:
    """Prints tables and chart to standard output."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    console.print(_means(name, run, records))
    if len(run.policies) > 1:
        compared = compare(records, run.policies)
        console.print(_differences(run, compared))
        console.print(chart(compared))
    for record in records:
        for text in record.verdict.violations[:PROBLEMS_MAX]:
            console.print(f"[bold red]problem[/]: {record.policy}, seed {record.seed}: {text}")


def title_of(name: str, run: Run) -> str:
    """What was played."""
    variant = run.variant
    return (
        f"{name}, {len(run.seeds)} day(s), labor x{float(variant.labor):g}, "
        f"stock x{float(variant.stock):g}, card {variant.card}"
    )


def _means(name: str, run: Run, records: Sequence[Record]) -> Table:
    orders = records[0].verdict.score.orders
    table = Table(title=f"{title_of(name, run)}, {orders} orders a day")
    table.add_column("mean of the days")
    for column in ("cost", "over bound", *SHARES.values(), "nodes", "oversold", "moves", "seconds"):
        table.add_column(column, justify="right")
    for policy in run.policies:
        days = of_policy(records, policy)
        count = len(days)
        shown = [figures(day.verdict) for day in days]
        bounds = [day.bound_micro for day in days if day.bound_micro]
        cost = sum(day["cost"] for day in shown)
        over = f"{MICROS * cost / sum(bounds) - 1:.2%}" if len(bounds) == count else "-"
        table.add_row(
            policy,
            f"{cost / count:,.2f}",
            over,
            *(f"{sum(day[key] for day in shown) / count:.2%}" for key in SHARES),
            f"{sum(day['nodes_per_order'] for day in shown) / count:.3f}",
            str(sum(day.verdict.oversold_units for day in days)),
            f"{sum(day.verdict.moves for day in days) / count:,.0f}",
            f"{sum(day.seconds for day in days) / count:.1f}",
        )
    return table


def _differences(run: Run, compared: Sequence[Compared]) -> Table:
    table = Table(title=f"less {run.policies[0]}; 95 % paired bootstrap over {len(run.seeds)} days")
    table.add_column("")
    for column in ("cost", *SHARES.values(), "nodes"):
        table.add_column(column, justify="right")
    for one in compared:
        table.add_row(
            one.policy,
            _words(one.cost, percent=True),
            *(_words(one.others[key], percent=True) for key in SHARES),
            _words(one.others["nodes_per_order"], percent=False),
        )
    return table


def _words(gap: Difference, *, percent: bool) -> str:
    scale, unit = (100.0, " %") if percent else (1.0, "")
    mean = f"{scale * gap.mean:+.2f}{unit}"
    if gap.low is None or gap.high is None:
        return mean
    return f"{mean} [{scale * gap.low:+.2f}, {scale * gap.high:+.2f}]"


def chart(compared: Sequence[Compared]) -> str:
    """Cost against the reference, a line a policy: `o` the mean, dashes its interval, `|` zero."""
    ends = [0.0]
    for one in compared:
        ends += [e for e in (one.cost.mean, one.cost.low, one.cost.high) if e is not None]
    low, high = min(ends), max(ends)
    width = max(high - low, 1e-9)

    def at(value: float) -> int:
        return round((value - low) / width * (CHART_WIDTH - 1))

    names = max(len(one.policy) for one in compared)
    lines = []
    for one in compared:
        cells = [" "] * CHART_WIDTH
        if one.cost.low is not None and one.cost.high is not None:
            for index in range(at(one.cost.low), at(one.cost.high) + 1):
                cells[index] = "-"
        cells[at(0.0)] = "|"
        cells[at(one.cost.mean)] = "o"
        lines.append(f"{one.policy:>{names}} {''.join(cells)}")
    scale = f"{low:+.1%}".ljust(CHART_WIDTH - 7) + f"{high:+.1%}".rjust(7)
    return "\n".join([*lines, f"{'cost':>{names}} {scale}"])
