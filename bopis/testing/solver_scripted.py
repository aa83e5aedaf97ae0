"""A solver that proposes what a test tells it to."""

from collections.abc import Callable, Sequence

from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.reallocation import ReallocationProblem, ReallocationProposal

Script = Callable[[ReallocationProblem], ReallocationProposal]


def propose_nothing(problem: ReallocationProblem) -> ReallocationProposal:
    """Leaves every order where it is."""
    cost = sum(order.cost.total_micro for order in problem.orders)
    return ReallocationProposal((), cost, cost, cost, 0)


class ScriptedSolver:
    """Implements `bopis.ports.ReallocationSolver`; remembers the problems it was given."""

    def __init__(self, script: Script = propose_nothing) -> None:
        self.script = script
        self.problems: list[ReallocationProblem] = []

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
