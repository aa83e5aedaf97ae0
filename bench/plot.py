"""Draws docs/performance.svg from the lines of `reserve_through_door --curve`.

usage: python -m bench.plot CURVE.jsonl docs/performance.svg
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 720
HEIGHT: Final = 380
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 20, 60
SERIES: Final = (
    ("reserve_latency_door", "the door", "#1b6ca8"),
    ("reserve_latency_aio", "grpc.aio, same engine", "#c0561f"),
)
QUANTILES: Final = (("p50_us", "p50", ""), ("p99_us", "p99", "6 4"))
LABEL_GAP: Final = 14

Point = tuple[float, float]


def draw(points: Sequence[dict[str, Any]]) -> str:
    """Latency over rate, both by logarithm. Raises ValueError without points of every series."""
    rates = [float(point["rate"]) for point in points]
    values = [float(point[key]) for point in points for key, _, _ in QUANTILES]
    if not rates:
        raise ValueError("there are no points")
    across = _axis(rates, low=LEFT, high=WIDTH - RIGHT)
    up = _axis(values, low=HEIGHT - BOTTOM, high=TOP)
    parts = [_grid(across, up)]
    for figure, name, color in SERIES:
        chosen = sorted(
            (point for point in points if point["figure"] == figure), key=lambda p: p["rate"]
        )
        if not chosen:
            raise ValueError(f"there are no points of {figure}")
        for key, quantile, dashes in QUANTILES:
            line = [(across.at(point["rate"]), up.at(point[key])) for point in chosen]
            parts.append(_line(line, color=color, dashes=dashes, label=f"{name}, {quantile}"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


class _Axis:
    """A logarithmic axis between two powers of ten (or their halves)."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high

    def at(self, value: float) -> float:
        share = math.log(value / self.first) / math.log(self.last / self.first)
        return self.low + share * (self.high - self.low)

    def marks(self) -> list[float]:
        decades = range(math.floor(math.log10(self.first)), math.ceil(math.log10(self.last)) + 1)
        marks = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
        return [mark for mark in marks if self.first <= mark <= self.last]


def _axis(values: Sequence[float], *, low: float, high: float) -> _Axis:
    return _Axis(min(values) / 1.25, max(values) * 1.25, low, high)


def _grid(across: _Axis, up: _Axis) -> str:
    parts = []
    for mark in across.marks():
        x = across.at(mark)
        parts.append(_rule(x, TOP, x, HEIGHT - BOTTOM))
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{mark:,.0f}", anchor="middle"))
    for mark in up.marks():
        y = up.at(mark)
        parts.append(_rule(LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(LEFT - 8, y + 4, f"{mark / 1000:g} ms", anchor="end"))
    title = "Reserve calls a second, offered (open loop, durable, server on one core)"
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, title, anchor="middle"))
    return "\n".join(parts)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#e2e2e2"/>'


def _text(x: float, y: float, text: str, *, anchor: str, color: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{text}</text>'


def _line(points: Sequence[Point], *, color: str, dashes: str, label: str) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    x, y = points[0]
    return (
        f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"{dashed}/>{dots}'
        + _text(x, y - LABEL_GAP / 2, label, anchor="start", color=color)
    )


def main() -> int:
    """The command line; returns the exit code."""
    source, target = (Path(word) for word in sys.argv[1:3])
    lines = [json.loads(line) for line in source.read_text().splitlines() if line.startswith("{")]
    points = [line for line in lines if line["figure"].startswith("reserve_latency_")]
    target.write_text(draw(points))
    return 0


if __name__ == "__main__":
    sys.exit(main())
