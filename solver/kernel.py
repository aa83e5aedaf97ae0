"""The native kernel: the best plan of each order under dual prices. The only native import here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from bopis._allocator_rs import BatchKernel
from solver.problem import Cost, Group, Plan, Request, Rows, UnfilledLine

WORK_LIMIT: Final = 20_000
"""Work units of the kernel for one order; a search that is stopped gives its frontier's bound."""

_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Column:
    """A plan as the master sees it: its cost, and what it takes of each row, rising."""

    order: int
    cost_micro: int
    rows: tuple[int, ...]
    amounts: tuple[int, ...]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Priced:
    """One order under prices: no plan of it costs less than `lower_bound`, charges included.

    The column is there if its cost under the prices is below what was asked for.
    """

    order: int
    lower_bound: int
    priced_cost: int
    exact: bool
    column: Column | None


@dataclass(frozen=True, slots=True)
class _NativePlan:
    groups: tuple[Group, ...]
    unfilled: tuple[UnfilledLine, ...]
    cost: Cost


@dataclass(frozen=True, slots=True)
class _NativeColumn:
    cost_micro: int
    rows: tuple[int, ...]
    amounts: tuple[int, ...]
    plan: _NativePlan


@dataclass(frozen=True, slots=True)
class _NativePriced:
    lower_bound: int
    priced_cost: int
    exact: bool
    column: _NativeColumn | None


_decode = msgspec.msgpack.Decoder(tuple[_NativePriced, ...]).decode


class Kernel:
    """The kernel over one batch; prices are whole micro-units by row, at least 0."""

    def __init__(self, request: Request, rows: Rows) -> None:
        payload = {
            "network": {"version": 0, "nodes": request.nodes},
            "items": request.items,
            "policy": request.policy,
            "asks": [order.ask for order in request.problem.orders],
            "now_ms": request.problem.now_ms,
            "stock": rows.stock,
            "labor": rows.labor,
        }
        self._native = BatchKernel(_encode(payload))

    def price(
        self, orders: Sequence[int], *, prices: Sequence[int], below: Sequence[int]
    ) -> list[Priced]:
        """Prices orders; columns come back that cost less than `below` (one limit per order)."""
        asked = {"orders": orders, "prices": prices, "below": below, "work_limit": WORK_LIMIT}
        answers = _decode(self._native.price(_encode(asked)))
        return [_priced(order, answer) for order, answer in zip(orders, answers, strict=True)]


def _priced(order: int, answer: _NativePriced) -> Priced:
    native = answer.column
    column = None
    if native is not None:
        plan = Plan(native.plan.groups, native.plan.unfilled, native.plan.cost)
        column = Column(order, native.cost_micro, native.rows, native.amounts, plan)
    return Priced(order, answer.lower_bound, answer.priced_cost, answer.exact, column)
