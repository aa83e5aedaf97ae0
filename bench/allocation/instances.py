"""Batch instances: a day of a scenario, generated or read, as one request of the optimizer.

Orders come as if none of them had a plan: every node and every hour from their placing on is open
to them, and all of the day's stock. Variants scale labor, stock and the cost card.
"""

import random
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec

from bopis.demo.plans import promise_s
from bopis.domain.policy import CardLevel, parse_policy
from bopis.scenario.generator import GeneratorParameters, generate_scenario
from bopis.scenario.hours import open_windows
from bopis.scenario.loader import load_scenario
from bopis.scenario.model import Scenario, ScenarioOrder
from solver.check import World, cost_of
from solver.problem import (
    Ask,
    AskLine,
    Consent,
    Item,
    LaborLimit,
    NetworkNode,
    Node,
    OpenOrder,
    Place,
    Policy,
    Problem,
    Request,
    StockLimit,
    UnfilledLine,
    Window,
)

HOUR_S = 3600
SCARCE_SHARE = 0.33
"""SKUs of a generated instance of which there is hardly more than is asked for, at few nodes."""
SCARCE_COVER = (1.1, 2.0)
"""What there is of those, of what is asked for."""
LABOR_COVER = 8.0
"""Labor of a generated instance in the hours before the promises, of what lines take. With these
the rules lie 32 to 44 % above the bound, as in the published table that the goals refer to
(docs/allocation.md), and deciding order by order 5 to 8 %; 11 % in that table."""
STRAINED_SCARCE_COVER = (1.0, 1.6)
STRAINED_LABOR_COVER = 2.0
"""The same of an instance in which nearly everything lacks."""
DAYS_OPEN = 3


@dataclass(frozen=True, slots=True)
class Variant:
    """What is scaled: labor and stock by a factor, costs by the card's level."""

    labor: float = 1.0
    stock: float = 1.0
    card: str = "base"


def generated(
    orders: int,
    *,
    nodes: int = 213,
    skus: int = 3_000,
    seed: int = 1,
    strained: bool = False,
) -> Request:
    """A third of the SKUs scarce, labor tight, all orders open at noon. `strained`: far more so."""
    scenario = generate_scenario(
        GeneratorParameters(nodes=nodes, skus=skus, orders=orders, seed=seed)
    )
    request = batch(scenario, Variant(), name_time="noon")
    asked: Counter[str] = Counter()
    for order in request.problem.orders:
        for line in order.ask.lines:
            asked[line.sku] += line.quantity
    dice = random.Random(f"strain/{seed}")
    stock_cover = STRAINED_SCARCE_COVER if strained else SCARCE_COVER
    stock = _scarce(request, asked, dice, cover=stock_cover)
    labor_cover = STRAINED_LABOR_COVER if strained else LABOR_COVER
    labor = _tight_labor(request, dice, cover=labor_cover)
    return _with(request, stock=stock, labor=labor)


def _scarce(
    request: Request, asked: Counter[str], dice: random.Random, *, cover: tuple[float, float]
) -> tuple[StockLimit, ...]:
    """The same stock, but for a share of the SKUs only some of the nodes that carry it."""
    carriers: dict[str, list[StockLimit]] = {}
    for limit in request.problem.stock:
        carriers.setdefault(limit.sku, []).append(limit)
    kept: list[StockLimit] = []
    for sku, limits in sorted(carriers.items()):
        if dice.random() >= SCARCE_SHARE:
            kept += limits
            continue
        left = -(-round(1000 * asked[sku] * dice.uniform(*cover)) // 1000)
        for limit in dice.sample(limits, len(limits)):
            units = min(left, limit.units)
            if units > 0:
                kept.append(StockLimit(limit.node_id, sku, units))
            left -= units
    return tuple(sorted(kept, key=lambda limit: (limit.node_id, limit.sku)))


def _tight_labor(request: Request, dice: random.Random, *, cover: float) -> tuple[LaborLimit, ...]:
    """Hours of which other work has taken most: some are free, and those for the half at most.

    What is free before the last promise holds a little more than the lines take.
    """
    latest_s = max(order.ask.promise_ms for order in request.problem.orders) // 1000
    seconds = {node.node.node_id: node.node.line_seconds for node in request.nodes}
    lines = sum(len(order.ask.lines) for order in request.problem.orders)
    early = sum(
        row.seconds / 2 / seconds[row.node_id]
        for row in request.problem.labor
        if row.window_start_s < latest_s
    )
    share = cover * lines / max(1.0, early)
    # Where all hours do not suffice there are more people.
    staff = max(1.0, share)
    return tuple(
        LaborLimit(row.node_id, row.window_start_s, int(staff * row.seconds / 2))
        for row in request.problem.labor
        if row.seconds > 1 and dice.random() < share
    )


def scenario_day(directory: Path, variant: Variant) -> Request:
    """A scenario's day as one batch in hindsight: every order from its placing on."""
    return batch(load_scenario(directory), variant)


def batch(scenario: Scenario, variant: Variant, *, name_time: str = "placed") -> Request:
    """All orders of a scenario. `name_time` "noon": all are open at the day's middle."""
    placed = [int(order.placed_at.timestamp()) for order in scenario.orders]
    noon = sorted(placed)[len(placed) // 2] // HOUR_S * HOUR_S
    start_s = noon if name_time == "noon" else min(placed) // HOUR_S * HOUR_S
    end_s = max(placed) + DAYS_OPEN * 24 * HOUR_S
    policy = _policy(variant.card)
    nodes = []
    labor = []
    for node in scenario.nodes:
        windows = open_windows(node, start_s=start_s, end_s=end_s)
        place = Place(node.latitude, node.longitude)
        known = Node(node.node_id, node.kind.value, place, node.pick_lines_per_hour)
        nodes.append(NetworkNode(known, tuple(Window(*window) for window in windows)))
        labor += [
            LaborLimit(node.node_id, hour, int(seconds * variant.labor))
            for hour, seconds in windows
            if int(seconds * variant.labor) > 0
        ]
    request = Request(
        nodes=tuple(nodes),
        items=tuple(Item(s.sku, s.unit_price_micro, s.weight_g or 0) for s in scenario.skus),
        policy=policy[0],
        problem=Problem(
            now_ms=start_s * 1000,
            orders=(),
            stock=tuple(
                StockLimit(node_id, sku, int(units * variant.stock))
                for (node_id, sku), units in sorted(scenario.on_hand.items())
                if int(units * variant.stock) > 0
            ),
            labor=tuple(labor),
            time_limit_ms=10_000,
        ),
    )
    asks = [
        _ask(order, now_s=noon if name_time == "noon" else None, policy=policy)
        for order in scenario.orders
    ]
    world = World.of(request)
    orders = tuple(
        OpenOrder(
            ask=ask,
            groups=(),
            unfilled=tuple(UnfilledLine(line.line_number, "NEW") for line in ask.lines),
            cost=cost_of(world, ask, ()),
        )
        for ask in asks
    )
    return _with(request, orders=orders)


def _ask(order: ScenarioOrder, *, now_s: int | None, policy: tuple[Policy, int, Consent]) -> Ask:
    _, promise_h, consent = policy
    placed_s = int(order.placed_at.timestamp()) if now_s is None else now_s
    minutes = order.ready_within_minutes
    within_s = None if minutes is None else minutes * 60
    return Ask(
        order_id=order.order_id,
        method=order.method.value,
        place=Place(order.latitude, order.longitude),
        lines=tuple(
            AskLine(line.line_number, line.sku, line.quantity, line.unit_price_micro)
            for line in order.lines
        ),
        now_ms=placed_s * 1000,
        promise_ms=promise_s(placed_s, within_s, default_h=promise_h) * 1000,
        consent=consent,
    )


def _policy(level: str) -> tuple[Policy, int, Consent]:
    text = resources.files("bopis.policy").joinpath("default.toml").read_text(encoding="utf-8")
    known = parse_policy(text, level=CardLevel(level))
    policy = msgspec.convert(known, Policy, from_attributes=True)
    consent = msgspec.convert(known.consent, Consent, from_attributes=True)
    return policy, known.promise_ms // 3_600_000, consent


def _with(
    request: Request,
    *,
    orders: tuple[OpenOrder, ...] | None = None,
    stock: tuple[StockLimit, ...] | None = None,
    labor: tuple[LaborLimit, ...] | None = None,
) -> Request:
    problem = request.problem
    return Request(
        request.nodes,
        request.items,
        request.policy,
        Problem(
            now_ms=problem.now_ms,
            orders=problem.orders if orders is None else orders,
            stock=problem.stock if stock is None else stock,
            labor=problem.labor if labor is None else labor,
            time_limit_ms=problem.time_limit_ms,
            seed=problem.seed,
        ),
    )
