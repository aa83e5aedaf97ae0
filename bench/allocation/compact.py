"""The compact model of a small batch, for CP-SAT and HiGHS: written from the problem alone.

Shares nothing with the kernel. One binary per (order, group) and per (order, line, group), where a
group is a node with a method and its hours; what one order costs beyond its groups and lines (late
hours, further groups) is modeled by variables of its own.
"""

import datetime
import time
from collections import defaultdict
from dataclasses import dataclass, field

from ortools.math_opt.python import mathopt

from bench.allocation.methods import Answer
from solver.check import World, cost_of, plan_problems
from solver.geo import half_up, meters_between
from solver.problem import HOUR_S, Ask, Group, LaborShare, Method, Plan, Request, UnfilledLine

MICRO = 1_000_000
SOLVERS = {
    "cp_sat": mathopt.SolverType.CP_SAT,
    "highs": mathopt.SolverType.HIGHS,
    "scip": mathopt.SolverType.GSCIP,
}

Terms = list[tuple[float, mathopt.Variable]]


@dataclass(slots=True)
class _Model:
    """The model as it grows: what each cell gives, the objective, and how to read plans."""

    model: mathopt.Model
    taken: dict[tuple[str, str | int], Terms] = field(default_factory=lambda: defaultdict(list))
    objective: Terms = field(default_factory=list)
    constant: float = 0.0
    chosen: dict[tuple[int, int], tuple[Group, dict[int, mathopt.Variable]]] = field(
        default_factory=dict
    )


def solved(request: Request, *, solver: str, seconds: float) -> Answer | None:
    """What a solver finds within the limit, building included; None: no plans."""
    began_s = time.monotonic()
    rules = request.policy.rules
    if rules.nodes or rules.items or any(o.ask.all_or_nothing for o in request.problem.orders):
        raise ValueError(
            "the compact model knows no hard rules and no order that is all or nothing"
        )
    if request.policy.transfers is not None:
        raise ValueError("the compact model knows no transfers")
    world = World.of(request)
    built = _Model(mathopt.Model())
    for index, order in enumerate(request.problem.orders):
        _add_order(built, world, index, order.ask)
    _add_limits(built, request)
    built.model.minimize(
        mathopt.LinearSum(factor * variable for factor, variable in built.objective)
        + built.constant
    )
    left_s = max(0.1, seconds - (time.monotonic() - began_s))
    limit = mathopt.SolveParameters(time_limit=datetime.timedelta(seconds=left_s))
    result = mathopt.solve(built.model, SOLVERS[solver], params=limit)
    if not result.has_primal_feasible_solution():
        return None
    plans = _plans(built, world, result)
    bound = max(0, int(result.dual_bound() * MICRO)) if result.dual_bound() > 0 else 0
    return Answer(plans, time.monotonic() - began_s, bound)


def _candidates(world: World, ask: Ask) -> list[Group]:
    """Every group of the order's first line alone that the checker accepts, by node and hours."""
    found = []
    first = ask.lines[0].line_number
    rest = tuple(UnfilledLine(line.line_number, "NEW") for line in ask.lines[1:])
    limits = {(row.node_id, row.window_start_s) for row in world.request.problem.labor}
    methods: tuple[Method, ...] = ("PICKUP", "SHIP") if ask.method == "PICKUP" else ("SHIP",)
    for node_id, entry in world.nodes.items():
        for start in (window.start_s for window in entry.windows):
            for span in range(1, world.request.policy.span_windows_max + 1):
                hours = [start + at * HOUR_S for at in range(span)]
                if any((node_id, hour) not in limits for hour in hours):
                    continue
                each, more = divmod(entry.node.line_seconds, span)
                labor = tuple(LaborShare(h, each + (at < more)) for at, h in enumerate(hours))
                end_ms = (start + span * HOUR_S) * 1000
                for method in methods:
                    group = Group(node_id, method, (first,), labor, start * 1000, end_ms)
                    plan = Plan((group,), rest, cost_of(world, ask, (group,)))
                    if not plan_problems(world, ask, plan):
                        found.append(group)
    return found


def _add_order(built: _Model, world: World, index: int, ask: Ask) -> None:
    """An order: each line at one group or unfilled, a group a node, one pickup store."""
    model, card = built.model, world.request.policy.card
    groups = _candidates(world, ask)
    used = [model.add_binary_variable() for _ in groups]
    unfilled = [model.add_binary_variable() for _ in ask.lines]
    of_line: list[list[mathopt.Variable]] = [[one] for one in unfilled]
    by_node: dict[str, list[mathopt.Variable]] = defaultdict(list)
    late = model.add_variable(lb=0)
    broken = model.add_binary_variable()
    for number, (group, use) in enumerate(zip(groups, used, strict=True)):
        by_node[group.node_id].append(use)
        built.objective.append((_leg_micro(world, ask, group) / MICRO, use))
        hours = -(-(group.ready_by_ms - ask.promise_ms) // 3_600_000)
        if hours > 0:
            model.add_linear_constraint(late >= hours * use)
            model.add_linear_constraint(broken >= use)
        lines: dict[int, mathopt.Variable] = {}
        for at, line in enumerate(ask.lines):
            if world.stock.get((group.node_id, line.sku), 0) < line.quantity:
                continue
            does = lines[at] = model.add_binary_variable()
            of_line[at].append(does)
            model.add_linear_constraint(does <= use)
            built.objective.append((_line_micro(world, at, ask, group) / MICRO, does))
            built.taken[group.node_id, line.sku].append((line.quantity, does))
            for share in group.labor:
                built.taken[group.node_id, share.window_start_s].append((share.seconds, does))
        model.add_linear_constraint(use <= mathopt.LinearSum(lines.values()))
        built.chosen[index, number] = (group, lines)
    for choices in of_line:
        model.add_linear_constraint(mathopt.LinearSum(choices) == 1)
    for choices in by_node.values():
        model.add_linear_constraint(mathopt.LinearSum(choices) <= 1)
    pickups = [use for group, use in zip(groups, used, strict=True) if group.method == "PICKUP"]
    if pickups:
        model.add_linear_constraint(mathopt.LinearSum(pickups) <= 1)
    further = model.add_variable(lb=0)
    model.add_linear_constraint(further >= mathopt.LinearSum(used) - 1)
    percent = ask.weight_percent
    built.objective += [
        (card.extra_group_micro / MICRO, further),
        (half_up(card.late_hour_micro, percent, 100) / MICRO, late),
        (half_up(card.promise_broken_micro, percent, 100) / MICRO, broken),
    ]
    for line, one in zip(ask.lines, unfilled, strict=True):
        micro = world.unfilled_micro(line.quantity, line.unit_price_micro, percent=percent)
        built.objective.append((micro / MICRO, one))


def _leg_micro(world: World, ask: Ask, group: Group) -> int:
    """What a group costs whatever its lines are."""
    card = world.request.policy.card
    meters = meters_between(ask.place, world.nodes[group.node_id].node.place)
    own = world.customer_store(ask)
    if group.method == "PICKUP":
        own_m = 0 if own is None else meters_between(ask.place, world.nodes[own].node.place)
        return half_up(card.other_store_km_micro, max(0, meters - own_m), 1000)
    shipped = 0 if own is None else card.pickup_shipped_micro
    return card.ship_package_micro + half_up(card.ship_km_micro, meters, 1000) + shipped


def _line_micro(world: World, at: int, ask: Ask, group: Group) -> int:
    policy, line = world.request.policy, ask.lines[at]
    grams = (world.weights.get(line.sku, 0) or policy.unit_weight_g) * line.quantity
    by_weight = half_up(policy.card.ship_kg_micro, grams, 1000) if group.method == "SHIP" else 0
    return policy.card.pick_line_micro + by_weight


def _add_limits(built: _Model, request: Request) -> None:
    """No cell gives more than it has."""
    limits: dict[tuple[str, str | int], int] = {}
    for stock in request.problem.stock:
        limits[stock.node_id, stock.sku] = stock.units
    for labor in request.problem.labor:
        limits[labor.node_id, labor.window_start_s] = labor.seconds
    for cell, terms in built.taken.items():
        total = mathopt.LinearSum(factor * variable for factor, variable in terms)
        built.model.add_linear_constraint(total <= limits[cell])


def _plans(built: _Model, world: World, result: mathopt.SolveResult) -> list[Plan]:
    values = result.variable_values()
    groups: dict[int, list[Group]] = defaultdict(list)
    for (index, _), (group, lines) in built.chosen.items():
        ask = world.request.problem.orders[index].ask
        done = tuple(ask.lines[at].line_number for at, one in lines.items() if values[one] > 0.5)
        if done:
            labor = tuple(
                LaborShare(share.window_start_s, share.seconds * len(done)) for share in group.labor
            )
            start, end = group.window_start_ms, group.ready_by_ms
            groups[index].append(Group(group.node_id, group.method, done, labor, start, end))
    plans = []
    for index, order in enumerate(world.request.problem.orders):
        made = tuple(groups[index])
        done_lines = {number for group in made for number in group.line_numbers}
        left = [line.line_number for line in order.ask.lines if line.line_number not in done_lines]
        unfilled = tuple(UnfilledLine(number, "TOO_COSTLY") for number in left)
        plans.append(Plan(made, unfilled, cost_of(world, order.ask, made)))
    return plans
