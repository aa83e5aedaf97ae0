"""The lines of a run as the table of docs/performance.md.

usage: python -m bench.ledger.table LINES.jsonl [DOCUMENT.md]

Prints it, or writes it into the document between two marks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.ledger.figures import Line

BEGIN: Final = "<!-- table: begin -->\n"
END: Final = "<!-- table: end -->\n"
VERDICTS: Final = {True: "met", False: "**missed**", None: ""}


def rows(lines: Sequence[Line]) -> str:
    """Markdown: figure, measured, peer, ratio, p50 / p99 / p99.9, goal, met."""
    head = [
        "| figure | measured | peer | ratio | p50 / p99 / p99.9 | goal | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *(_row(line) for line in lines)])


def write(document: Path, lines: Sequence[Line]) -> None:
    """Replaces the document's table. Raises ValueError if it has no place for one."""
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} does not mark where the table is")
    document.write_text(f"{before}{begin}\n{rows(lines)}\n\n{end}{after}")


def _row(line: Line) -> str:
    if line["value"] is None:
        measured = f"not measured: {line['reason']}"
    else:
        measured = f"{_number(line['value'])} {line['unit']}"
    peer = "" if line["peer_value"] is None else _number(line["peer_value"])
    ratio = "" if line["ratio"] is None else _number(line["ratio"])
    quantiles = [line[name] for name in ("p50_us", "p99_us", "p999_us")]
    latencies = ""
    if None not in quantiles:
        latencies = " / ".join(_number(value) for value in quantiles) + " us"
    goal = "" if line["goal"] is None else _goal(line["goal"])
    cells = [f"`{line['figure']}`", measured, peer, ratio, latencies, goal, VERDICTS[line["met"]]]
    return "| " + " | ".join(cells) + " |"


def _goal(goal: str) -> str:
    return " ".join(f"{int(word):,}" if word.isdigit() else word for word in goal.split())


def _number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 1_000:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def main() -> int:
    """The command line; returns the exit code."""
    source, *documents = (Path(word) for word in sys.argv[1:])
    lines = [json.loads(text) for text in source.read_text().splitlines()]
    for document in documents:
        write(document, lines)
    if not documents:
        print(rows(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
