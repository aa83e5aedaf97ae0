"""The native kernel: the best plan of each order under dual prices. The only native import here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from bopis._allocator_rs import BatchKernel
from solver.problem import Plan, Request, Rows

WORK_LIMIT: Final = 10_000_000
"""Work units of the kernel for one order; a search that is stopped gives its frontier's bound."""

_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Column:
    """A plan as the master sees it: its cost, and what it takes of each row, rising.

    `left` names the lines that it leaves. `source` is the plan, or its bytes: few of the many
    plans of a pool are ever looked into.
    """

    order: int
    cost_micro: int
    rows: tuple[int, ...]
    amounts: tuple[int, ...]
    left: tuple[int, ...]
    source: Plan | bytes

    @property
    def plan(self) -> Plan:
        """The plan."""
        return _decode_plan(self.source) if isinstance(self.source, bytes) else self.source


@dataclass(frozen=True, slots=True)
class Priced:
    """One order under prices: no plan of it costs less than `lower_bound`, charges included.

    `column` is the best plan.
    """

    order: int
    lower_bound: int
    priced_cost: int
    exact: bool
    column: Column


@dataclass(frozen=True, slots=True)
class _NativeColumn:
    cost_micro: int
    rows: tuple[int, ...]
    amounts: tuple[int, ...]
    left: tuple[int, ...]
    plan: msgspec.Raw


@dataclass(frozen=True, slots=True)
class _NativePriced:
    lower_bound: int
    priced_cost: int
    exact: bool
    column: _NativeColumn


_decode = msgspec.msgpack.Decoder(tuple[_NativePriced, ...]).decode
_decode_plan = msgspec.msgpack.Decoder(Plan).decode


class Kernel:
    """The kernel over one batch; prices are whole micro-units by row, at least 0."""

    def __init__(self, request: Request, rows: Rows) -> None:
        payload = {
            "network": {"version": 0, "nodes": request.nodes},
            "items": request.items,
            "policy": request.policy,
            "asks": [order.ask for order in request.problem.orders],
            # What was promised stays promised: leaving such a line costs more than any plan.
            "promised": [
                [number for group in order.groups for number in group.line_numbers]
                for order in request.problem.orders
            ],
            "now_ms": request.problem.now_ms,
            "stock": rows.stock,
            "labor": rows.labor,
        }
        self._native = BatchKernel(_encode(payload))

    def price(self, orders: Sequence[int], *, prices: Sequence[int]) -> list[Priced]:
        """The best plan of each of these orders under the prices."""
        asked = {"orders": orders, "prices": prices, "work_limit": WORK_LIMIT}
        answers = _decode(self._native.price(_encode(asked)))
        return [_priced(order, answer) for order, answer in zip(orders, answers, strict=True)]


def _priced(order: int, answer: _NativePriced) -> Priced:
    native = answer.column
    column = Column(
        order=order,
        cost_micro=native.cost_micro,
        rows=native.rows,
        amounts=native.amounts,
        left=native.left,
        source=bytes(native.plan),
    )
    return Priced(order, answer.lower_bound, answer.priced_cost, answer.exact, column)
