"""B1, nearest-first: the day played again without optimization, by plain bookkeeping.

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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bopis.demo.card import Card
from bopis.demo.disturbances import Disturbances, TillSale
from bopis.demo.plans import HOUR_S, Group, PlannedOrder, promise_s
from bopis.demo.score import Network, customer_store, line_seconds, share_s
from bopis.scenario.hours import open_intervals
from bopis.scenario.model import Method, ScenarioLine

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class NearestFirstDay:
    """How the day ended: orders with the plans in force, and what happened."""

    orders: tuple[PlannedOrder, ...]
    counts: Mapping[str, int]


class _Event(NamedTuple):
    time_s: int
    sequence: int
    kind: str
    key: str


@dataclass(slots=True)
class _Task:
    """A group on its way through its node."""

    task_id: str
    order_id: str
    group: Group
    picked: bool = False
    left: bool = False


@dataclass(slots=True)
class _World:
    network: Network
    card: Card
    disturbances: Disturbances
    shelf: Counter[tuple[str, str]]
    promised: Counter[tuple[str, str]]
    labor: dict[str, dict[int, int]]
    orders: dict[str, PlannedOrder] = field(default_factory=dict)
    tasks: dict[str, _Task] = field(default_factory=dict)
    queues: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    attempts: Counter[tuple[str, int]] = field(default_factory=Counter)
    events: list[_Event] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    sequence: int = 0

    def at(self, time_s: int, kind: str, key: str) -> None:
        self.sequence += 1
        heapq.heappush(self.events, _Event(time_s, self.sequence, kind, key))

    def free(self, node_id: str, sku: str) -> int:
        return self.shelf[node_id, sku] - self.promised[node_id, sku]


def play_nearest_first(
    orders: Sequence[PlannedOrder],
    *,
    network: Network,
    card: Card,
    stock: Mapping[tuple[str, str], int],
    disturbances: Disturbances,
) -> NearestFirstDay:
    """Plays the day. `orders` come with their placing times; their groups are ignored."""
    world = _World(
        network=network,
        card=card,
        disturbances=disturbances,
        shelf=Counter(stock),
        promised=Counter(),
        labor={node_id: dict(hours) for node_id, hours in network.windows.items()},
    )
    asked = {order.order_id: replace(order, groups=()) for order in orders}
    sales = {sale.source_id: sale for sale in disturbances.sales}
    for order in asked.values():
        world.at(order.placed_s, "place", order.order_id)
        if order.order_id in disturbances.cancels:
            time_s = order.placed_s + disturbances.cancels[order.order_id]
            world.at(time_s, "cancel", order.order_id)
    for sale in sales.values():
        world.at(sale.time_s, "sale", sale.source_id)
    while world.events:
        event = heapq.heappop(world.events)
        if event.kind == "place":
            order = asked[event.key]
            world.orders[order.order_id] = order
            _allocate(world, order, order.lines, now_s=event.time_s)
        elif event.kind == "sale":
            _sell(world, sales[event.key])
        else:
            _HANDLERS[event.kind](world, event.key, event.time_s)
    return NearestFirstDay(orders=tuple(world.orders.values()), counts=dict(world.counts))


def _sell(world: _World, sale: TillSale) -> None:
    sold = min(sale.quantity, world.shelf[sale.node_id, sale.sku])
    world.shelf[sale.node_id, sale.sku] -= sold
    world.counts["till_sales"] += sold > 0


# Choosing ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Choice:
    """What is being put together for one order: lines by node, and the pickup store if any."""

    order: PlannedOrder
    now_s: int
    promise_s: int
    store: str | None
    lines: dict[str, list[ScenarioLine]] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    pickup_node: str | None = None


def _allocate(
    world: _World,
    order: PlannedOrder,
    lines: Sequence[ScenarioLine],
    *,
    now_s: int,
    without: str | None = None,
) -> None:
    """Chooses nodes for `lines` and takes their stock and labor. `without` a node: short there."""
    choice = _Choice(
        order=order,
        now_s=now_s,
        promise_s=promise_s(order.placed_s, order.ready_within_s, default_h=world.card.promise_h),
        store=customer_store(order, world.network, world.card)[0]
        if order.method is Method.PICKUP
        else None,
        pickup_node=next((g.node_id for g in order.groups if g.method is Method.PICKUP), None),
    )
    nodes = [node for node in _allowed(world, choice) if node[0] != without]
    known = [line for line in lines if line.sku in world.network.items]
    if not _whole_order(world, choice, nodes, known, all_known=len(known) == len(lines)):
        for line in known:
            if not _place_line(world, choice, nodes, line, late=False):
                _place_line(world, choice, nodes, line, late=True)
    for node_id, taken in choice.lines.items():
        _take(world, choice, node_id, taken)


def _allowed(world: _World, choice: _Choice) -> list[tuple[str, Method]]:
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


def _method_at(choice: _Choice, node_id: str, method: Method, world: _World) -> Method | None:
    """The method at this node given what is chosen; None when the node may not serve any more."""
    if method is Method.SHIP or choice.pickup_node in (None, node_id):
        return method
    return Method.SHIP if world.card.consent_ship_home else None


def _whole_order(
    world: _World,
    choice: _Choice,
    nodes: Sequence[tuple[str, Method]],
    lines: Sequence[ScenarioLine],
    *,
    all_known: bool,
) -> bool:
    if not all_known:
        return False
    for node_id, method in nodes:
        if _method_at(choice, node_id, method, world) is None:
            continue
        if not _in_stock(world, node_id, lines):
            continue
        span = _earliest(world, choice, node_id, len(lines), late=False)
        if span is not None:
            choice.lines[node_id] = list(lines)
            choice.spans[node_id] = span
            if _method_at(choice, node_id, method, world) is Method.PICKUP:
                choice.pickup_node = node_id
            return True
    return False


def _place_line(
    world: _World,
    choice: _Choice,
    nodes: Sequence[tuple[str, Method]],
    line: ScenarioLine,
    *,
    late: bool,
) -> bool:
    ranked = sorted(nodes, key=lambda node: node[0] != choice.store)
    for node_id, method in ranked:
        how = _method_at(choice, node_id, method, world)
        there = choice.lines.get(node_id, [])
        if how is None or not _in_stock(world, node_id, [*there, line]):
            continue
        span = _earliest(world, choice, node_id, len(there) + 1, late=late)
        if span is None:
            continue
        choice.lines.setdefault(node_id, []).append(line)
        choice.spans[node_id] = span
        if how is Method.PICKUP:
            choice.pickup_node = node_id
        return True
    return False


def _in_stock(world: _World, node_id: str, lines: Sequence[ScenarioLine]) -> bool:
    asked: Counter[str] = Counter()
    for line in lines:
        asked[line.sku] += line.quantity
    return all(world.free(node_id, sku) >= quantity for sku, quantity in asked.items())


def _earliest(
    world: _World, choice: _Choice, node_id: str, count: int, *, late: bool
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


def _hours(world: _World, group: Group, count: int) -> Iterator[tuple[int, int]]:
    span = (group.ready_s - group.window_start_s) // HOUR_S
    seconds = line_seconds(world.network.nodes[group.node_id])
    for index in range(span):
        hour = group.window_start_s + index * HOUR_S
        yield hour, count * share_s(seconds, span=span, index=index)


def _take(world: _World, choice: _Choice, node_id: str, lines: Sequence[ScenarioLine]) -> None:
    order = world.orders[choice.order.order_id]
    start_s, ready_s = choice.spans[node_id]
    group = Group(
        node_id=node_id,
        method=Method.PICKUP if choice.pickup_node == node_id else Method.SHIP,
        window_start_s=start_s,
        ready_s=ready_s,
        line_numbers=tuple(line.line_number for line in lines),
    )
    for line in lines:
        world.promised[node_id, line.sku] += line.quantity
    for hour, seconds in _hours(world, group, len(lines)):
        world.labor[node_id][hour] -= seconds
    world.orders[order.order_id] = replace(order, groups=(*order.groups, group))
    task = _Task(f"{order.order_id}/{len(world.tasks)}", order.order_id, group)
    world.tasks[task.task_id] = task
    heapq.heappush(world.queues.setdefault(node_id, []), (ready_s, task.task_id))
    _start_work(world, node_id, choice.now_s)


# Working ----------------------------------------------------------------------------------------


def _start_work(world: _World, node_id: str, now_s: int) -> None:
    """The node's associates take the task that must be ready first, in open hours only."""
    if node_id in world.busy:
        return
    queue = world.queues.get(node_id, [])
    while queue:
        _, task_id = queue[0]
        task = world.tasks[task_id]
        if task.order_id in world.ended:
            heapq.heappop(queue)
            continue
        opens_s = next_open_s(world.network, node_id, now_s)
        world.busy.add(node_id)
        if opens_s > now_s:
            world.at(opens_s, "open", node_id)
            return
        heapq.heappop(queue)
        node = world.network.nodes[node_id]
        took_s = -(-len(task.group.line_numbers) * HOUR_S // node.pick_lines_per_hour)
        world.at(now_s + took_s, "picked", task_id)
        return


def next_open_s(network: Network, node_id: str, now_s: int) -> int:
    """The first instant from `now_s` on at which the node is open."""
    intervals = open_intervals(network.nodes[node_id], start_s=now_s, end_s=now_s + 2 * DAY_S)
    for opens_s, closes_s in intervals:
        if closes_s > now_s:
            return max(opens_s, now_s)
    return now_s


def _open(world: _World, node_id: str, now_s: int) -> None:
    world.busy.discard(node_id)
    _start_work(world, node_id, now_s)


def _picked(world: _World, task_id: str, now_s: int) -> None:
    task = world.tasks[task_id]
    node_id = task.group.node_id
    world.busy.discard(node_id)
    if task.order_id not in world.ended:
        short = [line for line in _lines(world, task) if not _pick(world, task, line)]
        for line in short:
            _short(world, task, line, now_s)
        _finish(world, task, now_s)
    _start_work(world, node_id, now_s)


def _lines(world: _World, task: _Task) -> list[ScenarioLine]:
    order = world.orders[task.order_id]
    wanted = set(task.group.line_numbers)
    return [line for line in order.lines if line.line_number in wanted]


def _pick(world: _World, task: _Task, line: ScenarioLine) -> bool:
    """Takes a line from the shelf; False where it is short, with the loss booked."""
    cell = (task.group.node_id, line.sku)
    key = (task.order_id, line.line_number)
    world.attempts[key] += 1
    short = world.disturbances.short_here(
        *key, attempt=world.attempts[key], asked=line.quantity, there=world.shelf[cell]
    )
    world.promised[cell] -= line.quantity
    world.shelf[cell] -= line.quantity if short is None else short.lost
    world.counts["short_picks"] += short is not None
    return short is None


def _short(world: _World, task: _Task, line: ScenarioLine, now_s: int) -> None:
    """The line leaves its group and is chosen for anew, elsewhere."""
    for hour, seconds in _hours(world, task.group, 1):
        world.labor[task.group.node_id][hour] += seconds
    order = world.orders[task.order_id]
    rest = tuple(n for n in task.group.line_numbers if n != line.line_number)
    smaller = replace(task.group, line_numbers=rest)
    groups = tuple(smaller if group is task.group else group for group in order.groups)
    task.group = smaller
    order = replace(order, groups=tuple(group for group in groups if group.line_numbers))
    world.orders[order.order_id] = order
    _allocate(world, order, [line], now_s=now_s, without=task.group.node_id)


def _finish(world: _World, task: _Task, now_s: int) -> None:
    task.picked = True
    if not task.group.line_numbers:
        task.left = True
    elif task.group.method is Method.SHIP:
        task.left = True
        world.counts["shipped_groups"] += 1
    elif task.order_id in world.disturbances.no_shows:
        world.at(now_s + world.card.pickup_kept_h * HOUR_S, "expire", task.task_id)
    else:
        delay_s = world.disturbances.collect_delay_s(task.order_id)
        opens_s = next_open_s(world.network, task.group.node_id, now_s + delay_s)
        world.at(opens_s, "collect", task.task_id)


def _collect(world: _World, task_id: str, now_s: int) -> None:
    del now_s
    task = world.tasks[task_id]
    if task.order_id not in world.ended:
        task.left = True
        world.counts["handovers"] += 1


def _expire(world: _World, task_id: str, now_s: int) -> None:
    del now_s
    task = world.tasks[task_id]
    if task.order_id not in world.ended:
        _put_back(world, task)
        world.counts["expired_groups"] += 1


def _cancel(world: _World, order_id: str, now_s: int) -> None:
    """Cancels what has not left; refused once everything has, or nothing was filled."""
    del now_s
    tasks = [task for task in world.tasks.values() if task.order_id == order_id]
    if all(task.left for task in tasks):
        world.counts["cancels_refused"] += 1
        return
    world.counts["cancels"] += 1
    world.ended.add(order_id)
    for task in tasks:
        if task.left:
            continue
        for hour, seconds in _hours(world, task.group, len(task.group.line_numbers)):
            world.labor[task.group.node_id][hour] += seconds
        if task.picked:
            _put_back(world, task)
        else:
            for line in _lines(world, task):
                world.promised[task.group.node_id, line.sku] -= line.quantity


def _put_back(world: _World, task: _Task) -> None:
    for line in _lines(world, task):
        world.shelf[task.group.node_id, line.sku] += line.quantity
        world.counts["restocked_lines"] += 1


_HANDLERS = {
    "open": _open,
    "picked": _picked,
    "collect": _collect,
    "expire": _expire,
    "cancel": _cancel,
}
