"""Other days like the recorded one, by seed.

Seed 0 is the recorded day itself. Every other seed draws as many orders as it has: the customer
(place, time, method, wish) of one recorded order with the basket of another, each drawn with
replacement, time and place shaken. The same seed gives the same day in every process, and all
policies play it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from bopis.demo.plans import PlannedOrder

TIME_SIGMA_S: Final = 600.0
PLACE_SIGMA_KM: Final = 3.0
KM_PER_DEGREE: Final = 111.2


def day_of_seed(recorded: Sequence[PlannedOrder], seed: int) -> list[PlannedOrder]:
    """The day of a seed: the recorded one for 0, else one drawn from it."""
    return list(recorded) if seed == 0 else drawn_day(recorded, key=f"day/{seed}")


def drawn_day(recorded: Sequence[PlannedOrder], *, key: str) -> list[PlannedOrder]:
    """A day drawn from the recorded one, sorted by placing time; another key, another day."""
    dice = Random(f"bopis/simulate/{key}")
    first_s, last_s = recorded[0].placed_s, recorded[-1].placed_s
    drawn = []
    for _ in recorded:
        customer, basket = dice.choice(recorded), dice.choice(recorded)
        placed_s = round(customer.placed_s + dice.gauss(0.0, TIME_SIGMA_S))
        latitude, longitude = _shaken(dice, customer.latitude, customer.longitude)
        drawn.append(
            replace(
                customer,
                placed_s=min(max(placed_s, first_s), last_s),
                latitude=latitude,
                longitude=longitude,
                lines=basket.lines,
            )
        )
    drawn.sort(key=lambda order: order.placed_s)
    return [replace(order, order_id=f"{key}/{index}") for index, order in enumerate(drawn)]


def _shaken(dice: Random, latitude: float, longitude: float) -> tuple[float, float]:
    north, east = dice.gauss(0.0, PLACE_SIGMA_KM), dice.gauss(0.0, PLACE_SIGMA_KM)
    scale = KM_PER_DEGREE * max(0.01, math.cos(math.radians(latitude)))
    shaken = latitude + north / KM_PER_DEGREE, longitude + east / scale
    return min(90.0, max(-90.0, shaken[0])), min(180.0, max(-180.0, shaken[1]))
