"""The policies by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bopis.demo.plans import PlannedOrder
from bopis.simulate.duals import DualPrices
from bopis.simulate.forecast import OtherDays
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import Exact
from bopis.simulate.policies.hindsight import Hindsight
from bopis.simulate.policies.rules import FewestNodes, NearestFirst
from bopis.simulate.ports import BatchSolver, Policy, Pricer
from bopis.simulate.setting import Setting

POLICIES: Final = {
    "B1": "nearest node that has all, else line by line to the nearest",
    "B2": "fewest nodes, then the nearest",
    "B3": "the exact kernel, order by order",
    "duals": "the kernel under prices of what is scarce, from sampled forecasts",
    "hindsight": "all orders of the day at once, as if known in the morning; proves the bound",
}
"""Names and what they do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What policies can be told: seconds between refreshes of prices; the time limit of a run of
    the optimizer over the day.
    """

    refresh_s: int = 300

    time_limit_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Tools:
    """What policies need from outside."""

    pricer: Callable[[Setting], Pricer]
    solver: BatchSolver


def make_policy(
    name: str,
    *,
    setting: Setting,
    recorded: Sequence[PlannedOrder],
    seed: int,
    tools: Tools,
    options: Options,
) -> Policy:
    """The policy of this name for one day. Raises KeyError for another name."""
    if name == "B1":
        return Online(NearestFirst())
    if name == "B2":
        return Online(FewestNodes())
    if name == "B3":
        return Online(Exact(tools.pricer(setting), setting))
    if name == "duals":
        pricer = tools.pricer(setting)
        forecaster = OtherDays.drawn(recorded, seed=seed)
        prices = DualPrices(pricer, setting, forecaster, every_s=options.refresh_s)
        return Online(Exact(pricer, setting, prices=prices), (prices,))
    if name == "hindsight":
        start = Online(Exact(tools.pricer(setting), setting))
        return Hindsight(start, tools.solver, options.time_limit_ms, seed)
    raise KeyError(name)
