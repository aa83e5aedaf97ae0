"""A plan of many orders without a service: tables in, the optimizer's process, a table out."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bopis.cli.bar import Bar
from bopis.cli.complaints import BAD_OPTION, INTERRUPTED, refuse, said_by
from bopis.cli.interrupting import interruptions
from bopis.cli.outputs import refuse_unwritten, tell_no_certificate
from bopis.domain.policy import CardLevel

if TYPE_CHECKING:
    from bopis.domain.reallocation import (
        OrderMove,
        ReallocationProblem,
        ReallocationProposal,
        SolveProgress,
        SolveRecord,
    )
    from bopis.scenario.model import Scenario
    from bopis.simulate.setting import Setting

MICRO: Final = 1e6
COLUMNS: Final = (
    ("order_id", "VARCHAR"),
    ("line_number", "INTEGER"),
    ("sku", "VARCHAR"),
    ("quantity", "BIGINT"),
    ("node_id", "VARCHAR"),
    ("method", "VARCHAR"),
    ("window_start", "TIMESTAMPTZ"),
    ("ready_by", "TIMESTAMPTZ"),
    ("unfilled_reason", "VARCHAR"),
    ("order_cost", "DOUBLE"),
)
"""Of a table of plans: a row per line; no node: nobody does it."""


@dataclass(frozen=True, slots=True)
class Offline:
    """What is planned: the tables of a folder, under a level of a policy's card. `late_max`,
    `unfilled_max`: orders that may be late, lines that may be left; None: any.
    """

    directory: Path
    card: CardLevel
    policy: Path | None
    time_limit_ms: int
    late_max: int | None = None
    unfilled_max: int | None = None


@dataclass(slots=True)
class _Watcher:
    """Implements `bopis.domain.reallocation.SolveWatcher`."""

    bar: Bar
    time_limit_ms: int
    record: "SolveRecord | None" = None

    def progressed(self, progress: "SolveProgress") -> None:
        """See there."""
        words = progress.step.lower()
        if progress.cost_micro:
            words += f", cost {progress.cost_micro / MICRO:,.2f}"
        if progress.bound_micro > 0:
            words += f", at least {progress.bound_micro / MICRO:,.2f}"
        done_ms = min(progress.elapsed_ms, self.time_limit_ms)
        self.bar.update(words, done_ms, self.time_limit_ms)

    def recorded(self, record: "SolveRecord") -> None:
        """See there."""
        self.record = record


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan of the orders of a scenario; `left`: why nobody does a line, where that was wanted."""

    scenario: "Scenario"
    problem: "ReallocationProblem | None"
    proposal: "ReallocationProposal"
    record: "SolveRecord | None" = None
    left: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @property
    def plans(self) -> "dict[str, OrderMove]":
        """By order; those without a plan are not named."""
        return {move.order_id: move for part in self.proposal.components for move in part}


def plan_offline(
    asked: Offline, *, out: Path | None, certificate: Path | None, quiet: bool
) -> dict[str, Any]:
    """Plans all orders of the tables together; figures of the plan. Until files are written Ctrl-C
    ends it; what is being written is written whole.
    """
    from bopis.domain.errors import NotServing
    from bopis.scenario.rows import ScenarioError
    from bopis.scenario.tables import TableError

    try:
        planned = _planned(asked, with_reasons=out is not None, quiet=quiet)
    except (ScenarioError, TableError, ValueError, OSError) as error:
        refuse(said_by(error), code=BAD_OPTION)
    except NotServing as error:
        refuse(error.message)
    except KeyboardInterrupt:
        refuse("interrupted: nothing was written", code=INTERRUPTED)
    with interruptions():
        if out is not None:
            _write_plan(out, _rows(planned.scenario, planned.plans, planned.left))
        if certificate is not None:
            _write_certificate(certificate, planned.record)
        return _figures(planned)


def _planned(asked: Offline, *, with_reasons: bool, quiet: bool) -> _Planned:
    """Raises ScenarioError, TableError, ValueError, OSError, NotServing."""
    from bopis.domain.reallocation import ReallocationProposal
    from bopis.scenario.loader import load_scenario

    scenario = load_scenario(asked.directory)
    if not scenario.orders:
        return _Planned(scenario, None, ReallocationProposal((), 0, 0, 0, 0))
    setting = _setting(asked, scenario)
    problem = replace(
        _problem(scenario, setting, asked.time_limit_ms),
        late_max=asked.late_max,
        unfilled_max=asked.unfilled_max,
    )
    with Bar(quiet=quiet) as bar:
        watcher = _Watcher(bar, asked.time_limit_ms)
        proposal = _solve(problem, setting, watcher)
    planned = _Planned(scenario, problem, proposal, watcher.record)
    if not with_reasons:
        return planned
    return replace(planned, left=_left(problem, setting, planned.plans))


def _figures(planned: _Planned) -> dict[str, Any]:
    proposal, plans, orders = planned.proposal, planned.plans, planned.scenario.orders
    filled = sum(len(group.line_numbers) for move in plans.values() for group in move.groups)
    asks = () if planned.problem is None else planned.problem.orders
    promises = {order.ask.order_id: order.ask.promise_ms for order in asks}
    is_proven = proposal.bound_micro > 0 or not proposal.gap
    return {
        "orders": len(orders),
        "unfilled_lines": sum(len(order.lines) for order in orders) - filled,
        "late_orders": sum(_is_late(move, promises[move.order_id]) for move in plans.values()),
        # The tables have amounts, and do not say of which currency.
        "currency": "",
        "cost_after": proposal.cost_planned_micro / MICRO,
        "bound": proposal.bound_micro / MICRO if is_proven else None,
        "gap": proposal.gap if is_proven else None,
        "solve_s": proposal.solve_time_ms / 1_000,
        "step": proposal.stage,
    }


def _is_late(move: "OrderMove", promise_ms: int) -> bool:
    return any(group.ready_by_ms > promise_ms for group in move.groups)


def _write_plan(path: Path, rows: Iterator[tuple[object, ...]]) -> None:
    from bopis.scenario.tables import TableError, write_table

    try:
        write_table(path, COLUMNS, rows)
    except TableError as error:
        refuse(str(error), code=BAD_OPTION)
    except OSError as error:
        refuse_unwritten(path, error)


def _write_certificate(path: Path, record: "SolveRecord | None") -> None:
    if record is None:
        tell_no_certificate(path, "there are no orders")
        return
    try:
        path.write_bytes(record.certificate)
    except OSError as error:
        refuse_unwritten(path, error)


def _setting(asked: Offline, scenario: "Scenario") -> "Setting":
    """Raises ScenarioError, ValueError, OSError."""
    from bopis.config import policy_text
    from bopis.domain.errors import FieldInvalid
    from bopis.domain.network import LaborWindow
    from bopis.domain.policy import parse_policy
    from bopis.scenario.loader import load_labor
    from bopis.simulate.setting import Variant, make_setting

    setting = make_setting(scenario, Variant(card=asked.card))
    if asked.policy is not None:
        try:
            text = policy_text(asked.policy)
            setting = replace(setting, policy=parse_policy(text, level=asked.card))
        except FieldInvalid as error:
            refuse(f"{asked.policy}: {error.field}: {error.message}", code=BAD_OPTION)
    labor = load_labor(asked.directory, {node.node_id for node in scenario.nodes})
    if labor is not None:
        windows: dict[str, list[LaborWindow]] = {node.node_id: [] for node in scenario.nodes}
        for (node_id, start_s), seconds in sorted(labor.items()):
            windows[node_id].append(LaborWindow(start_s, seconds))
        nodes = tuple(
            replace(one, windows=tuple(windows[one.node.node_id])) for one in setting.nodes
        )
        setting = replace(setting, nodes=nodes)
    return setting


def _problem(scenario: "Scenario", setting: "Setting", time_limit_ms: int) -> "ReallocationProblem":
    from bopis.domain.day_limits import limits_of
    from bopis.domain.reallocation import LaborLimit, ReallocationProblem, StockLimit
    from bopis.domain.shared_limits import shared_days, shipping_limits
    from bopis.simulate.policies.hindsight import open_order
    from bopis.simulate.setting import placed_order

    orders = [placed_order(order) for order in scenario.orders]
    skus = {line.sku for order in orders for line in order.lines}
    now_s = min(order.placed_s for order in orders)
    latest_s = max(setting.promise_s(order) for order in orders)
    policy, nodes = setting.policy, [one.node for one in setting.nodes]
    days = shared_days(
        limits_of(policy.rules, nodes),
        (),
        (),
        from_s=now_s,
        until_s=latest_s + (policy.late_windows_max_h + 1) * 3_600,
        groups_max=sum(len(order.lines) for order in orders),
    )
    asks = (open_order(order, setting) for order in orders)
    stock = tuple(
        StockLimit(node_id, sku, units)
        for (node_id, sku), units in setting.stock.items()
        if sku in skus and units > 0
    )
    return ReallocationProblem(
        now_ms=now_s * 1_000,
        orders=tuple(replace(one, ask=replace(one.ask, closed=days.closed)) for one in asks),
        stock=stock,
        labor=tuple(
            LaborLimit(one.node.node_id, window.start_s, window.seconds)
            for one in setting.nodes
            for window in one.windows
            if window.seconds > 0
        ),
        time_limit_ms=time_limit_ms,
        shipping=shipping_limits(policy.rules, nodes, stock, held={}, shipped={}),
        groups=days.groups,
    )


def _solve(
    problem: "ReallocationProblem", setting: "Setting", watcher: _Watcher
) -> "ReallocationProposal":
    from bopis.adapters.solver_process import ProcessSolver

    return asyncio.run(
        ProcessSolver().solve(
            problem,
            nodes=setting.nodes,
            items=setting.items,
            policy=setting.policy,
            watcher=watcher,
        )
    )


def _left(
    problem: "ReallocationProblem", setting: "Setting", plans: "Mapping[str, OrderMove]"
) -> dict[str, dict[int, str]]:
    """By order, why nobody does a line; of an order without a plan, what is in the way of each line
    if the order were alone. Lines that it could do alone are not named.
    """
    from bopis.adapters.pricing_native import NativePricer

    asks = [order.ask for order in problem.orders if order.ask.order_id not in plans]
    pricer = NativePricer(nodes=setting.nodes, items=setting.items, policy=setting.policy)
    starts = [one.window_start_s for one in problem.labor] or [0]
    batch = pricer.open(
        asks,
        hours=(min(starts), max(starts)),
        stock=[(one.node_id, one.sku, one.units) for one in problem.stock],
        labor=[(one.node_id, one.window_start_s, one.seconds) for one in problem.labor],
        now_ms=problem.now_ms,
    )
    alone = batch.price(list(range(len(asks))), prices=())
    unfilled = {move.order_id: move.unfilled for move in plans.values()}
    unfilled |= {ask.order_id: one.unfilled for ask, one in zip(asks, alone, strict=True)}
    return {
        order_id: {one.line_number: one.words for one in lines}
        for order_id, lines in unfilled.items()
    }


def _rows(
    scenario: "Scenario",
    plans: "Mapping[str, OrderMove]",
    left: Mapping[str, Mapping[int, str]],
) -> Iterator[tuple[object, ...]]:
    for order in scenario.orders:
        plan = plans.get(order.order_id)
        groups = () if plan is None else plan.groups
        doing = {number: group for group in groups for number in group.line_numbers}
        reasons = left.get(order.order_id, {})
        cost = "" if plan is None else plan.cost.total_micro / MICRO
        for line in order.lines:
            first = (order.order_id, line.line_number, line.sku, line.quantity)
            group = doing.get(line.line_number)
            if group is None:
                yield (*first, "", "", "", "", reasons.get(line.line_number, "TOO_COSTLY"), cost)
                continue
            times = (_instant(group.window_start_ms), _instant(group.ready_by_ms))
            yield (*first, group.node_id, group.method.value, *times, "", cost)


def _instant(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
