"""`python -m bench.allocation`: batches beside their goals and peers, one JSON line a figure.

Every answer is checked and priced by the independent checker before a figure is made of it. Costs
are in the scenario's money; `gap` is (cost - bound) / bound, `ratio` (cost - bound) / (rules -
bound); the bound is the optimizer's, proven in the same run. Library figures in memory.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.allocation import compact, figures, speeds
from bench.allocation.figures import Case
from bench.allocation.instances import Variant, generated, scenario_day
from bopis.scenario.loader import data_directory

SCENARIOS = ("olist_day", "us_retail_nordstrom")
SECONDS_OF = {1_000: 2.0, 2_000: 4.0, 10_000: 20.0, 50_000: 60.0, 100_000: 120.0}
GAP_OF = {1_000: 0.02, 10_000: 0.012, 50_000: 0.015, 100_000: 0.015}
MANY = 50_000
ORDERS_OF_NODE = 50
"""From `MANY` orders on, a network with a node for so many of them is solved too."""
STRAINED = (1_000, 10_000)
SMALL = (24, 60)
"""Orders of the instances that the peers' full model is solved for."""
SMALL_S = 10.0


def generated_cases(sizes: list[int]) -> Iterator[Case]:
    """Networks drawn under a seed; those of a size that has a goal have its time limit."""
    for orders in sizes:
        seconds, goal = SECONDS_OF.get(orders, 2.0), GAP_OF.get(orders)
        yield Case(f"generated-{orders}", generated(orders), seconds, gap_goal=goal)
        if orders >= MANY:
            wide = generated(orders, nodes=orders // ORDERS_OF_NODE)
            yield Case(f"generated-{orders}-wide", wide, seconds, gap_goal=goal)


def strained_cases(sizes: list[int]) -> Iterator[Case]:
    """The same networks where nearly everything lacks; no goal is set for these."""
    for orders in sizes:
        request = generated(orders, strained=True)
        yield Case(f"strained-{orders}", request, SECONDS_OF.get(orders, 2.0))


def small_cases(sizes: list[int], *, seconds: float) -> Iterator[Case]:
    """Few orders on few nodes, where the full model can be built."""
    for orders in sizes:
        request = generated(orders, nodes=8, skus=60, seed=7)
        yield Case(f"small-{orders}", request, seconds, peers=tuple(compact.SOLVERS))


def scenario_cases(asked: argparse.Namespace) -> Iterator[Case]:
    """The days of the scenarios that are there, in every variant asked for."""
    for name in asked.scenarios:
        directory = data_directory() / "scenarios" / name
        if not directory.is_dir():
            print(f"{name}: no such scenario, skipped (set BOPIS_DATA)", file=sys.stderr)
            continue
        for card in asked.card:
            for labor in asked.labor:
                for stock in asked.stock:
                    variant = Variant(labor, stock, card)
                    request = scenario_day(directory, variant)
                    seconds = asked.seconds
                    yield Case(name, request, seconds, variant=variant, has_way_goals=True)


def arguments() -> argparse.Namespace:
    """What is asked for."""

    def numbers(text: str) -> list[float]:
        return [float(word) for word in text.split(",")]

    def words(text: str) -> list[str]:
        return [word for word in text.split(",") if word]

    parser = argparse.ArgumentParser(prog="bench.allocation", description=__doc__)
    parser.add_argument("--large", action="store_true", help="50,000 and 100,000 orders too")
    parser.add_argument("--quick", action="store_true", help="CI sizes: less than a minute")
    parser.add_argument("--sizes", type=words, help="orders of the generated instances: 1000,2000")
    parser.add_argument("--scenarios", type=words, default=list(SCENARIOS), metavar="NAME,...")
    parser.add_argument("--labor", type=numbers, default=[1.0, 0.5, 0.35], metavar="SHARE,...")
    parser.add_argument("--stock", type=numbers, default=[1.0, 0.3], metavar="SHARE,...")
    parser.add_argument("--card", type=words, default=["low", "base", "high"], metavar="LEVEL,...")
    parser.add_argument("--seconds", type=float, default=20.0, help="time limit of a scenario")
    parser.add_argument("--no-peer", action="store_true", help="without CP-SAT, HiGHS and SCIP")
    parser.add_argument("--no-kernel", action="store_true", help="without the kernel's test")
    parser.add_argument("--certificates", type=Path, metavar="DIR", help="writes them there")
    return parser.parse_args()


def cases(asked: argparse.Namespace) -> Iterator[Case]:
    """All instances of a run, made one after the other."""
    if asked.quick:
        if not asked.no_peer:
            yield from small_cases([12], seconds=3.0)
        yield from generated_cases([200])
        asked.labor, asked.stock, asked.card = asked.labor[-1:], asked.stock[:1], ["base"]
        asked.scenarios, asked.seconds = asked.scenarios[:1], 3.0
        yield from scenario_cases(asked)
        return
    if not asked.no_peer:
        yield from small_cases(list(SMALL), seconds=SMALL_S)
    sizes = [1_000, 2_000, 10_000, *([50_000, 100_000] if asked.large else [])]
    wanted = [int(size) for size in asked.sizes or sizes]
    yield from generated_cases(wanted)
    yield from strained_cases([size for size in wanted if size in STRAINED])
    yield from scenario_cases(asked)


def speed_figures(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Moves a second; the kernel's times where cargo is and the run is no quick one."""
    orders = 200 if asked.quick else 1_000
    yield speeds.moves(f"generated-{orders}", generated(orders))
    if asked.quick or asked.no_kernel:
        return
    kernel = speeds.kernel()
    if kernel is None:
        print("kernel: no cargo here, skipped", file=sys.stderr)
    yield from kernel or ()


def main() -> None:
    """The command."""
    asked = arguments()
    if asked.certificates is not None:
        asked.certificates.mkdir(parents=True, exist_ok=True)
    for figure in speed_figures(asked):
        print(json.dumps(figure), flush=True)
    for case in cases(asked):
        for figure in figures.of_case(replace(case, certificates=asked.certificates)):
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
