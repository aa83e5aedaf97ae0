"""Hindsight: all orders of the day at once, as if they had been known in the morning.

Release times hold: no order is picked in a window that began before it was placed. The optimizer
runs twice. For the bound it starts from nothing, so that no line counts as promised, and without
the surcharge on broken promises, which steers decisions and is no cost (the judge does not charge
it either). For the plans it starts from an online policy's day, with the policy as it is; the
cheaper of both runs' plans counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bopis.demo.plans import Group, PlannedOrder
from bopis.demo.score import cost_terms
from bopis.domain.cost import CostBreakdown
from bopis.domain.policy import Policy as CostPolicy
from bopis.domain.reallocation import (
    LaborLimit,
    OpenOrder,
    ReallocationProblem,
    ReallocationProposal,
    StockLimit,
)
from bopis.domain.sourcing import UnfilledLine, UnfilledReason
from bopis.simulate.day import Decision, skus_of
from bopis.simulate.policies.exact import ask_of, domain_groups_of, groups_of
from bopis.simulate.ports import BatchSolver, Played, Policy, Progress
from bopis.simulate.setting import Setting


@dataclass(frozen=True, slots=True)
class Hindsight:
    """`start`: whose day is improved. `time_limit_ms`: of the optimizer, for each of its runs."""

    start: Policy
    solver: BatchSolver
    time_limit_ms: int
    seed: int = 0

    def play(
        self, setting: Setting, orders: Sequence[PlannedOrder], *, progress: Progress
    ) -> Played:
        """See `bopis.simulate.ports.Policy`. Raises bopis.domain.errors.NotServing."""
        started = self.start.play(setting, orders, progress=lambda done: progress(done // 3))
        online = {decision.order_id: decision.groups for decision in started.decisions}
        card = replace(setting.policy.card, promise_broken_micro=0)
        free = self._solve(setting, orders, replace(setting.policy, card=card))
        progress(len(orders) * 2 // 3)
        standing = [replace(order, groups=online[order.order_id]) for order in orders]
        better = self._solve(setting, standing, setting.policy)
        progress(len(orders))
        plans = min(
            (_moved(online, better), _moved(dict.fromkeys(online, ()), free)),
            key=lambda plans: sum(
                steered_cost(replace(order, groups=plans[order.order_id]), setting)
                for order in orders
            ),
        )
        first_s = orders[0].placed_s if orders else 0
        decisions = tuple(
            Decision(first_s, order.order_id, plans[order.order_id]) for order in orders
        )
        return Played(decisions, at_placing=False, bound_micro=free.bound_micro)

    def _problem(self, setting: Setting, orders: Sequence[PlannedOrder]) -> ReallocationProblem:
        skus = skus_of(orders)
        return ReallocationProblem(
            now_ms=orders[0].placed_s * 1000 if orders else 0,
            orders=tuple(open_order(order, setting) for order in orders),
            stock=tuple(
                StockLimit(node_id, sku, units)
                for (node_id, sku), units in setting.stock.items()
                if sku in skus
            ),
            labor=tuple(
                LaborLimit(one.node.node_id, window.start_s, window.seconds)
                for one in setting.nodes
                for window in one.windows
                if window.seconds > 0
            ),
            time_limit_ms=self.time_limit_ms,
            seed=self.seed,
        )

    def _solve(
        self, setting: Setting, orders: Sequence[PlannedOrder], policy: CostPolicy
    ) -> ReallocationProposal:
        problem = self._problem(setting, orders)
        return self.solver(problem, nodes=setting.nodes, items=setting.items, policy=policy)


def _moved(
    plans: Mapping[str, tuple[Group, ...]], proposal: ReallocationProposal
) -> dict[str, tuple[Group, ...]]:
    """The plans after the proposal."""
    moved = dict(plans)
    for component in proposal.components:
        moved.update((move.order_id, groups_of(move.groups)) for move in component)
    return moved


def steered_cost(order: PlannedOrder, setting: Setting) -> int:
    """What the order's plan costs, the surcharge on a broken promise included (micro-units)."""
    terms = cost_terms(order, setting.network, setting.card)
    broken = setting.policy.card.promise_broken_micro if terms.get("late") else 0
    return sum(terms.values()) + broken


def open_order(
    order: PlannedOrder, setting: Setting, *, customer_node_id: str | None = None
) -> OpenOrder:
    """The order with its plan in force, as the optimizer takes it; it prices the plan itself."""
    done = {number for group in order.groups for number in group.line_numbers}
    return OpenOrder(
        ask=ask_of(order, setting, customer_node_id=customer_node_id),
        groups=domain_groups_of(order, setting),
        unfilled=tuple(
            UnfilledLine(line.line_number, UnfilledReason.NO_STOCK)
            for line in order.lines
            if line.line_number not in done
        ),
        cost=CostBreakdown(),
    )
