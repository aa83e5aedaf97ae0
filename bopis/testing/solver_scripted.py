"""A solver that proposes what a test tells it to."""

from collections.abc import Callable, Sequence

from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.reallocation import (
    FoundPrices,
    PriceProblem,
    ReallocationProblem,
    ReallocationProposal,
)

Script = Callable[[ReallocationProblem], ReallocationProposal]
PriceScript = Callable[[PriceProblem], FoundPrices]


def propose_nothing(problem: ReallocationProblem) -> ReallocationProposal:
    """Leaves every order where it is."""
    cost = sum(order.cost.total_micro for order in problem.orders)
    return ReallocationProposal((), cost, cost, cost, 0)


def price_nothing(problem: PriceProblem) -> FoundPrices:
    """Finds nothing scarce."""
    del problem
    return FoundPrices()


class ScriptedSolver:
    """Implements `bopis.ports.ReallocationSolver`; remembers the problems it was given."""

    def __init__(self, script: Script = propose_nothing) -> None:
        self.script = script
        self.problems: list[ReallocationProblem] = []
        self.price_script: PriceScript = price_nothing
        self.price_problems: list[PriceProblem] = []

    async def solve(
        self,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
    ) -> ReallocationProposal:
        """See the port."""
        del nodes, items, policy
        self.problems.append(problem)
        return self.script(problem)

    async def price(
        self,
        problem: PriceProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
    ) -> FoundPrices:
        """See the port."""
        del nodes, items, policy
        self.price_problems.append(problem)
        return self.price_script(problem)
