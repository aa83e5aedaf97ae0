"""The figures of one instance: every method on the same request, the goals beside the optimizer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.allocation import compact, methods
from bench.allocation.instances import Variant
from bench.allocation.judge import Judged, judge
from bench.allocation.methods import Answer
from solver.problem import Request

MICRO = 1_000_000
WAY_FROM_RULES = 0.8
"""Goal of a scenario: how much of the way from the rules' cost to the bound is gone."""
WAY_FROM_EXACT = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """An instance with its time limit and the goals that it has."""

    name: str
    request: Request
    seconds: float
    variant: Variant = field(default_factory=Variant)
    gap_goal: float | None = None
    has_way_goals: bool = False
    peers: tuple[str, ...] = ()
    certificates: Path | None = None

    @property
    def certificate(self) -> Path | None:
        """Where the optimizer's certificate goes."""
        if self.certificates is None:
            return None
        one = self.variant
        name = f"{self.name}-{one.card}-labor{one.labor:g}-stock{one.stock:g}.certificate"
        return self.certificates / name


@dataclass(frozen=True, slots=True)
class _Measured:
    method: str
    answer: Answer
    judged: Judged


def of_case(case: Case) -> Iterator[dict[str, Any]]:
    """One figure a method. Raises WrongAnswerError where the checker objects."""
    rules = _measured("rules", case, methods.by_rules(case.request))
    exact = _measured("exact", case, methods.exact(case.request))
    # As a planner would who has the plans of his rules: no more may be late or left.
    base = (rules.judged, exact.judged) if case.has_way_goals else ()
    answer = methods.optimized(
        case.request,
        seconds=case.seconds,
        late_max=min((one.late_orders for one in base), default=None),
        unfilled_max=min((one.unfilled_lines for one in base), default=None),
        certificate=case.certificate,
    )
    ours = _measured("optimizer", case, answer)
    bound = ours.answer.bound_micro or 0
    for one in (rules, exact, ours):
        if one.judged.cost_micro < bound:
            raise AssertionError(f"{case.name}: {one.method} costs less than the bound")
    for one in (rules, exact, ours):
        goals = _goals(case, rules=rules, exact=exact, ours=ours) if one is ours else []
        yield _figure(case, one, bound=bound, rules=rules, goals=goals)
    for solver in case.peers:
        found = compact.solved(case.request, solver=solver, seconds=case.seconds)
        if found is None:
            yield {**_head(case), "method": solver, "cost": None, "reason": "no plans in time"}
            continue
        peer = _measured(solver, case, found)
        if peer.judged.cost_micro < bound:
            raise AssertionError(f"{case.name}: {solver} costs less than the bound")
        yield _figure(case, peer, bound=bound, rules=rules, goals=[])


def _measured(method: str, case: Case, answer: Answer) -> _Measured:
    return _Measured(method, answer, judge(case.request, answer.plans))


def _head(case: Case) -> dict[str, Any]:
    problem = case.request.problem
    return {
        "instance": case.name,
        "mode": "memory, library",
        "orders": len(problem.orders),
        "nodes": len(case.request.nodes),
        "card": case.variant.card,
        "labor": case.variant.labor,
        "stock": case.variant.stock,
        "limit_seconds": case.seconds,
    }


def _figure(
    case: Case, one: _Measured, *, bound: int, rules: _Measured, goals: list[dict[str, Any]]
) -> dict[str, Any]:
    cost = one.judged.cost_micro
    own = one.answer.bound_micro
    first = one.answer.first_plan_s
    return {
        **_head(case),
        "method": one.method,
        "seconds": round(one.answer.seconds, 3),
        "first_plan_seconds": None if first is None else round(first, 3),
        "cost": cost / MICRO,
        "bound": bound / MICRO,
        "own_bound": None if own is None else own / MICRO,
        "gap": _share(cost - bound, bound),
        "rules_cost": rules.judged.cost_micro / MICRO,
        "ratio": _share(cost - bound, rules.judged.cost_micro - bound),
        "unfilled_lines": one.judged.unfilled_lines,
        "late_orders": one.judged.late_orders,
        "goal": goals or None,
        "met": all(goal["met"] for goal in goals) if goals else None,
    }


def _goals(
    case: Case, *, rules: _Measured, exact: _Measured, ours: _Measured
) -> list[dict[str, Any]]:
    bound = ours.answer.bound_micro or 0
    cost = ours.judged.cost_micro
    goals = []
    if case.gap_goal is not None:
        gap = _share(cost - bound, bound)
        goals.append(_goal("gap", gap, f"<= {case.gap_goal}", met=_at_most(gap, case.gap_goal)))
        seconds = round(ours.answer.seconds, 3)
        met = seconds <= case.seconds
        goals.append(_goal("seconds", seconds, f"<= {case.seconds}", met=met))
    if case.has_way_goals:
        for base, least in ((rules, WAY_FROM_RULES), (exact, WAY_FROM_EXACT)):
            gone = _share(base.judged.cost_micro - cost, base.judged.cost_micro - bound)
            # Where the base is at the bound already there is no way to go.
            met = cost <= bound if gone is None else gone >= least
            goals.append(_goal(f"way_from_{base.method}", gone, f">= {least}", met=met))
        goals.append(_no_more("unfilled_lines", ours, (rules, exact)))
        goals.append(_no_more("late_orders", ours, (rules, exact)))
    return goals


def _no_more(name: str, ours: _Measured, others: tuple[_Measured, ...]) -> dict[str, Any]:
    """Fill and promise are never worse than a baseline's."""
    mine: int = getattr(ours.judged, name)
    most: int = min(getattr(one.judged, name) for one in others)
    return _goal(name, mine, f"<= {most}", met=mine <= most)


def _goal(name: str, value: float | None, goal: str, *, met: bool) -> dict[str, Any]:
    return {"figure": name, "value": value, "goal": goal, "met": met}


def _at_most(value: float | None, most: float) -> bool:
    return value is not None and value <= most


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole > 0 else None
