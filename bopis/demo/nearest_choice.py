"""How nearest-first chooses: nodes for the lines of one order, with its stock and labor.

The rule, applied at the moment an order is placed and again to a line that was picked short:

1. The nearest allowed node that has every line in stock and labor to finish all of them by the
   promise takes the whole order.
2. Otherwise line by line: a pickup order's customer store first, then the other allowed nodes by
   distance; a shipped order by distance. A line goes to the first node that has it in stock and can
   finish it (together with the lines it already got) by the promise; failing that, to the first
   that can finish it late, within the hours that the policy allows; failing that, it is unfilled.

Allowed: the stores within consent and reach to collect from, of which an order uses one (the first
that a line went to); every node to ship from (for a pickup order under the consent to ship home). A
node that may be collected from is collected from. Windows are the earliest that fit, one hour
before two before three. Stock, labor, hours, cost card and disturbances are those of the replay;
picking follows the same rule as the demo's store clients.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bopis.demo.card import Card
from bopis.demo.disturbances import Disturbances
from bopis.demo.plans import HOUR_S, Group, PlannedOrder, promise_s
from bopis.demo.score import Network, customer_store, line_seconds, share_s
from bopis.scenario.model import Method, ScenarioLine


class Event(NamedTuple):
    """Something happens at an instant; those of one instant in the order they were put."""

    time_s: int
    sequence: int
    kind: str
    key: str


@dataclass(slots=True)
class Task:
    """A group on its way through its node."""

    task_id: str
    order_id: str
    group: Group
    picked: bool = False
    left: bool = False


@dataclass(slots=True)
class World:
    """The day as it stands: shelves, promises, labor left, and what is still to happen."""

    network: Network
    card: Card
    disturbances: Disturbances
    shelf: Counter[tuple[str, str]]
    promised: Counter[tuple[str, str]]
    labor: dict[str, dict[int, int]]
    orders: dict[str, PlannedOrder] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    queues: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    attempts: Counter[tuple[str, int]] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ready: dict[tuple[str, int], float] = field(default_factory=dict)
    sequence: int = 0

    def at(self, time_s: int, kind: str, key: str) -> None:
        """Something is to happen."""
        self.sequence += 1
        heapq.heappush(self.events, Event(time_s, self.sequence, kind, key))

    def free(self, node_id: str, sku: str) -> int:
        """Units on the shelf that nobody was promised; negative after a fact took promised ones."""
        return self.shelf[node_id, sku] - self.promised[node_id, sku]


@dataclass(slots=True)
class Choice:
    """What is being put together for one order: lines by node, and the pickup store if any."""

    order: PlannedOrder
    now_s: int
    promise_s: int
    store: str | None
    lines: dict[str, list[ScenarioLine]] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    pickup_node: str | None = None


def allocate(
    world: World,
    order: PlannedOrder,
    lines: Sequence[ScenarioLine],
    *,
    now_s: int,
    without: str | None = None,
) -> None:
    """Chooses nodes for `lines` and takes their stock and labor. `without` a node: short there."""
    for group in choose(world, order, lines, now_s=now_s, without=without):
        _take(world, order.order_id, group, now_s=now_s)


def choose(
    world: World,
    order: PlannedOrder,
    lines: Sequence[ScenarioLine],
    *,
    now_s: int,
    without: str | None = None,
) -> tuple[Group, ...]:
    """Chooses nodes for `lines` by the rule, and takes nothing."""
    choice = start(world, order, now_s=now_s)
    nodes = [node for node in allowed(world, choice) if node[0] != without]
    known = [line for line in lines if line.sku in world.network.items]
    if not whole_order(world, choice, nodes, known, all_known=len(known) == len(lines)):
        for line in known:
            if not _place_line(world, choice, nodes, line, late=False):
                _place_line(world, choice, nodes, line, late=True)
    return groups_of(choice)


def start(world: World, order: PlannedOrder, *, now_s: int) -> Choice:
    """Nothing chosen yet, for an order that may have groups already."""
    return Choice(
        order=order,
        now_s=now_s,
        promise_s=promise_s(order.placed_s, order.ready_within_s, default_h=world.card.promise_h),
        store=customer_store(order, world.network, world.card)[0]
        if order.method is Method.PICKUP
        else None,
        pickup_node=next((g.node_id for g in order.groups if g.method is Method.PICKUP), None),
    )


def groups_of(choice: Choice) -> tuple[Group, ...]:
    """What was chosen, a group a node."""
    return tuple(
        Group(
            node_id=node_id,
            method=Method.PICKUP if choice.pickup_node == node_id else Method.SHIP,
            window_start_s=choice.spans[node_id][0],
            ready_s=choice.spans[node_id][1],
            line_numbers=tuple(line.line_number for line in lines),
        )
        for node_id, lines in choice.lines.items()
    )


def allowed(world: World, choice: Choice) -> list[tuple[str, Method]]:
    """Nodes by distance with the method they would serve by."""
    order, card = choice.order, world.card
    reach = min(card.reach_m, card.consent_other_store_m)
    ships = order.method is Method.SHIP or (
        card.consent_ship_home if choice.store else card.ship_when_out_of_reach
    )
    found: list[tuple[int, str, Method]] = []
    for node in world.network.nodes.values():
        meters = world.network.distance_m(node.node_id, order.place)
        collects = (
            choice.store is not None
            and node.offers_pickup
            and (node.node_id == choice.store or meters <= reach)
        )
        if collects:
            found.append((meters, node.node_id, Method.PICKUP))
        elif ships:
            found.append((meters, node.node_id, Method.SHIP))
    return [(node_id, method) for _, node_id, method in sorted(found)]


def method_at(choice: Choice, node_id: str, method: Method, world: World) -> Method | None:
    """The method at this node given what is chosen; None when the node may not serve any more."""
    if method is Method.SHIP or choice.pickup_node in (None, node_id):
        return method
    return Method.SHIP if world.card.consent_ship_home else None


def whole_order(
    world: World,
    choice: Choice,
    nodes: Sequence[tuple[str, Method]],
    lines: Sequence[ScenarioLine],
    *,
    all_known: bool,
) -> bool:
    """Gives everything to the nearest node that can do it by the promise; False if none can."""
    if not all_known:
        return False
    for node_id, method in nodes:
        if method_at(choice, node_id, method, world) is None:
            continue
        if not in_stock(world, node_id, lines):
            continue
        span = earliest(world, choice, node_id, len(lines), late=False)
        if span is not None:
            choice.lines[node_id] = list(lines)
            choice.spans[node_id] = span
            if method_at(choice, node_id, method, world) is Method.PICKUP:
                choice.pickup_node = node_id
            return True
    return False


def _place_line(
    world: World,
    choice: Choice,
    nodes: Sequence[tuple[str, Method]],
    line: ScenarioLine,
    *,
    late: bool,
) -> bool:
    ranked = sorted(nodes, key=lambda node: node[0] != choice.store)
    for node_id, method in ranked:
        how = method_at(choice, node_id, method, world)
        there = choice.lines.get(node_id, [])
        if how is None or not in_stock(world, node_id, [*there, line]):
            continue
        span = earliest(world, choice, node_id, len(there) + 1, late=late)
        if span is None:
            continue
        choice.lines.setdefault(node_id, []).append(line)
        choice.spans[node_id] = span
        if how is Method.PICKUP:
            choice.pickup_node = node_id
        return True
    return False


def in_stock(world: World, node_id: str, lines: Sequence[ScenarioLine]) -> bool:
    """Whether the node has free units for all of these lines together."""
    asked: Counter[str] = Counter()
    for line in lines:
        asked[line.sku] += line.quantity
    return all(world.free(node_id, sku) >= quantity for sku, quantity in asked.items())


def earliest(
    world: World, choice: Choice, node_id: str, count: int, *, late: bool
) -> tuple[int, int] | None:
    """The earliest-ending span (start, end) of open hours that can take `count` lines."""
    labor = world.labor[node_id]
    seconds = line_seconds(world.network.nodes[node_id])
    first = -(-choice.now_s // HOUR_S) * HOUR_S
    last = choice.promise_s + (world.card.late_windows_max_h * HOUR_S if late else 0)
    for end in range(first + HOUR_S, last + 1, HOUR_S):
        if end - HOUR_S not in labor:
            continue
        for span in range(1, world.card.span_windows_max + 1):
            start = end - span * HOUR_S
            if start < first or seconds < span:
                break
            if all(
                labor.get(start + index * HOUR_S, -1)
                >= count * share_s(seconds, span=span, index=index)
                for index in range(span)
            ):
                return start, end
    return None


def hours_of(world: World, group: Group, count: int) -> Iterator[tuple[int, int]]:
    """(hour start, seconds) that `count` lines of the group take in its hours."""
    span = (group.ready_s - group.window_start_s) // HOUR_S
    seconds = line_seconds(world.network.nodes[group.node_id])
    for index in range(span):
        hour = group.window_start_s + index * HOUR_S
        yield hour, count * share_s(seconds, span=span, index=index)


def _take(world: World, order_id: str, group: Group, *, now_s: int) -> None:
    order = world.orders[order_id]
    node_id = group.node_id
    for line in order.lines:
        if line.line_number in group.line_numbers:
            world.promised[node_id, line.sku] += line.quantity
    for hour, seconds in hours_of(world, group, len(group.line_numbers)):
        world.labor[node_id][hour] -= seconds
    world.orders[order.order_id] = replace(order, groups=(*order.groups, group))
    task = Task(f"{order.order_id}/{len(world.tasks)}", order.order_id, group)
    world.tasks[task.task_id] = task
    heapq.heappush(world.queues.setdefault(node_id, []), (group.ready_s, task.task_id))
    world.at(now_s, "work", node_id)
