"""Limits of a node and day: how many orders, how many parcels get ready.

A day is the node's own: from midnight to midnight, for parcels from cutoff to cutoff, the end
included: what is ready at the stroke of the cutoff still goes. A group counts on the day in which
it is to be ready.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bopis.domain.network import Method, Node
from bopis.domain.rules import NodeRule, Rules
from bopis.domain.sourcing import Closure

HOURS_OF_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class DueGroups:
    """So many groups of a node and method are to be ready at a time (Unix ms)."""

    node_id: str
    method: Method
    ready_by_ms: int
    count: int


@dataclass(frozen=True, slots=True)
class DayLimit:
    """At most `most` groups of a node are ready in the day that ends at `end_hour` local time."""

    rule: str
    node: Node
    method: Method | None
    most: int
    end_hour: int

    def day_of(self, ready_s: int) -> tuple[int, int]:
        """The day in which a ready time (Unix seconds) falls: after its start, up to its end."""
        zone = ZoneInfo(self.node.time_zone)
        # The instant before: what is ready at the end of a day belongs to it.
        local = datetime.fromtimestamp(ready_s - 1, zone)
        day = local.date()
        if local.hour >= self.end_hour:
            day += timedelta(days=1)
        return self._end_s(day - timedelta(days=1), zone), self._end_s(day, zone)

    def _end_s(self, day: date, zone: ZoneInfo) -> int:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        if self.end_hour == HOURS_OF_DAY:
            midnight, hour = midnight + timedelta(days=1), 0
        else:
            hour = self.end_hour
        return int(midnight.replace(hour=hour).timestamp())


@dataclass(frozen=True, slots=True)
class DayLeft:
    """A limit in one of its days: room for so many groups more (below 0: too many are due), ready
    after `after_s` and until `until_s` (Unix seconds).
    """

    limit: DayLimit
    after_s: int
    until_s: int
    groups: int

    def closure(self) -> Closure:
        """Without room the node is closed then."""
        limit = self.limit
        return Closure(limit.rule, limit.node.node_id, limit.method, self.after_s, self.until_s)


def has_day_limits(rules: Rules) -> bool:
    """Whether any rule limits a day."""
    return any(_limits(rule) for rule in rules.nodes)


def limits_of(rules: Rules, nodes: Iterable[Node]) -> tuple[DayLimit, ...]:
    """The limits of every node that a rule binds."""
    limits: list[DayLimit] = []
    bound = [rule for rule in rules.nodes if _limits(rule)]
    for node in nodes if bound else ():
        for rule in bound:
            if not rule.nodes.holds(node):
                continue
            if rule.orders_per_day_max is not None:
                most = rule.orders_per_day_max
                limits.append(DayLimit(rule.name, node, None, most, HOURS_OF_DAY))
            if rule.parcels_per_day_max is not None:
                most, hour = rule.parcels_per_day_max, rule.parcel_cutoff_hour
                limits.append(DayLimit(rule.name, node, Method.SHIP, most, hour))
    return tuple(limits)


def short_days(
    limits: Iterable[DayLimit],
    due: Iterable[DueGroups],
    *,
    from_s: int,
    until_s: int,
    wanted: int,
) -> Iterator[DayLeft]:
    """The days in [from_s, until_s] that have room for fewer groups than `wanted` beside what is
    due.
    """
    by_node: dict[str, list[DueGroups]] = {}
    for one in due:
        by_node.setdefault(one.node_id, []).append(one)
    for limit in limits:
        groups = [
            one for one in by_node.get(limit.node.node_id, ()) if limit.method in (None, one.method)
        ]
        if sum(one.count for one in groups if one.count > 0) + wanted <= limit.most:
            continue  # Whatever the days: most nodes are far from their limits.
        used: Counter[tuple[int, int]] = Counter()
        for one in groups:
            used[limit.day_of(one.ready_by_ms // 1_000)] += one.count
        day = limit.day_of(from_s)
        while day[0] < until_s:
            if limit.most - used[day] < wanted:
                yield DayLeft(limit, day[0], day[1], limit.most - used[day])
            day = limit.day_of(day[1] + 1)


def closures(
    limits: Iterable[DayLimit], due: Iterable[DueGroups], *, from_s: int, until_s: int
) -> tuple[Closure, ...]:
    """The days in [from_s, until_s] whose limit is used up, by what is due already."""
    full = short_days(limits, due, from_s=from_s, until_s=until_s, wanted=1)
    return tuple(day.closure() for day in full)


def is_exceeded(limits: Iterable[DayLimit], due: Iterable[DueGroups], new: DueGroups) -> bool:
    """Whether a day in which a new group is ready has more than its limit, by all that is due with
    it.
    """
    due = tuple(due)
    for limit in limits:
        if limit.node.node_id != new.node_id or limit.method not in (None, new.method):
            continue
        after_s, until_s = limit.day_of(new.ready_by_ms // 1_000)
        used = sum(
            one.count
            for one in due
            if one.node_id == new.node_id
            and limit.method in (None, one.method)
            and after_s < one.ready_by_ms // 1_000 <= until_s
        )
        if used > limit.most:
            return True
    return False


def _limits(rule: NodeRule) -> bool:
    return rule.orders_per_day_max is not None or rule.parcels_per_day_max is not None
