"""Draws how far each goal is reached, from the lines of a run.

usage: python -m bench.ledger.plot LINES.jsonl docs/ledger.svg

One bar per figure that has a goal, by logarithm: 1 is the goal, to the right is better. A goal of
"at most" is turned over, so that twice as good is twice as far on every bar.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from bench.ledger.figures import FIGURES, Line

WIDTH: Final = 900
LEFT, RIGHT, TOP, BOTTOM = 330, 190, 34, 54
ROW: Final = 26
BAR: Final = 14
MET: Final = "#1b6ca8"
MISSED: Final = "#c0561f"
GRAY: Final = "#777"
LEAST_DECADES: Final = (-1, 1)


def draw(lines: Sequence[Line]) -> str:
    """The picture; figures without a goal are left out, those not measured say so."""
    rows = [line for line in lines if FIGURES[line["figure"]] is not None]
    height = TOP + ROW * len(rows) + BOTTOM
    shares = [share for line in rows if (share := share_of(line))]
    low = min(LEAST_DECADES[0], *(math.floor(math.log10(share)) for share in shares), 0)
    high = max(LEAST_DECADES[1], *(math.ceil(math.log10(share)) for share in shares), 0)
    parts = [_scale(low, high, height)]
    for index, line in enumerate(rows):
        parts.append(_row(line, TOP + ROW * index, low, high))
    sizes = sorted({str(line.get("size", "unstated")) for line in rows})
    title = f"Measured over goal, by logarithm (size: {', '.join(sizes)})"
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, height - 12, title, anchor="middle"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n{body}\n</svg>\n'
    )


def share_of(line: Line) -> float | None:
    """How far the line's goal is reached; none without a goal or a measurement."""
    goal = FIGURES[line["figure"]]
    return None if goal is None else goal.share(line)


def _across(share: float, low: int, high: int) -> float:
    return LEFT + (math.log10(share) - low) / (high - low) * (WIDTH - RIGHT - LEFT)


def _scale(low: int, high: int, height: int) -> str:
    parts = []
    for decade in range(low, high + 1):
        x = _across(10.0**decade, low, high)
        is_goal = decade == 0
        color, width = ("#333", 1.5) if is_goal else ("#e2e2e2", 1)
        parts.append(
            f'<path d="M{x:.1f} {TOP - 6}V{height - BOTTOM + 4}" stroke="{color}" '
            f'stroke-width="{width}"/>'
        )
        label = "goal" if is_goal else f"{10.0**decade:g} x"
        parts.append(_text(x, height - BOTTOM + 20, label, anchor="middle"))
    return "\n".join(parts)


def _row(line: Line, top: float, low: int, high: int) -> str:
    baseline = top + BAR - 3
    name = _text(LEFT - 12, baseline, line["figure"], anchor="end")
    share = share_of(line)
    goal = FIGURES[line["figure"]]
    if share is None or goal is None:
        return name + _text(LEFT + 6, baseline, "not measured", anchor="start", color=GRAY)
    color = GRAY if line["met"] is None else MET if line["met"] else MISSED
    start, end = sorted((_across(1, low, high), _across(share, low, high)))
    bar = (
        f'<rect x="{start:.1f}" y="{top:.1f}" width="{max(end - start, 1.5):.1f}" '
        f'height="{BAR}" fill="{color}"/>'
    )
    measured = f"{_short(line[goal.of])} {'x' if goal.of == 'ratio' else line['unit']}"
    wanted = f"{goal.sign} {_short(goal.bound)}"
    x = WIDTH - RIGHT + 10
    return name + bar + _text(x, baseline, f"{measured} ({wanted})", anchor="start", color=color)


def _short(value: float) -> str:
    """Three digits: 12.3M, 12.3k, 1,230, 0.456."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:.3g}{suffix}"
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"


def _text(x: float, y: float, text: str, *, anchor: str, color: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
    )


def main() -> int:
    """The command line; returns the exit code."""
    source, target = (Path(word) for word in sys.argv[1:3])
    lines = [json.loads(text) for text in source.read_text().splitlines() if text.startswith("{")]
    target.write_text(draw(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
