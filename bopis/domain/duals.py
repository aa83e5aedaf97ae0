"""Dual prices: what one more unit of scarce stock, or second of scarce labor, is worth to others.

They steer the choice of a plan and are no cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DUAL_PRICE_MICRO_MAX: Final = 1 << 40
"""The most that a unit or second may be priced at."""


@dataclass(frozen=True, slots=True)
class StockDual:
    """The price of a base unit of a SKU at a node, micro-units, at least 0."""

    node_id: str
    sku: str
    price_micro: int


@dataclass(frozen=True, slots=True)
class LaborDual:
    """The price of a second of a node's hour, micro-units, at least 0; the hour by its start, Unix
    seconds.
    """

    node_id: str
    window_start_s: int
    price_micro: int


Dual = StockDual | LaborDual


@dataclass(frozen=True, slots=True)
class Duals:
    """One version of all prices, made for the moment `as_of_ms` (Unix ms).

    A cell that is in it has a price, if only 0: the cost card's opportunity is not charged there.
    """

    version: int
    as_of_ms: int
    stock: tuple[StockDual, ...] = ()
    labor: tuple[LaborDual, ...] = ()

    def __iter__(self) -> Iterator[Dual]:
        yield from self.stock
        yield from self.labor


@dataclass(frozen=True, slots=True)
class DualCharge:
    """What units of a SKU, or seconds of an hour (by its start, Unix seconds), were charged at a
    node: so many, each at a price above 0 (micro-units).
    """

    node_id: str
    sku: str | None
    window_start_s: int | None
    quantity: int
    price_micro: int


@dataclass(frozen=True, slots=True)
class DualCharges:
    """What a plan was charged by dual prices of a version, beside its cost (micro-units)."""

    version: int
    stock_micro: int
    labor_micro: int
