"""The independent checker: prices plans and finds broken rules from the problem alone.

It shares nothing with the kernel or the master but the problem's values: own distances, own
windows, own sums. A result that it objects to is never sent.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from solver.charges import Charges, charges_of
from solver.geo import half_up, meters_between
from solver.problem import (
    HOUR_S,
    PICKUP_KINDS,
    Ask,
    Cost,
    CostTerm,
    Group,
    GroupLimit,
    NetworkNode,
    OpenOrder,
    Place,
    Plan,
    Request,
)
from solver.rules import planner_problems, rule_problems, serves_pickup
from solver.transfer_rules import transfer_micro, transfer_problems

FARTHEST_M: Final = 20_016_000
"""Half of the earth's circumference: the policy limits the way of a parcel by nothing else."""
COST_MAX_MICRO: Final = 1 << 42
"""The largest single cost that counts: dearer lines are all alike."""


@dataclass(frozen=True, slots=True)
class World:
    """The request by name."""

    request: Request
    nodes: Mapping[str, NetworkNode]
    weights: Mapping[str, int]
    stock: Mapping[tuple[str, str], int]
    charges: Charges
    stores: tuple[tuple[int, NetworkNode], ...]
    """Where customers may collect at all, and their places among the nodes; from south to north."""
    known_stores: dict[tuple[Place, int, int], str | None] = field(default_factory=dict)
    """Customers' stores found before, by place, moment of asking and promise."""

    @classmethod
    def of(cls, request: Request) -> "World":
        """Indexes nodes, items, stock and charges."""
        return cls(
            request,
            {node.node.node_id: node for node in request.nodes},
            {item.sku: item.weight_g for item in request.items},
            {(row.node_id, row.sku): row.units for row in request.problem.stock},
            charges_of(request),
            tuple(
                (index, entry)
                for index, entry in sorted(enumerate(request.nodes), key=_latitude)
                if entry.node.kind in PICKUP_KINDS and serves_pickup(request, entry.node)
            ),
        )

    def customer_store(self, ask: Ask) -> str | None:
        """The nearest store in reach open before the promise, else the nearest; None for SHIP."""
        if ask.method != "PICKUP":
            return None
        if ask.customer_node_id in self.nodes:
            return ask.customer_node_id
        key = (ask.place, ask.now_ms, ask.promise_ms)
        if key not in self.known_stores:
            self.known_stores[key] = self._nearest_store(ask)
        return self.known_stores[key]

    def _nearest_store(self, ask: Ask) -> str | None:
        reach_m = self.request.policy.pickup_reach_km * 1000
        # A degree of latitude is 111 km at least: the way is not shorter than its part.
        degrees = (reach_m + 1_000) / 111_000
        first = bisect_left(self.stores, ask.place.latitude - degrees, key=_latitude)
        stores = []
        for index, entry in islice(self.stores, first, None):
            if entry.node.place.latitude > ask.place.latitude + degrees:
                break
            meters = meters_between(ask.place, entry.node.place)
            if meters <= reach_m:
                is_open = any(
                    window.seconds > 0
                    and window.start_s * 1000 >= ask.now_ms
                    and (window.start_s + HOUR_S) * 1000 <= ask.promise_ms
                    for window in entry.windows
                )
                stores.append((not is_open, meters, index, entry.node.node_id))
        return min(stores)[3] if stores else None

    def unfilled_micro(self, quantity: int, unit_price_micro: int, *, percent: int) -> int:
        """Cost of leaving a line: at least the dearest plan allowed, times the order's weight, at
        most COST_MAX_MICRO.
        """
        policy, card = self.request.policy, self.request.policy.card
        floor = (
            card.ship_package_micro
            + half_up(card.ship_km_micro, FARTHEST_M, 1000)
            + card.pickup_shipped_micro
        )
        if policy.transfers is not None:
            floor = max(floor, transfer_micro(policy.transfers, policy.transfers.reach_km * 1000))
        floor += (
            card.extra_group_micro
            + card.pick_line_micro
            + card.promise_broken_micro
            + card.late_hour_micro * policy.late_windows_max_h
        )
        margin = half_up(quantity * unit_price_micro, card.unfilled_share_bp, 10_000)
        cost = min(max(floor, margin + card.unfilled_goodwill_micro), COST_MAX_MICRO)
        return min(half_up(cost, percent, 100), COST_MAX_MICRO)


def _latitude(store: tuple[int, NetworkNode]) -> float:
    return store[1].node.place.latitude


def charge_of(world: World, ask: Ask, groups: Iterable[Group]) -> int:
    """What groups pay for the units and seconds that they take, where plans are charged."""
    if not world.request.problem.is_charged:
        return 0
    lines = {line.line_number: line for line in ask.lines}
    charge = 0
    for group in groups:
        for number in group.line_numbers:
            line = lines[number]
            charge += world.charges.units.get((group.node_id, line.sku), 0) * line.quantity
        for node_id, start_s, seconds in group.all_labor():
            charge += world.charges.seconds.get((node_id, start_s), 0) * seconds
    return charge


def cost_of(world: World, ask: Ask, groups: Sequence[Group]) -> Cost:
    """What a plan costs, from the cost card; no opportunity. Lines in no group are unfilled."""
    policy, card = world.request.policy, world.request.policy.card
    amounts: Counter[str] = Counter()
    own = world.customer_store(ask) if groups else None
    own_m = meters_between(ask.place, world.nodes[own].node.place) if own is not None else 0
    left = {line.line_number: line for line in ask.lines}
    late_h = 0
    for group in groups:
        meters = meters_between(ask.place, world.nodes[group.node_id].node.place)
        grams = 0
        for number in group.line_numbers:
            line = left.pop(number)
            unit_g = world.weights.get(line.sku, 0) or policy.unit_weight_g
            grams = unit_g * line.quantity
            amounts["pick"] += card.pick_line_micro
            if group.method == "SHIP":
                amounts["ship_kg"] += half_up(card.ship_kg_micro, grams, 1000)
        if group.method == "SHIP":
            amounts["ship_package"] += card.ship_package_micro
            amounts["ship_km"] += half_up(card.ship_km_micro, meters, 1000)
            amounts["pickup_shipped"] += card.pickup_shipped_micro if own is not None else 0
        elif group.receipt is not None and policy.transfers is not None:
            way_m = meters_between(
                world.nodes[group.node_id].node.place,
                world.nodes[group.receipt.node_id].node.place,
            )
            amounts["transfer"] += transfer_micro(policy.transfers, way_m)
        late_h = max(late_h, -(-(group.ready_by_ms - ask.promise_ms) // 3_600_000))
    # The customer drives to a store once, whatever is collected there.
    for node_id in {group.store for group in groups}:
        if node_id is not None:
            meters = meters_between(ask.place, world.nodes[node_id].node.place)
            beyond = max(0, meters - own_m)
            amounts["other_store_km"] += half_up(card.other_store_km_micro, beyond, 1000)
    amounts["extra_group"] = card.extra_group_micro * max(0, len(groups) - 1)
    percent = ask.weight_percent
    amounts["late"] = half_up(card.late_hour_micro, percent, 100) * late_h
    amounts["promise_broken"] = half_up(card.promise_broken_micro, percent, 100) if late_h else 0
    for line in left.values():
        amounts["unfilled"] += world.unfilled_micro(
            line.quantity, line.unit_price_micro, percent=percent
        )
    return Cost(tuple(CostTerm(name, amount) for name, amount in amounts.items() if amount))


def plan_problems(world: World, ask: Ask, plan: Plan) -> list[str]:
    """The rules that a new plan breaks, in words; none if it is sound."""
    found = _line_problems(ask, plan)
    nodes = [group.node_id for group in plan.groups]
    if len(set(nodes)) < len(nodes):
        found.append("two groups at one node")
    if len({group.store for group in plan.groups} - {None}) > 1:
        found.append("two pickup stores")
    for group in plan.groups:
        unknown = {group.node_id, group.store or group.node_id} - world.nodes.keys()
        if unknown:
            found.append(f"unknown node {', '.join(sorted(unknown))}")
            continue
        found += _method_problems(world, ask, group)
        found += _window_problems(world, ask, group)
        found += rule_problems(
            world.request, ask, group, world.nodes[group.node_id].node, stock=world.stock
        )
    nodes_max = world.request.policy.rules.nodes_max
    if nodes_max is not None and len(plan.groups) > nodes_max:
        found.append(f"more than {nodes_max} nodes")
    if not found and cost_of(world, ask, plan.groups).total_micro != plan.cost.total_micro:
        found.append("the cost is not what the card says")
    return [f"order {ask.order_id}: {text}" for text in found]


def _line_problems(ask: Ask, plan: Plan) -> list[str]:
    found = []
    named = [number for group in plan.groups for number in group.line_numbers]
    asked = {line.line_number for line in ask.lines}
    left = {line.line_number for line in plan.unfilled}
    if len(set(named)) < len(named) or not set(named) <= asked:
        found.append("a line is done twice or was not asked for")
    if any(not group.line_numbers for group in plan.groups):
        found.append("a group without lines")
    if ask.all_or_nothing:
        if named and set(named) != asked:
            found.append("all or nothing, but a part")
    elif set(named) | left != asked or set(named) & left:
        found.append("a line is neither done nor left, or both")
    return found


def _method_problems(world: World, ask: Ask, group: Group) -> list[str]:
    policy = world.request.policy
    own = world.customer_store(ask)
    found = []
    nodes = {group.node_id, group.store or group.node_id}
    found += [f"{node_id} is excluded" for node_id in nodes & set(ask.excluded_node_ids)]
    if group.store is None:
        shipped_anyway = own is None and policy.ship_when_out_of_reach
        if ask.method == "PICKUP" and not (ask.consent.ship_home or shipped_anyway):
            found.append("shipped without consent")
        return found
    node = world.nodes[group.store].node
    if own is None or node.kind not in PICKUP_KINDS:
        found.append(f"no pickup at {group.store}")
    elif ask.pickup_only_at is not None:
        if group.store != ask.pickup_only_at:
            found.append("pickup at another store than the only one")
    elif group.store != own:
        reach_m = min(ask.consent.other_store_km, policy.pickup_reach_km) * 1000
        if meters_between(ask.place, node.place) > reach_m:
            found.append("pickup at another store without consent")
    return found


def _window_problems(world: World, ask: Ask, group: Group) -> list[str]:
    policy, entry = world.request.policy, world.nodes[group.node_id]
    now_ms = max(ask.now_ms, world.request.problem.now_ms)
    starts = [share.window_start_s for share in group.labor]
    hours = {window.start_s for window in entry.windows}
    found = []
    span = len(starts)
    if not 1 <= span <= policy.span_windows_max:
        return ["no labor, or over too many hours"]
    if starts != [starts[0] + HOUR_S * index for index in range(span)] or not hours >= set(starts):
        found.append("hours that are closed or not consecutive")
    if group.window_start_ms != starts[0] * 1000 or starts[0] * 1000 < now_ms:
        found.append("the first hour is past, or not the one named")
    ready_ms = (starts[0] + HOUR_S * span) * 1000
    if group.method == "SHIP" and group.receipt is not None:
        found.append("shipped, and received at a store")
    if group.receipt is not None:
        found += transfer_problems(world.request, group, picked_s=ready_ms // 1000)
        ready_ms = (group.receipt.window_start_s + HOUR_S) * 1000
    if group.ready_by_ms != ready_ms or ready_ms < now_ms + policy.lead_time_ms:
        found.append("ready before the lead time, or not at the end of the last hour")
    if ready_ms > ask.promise_ms + policy.late_windows_max_h * 3_600_000:
        found.append("later than the policy allows")
    # Each line's seconds are split equally, the first hours taking the remainder.
    each, rest = divmod(entry.node.line_seconds, span)
    lines = len(group.line_numbers)
    if [share.seconds for share in group.labor] != [
        lines * (each + (index < rest)) for index in range(span)
    ]:
        found.append("labor is not what the lines take")
    return found


def breach_micro(world: World, order: OpenOrder) -> int:
    """What it counts, beside its cost, that the plan in force is against a planner's pin or forbid:
    more than any move costs, so that the order moves if it can.
    """
    # Whoever is there on a day that has become full may stay.
    closed = tuple(one for one in order.ask.closed if one.is_planners)
    ask = replace(order.ask, closed=closed)
    breaks = any(planner_problems(ask, group) for group in order.groups)
    return 10 * world.unfilled_micro(0, 0, percent=1_000) if breaks else 0


def promise_problems(order: OpenOrder, plan: Plan) -> list[str]:
    """Lines that the plan in force fills and a new plan leaves."""
    kept = {number for group in plan.groups for number in group.line_numbers}
    lost = [n for group in order.groups for n in group.line_numbers if n not in kept]
    return [f"order {order.ask.order_id}: line {n} was promised" for n in lost]


def limit_problems(request: Request, plans: Iterable[tuple[Ask, Plan]]) -> list[str]:
    """Cells and days of which these plans together take more than these orders may use."""
    problem = request.problem
    taken: Counter[tuple[str, str | int]] = Counter()
    shipped: Counter[tuple[str, str | int]] = Counter()
    counted: Counter[int] = Counter()
    days: dict[str, list[tuple[int, GroupLimit]]] = {}
    for index, day in enumerate(problem.groups):
        days.setdefault(day.node_id, []).append((index, day))
    for ask, plan in plans:
        lines = {line.line_number: line for line in ask.lines}
        for group in plan.groups:
            for number in group.line_numbers:
                cell, quantity = (group.node_id, lines[number].sku), lines[number].quantity
                taken[cell] += quantity
                shipped[cell] += quantity if group.is_sent else 0
            for node_id, start_s, seconds in group.all_labor():
                taken[node_id, start_s] += seconds
            for node_id in {group.node_id, group.store or group.node_id}:
                for index, day in days.get(node_id, ()):
                    counted[index] += day.counts(group)
    limits: Counter[tuple[str, str | int]] = Counter()
    for stock in problem.stock:
        limits[stock.node_id, stock.sku] = stock.units
    for labor in problem.labor:
        limits[labor.node_id, labor.window_start_s] = labor.seconds
    found = _exceeded(taken, limits, "taken")
    for stock in problem.shipping:
        cell = stock.node_id, stock.sku
        found += _exceeded({cell: shipped[cell]}, {cell: stock.units}, "shipped")
    return found + [
        f"{day.node_id} has {counted[index]} groups of {day.groups} until {day.until_s}"
        for index, day in enumerate(problem.groups)
        if counted[index] > day.groups
    ]


def _exceeded(
    amounts: Mapping[tuple[str, str | int], int],
    limits: Mapping[tuple[str, str | int], int],
    word: str,
) -> list[str]:
    return [
        f"{node} {item}: {amount} {word} of {limits[node, item]}"
        for (node, item), amount in sorted(amounts.items(), key=str)
        if amount > limits[node, item]
    ]
