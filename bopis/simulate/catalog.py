"""The policies by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from bopis.demo.plans import PlannedOrder
from bopis.simulate.duals import DualPrices
from bopis.simulate.forecast import SAMPLES, OtherDays
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import Exact
from bopis.simulate.policies.hindsight import Hindsight
from bopis.simulate.policies.reevaluation import Jointly, Rules
from bopis.simulate.policies.rules import FewestNodes, NearestFirst
from bopis.simulate.policies.service import Placing, Service
from bopis.simulate.ports import BatchSolver, Policy, Pricer
from bopis.simulate.setting import Setting

POLICIES: Final = {
    "B1": "nearest node that has all, else line by line to the nearest",
    "B2": "fewest nodes, then the nearest",
    "B3": "the exact kernel, order by order",
    "service": "the service as it is: B3, and last units are worth something",
    "B4": "B3, and orders that nobody picks yet are allocated again together",
    "duals": "the kernel under prices of what is scarce, from sampled forecasts",
    "duals+reevaluation": "duals, and orders that nobody picks yet are allocated again under them",
    "hindsight": "all orders of the day at once, as if known in the morning; proves the bound",
    "B3+transfers": "B3, and lines may be moved to the store where they are collected",
    "B4+transfers": "B4 with transfers",
    "duals+transfers": "duals with transfers",
    "duals+reevaluation+transfers": "duals+reevaluation with transfers",
    "hindsight+transfers": "hindsight with transfers; its bound is one on every policy",
}
"""Names and what they do."""
TRANSFERS: Final = "+transfers"
"""How the names of policies end that move lines to the store where they are collected."""


@dataclass(frozen=True, slots=True)
class Options:
    """What policies can be told: seconds between refreshes of prices, and of how many sampled days
    they are the mean; the rules of re-evaluation; the time limits of the optimizer, for a round of
    re-evaluation and for a whole day.
    """

    refresh_s: int = 300
    samples: int = SAMPLES
    rules: Rules = field(default_factory=Rules)
    round_limit_ms: int = 1_000
    time_limit_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Tools:
    """What policies need from outside."""

    pricer: Callable[[Setting], Pricer]
    solver: BatchSolver
    engine: Callable[[Setting], Placing]


def make_policy(
    name: str,
    *,
    setting: Setting,
    recorded: Sequence[PlannedOrder],
    seed: int,
    tools: Tools,
    options: Options,
) -> Policy:
    """The policy of this name for one day, in a setting with transfers if its name ends so. Raises
    KeyError for another name.
    """
    name = name.removesuffix(TRANSFERS)
    if name == "B1":
        return Online(NearestFirst())
    if name == "B2":
        return Online(FewestNodes())
    if name == "service":
        return Service(tools.engine)
    pricer = tools.pricer(setting)
    exact = Exact(pricer, setting)
    if name == "B3":
        return Online(exact)
    again = partial(Jointly, tools.solver, options.rules, time_limit_ms=options.round_limit_ms)
    if name == "B4":
        return Online(exact, (again(),))
    if name == "hindsight":
        return Hindsight(Online(exact), tools.solver, options.time_limit_ms, seed)
    forecaster = OtherDays.drawn(recorded, seed=seed, days=options.samples)
    prices = DualPrices(pricer, setting, forecaster, every_s=options.refresh_s)
    priced = Exact(pricer, setting, prices=prices)
    if name == "duals":
        return Online(priced, (prices,))
    if name == "duals+reevaluation":
        return Online(priced, (prices, again(prices=prices)))
    raise KeyError(name)
