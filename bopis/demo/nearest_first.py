"""B1, nearest-first: the day played again without optimization, by plain bookkeeping.

How it chooses is in nearest_choice.py; here is what happens to the choices: stores pick by the same
rule as the demo's associates, tills sell, customers cancel, collect or stay away, when they do in
the replay.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bopis.demo.card import Card
from bopis.demo.disturbances import Disturbances, TillSale
from bopis.demo.nearest_choice import Task, World, allocate, hours_of
from bopis.demo.plans import HOUR_S, PlannedOrder
from bopis.demo.readiness import ReadyTimes
from bopis.demo.score import Network
from bopis.scenario.hours import open_intervals
from bopis.scenario.model import Method, ScenarioLine

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class NearestFirstDay:
    """How the day ended: orders with the plans in force, what happened, when lines were ready."""

    orders: tuple[PlannedOrder, ...]
    counts: Mapping[str, int]
    ready: ReadyTimes


def play_nearest_first(
    orders: Sequence[PlannedOrder],
    *,
    network: Network,
    card: Card,
    stock: Mapping[tuple[str, str], int],
    disturbances: Disturbances,
) -> NearestFirstDay:
    """Plays the day. `orders` come with their placing times; their groups are ignored."""
    world = World(
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
            allocate(world, order, order.lines, now_s=event.time_s)
        elif event.kind == "sale":
            _sell(world, sales[event.key])
        else:
            _HANDLERS[event.kind](world, event.key, event.time_s)
    return NearestFirstDay(tuple(world.orders.values()), dict(world.counts), world.ready)


def _sell(world: World, sale: TillSale) -> None:
    sold = min(sale.quantity, world.shelf[sale.node_id, sale.sku])
    world.shelf[sale.node_id, sale.sku] -= sold
    world.counts["till_sales"] += sold > 0


def _start_work(world: World, node_id: str, now_s: int) -> None:
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


def _open(world: World, node_id: str, now_s: int) -> None:
    world.busy.discard(node_id)
    _start_work(world, node_id, now_s)


def _picked(world: World, task_id: str, now_s: int) -> None:
    task = world.tasks[task_id]
    node_id = task.group.node_id
    world.busy.discard(node_id)
    if task.order_id not in world.ended:
        short = [line for line in _lines(world, task) if not _pick(world, task, line)]
        for line in short:
            _short(world, task, line, now_s)
        _finish(world, task, now_s)
    _start_work(world, node_id, now_s)


def _lines(world: World, task: Task) -> list[ScenarioLine]:
    order = world.orders[task.order_id]
    wanted = set(task.group.line_numbers)
    return [line for line in order.lines if line.line_number in wanted]


def _pick(world: World, task: Task, line: ScenarioLine) -> bool:
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


def _short(world: World, task: Task, line: ScenarioLine, now_s: int) -> None:
    """The line leaves its group and is chosen for anew, elsewhere."""
    for hour, seconds in hours_of(world, task.group, 1):
        world.labor[task.group.node_id][hour] += seconds
    order = world.orders[task.order_id]
    rest = tuple(n for n in task.group.line_numbers if n != line.line_number)
    smaller = replace(task.group, line_numbers=rest)
    groups = tuple(smaller if group is task.group else group for group in order.groups)
    task.group = smaller
    order = replace(order, groups=tuple(group for group in groups if group.line_numbers))
    world.orders[order.order_id] = order
    allocate(world, order, [line], now_s=now_s, without=task.group.node_id)


def _finish(world: World, task: Task, now_s: int) -> None:
    task.picked = True
    for line_number in task.group.line_numbers:
        world.ready[task.order_id, line_number] = now_s
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


def _collect(world: World, task_id: str, now_s: int) -> None:
    del now_s
    task = world.tasks[task_id]
    if task.order_id not in world.ended:
        task.left = True
        world.counts["handovers"] += 1


def _expire(world: World, task_id: str, now_s: int) -> None:
    del now_s
    task = world.tasks[task_id]
    if task.order_id not in world.ended:
        _put_back(world, task)
        world.counts["expired_groups"] += 1


def _cancel(world: World, order_id: str, now_s: int) -> None:
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
        for hour, seconds in hours_of(world, task.group, len(task.group.line_numbers)):
            world.labor[task.group.node_id][hour] += seconds
        if task.picked:
            _put_back(world, task)
        else:
            for line in _lines(world, task):
                world.promised[task.group.node_id, line.sku] -= line.quantity


def _put_back(world: World, task: Task) -> None:
    for line in _lines(world, task):
        world.shelf[task.group.node_id, line.sku] += line.quantity
        world.counts["restocked_lines"] += 1


_HANDLERS = {
    "work": _start_work,
    "open": _open,
    "picked": _picked,
    "collect": _collect,
    "expire": _expire,
    "cancel": _cancel,
}
