"""Batches of orders that nobody picks yet: what they may use, as the optimizer takes it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bopis.domain.cost import without_opportunity
from bopis.domain.ledger import CellKey
from bopis.domain.network import Item, Method, NetworkNode
from bopis.domain.order import Order
from bopis.domain.policy import HOUR_MS
from bopis.domain.reallocation import (
    LaborLimit,
    OpenOrder,
    ReallocationProblem,
    StockLimit,
    late_at_most,
)
from bopis.domain.shared_limits import shipping_limits
from bopis.domain.sourcing import Ask, Closure
from bopis.service.allocation import chosen_plan
from bopis.service.dependencies import Dependencies
from bopis.service.limits import days_of, units_of
from bopis.service.moving import movable
from bopis.service.sourcing import ask_of


async def open_orders(deps: Dependencies, limit: int, *, tenant: str | None = None) -> list[Order]:
    """Orders that can be allocated anew, of one tenant or of all, earliest promise first."""
    orders: list[Order] = []
    for order_id in await deps.store.open_allocations(limit):
        order = await deps.store.order(order_id)
        if order is not None and tenant in (None, order.tenant) and movable(order):
            orders.append(order)
    return orders


async def problem_of(
    deps: Dependencies, orders: Sequence[Order], nodes: Sequence[NetworkNode], *, time_limit_ms: int
) -> ReallocationProblem:
    """These orders with their plans in force, what is free for them and what they hold. The dual
    prices in force are those that the search starts from, or what plans pay if they are charged.
    """
    now_ms = deps.clock.wall_ms()
    skus = {line.sku for order in orders for line in order.lines}
    promise_ms = max(order.promise_time_ms for order in orders)
    latest = latest_ms(deps, (order.promise_time_ms for order in orders))
    duals = deps.duals.current()
    days = await days_of(deps, orders, now_ms=now_ms, promise_ms=promise_ms)
    stock = await stock_limits(deps, orders, nodes, skus)
    planned = with_plans(deps, orders, days.closed, now_ms=now_ms)
    return ReallocationProblem(
        now_ms=now_ms,
        orders=planned,
        stock=stock,
        labor=await labor_limits(deps, orders, nodes, now_ms=now_ms, latest_ms=latest),
        time_limit_ms=time_limit_ms,
        stock_prices=() if duals is None else tuple(one for one in duals.stock if one.price_micro),
        labor_prices=() if duals is None else duals.labor,
        shipping=shipping_limits(
            deps.policy.rules,
            (one.node for one in nodes),
            stock,
            held=units_of(orders),
            shipped=units_of(orders, Method.SHIP),
        ),
        groups=days.groups,
        # Lines that are promised stay so, order by order.
        late_max=late_at_most(planned),
    )


def with_plans(
    deps: Dependencies, orders: Sequence[Order], full: Sequence[Closure], *, now_ms: int
) -> tuple[OpenOrder, ...]:
    """Open orders with their plans in force; `full`: days that take no further group."""
    return tuple(
        OpenOrder(
            ask=ask_again(deps, order, full, now_ms=now_ms),
            groups=chosen_plan(order).groups,
            unfilled=order.unfilled_lines,
            cost=without_opportunity(order.cost),
        )
        for order in orders
    )


def latest_ms(deps: Dependencies, promises_ms: Iterable[int]) -> int:
    """The end of the last hour in which orders of these promises may be picked."""
    return max(promises_ms) + deps.policy.late_windows_max_h * HOUR_MS


def items_of(deps: Dependencies, skus: Iterable[str]) -> list[Item]:
    """The catalog's items of these SKUs."""
    return [item for sku in sorted(skus) if (item := deps.directory.items.get(sku)) is not None]


def ask_again(deps: Dependencies, order: Order, full: Sequence[Closure], *, now_ms: int) -> Ask:
    """The order's ask; days whose limits are used up take no further group."""
    ask = ask_of(deps, order, order.lines, now_ms=now_ms)
    last_s = order.promise_time_ms // 1_000 + (deps.policy.late_windows_max_h + 1) * 3_600
    near = tuple(one for one in full if one.after_s < last_s)
    return replace(ask, closed=ask.closed + near) if near else ask


async def stock_limits(
    deps: Dependencies, orders: Sequence[Order], nodes: Sequence[NetworkNode], skus: Iterable[str]
) -> tuple[StockLimit, ...]:
    """Of these SKUs, what is free and what the orders hold; none of 0."""
    own: dict[tuple[str, str], int] = {}
    for order in orders:
        for group in order.fulfillment_orders:
            for line in group.lines:
                key = (group.node_id, line.sku)
                own[key] = own.get(key, 0) + line.quantity
    in_order = sorted(skus)
    items = [CellKey("", sku=sku) for sku in in_order]
    limits: list[StockLimit] = []
    for one in nodes:
        # Node by node, so that the loop is free in between.
        node_id = one.node.node_id
        free = await deps.ledger.read_atp([node_id], items)
        for sku, atp in zip(in_order, free, strict=True):
            units = max(0, atp) + own.get((node_id, sku), 0)
            if units > 0:
                limits.append(StockLimit(node_id, sku, units))
        await asyncio.sleep(0)
    return tuple(limits)


async def labor_limits(
    deps: Dependencies,
    orders: Sequence[Order],
    nodes: Sequence[NetworkNode],
    *,
    now_ms: int,
    latest_ms: int,
) -> tuple[LaborLimit, ...]:
    """Of the hours ahead, what is free and what the orders hold; none of 0."""
    own: dict[tuple[str, int], int] = {}
    for order in orders:
        for group in order.fulfillment_orders:
            for share in group.labor:
                key = (group.node_id, share.window_start_s)
                own[key] = own.get(key, 0) + share.seconds
    limits: list[LaborLimit] = []
    for one in nodes:
        node_id = one.node.node_id
        # Windows that have begun, or are long over for an overdue order, count too where these
        # orders hold seconds of them: the plan that an order has must always fit.
        ahead = {
            window.start_s for window in one.windows if now_ms <= window.start_s * 1_000 < latest_ms
        }
        starts = sorted(ahead | {start for held_at, start in own if held_at == node_id})
        free = await deps.ledger.read_atp(
            [node_id], [CellKey("", window_start_s=start) for start in starts]
        )
        for start, atp in zip(starts, free, strict=True):
            seconds = max(0, atp) + own.get((node_id, start), 0)
            if seconds > 0:
                limits.append(LaborLimit(node_id, start, seconds))
        await asyncio.sleep(0)
    return tuple(limits)
