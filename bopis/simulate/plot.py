"""Draws how policies differ from the first: a panel a figure, a row a policy, an interval each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from bopis.simulate.intervals import Difference
from bopis.simulate.show import SHARES, Compared

WIDTH: Final = 760
LEFT: Final = 170
RIGHT: Final = 30
TOP: Final = 40
PANEL_HEAD: Final = 26
ROW: Final = 22
PANEL_FOOT: Final = 34
COLOR: Final = "#1b6ca8"
LEAST_WIDTH: Final = 1e-9


def draw(title: str, reference: str, compared: Sequence[Compared]) -> str:
    """The picture as SVG. Raises ValueError without a policy to compare."""
    if not compared:
        raise ValueError("a plot compares two policies or more")
    panels: list[tuple[str, list[tuple[str, Difference]]]] = [
        (f"cost, share of {reference}'s", [(one.policy, one.cost) for one in compared])
    ]
    for key, label in SHARES.items():
        panels.append(
            (f"{label}, less {reference}'s", [(one.policy, one.others[key]) for one in compared])
        )
    parts = [_text(LEFT, TOP - 18, title, anchor="start")]
    y = TOP
    for label, rows in panels:
        parts.append(_panel(label, rows, y))
        y += PANEL_HEAD + ROW * len(rows) + PANEL_FOOT
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(label: str, rows: Sequence[tuple[str, Difference]], top: float) -> str:
    ends = [0.0]
    for _, gap in rows:
        ends += [end for end in (gap.mean, gap.low, gap.high) if end is not None]
    low, high = min(ends), max(ends)
    width = max(high - low, LEAST_WIDTH)

    def at(value: float) -> float:
        return LEFT + (value - low) / width * (WIDTH - LEFT - RIGHT)

    bottom = top + PANEL_HEAD + ROW * len(rows)
    parts = [
        _text(LEFT, top + 14, label, anchor="start"),
        _rule(at(0.0), top + PANEL_HEAD - 6, at(0.0), bottom, "#999"),
    ]
    for place, (policy, gap) in enumerate(rows):
        y = top + PANEL_HEAD + ROW * place + ROW / 2
        parts.append(_text(LEFT - 10, y + 4, policy, anchor="end"))
        if gap.low is not None and gap.high is not None:
            parts.append(_rule(at(gap.low), y, at(gap.high), y, COLOR))
        parts.append(f'<circle cx="{at(gap.mean):.1f}" cy="{y:.1f}" r="4" fill="{COLOR}"/>')
    for value, anchor in ((low, "start"), (high, "end")):
        if value != 0.0:
            parts.append(_text(at(value), bottom + 14, f"{value:+.2%}", anchor=anchor))
    return "\n".join(parts)


def _rule(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{color}" stroke-width="1.5"/>'


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'
