"""Days decided order by order, beside hindsight: how much of the way prices and re-evaluation go.

`python -m bench.online`: plays days of a scenario with `bopis simulate`, each in a process of its
own, and prints one JSON line a policy. `--records FILE...`: judges what such processes printed
(`bopis simulate --json`), and plays nothing. `closes` is (B3 - policy) / (B3 - hindsight), costs of
all days added up, with its 95 % paired bootstrap interval; goals count at its lower end, and where
B3 costs at least 5 % more than hindsight.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bopis.scenario.loader import data_directory
from bopis.simulate.intervals import Difference, relative_difference, share

EXACT: Final = "B3"
TOGETHER: Final = "B4"
HINDSIGHT: Final = "hindsight"
REEVALUATED: Final = "duals+reevaluation"
POLICIES: Final = ("B1", EXACT, TOGETHER, "duals", REEVALUATED, HINDSIGHT)
CLOSES: Final = {"duals": 0.30, REEVALUATED: 0.55}
"""Goals: how much of what exact per order costs beyond hindsight is gone."""
OVER_HINDSIGHT: Final = 0.05
"""There are no goals where exact per order costs less than this much more than hindsight."""
SEEDS: Final = 20
QUICK: Final = ("--nodes", "8", "--skus", "25", "--orders", "60", "--seed", "3")
QUICK_SEEDS: Final = 2
QUICK_ARGUMENTS: Final = ("--refresh", "60", "--round-limit", "0.2", "--time-limit", "1")

Day = Mapping[str, Mapping[str, Any]]
"""What `bopis simulate --json` says of each policy of a day."""


@dataclass(frozen=True, slots=True)
class Case:
    """Days of a scenario in one variant. `arguments`: more of `bopis simulate`'s."""

    name: str
    directory: Path
    labor: float
    stock: float
    card: str
    arguments: Sequence[str] = field(default_factory=tuple)


class PlayError(RuntimeError):
    """A day could not be played."""


def played(case: Case, seed: int) -> Day:
    """One day, played by the command. Raises PlayError where it fails."""
    policies = [word for policy in POLICIES for word in ("--policy", policy)]
    variant = ("--labor", f"{case.labor:g}", "--stock", f"{case.stock:g}", "--card", case.card)
    command = (sys.executable, "-m", "bopis.cli", "simulate", str(case.directory), *policies)
    days = ("--first-seed", str(seed), "--seeds", "1", "--json")
    done = subprocess.run(
        [*command, *variant, *days, *case.arguments], capture_output=True, text=True, check=False
    )
    print(done.stderr, end="", file=sys.stderr)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise PlayError(f"day {seed} of {case.name}: {said[-1]}")
    return {record["policy"]: record for record in json.loads(done.stdout)}


def days_of(case: Case, seeds: int, *, jobs: int) -> list[Day]:
    """Days 1 to `seeds`; so many at a time, each on processors of its own."""
    processors = sorted(os.sched_getaffinity(0))
    jobs = max(1, min(jobs, len(processors)))
    shares = [processors[first::jobs] for first in range(jobs)]

    def own_processors() -> None:
        # Of this thread; the processes that it starts inherit them.
        os.sched_setaffinity(0, shares.pop())

    with ThreadPoolExecutor(jobs, initializer=own_processors) as pool:
        found: list[Day] = []
        for day in pool.map(lambda seed: played(case, seed), range(1, seeds + 1)):
            found.append(day)
            print(f"{case.name}: {len(found)} of {seeds} days", file=sys.stderr)
    return found


def days_in(files: Sequence[Path]) -> list[Day]:
    """Days that were played before. Raises ValueError where two records are of one day."""
    by_seed: dict[int, dict[str, Mapping[str, Any]]] = {}
    for path in files:
        for record in json.loads(path.read_text(encoding="utf-8")):
            day = by_seed.setdefault(record["seed"], {})
            if record["policy"] in day:
                raise ValueError(
                    f"{path}: {record['policy']} has played day {record['seed']} twice"
                )
            day[record["policy"]] = record
    days: list[Day] = [by_seed[seed] for seed in sorted(by_seed)]
    if any(day.keys() != days[0].keys() for day in days):
        raise ValueError("not every day was played under the same policies")
    return days


def figures_of(head: Mapping[str, Any], days: Sequence[Day]) -> Iterator[dict[str, Any]]:
    """One figure a policy. Raises AssertionError where the days break a rule or the bound."""
    for day in days:
        bound = day[HINDSIGHT]["bound"]
        for policy, record in day.items():
            if record["rule_violations"] or record["oversold_units"]:
                raise AssertionError(f"{policy}, day {record['seed']}: {record['violations']}")
            if record["cost"] < bound:
                raise AssertionError(f"{policy}, day {record['seed']}: costs less than the bound")
    over = relative_difference(_costs(days, EXACT), _costs(days, HINDSIGHT))
    for policy in days[0]:
        goals = list(_goals(days, policy)) if over.mean >= OVER_HINDSIGHT else []
        yield {
            **head,
            "mode": "memory, library, days decided order by order",
            "days": len(days),
            "method": policy,
            **{name: _mean(days, policy, name) for name in ("cost", "fill_rate", "promise_kept")},
            "bound": round(sum(day[HINDSIGHT]["bound"] for day in days) / len(days), 6),
            "over_hindsight": _told(
                relative_difference(_costs(days, policy), _costs(days, HINDSIGHT))
            ),
            "closes": _told(_closed(days, policy)) if over.mean > 0 else None,
            "goal": goals or None,
            "met": all(goal["met"] for goal in goals) if goals else None,
        }


def _costs(days: Sequence[Day], policy: str) -> list[float]:
    return [day[policy]["cost"] for day in days]


def _mean(days: Sequence[Day], policy: str, name: str) -> float:
    total: float = sum(day[policy][name] for day in days)
    return round(total / len(days), 6)


def _closed(days: Sequence[Day], policy: str) -> Difference:
    exact, best = _costs(days, EXACT), _costs(days, HINDSIGHT)
    gone = [one - own for one, own in zip(exact, _costs(days, policy), strict=True)]
    return share(gone, [one - least for one, least in zip(exact, best, strict=True)])


def _goals(days: Sequence[Day], policy: str) -> Iterator[dict[str, Any]]:
    if policy not in CLOSES:
        return
    least = _low(_closed(days, policy))
    yield _goal("closes, lower end", least, ">=", CLOSES[policy])
    if policy == REEVALUATED and TOGETHER in days[0]:
        saved = relative_difference(_costs(days, TOGETHER), _costs(days, policy))
        yield _goal(f"saved against {TOGETHER}, lower end", _low(saved), ">=", 0.0)
    for name in ("fill_rate", "promise_kept"):
        baselines = [one for one in ("B1", EXACT, TOGETHER) if one in days[0]]
        most = max(_mean(days, one, name) for one in baselines)
        yield _goal(name, _mean(days, policy, name), ">=", most)


def _low(of: Difference) -> float:
    return round(of.mean if of.low is None else of.low, 6)


def _goal(name: str, value: float, relation: str, least: float) -> dict[str, Any]:
    return {"figure": name, "value": value, "goal": f"{relation} {least:g}", "met": value >= least}


def _told(of: Difference) -> list[float | None]:
    """Mean, and the ends of the interval."""
    ends = (of.mean, of.low, of.high)
    return [None if end is None else round(end, 6) for end in ends]


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="bench.online", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two days of a small town: CI size")
    parser.add_argument("--records", type=Path, nargs="+", metavar="FILE", help="play nothing")
    parser.add_argument("--scenario", default="olist_day", metavar="NAME")
    parser.add_argument("--labor", type=float, default=1.0)
    parser.add_argument("--stock", type=float, default=1.0)
    parser.add_argument("--card", choices=("low", "base", "high"), default="base")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="days")
    parser.add_argument("--jobs", type=int, default=1, help="days at a time")
    parser.add_argument("more", nargs="*", help="arguments of bopis simulate, after --")
    return parser.parse_args()


def main() -> None:
    """The command."""
    asked = arguments()
    variant = {"card": asked.card, "labor": asked.labor, "stock": asked.stock}
    name = asked.scenario
    with tempfile.TemporaryDirectory(prefix="bopis-bench-") as folder:
        directory = data_directory() / "scenarios" / name
        if asked.records:
            days = days_in(asked.records)
        else:
            seeds, more = asked.seeds, tuple(asked.more)
            if asked.quick:
                name, directory = "town", Path(folder) / "town"
                generate = (sys.executable, "-m", "bopis.cli", "generate", str(directory), *QUICK)
                subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
                variant.update(labor=0.2, stock=0.4)
                seeds, more = QUICK_SEEDS, QUICK_ARGUMENTS
            case = Case(name, directory, variant["labor"], variant["stock"], asked.card, more)
            try:
                days = days_of(case, seeds, jobs=asked.jobs)
            except PlayError as error:
                sys.exit(str(error))
    for figure in figures_of({"instance": f"{name}, online", **variant}, days):
        print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
