"""The policies by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bopis.demo.plans import PlannedOrder
from bopis.simulate.online import Online
from bopis.simulate.policies.exact import Exact
from bopis.simulate.policies.rules import FewestNodes, NearestFirst
from bopis.simulate.ports import Policy, Pricer
from bopis.simulate.setting import Setting

POLICIES: Final = {
    "B1": "nearest node that has all, else line by line to the nearest",
    "B2": "fewest nodes, then the nearest",
    "B3": "the exact kernel, order by order",
}
"""Names and what they do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What policies can be told."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What policies need from outside."""

    pricer: Callable[[Setting], Pricer]


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
    raise KeyError(name)
