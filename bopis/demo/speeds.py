"""How fast the day is replayed, and when the one re-allocation comes."""

from __future__ import annotations

from bisect import bisect_left

from bopis.demo.geo import distance_m
from bopis.scenario.hours import HOUR_S, open_intervals
from bopis.scenario.model import Scenario

# What the service takes beside its clients on two cores, with room to spare.
ORDERS_A_SECOND = 30.0
LINES_A_SECOND = 150.0
DAY_SPEED_MAX = 2700.0
EVENING_FACTOR = 8.0
EVENING_SPEED_MAX = 7200.0
QUIET_SPEED = 21_600.0
DAY_S = 86_400


def day_speed(scenario: Scenario) -> float:
    """Simulated seconds a real second at which the busiest hour stays within what is taken."""
    times = [order.placed_at.timestamp() for order in scenario.orders]
    sizes = [0]
    for order in scenario.orders:
        sizes.append(sizes[-1] + len(order.lines))
    speed = DAY_SPEED_MAX
    for index, start in enumerate(times):
        end = bisect_left(times, start + HOUR_S)
        orders, lines = end - index, sizes[end] - sizes[index]
        speed = min(
            speed, ORDERS_A_SECOND * HOUR_S / orders, LINES_A_SECOND * HOUR_S / max(1, lines)
        )
    return float(max(1, round(speed)))


def evening_speed(speed: float) -> float:
    """The speed once no more orders come but stores still pick and customers collect."""
    return max(speed, min(EVENING_FACTOR * speed, EVENING_SPEED_MAX))


def quiet_speed(speed: float) -> float:
    """The speed once only pickups that nobody collects are waited for."""
    return max(speed, QUIET_SPEED)


def reallocation_time(scenario: Scenario) -> float:
    """When most orders wait for their nearest store to open or to get to them (one hour), judged
    by distance alone: simulated seconds since 1970-01-01T00:00Z.
    """
    start_s = int(scenario.orders[0].placed_at.timestamp())
    end_s = int(scenario.orders[-1].placed_at.timestamp()) + 1
    intervals = {
        node.node_id: open_intervals(node, start_s=start_s, end_s=end_s + DAY_S)
        for node in scenario.nodes
    }
    stores = [node for node in scenario.nodes if node.offers_pickup] or list(scenario.nodes)
    changes: list[tuple[float, int]] = []
    for order in scenario.orders:
        place, placed = (order.latitude, order.longitude), order.placed_at.timestamp()
        nearest = min(stores, key=lambda node: distance_m((node.latitude, node.longitude), place))
        opens = next((max(placed, o) for o, c in intervals[nearest.node_id] if c > placed), placed)
        changes += [(placed, 1), (opens + HOUR_S, -1)]
    changes.sort()
    waiting, most, best = 0, 0, changes[0][0]
    for time_s, change in changes:
        waiting += change
        if waiting > most and time_s < end_s:
            waiting_now, best = waiting, time_s
            most = waiting_now
    return best
