"""The day that every process of a run plays: the scenario, thinned out if asked, and what goes
wrong in it. Each process makes it for itself from the same folder and seed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bopis.demo.disturbances import Disturbances, make_disturbances
from bopis.scenario.loader import load_scenario
from bopis.scenario.model import Scenario
from bopis.scenario.rows import ScenarioError


def load_day(
    directory: Path, *, orders: int | None, seed: int, reach_m: int
) -> tuple[Scenario, Disturbances]:
    """The scenario with at most `orders` orders, drawn evenly over the day, and what disturbs it.

    Raises ScenarioError, also for a scenario without orders.
    """
    scenario = load_scenario(directory)
    if not scenario.orders:
        raise ScenarioError(f"{directory}: no order to replay")
    count = len(scenario.orders)
    if orders is not None and orders < count:
        kept = tuple(scenario.orders[index * count // orders] for index in range(orders))
        scenario = replace(scenario, orders=kept)
    return scenario, make_disturbances(scenario, seed=seed, reach_m=reach_m)
