"""What the ledger must hold, recomputed from the orders alone."""

from collections.abc import Iterable, Sequence

from bopis.domain.fulfillment import (
    FulfillmentOrder,
    FulfillmentState,
    held_lines,
    stock_lines,
)
from bopis.domain.ledger import CellKey, ReservationLine
from bopis.domain.order import Order
from bopis.ports import OrderStore

PAGE = 500

_HOLDING = frozenset(
    {
        FulfillmentState.ALLOCATED,
        FulfillmentState.PICKING,
        FulfillmentState.PICKED,
        FulfillmentState.READY_FOR_PICKUP,
        FulfillmentState.NO_SHOW,
    }
)


def committed_by_orders(orders: Iterable[Order]) -> dict[CellKey, int]:
    """Committed units and seconds by cell that orders, as they stand, account for."""
    committed: dict[CellKey, int] = {}
    for order in orders:
        for group in order.fulfillment_orders:
            for line in _held(group):
                committed[line.cell] = committed.get(line.cell, 0) + line.quantity
    return committed


def _held(group: FulfillmentOrder) -> Sequence[ReservationLine]:
    if group.state in _HOLDING:
        return held_lines(group)
    if group.restock_open:
        picked = tuple(line for line in group.lines if line.picked_quantity)
        return stock_lines(group.node_id, picked)
    return ()


async def all_orders(store: OrderStore) -> list[Order]:
    """Every order of a store, oldest first."""
    found: list[Order] = []
    after = ""
    while True:
        page, after = await store.orders(state=None, after=after, limit=PAGE)
        found += page
        if not after:
            return found
