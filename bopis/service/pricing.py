"""Dual prices for the orders to come: made from open orders and forecasts, and dropped when old."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bopis.domain.duals import DUAL_PRICE_MICRO_MAX, Duals, LaborDual, StockDual
from bopis.domain.forecast import ExpectedOrder, Sample
from bopis.domain.policy import HOUR_MS
from bopis.domain.reallocation import FoundPrices, PriceProblem, StockLimit
from bopis.domain.sourcing import Ask, AskLine
from bopis.service.batches import (
    items_of,
    labor_limits,
    latest_ms,
    open_orders,
    stock_limits,
    with_plans,
)
from bopis.service.dependencies import Dependencies
from bopis.service.duals import publish_duals
from bopis.service.limits import used_up
from bopis.service.stores import network_nodes

HORIZON_MS: Final = 24 * HOUR_MS
"""How far ahead orders are expected."""
ORDERS_MAX: Final = 5_000
"""Open orders that take part, earliest promise first."""
FEW_UNITS: Final = 20
"""A cell of no more units that is worth nothing to later orders is published at 0: the card's
opportunity, which guesses what last units are worth, is not charged where it is known.
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh came to; `version` 0: none was put into force, because there was nothing to
    price, or later prices were in force already.
    """

    version: int
    orders: int
    samples: int
    expected: int
    stock_prices: int
    labor_prices: int


async def refresh_duals(deps: Dependencies, *, time_limit_ms: int) -> Refreshed:
    """Makes prices for now and puts them into force. Raises what ledger, store, forecaster and
    solver raise; the prices in force stay as they are then.
    """
    now_ms = deps.clock.wall_ms()
    orders = await open_orders(deps, ORDERS_MAX)
    drawn = await deps.forecaster.samples(now_ms=now_ms, until_ms=now_ms + HORIZON_MS)
    samples: list[tuple[Ask, ...]] = []
    for sample in drawn:
        samples.append(_asks(deps, sample))
        await asyncio.sleep(0)  # Thousands of orders each: others go on in between.
    if not orders and not any(samples):
        return Refreshed(_withdraw(deps, now_ms=now_ms), 0, len(drawn), 0, 0, 0)
    nodes = network_nodes(deps)
    skus = {line.sku for order in orders for line in order.lines}
    skus |= {line.sku for sample in samples for ask in sample for line in ask.lines}
    promises = [order.promise_time_ms for order in orders]
    promises += [ask.promise_ms for sample in samples for ask in sample]
    last_ms = latest_ms(deps, promises)
    known = deps.duals.current() or Duals(0, 0)
    stock = await stock_limits(deps, orders, nodes, skus)
    full = await used_up(deps, now_ms=now_ms, promise_ms=max(promises))
    problem = PriceProblem(
        now_ms=now_ms,
        orders=with_plans(deps, orders, full, now_ms=now_ms),
        samples=tuple(samples),
        stock=stock,
        labor=await labor_limits(deps, orders, nodes, now_ms=now_ms, latest_ms=last_ms),
        time_limit_ms=time_limit_ms,
        stock_prices=tuple(one for one in known.stock if one.price_micro),
        labor_prices=known.labor,
    )
    found = await deps.solver.price(
        problem, nodes=nodes, items=items_of(deps, skus), policy=deps.policy
    )
    duals = _duals(found, stock, version=_next_version(known, now_ms), as_of_ms=now_ms)
    return Refreshed(
        version=duals.version if publish_duals(deps, duals) else 0,
        orders=len(orders),
        samples=len(samples),
        expected=sum(len(sample) for sample in samples),
        stock_prices=len(found.stock),
        labor_prices=len(found.labor),
    )


def withdraw_stale(deps: Dependencies, *, age_max_ms: int) -> bool:
    """Takes prices out of force that were made longer ago; whether there were any."""
    known = deps.duals.current()
    now_ms = deps.clock.wall_ms()
    if known is None or now_ms - known.as_of_ms <= age_max_ms:
        return False
    withdrawn = _withdraw(deps, now_ms=now_ms)
    if withdrawn:
        _log.warning("duals.withdrawn", version=known.version, age_ms=now_ms - known.as_of_ms)
    return bool(withdrawn)


def _withdraw(deps: Dependencies, *, now_ms: int) -> int:
    """Publishes a version without prices, if any are in force; that version, else 0."""
    known = deps.duals.current()
    if known is None or not (known.stock or known.labor):
        return 0
    version = _next_version(known, now_ms)
    return version if publish_duals(deps, Duals(version, now_ms)) else 0


def _next_version(known: Duals, now_ms: int) -> int:
    """Versions follow the clock, so that one process after the other does not use one twice."""
    return max(known.version + 1, now_ms)


def _duals(
    found: FoundPrices, stock: Sequence[StockLimit], *, version: int, as_of_ms: int
) -> Duals:
    priced = {(one.node_id, one.sku): one.price_micro for one in found.stock}
    units = tuple(
        StockDual(row.node_id, row.sku, min(micro, DUAL_PRICE_MICRO_MAX))
        for row in stock
        if (micro := priced.get((row.node_id, row.sku), 0)) or row.units <= FEW_UNITS
    )
    seconds = tuple(
        LaborDual(one.node_id, one.window_start_s, min(one.price_micro, DUAL_PRICE_MICRO_MAX))
        for one in found.labor
    )
    return Duals(version, as_of_ms, units, seconds)


def _asks(deps: Dependencies, sample: Sample) -> tuple[Ask, ...]:
    """A sample as the optimizer takes it; lines whose SKU is no longer in the catalog are left."""
    asks = (_ask(deps, order, f"expected-{number}") for number, order in enumerate(sample))
    return tuple(ask for ask in asks if ask.lines)


def _ask(deps: Dependencies, order: ExpectedOrder, order_id: str) -> Ask:
    items = deps.directory.items
    lines = [line for line in order.lines if line.sku in items]
    return Ask(
        order_id=order_id,
        method=order.method,
        place=order.place,
        lines=tuple(
            AskLine(number, line.sku, line.quantity, items[line.sku].unit_price_micro)
            for number, line in enumerate(lines, start=1)
        ),
        now_ms=order.placed_ms,
        promise_ms=order.promise_ms,
        consent=order.consent,
    )
