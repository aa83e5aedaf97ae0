"""Measures the figures of the ledger and prints one JSON line each, its goal beside it.

usage: python -m bench.ledger.run [--figures a,b,c] [--quick] [--rounds N] [--seconds S]
                                  [--lines FILE] [--plot FILE] [--docs]

Without `--figures` all of them: about a quarter of an hour, some 10 GiB of memory and of disk.
`--quick` is the size for CI, seconds each: its lines say `"size": "quick"` and prove only that
everything runs and every answer is right. Exits 1 when a run is void, 0 whether or not goals are
met.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.ledger import plot, rounds, table
from bench.ledger.figures import FIGURES, Line, finished
from bench.ledger.native import FOLDER, Native
from bench.serving import ROOT

SOLVER_RUNNING: Final = "durable_ack_p99_over_flush_p99_solver_running"
BY_ROUNDS: Final = (*rounds.OURS, *(race.figure for race in rounds.RACES))
DOCUMENT: Final = ROOT / "docs" / "performance.md"
PICTURE: Final = ROOT / "docs" / "ledger.svg"
SECONDS: Final = 3.0
ROUNDS: Final = 3
CELLS: Final = 1_000_000
QUICK_CELLS: Final = 50_000
QUICK_SECONDS: Final = 1.0


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.ledger.run")
    parser.add_argument("--figures", default=",".join(FIGURES), help="names, separated by commas")
    parser.add_argument("--quick", action="store_true", help="the size for CI")
    parser.add_argument("--rounds", type=int, help="of the durable figures that have peers")
    parser.add_argument("--seconds", type=float, help="of measured work in each")
    parser.add_argument("--lines", type=Path, default=FOLDER.parent / "ledger.jsonl")
    parser.add_argument("--plot", type=Path, default=FOLDER.parent / "ledger.svg")
    parser.add_argument("--docs", action="store_true", help="write the documentation's table too")
    chosen = parser.parse_args(words)
    chosen.figures = chosen.figures.split(",")
    unknown = [name for name in chosen.figures if name not in FIGURES]
    if unknown:
        parser.error(f"there is no figure {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    lacking = [name for name in rounds.OVER_OF if name not in chosen.figures]
    if rounds.OVER in chosen.figures and lacking:
        parser.error(f"{rounds.OVER} is made of {' and '.join(rounds.OVER_OF)}")
    if chosen.rounds is None:
        chosen.rounds = 1 if chosen.quick else ROUNDS
    return chosen


def measure(chosen: argparse.Namespace, progress: Progress) -> list[Line]:
    """All chosen figures; each is printed as soon as it is known."""
    task = progress.add_task("", total=len(chosen.figures))

    def note(text: str) -> None:
        progress.update(task, description=text[:60])
        if not progress.console.is_terminal:
            progress.console.print(text, markup=False, highlight=False)

    native = Native(options=_options(chosen), note=note)
    lines: list[Line] = []

    def take(*measured: Line) -> None:
        for line in measured:
            lines.append(line)
            print(json.dumps(line), flush=True)
            progress.advance(task)

    alone = [name for name in chosen.figures if name not in (*BY_ROUNDS, rounds.OVER)]
    early = [name for name in alone if name.startswith("memory_") and not name.endswith("gib")]
    for name in early:
        take(_alone(native, name))
    if any(name in BY_ROUNDS for name in chosen.figures):
        seconds = chosen.seconds or (QUICK_SECONDS if chosen.quick else SECONDS)
        cells = QUICK_CELLS if chosen.quick else CELLS
        take(
            *rounds.measure(
                native, chosen.figures, cells=cells, rounds=chosen.rounds, seconds=seconds
            )
        )
    if rounds.OVER in chosen.figures and (over := rounds.hot_over_uniform(lines)):
        take(over)
    for name in (name for name in alone if name not in early):
        take(_alone(native, name))
    return lines


def _alone(native: Native, name: str) -> Line:
    beside = f"{sys.executable} -m bench.ledger.solver_load"
    more = ("--beside", beside) if name == SOLVER_RUNNING else ()
    return finished(native.measure(name, *more))


def _options(chosen: argparse.Namespace) -> tuple[str, ...]:
    quick = ("--quick",) if chosen.quick else ()
    return quick if chosen.seconds is None else (*quick, "--seconds", str(chosen.seconds))


def main(words: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    chosen = arguments(sys.argv[1:] if words is None else words)
    started = time.monotonic()
    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    try:
        with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
            lines = measure(chosen, progress)
    except RuntimeError as error:
        console.print(f"void: {error}", markup=False)
        return 1
    chosen.lines.parent.mkdir(parents=True, exist_ok=True)
    chosen.lines.write_text("".join(json.dumps(line) + "\n" for line in lines))
    chosen.plot.write_text(plot.draw(lines))
    if chosen.docs:
        PICTURE.write_text(plot.draw(lines))
        table.write(DOCUMENT, lines)
    judged = [line for line in lines if line["met"] is not None]
    met = sum(bool(line["met"]) for line in judged)
    took_s = time.monotonic() - started
    said = f"{met} of {len(judged)} goals met, {took_s:.0f} s; {chosen.lines}, {chosen.plot}"
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
