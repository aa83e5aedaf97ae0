"""The rules that a service without an optimizer works by, on a batch: the nearest node first.

Orders come one after the other as they were placed. An order goes whole to the nearest node that
can do it by its promise; else line by line, the customer's store first, then the nearest node that
has the units and the labor by the promise, then the nearest that has them late. One pickup store
an order; other stores and parcels only as the customer agrees to. The same rule is played in time
by `bopis.demo.nearest_choice`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from solver.check import World, cost_of
from solver.geo import meters_between
from solver.problem import (
    HOUR_S,
    PICKUP_KINDS,
    Ask,
    AskLine,
    Group,
    GroupLimit,
    LaborShare,
    Method,
    OpenOrder,
    Plan,
    Request,
    UnfilledLine,
)
from solver.rules import rule_problems, serves_pickup


@dataclass(slots=True)
class _Left:
    """What nobody has taken yet, by cell; of what may be shipped only where that is limited."""

    stock: Counter[tuple[str, str]]
    labor: Counter[tuple[str, int]]
    shipping: dict[tuple[str, str], int]
    days: dict[str, list[GroupLimit]]

    def has_day(self, group: Group) -> bool:
        """Whether the days on which a group counts have room for it."""
        days = self.days.get(group.node_id, ())
        return all(day.counts(group) <= day.groups for day in days)

    def take_day(self, group: Group) -> None:
        """Takes a group's place in the days on which it counts."""
        self.days[group.node_id] = [
            replace(day, groups=day.groups - day.counts(group))
            for day in self.days.get(group.node_id, ())
        ]


@dataclass(slots=True)
class _Choice:
    """What is being put together for one order: lines by node, and the pickup store if any."""

    ask: Ask
    store: str | None
    nodes: Sequence[tuple[str, Method]]
    lines: dict[str, list[AskLine]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    pickup_node: str | None = None


def plans_of(request: Request) -> list[Plan]:
    """A plan for every order, in the order of the problem."""
    world = World.of(request)
    left = _Left(
        Counter({(row.node_id, row.sku): row.units for row in request.problem.stock}),
        Counter({(row.node_id, row.window_start_s): row.seconds for row in request.problem.labor}),
        {(row.node_id, row.sku): row.units for row in request.problem.shipping},
        {},
    )
    for day in request.problem.groups:
        left.days.setdefault(day.node_id, []).append(day)
    orders = request.problem.orders
    plans: dict[int, Plan] = {}
    for index in sorted(range(len(orders)), key=lambda index: (orders[index].ask.now_ms, index)):
        plans[index] = _plan(world, orders[index], left)
    return [plans[index] for index in range(len(orders))]


def _plan(world: World, order: OpenOrder, left: _Left) -> Plan:
    ask = order.ask
    store = world.customer_store(ask)
    choice = _Choice(ask, store, _allowed(world, ask, store))
    if not _whole(world, choice, left) and not ask.all_or_nothing:
        for line in ask.lines:
            if not _place(world, choice, left, line, late_h=0):
                _place(world, choice, left, line, late_h=world.request.policy.late_windows_max_h)
    groups = tuple(choice.groups.values())
    for group in groups:
        for line in choice.lines[group.node_id]:
            cell = group.node_id, line.sku
            left.stock[cell] -= line.quantity
            if group.is_sent and cell in left.shipping:
                left.shipping[cell] -= line.quantity
        for share in group.labor:
            left.labor[group.node_id, share.window_start_s] -= share.seconds
        left.take_day(group)
    done = {number for group in groups for number in group.line_numbers}
    unfilled = [line.line_number for line in ask.lines if line.line_number not in done]
    lines = tuple(UnfilledLine(number, "NO_STOCK") for number in unfilled)
    return Plan(groups, lines, cost_of(world, ask, groups))


def _allowed(world: World, ask: Ask, store: str | None) -> list[tuple[str, Method]]:
    """Nodes by distance, with the method that they would serve by."""
    policy = world.request.policy
    reach_m = min(policy.pickup_reach_km, ask.consent.other_store_km) * 1000
    ships = ask.method == "SHIP" or ask.consent.ship_home
    ships = ships or (store is None and policy.ship_when_out_of_reach)
    found: list[tuple[int, str, Method]] = []
    for node_id, entry in world.nodes.items():
        meters = meters_between(ask.place, entry.node.place)
        collects = store is not None and entry.node.kind in PICKUP_KINDS
        collects = collects and (node_id == store or meters <= reach_m)
        collects = collects and ask.pickup_only_at in (None, node_id)
        collects = collects and serves_pickup(world.request, entry.node)
        if node_id in ask.excluded_node_ids:
            continue
        if collects:
            found.append((meters, node_id, "PICKUP"))
        elif ships:
            found.append((meters, node_id, "SHIP"))
    return [(node_id, method) for _, node_id, method in sorted(found)]


def _method_at(choice: _Choice, node_id: str, method: Method) -> Method | None:
    """The method here given what is chosen; None where the node may not serve any more."""
    if method == "SHIP" or choice.pickup_node in (None, node_id):
        return method
    return "SHIP" if choice.ask.consent.ship_home else None


def _whole(world: World, choice: _Choice, left: _Left) -> bool:
    """Gives everything to the nearest node that can do it by the promise; False if none can."""
    return any(
        _put(world, choice, left, node_id, method, choice.ask.lines, late_h=0)
        for node_id, method in choice.nodes
    )


def _place(world: World, choice: _Choice, left: _Left, line: AskLine, *, late_h: int) -> bool:
    ranked = sorted(choice.nodes, key=lambda node: node[0] != choice.store)
    return any(
        _put(world, choice, left, node_id, method, (line,), late_h=late_h)
        for node_id, method in ranked
    )


def _put(
    world: World,
    choice: _Choice,
    left: _Left,
    node_id: str,
    method: Method,
    lines: Sequence[AskLine],
    *,
    late_h: int,
) -> bool:
    """Adds lines to what a node does for the order, where stock, labor and rules allow it."""
    how = _method_at(choice, node_id, method)
    there = [*choice.lines.get(node_id, ()), *lines]
    if how is None or not _in_stock(left, node_id, there, how):
        return False
    nodes_max = world.request.policy.rules.nodes_max
    if nodes_max is not None and len({*choice.groups, node_id}) > nodes_max:
        return False
    group = _earliest(world, choice.ask, left, node_id, how, there, late_h=late_h)
    node = world.nodes[node_id].node
    if group is None or rule_problems(world.request, choice.ask, group, node, stock=world.stock):
        return False
    choice.lines[node_id], choice.groups[node_id] = there, group
    if how == "PICKUP":
        choice.pickup_node = node_id
    return True


def _in_stock(left: _Left, node_id: str, lines: Sequence[AskLine], method: Method) -> bool:
    asked: Counter[tuple[str, str]] = Counter()
    for line in lines:
        asked[node_id, line.sku] += line.quantity
    ships = method == "SHIP"
    return all(
        left.stock[cell] >= units and not (ships and left.shipping.get(cell, units) < units)
        for cell, units in asked.items()
    )


def _earliest(
    world: World,
    ask: Ask,
    left: _Left,
    node_id: str,
    method: Method,
    lines: Sequence[AskLine],
    *,
    late_h: int,
) -> Group | None:
    """The group over the hours that end first and can take these lines."""
    policy, entry = world.request.policy, world.nodes[node_id]
    now_ms = max(ask.now_ms, world.request.problem.now_ms)
    first = -(-now_ms // (HOUR_S * 1000)) * HOUR_S
    ready = max(first + HOUR_S, -(-(now_ms + policy.lead_time_ms) // (HOUR_S * 1000)) * HOUR_S)
    last = ask.promise_ms // 1000 + late_h * HOUR_S
    opens = {window.start_s for window in entry.windows}
    for end in range(ready, last + 1, HOUR_S):
        if end - HOUR_S not in opens:
            continue
        for span in range(1, policy.span_windows_max + 1):
            start = end - span * HOUR_S
            if start < first:
                break
            each, rest = divmod(entry.node.line_seconds, span)
            labor = tuple(
                LaborShare(start + at * HOUR_S, len(lines) * (each + (at < rest)))
                for at in range(span)
            )
            if all(
                share.window_start_s in opens
                and share.seconds <= left.labor[node_id, share.window_start_s]
                for share in labor
            ):
                numbers = tuple(line.line_number for line in lines)
                group = Group(node_id, method, numbers, labor, start * 1000, end * 1000)
                if left.has_day(group):
                    return group
    return None
