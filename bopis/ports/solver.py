"""Many orders at once, and the orders that may come."""

from collections.abc import Sequence
from typing import Protocol

from bopis.domain.forecast import Sample
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.reallocation import (
    FoundPrices,
    PriceProblem,
    ReallocationProblem,
    ReallocationProposal,
    SolveWatcher,
)


class ReallocationSolver(Protocol):
    """The batch optimizer, in a process of its own."""

    async def solve(
        self,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
        watcher: SolveWatcher | None = None,
    ) -> ReallocationProposal:
        """Proposes moves within about the problem's time limit. `items` are those of the orders.
        Cancelled, it stops within a second.

        Raises NotServing if its process died, failed, hung or did not answer in time.
        """

    async def price(
        self,
        problem: PriceProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
    ) -> FoundPrices:
        """Prices within the problem's time limit: the mean over its samples. Solves that run at the
        same time do not wait for each other. Raises NotServing as `solve` does.
        """


class Forecaster(Protocol):
    """Draws orders that may come."""

    async def samples(self, *, now_ms: int, until_ms: int) -> Sequence[Sample]:
        """Samples of orders placed after `now_ms`, until `until_ms` (Unix ms), from what was placed
        by `now_ms` alone; the same call gives the same samples.
        """
