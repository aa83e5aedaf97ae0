"""Why orders are allocated as they are, and what scarce units and labor are worth, solved anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bopis.domain.duals import Dual, DualCharge, StockDual
from bopis.domain.explanation import Explained, PlannedOrder, Resource, Wanted, Worth
from bopis.domain.order import Order, OrderState
from bopis.domain.sourcing import Plan
from bopis.service.allocation import chosen_plan, held_by
from bopis.service.deadline import check_deadline
from bopis.service.dependencies import Dependencies
from bopis.service.limits import used_up
from bopis.service.moving import movable
from bopis.service.ordering import get_order
from bopis.service.sourcing import ask_of

ORDERS_DEFAULT: Final = 200
"""Open orders that are solved anew for what a unit is worth."""

_NOT_BEGUN: Final = (OrderState.CONFIRMED, OrderState.UNFILLED)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The allocation in force as it was decided, and what there is to say of it now (None once
    picking began, or the order ended).
    """

    order: Order
    chosen: Plan
    now: Explained | None

    @property
    def without_opportunity(self) -> bool:
        """Whether costs of now leave that term out: a batch, which does not charge it, decided."""
        return self.now is not None and _by_batch(self.order)

    @property
    def dual_rows(self) -> tuple[DualCharge, ...]:
        """What dual prices charged, of all its sourcings."""
        return tuple(row for sourcing in self.order.sourcings for row in sourcing.dual_rows)


async def explain_allocation(
    deps: Dependencies, order_id: str, *, wanted: Wanted | None = None, tenant: str = "default"
) -> Explanation:
    """Why an order is allocated as it is. Raises OrderNotFound."""
    order = await get_order(deps, order_id, tenant=tenant)
    now = None
    if order.state in _NOT_BEGUN:
        planned = await _planned(deps, order, now_ms=deps.clock.wall_ms())
        asked = replace(wanted or Wanted(), opportunity=not _by_batch(order))
        now = await deps.sourcer.explain(planned, asked)
    return Explanation(order, chosen_plan(order), now)


def _by_batch(order: Order) -> bool:
    return bool(order.sourcings) and order.sourcings[-1].batch is not None


async def worth_of(
    deps: Dependencies, prices: Sequence[Dual], *, max_orders: int = 0
) -> tuple[tuple[Worth | None, ...], int]:
    """What one more, and one fewer, is worth to the open orders that nobody picks yet (None: the
    work did not suffice), and how many of them were looked at. Raises DeadlinePassed.
    """
    resources = [
        Resource(one.node_id, sku=one.sku)
        if isinstance(one, StockDual)
        else Resource(one.node_id, window_start_s=one.window_start_s)
        for one in prices
    ]
    orders: list[PlannedOrder] = []
    now_ms = deps.clock.wall_ms()
    for order_id in await deps.store.open_allocations(max_orders or ORDERS_DEFAULT):
        check_deadline()
        order = await deps.store.order(order_id)
        if order is not None and movable(order):
            orders.append(await _planned(deps, order, now_ms=now_ms))
    worths = await deps.sourcer.worth(orders, resources) if resources else ()
    return tuple(worths), len(orders)


async def _planned(deps: Dependencies, order: Order, *, now_ms: int) -> PlannedOrder:
    """The order as it would be asked for now; it does not count in the limits of days."""
    ask = ask_of(deps, order, order.lines, now_ms=now_ms)
    full = await used_up(deps, now_ms=now_ms, promise_ms=ask.promise_ms, without=order)
    return PlannedOrder(
        ask=replace(ask, closed=ask.closed + full),
        in_force=chosen_plan(order).groups,
        own=held_by(order),
    )
