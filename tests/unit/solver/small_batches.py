"""Small random batches, and every plan of their orders by plain enumeration."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from solver import check
from solver.problem import (
    HOUR_S,
    Ask,
    AskLine,
    AskPin,
    Closure,
    Consent,
    CostCard,
    Group,
    GroupLimit,
    Item,
    ItemRule,
    LaborLimit,
    LaborShare,
    Method,
    NetworkNode,
    Node,
    NodeGroup,
    NodeRule,
    OpenOrder,
    Place,
    Plan,
    Policy,
    Problem,
    Request,
    Rules,
    StockLimit,
    UnfilledLine,
    Window,
)

NOON_S = 1_795_000_000 // HOUR_S * HOUR_S
CARD = CostCard(
    ship_package_micro=7_000_000,
    ship_km_micro=3_000,
    ship_kg_micro=1_200_000,
    pick_line_micro=500_000,
    extra_group_micro=2_000_000,
    other_store_km_micro=250_000,
    pickup_shipped_micro=3_000_000,
    late_hour_micro=3_000_000,
    promise_broken_micro=24_000_000,
    unfilled_share_bp=4_500,
    unfilled_goodwill_micro=6_000_000,
    opportunity_last_bp=3_000,
    opportunity_next_two_bp=1_000,
    opportunity_cap_micro=6_000_000,
    opportunity_block_micro=10_000_000,
)
POLICY = Policy(
    card=CARD,
    unit_weight_g=500,
    lead_time_ms=3_600_000,
    pickup_reach_km=40,
    ship_when_out_of_reach=True,
    late_windows_max_h=2,
    span_windows_max=2,
)
SKUS = ("a", "b")
DAYS: tuple[tuple[Method | None, int, int], ...] = (
    (None, NOON_S, NOON_S + 2 * HOUR_S),
    (None, NOON_S + 2 * HOUR_S, NOON_S + 9 * HOUR_S),
    ("SHIP", NOON_S + HOUR_S, NOON_S + 4 * HOUR_S),
)
"""What groups of a node may be limited in: method, after, until."""
UNLIMITED = 1_000


def small_request(
    seed: int, *, orders: int = 4, ruled: bool = False, limited: bool = False
) -> Request:
    """A batch whose plans in force keep all limits. Stock and labor are scarce. `limited`: so are
    groups of some days and what may be shipped; `ruled`: under hard rules, pins, closures and
    weights, too.
    """
    dice = random.Random(seed)
    policy = replace(POLICY, rules=random_rules(seed)) if ruled else POLICY
    kinds = ["STORE", "STORE", "DARK_STORE", "WAREHOUSE"]
    nodes = []
    for index, kind in enumerate(kinds[: dice.randint(2, 4)]):
        place = Place(dice.uniform(-0.4, 0.4), dice.uniform(-0.4, 0.4))
        open_hours = range(dice.randint(0, 1), dice.randint(2, 4))
        windows = tuple(Window(NOON_S + hour * HOUR_S, HOUR_S) for hour in open_hours)
        nodes.append(NetworkNode(Node(f"n{index}", kind, place, dice.choice([7, 20, 60])), windows))
    items = tuple(Item(sku, dice.randint(1, 40) * 1_000_000, dice.choice([0, 300])) for sku in SKUS)
    stock = {(n.node.node_id, sku): dice.randint(0, 3) for n in nodes for sku in SKUS}
    labor = {
        (n.node.node_id, w.start_s): dice.choice([2, 3, 5]) * n.node.line_seconds
        for n in nodes
        for w in n.windows
    }
    stock_limits = tuple(StockLimit(n, s, units) for (n, s), units in stock.items() if units)
    base = Request(
        tuple(nodes),
        items,
        policy,
        Problem(
            NOON_S * 1000,
            (),
            stock_limits,
            tuple(LaborLimit(n, start, seconds) for (n, start), seconds in labor.items()),
            time_limit_ms=5_000,
            seed=seed,
        ),
    )
    if ruled or limited:
        base = replace(base, problem=_limited(base, random.Random(f"limits {seed}")))
    left = limits_of(base)
    open_orders = []
    for number in range(orders):
        ask = _ask(dice, number)
        if ruled:
            ask = _ruled(ask, random.Random(seed * 100 + number))
        plans = [p for p in every_plan(base, ask) if p.groups and fits(p, ask, left)]
        if plans:
            plan = dice.choice(plans)
            left.subtract(takes_of(ask, plan))
            open_orders.append(OpenOrder(ask, plan.groups, plan.unfilled, plan.cost))
    return replace(base, problem=replace(base.problem, orders=tuple(open_orders)))


def _limited(request: Request, dice: random.Random) -> Problem:
    """The problem with limits on some days and on what some nodes ship."""
    problem = request.problem
    nodes = [entry.node.node_id for entry in request.nodes]
    groups = tuple(
        GroupLimit(node_id, method, after_s, until_s, dice.randint(0, 2))
        for node_id in nodes
        for method, after_s, until_s in DAYS
        if dice.random() < 0.4
    )
    limiting = [node_id for node_id in nodes if dice.random() < 0.4]
    shipping = tuple(
        replace(row, units=dice.randint(0, row.units))
        for row in problem.stock
        if row.node_id in limiting
    )
    return replace(problem, shipping=shipping, groups=groups)


def random_rules(seed: int) -> Rules:
    """Some hard rules over the nodes of a small batch."""
    dice = random.Random(-1 - seed)

    def some_nodes() -> NodeGroup:
        kinds = tuple(dice.sample(["STORE", "DARK_STORE", "WAREHOUSE"], dice.randint(0, 1)))
        named = tuple(dice.sample(["n0", "n1", "n2", "n3"], dice.randint(0, 2)))
        return NodeGroup(named, kinds, inverted=dice.random() < 0.2)

    def node_rule(number: int) -> NodeRule:
        ships, pickup = dice.random() < 0.6, dice.random() < 0.7
        floor, km_max = dice.choice([0, 0, 1, 2]), dice.choice([None, None, 25, 45])
        return NodeRule(f"node {number}", some_nodes(), ships, pickup, floor, km_max)

    def item_rule(number: int) -> ItemRule:
        sku, is_prefix = dice.choice([("a", False), ("b", False), ("", True), ("a", True)])
        until_ms = dice.choice([None, None, NOON_S * 1000, NOON_S * 1000 + 1])
        return ItemRule(
            f"item {number}", sku, is_prefix, some_nodes(), dice.random() < 0.3, until_ms
        )

    return Rules(
        nodes_max=dice.choice([None, 1, 1, 2]),
        ship_km_max=dice.choice([None, None, 20, 40]),
        nodes=tuple(node_rule(number) for number in range(dice.randint(0, 2))),
        items=tuple(item_rule(number) for number in range(dice.randint(0, 2))),
    )


def _ruled(ask: Ask, dice: random.Random) -> Ask:
    """The ask with what planners and its tier may add."""
    pin = None
    if dice.random() < 0.2:
        pin = AskPin(dice.choice([None, "n0", "n1"]), dice.choice([None, "PICKUP", "SHIP"]))
    closed = tuple(
        Closure(
            "full",
            f"n{dice.randint(0, 3)}",
            dice.choice([None, "PICKUP", "SHIP"]),
            NOON_S + dice.randint(-1, 2) * HOUR_S,
            NOON_S + dice.randint(1, 4) * HOUR_S,
        )
        for _ in range(dice.randint(0, 1))
    )
    return replace(ask, pin=pin, closed=closed, weight_percent=dice.choice([100, 100, 150, 333]))


def _price_micro(dice: random.Random) -> int:
    """One in twelve is dearer than any cost that the kernel counts."""
    if dice.random() < 1 / 12:
        return 10_000_000_000_000
    return dice.randint(1, 40) * 1_000_000


def _ask(dice: random.Random, number: int) -> Ask:
    lines = tuple(
        AskLine(index + 1, dice.choice(SKUS), dice.randint(1, 2), _price_micro(dice))
        for index in range(dice.randint(1, 2))
    )
    return Ask(
        order_id=f"order-{number}",
        method=dice.choice(["PICKUP", "PICKUP", "SHIP"]),
        place=Place(dice.uniform(-0.4, 0.4), dice.uniform(-0.4, 0.4)),
        lines=lines,
        now_ms=NOON_S * 1000,
        promise_ms=(NOON_S + dice.randint(1, 3) * HOUR_S) * 1000,
        consent=Consent(dice.choice([0, 40]), dice.random() < 0.7),
        all_or_nothing=dice.random() < 0.2,
        excluded_node_ids=("n1",) if dice.random() < 0.1 else (),
    )


def every_plan(request: Request, ask: Ask) -> Iterator[Plan]:
    """Every plan that the independent checker accepts, the empty one included."""
    world = check.World.of(request)
    nodes = [entry.node.node_id for entry in request.nodes]
    for choice in itertools.product([None, *nodes], repeat=len(ask.lines)):
        used = sorted({node for node in choice if node is not None})
        options = [list(_groups(world, ask, node, choice)) for node in used]
        for groups in itertools.product(*options):
            left = tuple(
                UnfilledLine(line.line_number, "TOO_COSTLY")
                for line, node in zip(ask.lines, choice, strict=True)
                if node is None
            )
            cost = check.cost_of(world, ask, groups)
            plan = Plan(tuple(groups), left, cost)
            if not check.plan_problems(world, ask, plan):
                yield plan


def _groups(
    world: check.World, ask: Ask, node_id: str, choice: tuple[str | None, ...]
) -> Iterator[Group]:
    entry = world.nodes[node_id]
    numbers = tuple(
        line.line_number for line, node in zip(ask.lines, choice, strict=True) if node == node_id
    )
    starts = {window.start_s for window in entry.windows}
    for method, first, span in itertools.product(("PICKUP", "SHIP"), sorted(starts), (1, 2)):
        hours = [first + HOUR_S * index for index in range(span)]
        if starts >= set(hours):
            each, rest = divmod(entry.node.line_seconds, span)
            labor = tuple(
                LaborShare(hour, len(numbers) * (each + (index < rest)))
                for index, hour in enumerate(hours)
            )
            ready_ms = (first + span * HOUR_S) * 1000
            yield Group(node_id, method, numbers, labor, first * 1000, ready_ms)  # type: ignore[arg-type]


def takes_of(ask: Ask, plan: Plan) -> Counter[tuple[str, str | int]]:
    """Units, units shipped, seconds and groups of days by cell."""
    lines = {line.line_number: line for line in ask.lines}
    taken: Counter[tuple[str, str | int]] = Counter()
    for group in plan.groups:
        for number in group.line_numbers:
            taken[group.node_id, lines[number].sku] += lines[number].quantity
            if group.method == "SHIP":
                taken[shipped(group.node_id, lines[number].sku)] += lines[number].quantity
        for share in group.labor:
            taken[group.node_id, share.window_start_s] += share.seconds
        for day, (method, after_s, until_s) in enumerate(DAYS):
            if method in (None, group.method) and after_s * 1000 < group.ready_by_ms:
                taken[of_day(group.node_id, day)] += group.ready_by_ms <= until_s * 1000
    return +taken


def shipped(node_id: str, sku: str) -> tuple[str, str]:
    """The cell of what a node may ship of a SKU."""
    return node_id, f"shipped {sku}"


def of_day(node_id: str, day: int) -> tuple[str, str]:
    """The cell of a node's groups in one of the days."""
    return node_id, f"day {day}"


def fits(plan: Plan, ask: Ask, left: Counter[tuple[str, str | int]]) -> bool:
    """Is there still what a plan takes?"""
    return all(amount <= left[cell] for cell, amount in takes_of(ask, plan).items())


def limits_of(request: Request) -> Counter[tuple[str, str | int]]:
    """Units, units shipped, seconds and groups of days that the orders may use, by cell."""
    problem = request.problem
    limits: Counter[tuple[str, str | int]] = Counter()
    for entry in request.nodes:
        for day in range(len(DAYS)):
            limits[of_day(entry.node.node_id, day)] = UNLIMITED
    for stock in problem.stock:
        limits[stock.node_id, stock.sku] = stock.units
        limits[shipped(stock.node_id, stock.sku)] = UNLIMITED
    for labor in problem.labor:
        limits[labor.node_id, labor.window_start_s] = labor.seconds
    for stock in problem.shipping:
        limits[shipped(stock.node_id, stock.sku)] = stock.units
    for one in problem.groups:
        day = DAYS.index((one.method, one.after_s, one.until_s))
        limits[of_day(one.node_id, day)] = one.groups
    return limits


def keeps(order: OpenOrder, plan: Plan) -> bool:
    """Does a plan do every line that the plan in force does?"""
    done = {number for group in plan.groups for number in group.line_numbers}
    return done >= {number for group in order.groups for number in group.line_numbers}


def charged_minimum(
    request: Request, order: OpenOrder, prices: Counter[tuple[str, str | int]]
) -> int:
    """Least cost plus charges over every plan that fits alone and keeps what was promised."""
    ask = order.ask
    limits = limits_of(request)
    return min(
        plan.cost.total_micro
        + sum(prices[cell] * amount for cell, amount in takes_of(ask, plan).items())
        for plan in every_plan(request, ask)
        if fits(plan, ask, limits) and keeps(order, plan)
    )


def optimum(request: Request, prices: Mapping[tuple[str, str | int], int] | None = None) -> int:
    """Least cost of all orders together that leaves no promised line, by trying all plans; what an
    order's move must gain counts as a cost of every plan but the one in force. `prices`: by cell,
    what plans pay for what they take.
    """
    plans = []

    def paid(cells: Iterable[tuple[tuple[str, str | int], int]]) -> int:
        return sum((prices or {}).get(cell, 0) * amount for cell, amount in cells)

    for order in request.problem.orders:
        standing = tuple(sorted(takes_of(order.ask, order.plan).items(), key=str))
        known = {standing: order.cost.total_micro + paid(standing)}
        left = {line.line_number for line in order.unfilled}
        for plan in every_plan(request, order.ask):
            if not plan.groups or not left >= {line.line_number for line in plan.unfilled}:
                continue
            cells = tuple(sorted(takes_of(order.ask, plan).items(), key=str))
            cost = plan.cost.total_micro + order.stay_micro + paid(cells)
            known[cells] = min(known.get(cells, cost), cost)
        plans.append(sorted(known.items(), key=lambda entry: entry[1]))
    least_after = [0]
    for options in reversed(plans):
        least_after.append(least_after[-1] + options[0][1])
    least_after.reverse()
    limits = limits_of(request)
    best = sum(
        order.cost.total_micro + paid(takes_of(order.ask, order.plan).items())
        for order in request.problem.orders
    )

    def descend(order: int, spent: int) -> None:
        nonlocal best
        if spent + least_after[order] >= best:
            return
        if order == len(plans):
            best = spent
            return
        for cells, cost in plans[order]:
            if all(amount <= limits[cell] for cell, amount in cells):
                limits.subtract(dict(cells))
                descend(order + 1, spent + cost)
                limits.update(dict(cells))

    descend(0, 0)
    return best
