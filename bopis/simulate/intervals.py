"""Differences between policies over days that both played, with paired bootstrap intervals.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the percentile interval;
paired: a draw takes a day with what both policies made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

DRAWS: Final = 5_000
COVERAGE: Final = 0.95
DAYS_LEAST: Final = 2
"""With fewer days there is no interval."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of (policy - reference) over the days, or a share; its interval, None for one day."""

    mean: float
    low: float | None
    high: float | None


def difference(policy: Sequence[float], reference: Sequence[float]) -> Difference:
    """Of figures of the same days in the same order. Raises ValueError for none, or not as many."""
    gaps = [ours - theirs for ours, theirs in zip(policy, reference, strict=True)]
    return _interval(gaps, [1.0] * len(gaps))


def relative_difference(policy: Sequence[float], reference: Sequence[float]) -> Difference:
    """The same as a share of the reference's sum; the reference is above 0."""
    gaps = [ours - theirs for ours, theirs in zip(policy, reference, strict=True)]
    return _interval(gaps, list(reference))


def share(parts: Sequence[float], wholes: Sequence[float]) -> Difference:
    """The sum of the parts as a share of that of the wholes, day by day the same days; the wholes'
    sum is above 0. Raises ValueError for none, or not as many.
    """
    if len(parts) != len(wholes):
        raise ValueError(f"{len(parts)} parts of {len(wholes)} wholes")
    return _interval(list(parts), list(wholes))


def _interval(gaps: list[float], weights: list[float]) -> Difference:
    if not gaps:
        raise ValueError("no day was played")
    days = len(gaps)
    mean = sum(gaps) / sum(weights)
    if days < DAYS_LEAST:
        return Difference(mean, None, None)
    dice = Random(0)
    means = []
    for _ in range(DRAWS):
        drawn = dice.choices(range(days), k=days)
        means.append(sum(gaps[day] for day in drawn) / sum(weights[day] for day in drawn))
    means.sort()
    tail = round(DRAWS * (1 - COVERAGE) / 2)
    return Difference(mean, means[tail], means[DRAWS - 1 - tail])
