"""Great-circle distance for the scorer and nearest-first, written apart from the kernel's."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8


def distance_m(from_place: tuple[float, float], to_place: tuple[float, float]) -> int:
    """Whole meters between two (latitude, longitude) pairs in degrees, on a sphere of mean radius
    6371.0088 km (haversine).
    """
    phi_1, phi_2 = radians(from_place[0]), radians(to_place[0])
    half_phi = (phi_2 - phi_1) / 2
    half_lambda = radians(to_place[1] - from_place[1]) / 2
    chord = sin(half_phi) ** 2 + cos(phi_1) * cos(phi_2) * sin(half_lambda) ** 2
    return round(2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord))))
