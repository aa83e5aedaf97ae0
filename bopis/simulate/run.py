"""Plays the days of all seeds under all policies, and has each judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bopis.scenario.model import Scenario
from bopis.simulate.catalog import TRANSFERS, Options, Tools, make_policy
from bopis.simulate.judge import Verdict, judge
from bopis.simulate.seeds import day_of_seed
from bopis.simulate.setting import Variant, make_setting, placed_order, with_transfers

MICROS = 1_000_000
VIOLATIONS_MAX = 5


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked: policies by name, seeds, the variant of the scenario, options of policies."""

    policies: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    variant: Variant = field(default_factory=Variant)
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Record:
    """One day under one policy. `bound_micro`: no allocation of the day costs less, if known."""

    policy: str
    seed: int
    verdict: Verdict
    bound_micro: int | None
    seconds: float


Notice = Callable[[str, int, int, int], None]
"""Called with (policy, seed, orders done, orders of the day)."""


def simulate(
    scenario: Scenario, run: Run, tools: Tools, *, notice: Notice
) -> Iterator[list[Record]]:
    """Day by day a record per policy. Raises ValueError for a scenario without orders,
    bopis.domain.errors.NotServing.
    """
    without = make_setting(scenario, run.variant)
    moving = with_transfers(without, run.variant)
    recorded = [placed_order(order) for order in scenario.orders]
    for seed in run.seeds:
        orders = day_of_seed(recorded, seed)
        of_day: list[Record] = []
        for name in run.policies:
            started_s = time.monotonic()
            setting = moving if name.endswith(TRANSFERS) else without

            def tell(done: int, name: str = name, seed: int = seed) -> None:
                notice(name, seed, done, len(recorded))

            policy = make_policy(
                name,
                setting=setting,
                recorded=recorded,
                seed=seed,
                tools=tools,
                options=run.options,
            )
            tell(0)
            played = policy.play(setting, orders, progress=tell)
            verdict = judge(setting, orders, played.decisions, at_placing=played.at_placing)
            seconds = time.monotonic() - started_s
            of_day.append(Record(name, seed, verdict, played.bound_micro, seconds))
        yield with_bounds(of_day)


def with_bounds(of_day: Sequence[Record]) -> list[Record]:
    """A bound on a day holds for every policy on it; one that knows of no transfers for those that
    make none.
    """

    def bound_on(policy: str) -> int | None:
        bounds = (
            record.bound_micro
            for record in of_day
            if record.policy.endswith(TRANSFERS) or not policy.endswith(TRANSFERS)
        )
        return max((bound for bound in bounds if bound is not None), default=None)

    return [replace(record, bound_micro=bound_on(record.policy)) for record in of_day]


def as_json(record: Record) -> Mapping[str, Any]:
    """The record as the command prints it; money in whole units of the currency."""
    score = record.verdict.score
    return {
        "policy": record.policy,
        "seed": record.seed,
        "cost": score.cost / MICROS,
        "bound": None if record.bound_micro is None else record.bound_micro / MICROS,
        "fill_rate": score.fill_rate,
        "promise_kept": score.promise_kept,
        "split_rate": score.split_rate,
        "nodes_per_order": score.nodes_per_order,
        "oversold_units": record.verdict.oversold_units,
        "orders": score.orders,
        "moves": record.verdict.moves,
        "cost_terms": {name: amount / MICROS for name, amount in sorted(score.terms.items())},
        "rule_violations": len(record.verdict.violations),
        "violations": list(record.verdict.violations[:VIOLATIONS_MAX]),
        "seconds": round(record.seconds, 2),
    }
