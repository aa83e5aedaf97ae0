"""Generalized assignment problems through the production path: one JSON line a file.

`python -m bench.gap FILE... --seconds S`. Format: OR-Library (minimise): agents and jobs, a cost
row per agent, a resource row per agent, the agents' capacities. Every job becomes an order of one
line whose SKU never lacks, every agent a node with one hour of that capacity; nothing may be left.
HiGHS solves the full model at the same limit, beside it.
"""

import argparse
import datetime
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ortools.math_opt.python import mathopt

from solver.allocation import Allocation, TableOrder, TableWay
from solver.course import Limits, Outcome
from solver.pool import join_beside
from solver.steps import allocate

MICRO: Final = 1_000_000
LEAVING_MAX: Final = 1 << 42
"""What leaving a job costs at most, micro-units; no job costs as much."""
COST_MAX: Final = LEAVING_MAX // MICRO - 1
RESOURCE_MAX: Final = 1_000_000_000
COUNT_MAX: Final = 1_000_000
DIGITS_MAX: Final = 40
SHOWN_MAX: Final = 40
"""Characters of a word that are shown."""
SECONDS_MAX: Final = 86_400.0


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
    """An instance from its file. Raises OSError, and ValueError that names file and place where it
    is not of the format.
    """
    try:
        return _instance(path.name, path.read_text(encoding="utf-8", errors="replace"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _instance(name: str, text: str) -> Instance:
    words = _Words(text)
    agents = words.next("how many agents there are", least=1, most=COUNT_MAX)
    jobs = words.next("how many jobs there are", least=1, most=COUNT_MAX)

    def row(doing: str, agent: int, most: int) -> tuple[int, ...]:
        return tuple(
            words.next(f"what job {job + 1} {doing} at agent {agent + 1}", most=most)
            for job in range(jobs)
        )

    costs = tuple(row("costs", agent, COST_MAX) for agent in range(agents))
    resources = tuple(row("takes", agent, RESOURCE_MAX) for agent in range(agents))
    capacities = tuple(
        words.next(f"agent {agent + 1}'s capacity", most=RESOURCE_MAX) for agent in range(agents)
    )
    words.end()
    return Instance(name, costs, resources, capacities)


class _Words:
    """The numbers of a text, one after the other, with their places."""

    def __init__(self, text: str) -> None:
        self._lines = text.count("\n", 0, len(text.rstrip())) + 1
        self._rest: Iterator[tuple[int, int, str]] = (
            (line, number, word)
            for line, words in enumerate(text.split("\n"), start=1)
            for number, word in enumerate(words.split(), start=1)
        )
        self._is_empty = not text.strip()

    def next(self, what: str, *, least: int = 0, most: int) -> int:
        """The next number. Raises ValueError where there is none, or none within the limits."""
        if self._is_empty:
            raise ValueError("empty")
        line, number, word = next(self._rest, (0, 0, ""))
        if not word:
            raise ValueError(f"line {self._lines}: it ends before {what}")
        place = f"line {line}, word {number}: {word[:SHOWN_MAX]}"
        if not (word.isascii() and word.isdigit()):
            raise ValueError(f"{place} is no whole number of at least 0")
        value = int(word) if len(word) <= DIGITS_MAX else most + 1
        if value < least:
            raise ValueError(f"{place}: {what} is at least {least}")
        if value > most:
            raise ValueError(f"{place}: {what} is at most {most}")
        return value

    def end(self) -> None:
        """Raises ValueError if there are more."""
        for line, number, word in self._rest:
            shown = word[:SHOWN_MAX]
            raise ValueError(f"line {line}, word {number}: {shown} stands behind the last capacity")


def table(instance: Instance) -> tuple[list[int], list[TableOrder]]:
    """The instance as orders with ways, in parts of a unit of cost; a job that is left costs more
    than all others together. Where a capacity is 0, resources count twice, and capacities twice
    and one more, which is the same: an hour of no seconds is closed to jobs that take none, too.
    """
    times, more = (1, 0) if all(instance.capacities) else (2, 1)
    parts = parts_of(instance)
    unfilled = (sum(max(row) for row in instance.costs) + 1) * parts * instance.jobs
    orders = [
        TableOrder(
            unfilled=(min(unfilled, LEAVING_MAX),),
            ways=tuple(
                TableWay(
                    node=agent,
                    costs=(instance.costs[agent][job] * parts,),
                    labor_row=agent,
                    labor_seconds=times * instance.resources[agent][job],
                )
                for agent in range(len(instance.capacities))
            ),
        )
        for job in range(instance.jobs)
    ]
    return [times * capacity + more for capacity in instance.capacities], orders


def parts_of(instance: Instance) -> int:
    """Into how many parts a unit of cost is divided: a million, or as many as let a job that is
    left cost more than the dearest ways of all jobs.
    """
    dearest: int = sum(max(costs) for costs in zip(*instance.costs, strict=True))
    return min(MICRO, LEAVING_MAX // (dearest + 1))


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
    """The figure of an instance; `cost` is None where no feasible assignment was found."""
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
        "cost": cost if feasible else None,
        "bound": outcome.bound_micro / parts_of(instance),
        "seconds": round(took_s, 3),
        "feasible": feasible,
        "stage": outcome.stage,
    }


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"above 0, at most {SECONDS_MAX:g}")
    return seconds


def _read_all(paths: Sequence[Path]) -> list[Instance]:
    """Those that can be read; of the others a line on standard error says why."""
    instances: list[Instance] = []
    for path in paths:
        try:
            instances.append(read(path))
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
        except ValueError as error:
            print(error, file=sys.stderr)
    return instances


def main(words: Sequence[str] | None = None) -> int:
    """The command; 2 if a file could not be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=_seconds, default=30.0)
    parser.add_argument("--no-peer", action="store_true", help="without HiGHS beside it")
    asked = parser.parse_args(words)
    instances = _read_all(asked.files)
    for instance in instances:
        figure = solve(instance, seconds=asked.seconds)
        join_beside()
        peer = None if asked.no_peer else highs(instance, seconds=asked.seconds)
        print(json.dumps({**figure, "highs_cost": peer}), flush=True)
    return 0 if len(instances) == len(asked.files) else 2


if __name__ == "__main__":
    sys.exit(main())
