"""What the policy's rules leave to orders that are planned together: places in a node's day, units
above a floor.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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
    node. `due`: of all orders; `own`: of these, which may be moved. A day that others have filled,
    or that has more of these than the limit says, takes no further group; whoever is there may
    stay.
    """
    by_node: dict[str, list[DueGroups]] = {}
    for one in own:
        by_node.setdefault(one.node_id, []).append(one)
    given_back = [replace(one, count=-one.count) for mine in by_node.values() for one in mine]
    others = (*due, *given_back)
    closed: list[Closure] = []
    groups: list[GroupLimit] = []
    for day in short_days(limits, others, from_s=from_s, until_s=until_s, wanted=groups_max):
        node_id, method = day.limit.node.node_id, day.limit.method
        here = sum(
            one.count
            for one in by_node.get(node_id, ())
            if method in (None, one.method)
            and day.after_s < one.ready_by_ms // 1_000 <= day.until_s
        )
        if day.groups <= 0 or here > day.groups:
            closed.append(day.closure())
            continue
        rule = day.limit.rule
        groups.append(GroupLimit(rule, node_id, method, day.after_s, day.until_s, day.groups))
    return SharedDays(tuple(closed), tuple(groups))


def shipping_limits(
    rules: Rules,
    nodes: Iterable[Node],
    stock: Iterable[StockLimit],
    *,
    held: Mapping[tuple[str, str], int],
    shipped: Mapping[tuple[str, str], int],
) -> tuple[StockLimit, ...]:
    """Of the units of each cell, those above the floor of its node, where it has one. `held`: what
    these orders hold, `shipped` to be shipped, which they may go on with. What is collected is
    taken off what there is, whoever takes the floor.
    """
    bound = [rule for rule in rules.nodes if rule.ship_floor]
    floors: Counter[str] = Counter()
    for node in nodes if bound else ():
        for rule in bound:
            if rule.nodes.holds(node):
                floors[node.node_id] = max(floors[node.node_id], rule.ship_floor)
    return tuple(
        StockLimit(one.node_id, one.sku, max(0, one.units - collected - floor, sent))
        for one in stock
        if (floor := floors[one.node_id])
        for sent in [shipped.get((one.node_id, one.sku), 0)]
        for collected in [held.get((one.node_id, one.sku), 0) - sent]
    )
