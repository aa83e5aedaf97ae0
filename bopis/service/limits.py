"""Limits of a node and day, and floors of shipping, kept while orders are placed and moved.

What is due is counted in the order store, so whoever adds to it holds one lock from the count until
its result is written there. Without such a limit in the policy nothing is counted, nor locked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bopis.domain.day_limits import (
    DayLimit,
    DueGroups,
    closures,
    has_day_limits,
    is_exceeded,
    limits_of,
)
from bopis.domain.ledger import CellKey
from bopis.domain.network import Method
from bopis.domain.order import Order
from bopis.domain.policy import HOUR_MS, Policy
from bopis.domain.shared_limits import SharedDays, shared_days
from bopis.domain.sourcing import Ask, Closure
from bopis.service.acts import Asked, Work
from bopis.service.dependencies import Dependencies, KnownLimits

DAY_BEFORE_MS: Final = 50 * HOUR_MS
"""A day that is not over began later than this ago, however long its hours."""

KNOWN_MAX: Final = 3
"""The live policy, the shadow, one that is compared."""

_LOCK: Final = "\x00limits"


async def with_limits(work: Work[Asked], ask: Ask) -> Ask:
    """The ask with the days closed whose limits are used up; they stay as they are until the
    result of the work is written.
    """
    if not has_day_limits(work.deps.policy.rules):
        return ask
    await work.hold_limits(_LOCK)
    full = await used_up(work.deps, now_ms=ask.now_ms, promise_ms=ask.promise_ms)
    return replace(ask, closed=ask.closed + full)


async def used_up(
    deps: Dependencies,
    *,
    now_ms: int,
    promise_ms: int,
    policy: Policy | None = None,
    without: Order | None = None,
) -> tuple[Closure, ...]:
    """The days closed by now, as far as an order of that promise is planned; by another policy than
    the one in force, or as if one order were not there.
    """
    policy = policy or deps.policy
    limits = _limits(deps, policy)
    if not limits:
        return ()
    until_ms = promise_ms + (policy.late_windows_max_h + 1) * HOUR_MS
    due = await deps.store.due_groups(now_ms - DAY_BEFORE_MS)
    groups = () if without is None else without.fulfillment_orders
    own = tuple(DueGroups(one.node_id, one.method, one.ready_by_ms, -1) for one in groups)
    return closures(
        limits,
        due + own,
        from_s=now_ms // 1_000,
        until_s=until_ms // 1_000,
    )


async def days_of(
    deps: Dependencies, orders: Sequence[Order], *, now_ms: int, promise_ms: int
) -> SharedDays:
    """The days as orders that are planned together share them, up to that promise."""
    limits = _limits(deps, deps.policy)
    if not limits:
        return SharedDays()
    until_ms = promise_ms + (deps.policy.late_windows_max_h + 1) * HOUR_MS
    due = await deps.store.due_groups(now_ms - DAY_BEFORE_MS)
    own = [
        DueGroups(one.node_id, one.method, one.ready_by_ms, 1)
        for order in orders
        for one in order.fulfillment_orders
        if one.ready_by_ms >= now_ms - DAY_BEFORE_MS
    ]
    return shared_days(
        limits,
        due,
        own,
        from_s=now_ms // 1_000,
        until_s=until_ms // 1_000,
        groups_max=len(orders),
    )


async def may_move(
    work: Work[Asked], orders: Sequence[Order], moved: Sequence[Order], *, now_ms: int
) -> bool:
    """Whether orders may become what they are after a move; the limits of days stay as they are
    until the result of the work is written.
    """
    deps = work.deps
    if not await _keeps_floors(deps, orders, moved):
        return False
    if not has_day_limits(deps.policy.rules):
        return True
    await work.hold_limits(_LOCK)
    due = list(await deps.store.due_groups(now_ms - DAY_BEFORE_MS))
    new: list[DueGroups] = []
    for before, after in zip(orders, moved, strict=True):
        gone = set(before.fulfillment_orders) - set(after.fulfillment_orders)
        come = set(after.fulfillment_orders) - set(before.fulfillment_orders)
        due += [DueGroups(one.node_id, one.method, one.ready_by_ms, -1) for one in gone]
        new += [DueGroups(one.node_id, one.method, one.ready_by_ms, 1) for one in come]
    due += new
    limits = _limits(deps, deps.policy)
    return not any(is_exceeded(limits, due, one) for one in new)


async def _keeps_floors(
    deps: Dependencies, orders: Sequence[Order], moved: Sequence[Order]
) -> bool:
    """Whether no cell from which these orders ship more than before falls below its floor."""
    rules = [rule for rule in deps.policy.rules.nodes if rule.ship_floor]
    if not rules:
        return True
    taken, shipped = units_of(moved), units_of(moved, Method.SHIP)
    taken.subtract(units_of(orders))
    shipped.subtract(units_of(orders, Method.SHIP))
    for (node_id, sku), more in shipped.items():
        node = deps.directory.nodes.get(node_id)
        floor = max(
            (rule.ship_floor for rule in rules if node is not None and rule.nodes.holds(node)),
            default=0,
        )
        if more <= 0 or not floor:
            continue
        [atp] = await deps.ledger.read_atp([node_id], [CellKey("", sku=sku)])
        if atp - taken[node_id, sku] < floor:
            return False
    return True


def units_of(orders: Sequence[Order], method: Method | None = None) -> Counter[tuple[str, str]]:
    """Units of each SKU that orders take at each node, by one method or by all."""
    units: Counter[tuple[str, str]] = Counter()
    for order in orders:
        for group in order.fulfillment_orders:
            if method in (None, group.method):
                for line in group.lines:
                    units[group.node_id, line.sku] += line.quantity
    return units


def _limits(deps: Dependencies, policy: Policy) -> tuple[DayLimit, ...]:
    """The limits of a policy; those of the last few are known while the network is the same."""
    version = deps.directory.network_version
    for known in deps.board.known_limits:
        if known.policy is policy and known.network_version == version:
            return known.limits
    limits = limits_of(policy.rules, deps.directory.nodes.values())
    latest = (KnownLimits(policy, version, limits), *deps.board.known_limits)
    deps.board.known_limits = latest[:KNOWN_MAX]
    return limits
