"""Generalized assignment problems through the production path: one JSON line a file.

`python -m bench.gap FILE... --seconds S`. Format: OR-Library (minimise): agents and jobs, a cost
row per agent, a resource row per agent, the agents' capacities. Every job becomes an order of one
line whose SKU never lacks, every agent a node with one hour of that capacity; nothing may be left.
HiGHS solves the full model at the same limit, beside it.
"""

import argparse
import datetime
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ortools.math_opt.python import mathopt

from solver.allocation import Allocation, TableOrder, TableWay
from solver.course import Limits, Outcome
from solver.pool import join_beside
from solver.steps import allocate

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Instance:
    """Costs and resources by agent, then job; capacities by agent."""

    name: str
    costs: tuple[tuple[int, ...], ...]
    resources: tuple[tuple[int, ...], ...]
    capacities: tuple[int, ...]

    @property
    def jobs(self) -> int:
        """How many jobs there are."""
        return len(self.costs[0])


def read(path: Path) -> Instance:
    """An instance from its file. Raises ValueError where it is not of the format."""
    try:
        words = [int(word) for word in path.read_text(encoding="utf-8").split()]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if len(words) < 2 or min(words[:2]) < 1 or min(words) < 0:
        raise ValueError(f"{path}: two counts of at least 1, then numbers of at least 0")
    agents, jobs = words[:2]
    if len(words) != 2 + 2 * agents * jobs + agents:
        expected = 2 + 2 * agents * jobs + agents
        raise ValueError(f"{path}: {len(words)} numbers, {expected} expected")
    rows = [tuple(words[2 + at * jobs : 2 + (at + 1) * jobs]) for at in range(2 * agents)]
    return Instance(path.name, tuple(rows[:agents]), tuple(rows[agents:]), tuple(words[-agents:]))


def table(instance: Instance) -> tuple[list[int], list[TableOrder]]:
    """The instance as orders with ways; a job that is left costs more than all others together."""
    unfilled = (sum(max(row) for row in instance.costs) + 1) * MICRO * instance.jobs
    orders = [
        TableOrder(
            unfilled=(min(unfilled, 1 << 42),),
            ways=tuple(
                TableWay(
                    node=agent,
                    costs=(instance.costs[agent][job] * MICRO,),
                    labor_row=agent,
                    labor_seconds=instance.resources[agent][job],
                )
                for agent in range(len(instance.capacities))
            ),
        )
        for job in range(instance.jobs)
    ]
    return list(instance.capacities), orders


def assigned(allocation: Allocation, instance: Instance) -> list[int | None]:
    """By job, its agent."""
    agents: list[int | None] = [None] * instance.jobs
    for chosen in allocation.chosen():
        for node, _ in chosen.groups:
            agents[chosen.order] = node
    return agents


def cost_of(instance: Instance, agents: list[int | None]) -> tuple[int, bool]:
    """What an assignment costs, and whether it is one: recomputed from the file alone."""
    used = [0] * len(instance.capacities)
    cost = 0
    for job, agent in enumerate(agents):
        if agent is None:
            return cost, False
        cost += instance.costs[agent][job]
        used[agent] += instance.resources[agent][job]
    fits = all(use <= most for use, most in zip(used, instance.capacities, strict=True))
    return cost, fits


def highs(instance: Instance, *, seconds: float) -> float | None:
    """What HiGHS finds for the full model within the limit; None: nothing."""
    model = mathopt.Model()
    pairs = [(agent, job) for agent in range(len(instance.costs)) for job in range(instance.jobs)]
    x = {pair: model.add_binary_variable() for pair in pairs}
    for job in range(instance.jobs):
        model.add_linear_constraint(sum(x[agent, job] for agent in range(len(instance.costs))) == 1)
    for agent, most in enumerate(instance.capacities):
        used = sum(instance.resources[agent][job] * x[agent, job] for job in range(instance.jobs))
        model.add_linear_constraint(used <= most)
    model.minimize(sum(instance.costs[agent][job] * x[agent, job] for agent, job in pairs))
    limit = mathopt.SolveParameters(time_limit=datetime.timedelta(seconds=seconds))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=limit)
    return result.objective_value() if result.has_primal_feasible_solution() else None


def solve(instance: Instance, *, seconds: float) -> dict[str, Any]:
    """The figure of an instance."""
    began_s = time.monotonic()
    limits, orders = table(instance)
    allocation = Allocation.of_table(limits, orders)
    outcome: Outcome = allocate(
        allocation,
        Limits(len(orders), seconds),
    )
    took_s = time.monotonic() - began_s
    cost, feasible = cost_of(instance, assigned(allocation, instance))
    return {
        "instance": instance.name,
        "cost": cost,
        "bound": outcome.bound_micro / MICRO,
        "seconds": round(took_s, 3),
        "feasible": feasible,
        "stage": outcome.stage,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--no-peer", action="store_true", help="without HiGHS beside it")
    asked = parser.parse_args()
    try:
        instances = [read(path) for path in asked.files]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for instance in instances:
        figure = solve(instance, seconds=asked.seconds)
        join_beside()
        peer = None if asked.no_peer else highs(instance, seconds=asked.seconds)
        print(json.dumps({**figure, "highs_cost": peer}), flush=True)


if __name__ == "__main__":
    main()
