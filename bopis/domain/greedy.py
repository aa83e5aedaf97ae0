"""Orders planned one after the other on stock and labor that stand still, so that it can be done
again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from bopis.domain.duals import Duals
from bopis.domain.ledger import CapacityWindow, Command, SetCapacity, SetOnHand
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.reallocation import OrderMove, ReallocationProblem
from bopis.domain.sourcing import Ask, PlannedGroup

Cell = tuple[str, str | int]
"""A node with a SKU, or with the start of an hour (Unix seconds)."""


@dataclass(frozen=True, slots=True)
class GreedyRequest:
    """A batch with the world that it lives in. `duals`: the prices in force; None: there are none.

    The problem's limits are what its orders hold and what is free beside that.
    """

    nodes: tuple[NetworkNode, ...]
    items: tuple[Item, ...]
    policy: Policy
    duals: Duals | None
    problem: ReallocationProblem

    @classmethod
    def of(
        cls,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
        duals: Duals | None,
    ) -> Self:
        """With the prices of these items, and of labor."""
        skus = {item.sku for item in items}
        if duals is not None:
            priced = tuple(one for one in duals.stock if one.sku in skus)
            duals = replace(duals, stock=priced)
        return cls(tuple(nodes), tuple(items), policy, duals, problem)

    def free(self) -> dict[Cell, int]:
        """What nobody holds, where there is anything."""
        held: Counter[Cell] = Counter()
        for order in self.problem.orders:
            held.update(taken(order.ask, order.groups))
        limits: list[tuple[Cell, int]] = [
            ((one.node_id, one.sku), one.units) for one in self.problem.stock
        ]
        limits += [((one.node_id, one.window_start_s), one.seconds) for one in self.problem.labor]
        return {cell: left for cell, most in limits if (left := most - held[cell]) > 0}

    def facts(self) -> list[Command]:
        """What tells an empty ledger of what is free."""
        facts: list[Command] = []
        windows: defaultdict[str, list[CapacityWindow]] = defaultdict(list)
        for (node_id, item), amount in self.free().items():
            if isinstance(item, str):
                facts.append(SetOnHand(node_id, item, amount))
            else:
                windows[node_id].append(CapacityWindow(item, amount))
        facts += [SetCapacity(node_id, tuple(some)) for node_id, some in windows.items()]
        return facts


@dataclass(frozen=True, slots=True)
class GreedyRecord:
    """What gives the same moves again: what was asked, and how many orders there was time for."""

    request: GreedyRequest
    order_count: int
    components: tuple[tuple[OrderMove, ...], ...]


def taken(ask: Ask, groups: Iterable[PlannedGroup]) -> Counter[Cell]:
    """What groups of an order take."""
    lines = {line.line_number: line for line in ask.lines}
    found: Counter[Cell] = Counter()
    for group in groups:
        for number in group.line_numbers:
            found[group.node_id, lines[number].sku] += lines[number].quantity
        for share in group.labor:
            found[group.node_id, share.window_start_s] += share.seconds
    return found
