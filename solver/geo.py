"""Distances and rounding of the independent checker."""

import math
from typing import Final

from solver.problem import Place

EARTH_RADIUS_M: Final = 6_371_008.8


def meters_between(here: Place, there: Place) -> int:
    """Great-circle distance (haversine), rounded to whole meters."""
    lat_a, lat_b = math.radians(here.latitude), math.radians(there.latitude)
    east = math.radians(there.longitude - here.longitude)
    chord = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(east / 2) ** 2
    )
    return math.floor(2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord))) + 0.5)


def half_up(value: int, factor: int, divisor: int) -> int:
    """Value x factor / divisor, rounded half up; all at least 0."""
    return (value * factor + divisor // 2) // divisor
