"""Speeds beside their goals: the kernel's solve of one order, and moves of the search a second."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from typing import Any

from bench.allocation import methods
from bench.allocation.judge import judge
from solver.problem import Request

KERNEL_TEST = (
    "cargo test --release --locked --quiet -p bopis-sourcing --test kernel_16_nodes -- --nocapture"
)
KERNEL_GOALS = {5: ("p50_us", 3.0), 9: ("p50_us", 8.0), 20: ("p99_us", 30.0)}
"""By lines of the order; a goal holds for orders of fewer lines too, down to the one before."""
MOVES_GOAL = 200_000
MOVES = 400_000
ROUNDS = 20
PASSES = 60


def kernel() -> list[dict[str, Any]] | None:
    """Figures of the kernel's own test, which knows what its orders cost; None: no cargo here."""
    if shutil.which("cargo") is None:
        return None
    # Python's own library path must not get into the test's way.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        KERNEL_TEST.split(), env=environment, capture_output=True, text=True, check=True
    )
    return kernel_figures(done.stdout.splitlines())


def kernel_figures(output: Iterable[str]) -> list[dict[str, Any]]:
    """The JSON lines among what a test prints, each with its goal."""
    figures = []
    for line in output:
        at = line.find('{"figure"')
        if at >= 0:
            figure: dict[str, Any] = json.loads(line[at:])
            figures.append({**figure, **_kernel_goal(figure)})
    if not figures:
        raise AssertionError("the kernel's test printed no figures")
    return figures


def _kernel_goal(figure: dict[str, Any]) -> dict[str, Any]:
    goals = [goal for lines, goal in sorted(KERNEL_GOALS.items()) if figure["lines"] <= lines]
    if not goals:
        return {"goal": None, "met": None}
    name, most = goals[0]
    return {"goal": f"{name} <= {most:g}", "met": figure[name] <= most}


def moves(name: str, request: Request) -> dict[str, Any]:
    """Moves of the search a second on all cores, after a short ascent; the result is checked."""
    allocation = methods.opened(request)
    allocation.ascend(passes=PASSES, go_on=lambda *_: True)
    allocation.construct()
    made = 0

    def go_on(so_far: int, _: int) -> bool:
        nonlocal made
        made = so_far
        return True

    began_s = time.monotonic()
    cost = allocation.improve(
        allocation.prices(), moves=MOVES, rounds=ROUNDS, tolerance=0.2, seed=1, go_on=go_on
    )
    took_s = time.monotonic() - began_s
    judged = judge(request, methods.chosen_plans(request, allocation))
    if judged.cost_micro != cost:
        raise AssertionError(f"{name}: the plans cost {judged.cost_micro}, not {cost}")
    rate = made / took_s
    return {
        "figure": "moves_per_second",
        "mode": "memory, library",
        "instance": name,
        "orders": len(request.problem.orders),
        "cores": len(os.sched_getaffinity(0)),
        "moves": made,
        "seconds": round(took_s, 3),
        "value": round(rate),
        "goal": f">= {MOVES_GOAL}",
        "met": rate >= MOVES_GOAL,
    }
