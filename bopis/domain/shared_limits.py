"""What the policy's rules leave to orders that are planned together: places in a node's day, units
above a floor.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bopis.domain.day_limits import DayLimit, DueGroups, short_days
from bopis.domain.network import Node
from bopis.domain.reallocation import GroupLimit, StockLimit
from bopis.domain.rules import Rules
from bopis.domain.sourcing import Closure


@dataclass(frozen=True, slots=True)
class SharedDays:
    """Days that others have filled, and those that these orders might fill."""

    closed: tuple[Closure, ...] = ()
    groups: tuple[GroupLimit, ...] = ()


def shared_days(
    limits: Iterable[DayLimit],
    due: Iterable[DueGroups],
    own: Iterable[DueGroups],
    *,
    from_s: int,
    until_s: int,
    groups_max: int,
) -> SharedDays:
    """The days in [from_s, until_s] in which not all of up to `groups_max` groups could be at one
    node. `due`: of all orders; `own`: of these, which may be moved. Whoever is there already may
    stay, even where more are than the limit says.
    """
    own = tuple(own)
    others = (*due, *(DueGroups(o.node_id, o.method, o.ready_by_ms, -o.count) for o in own))
    short = short_days(limits, others, from_s=from_s, until_s=until_s, wanted=groups_max)
    closed: list[Closure] = []
    groups: list[GroupLimit] = []
    for day in short:
        if day.groups <= 0:
            closed.append(day.closure())
            continue
        node_id, method = day.limit.node.node_id, day.limit.method
        here = sum(
            one.count
            for one in own
            if one.node_id == node_id
            and method in (None, one.method)
            and day.after_s < one.ready_by_ms // 1_000 <= day.until_s
        )
        most = max(day.groups, here)
        groups.append(GroupLimit(node_id, method, day.after_s, day.until_s, most))
    return SharedDays(tuple(closed), tuple(groups))


def shipping_limits(
    rules: Rules,
    nodes: Iterable[Node],
    stock: Iterable[StockLimit],
    shipped: Mapping[tuple[str, str], int],
) -> tuple[StockLimit, ...]:
    """Of the units of each cell, those above the floor of its node, where it has one. `shipped`:
    what these orders ship already, which they may go on with.
    """
    bound = [rule for rule in rules.nodes if rule.ship_floor]
    floors: Counter[str] = Counter()
    for node in nodes if bound else ():
        for rule in bound:
            if rule.nodes.holds(node):
                floors[node.node_id] = max(floors[node.node_id], rule.ship_floor)
    return tuple(
        StockLimit(one.node_id, one.sku, max(0, one.units - floor, shipped.get(_cell(one), 0)))
        for one in stock
        if (floor := floors[one.node_id])
    )


def _cell(limit: StockLimit) -> tuple[str, str]:
    return limit.node_id, limit.sku
