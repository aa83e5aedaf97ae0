"""The native side of a batch: prices, bound, assignment and pool. The only native import here."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

from bopis._allocator_rs import Allocation as Native
from bopis._allocator_rs import PayloadError
from solver.problem import Plan, Request
from solver.rows import ProblemError, Rows

Ints = npt.NDArray[np.int64]
GoOn = Callable[[int, int], bool]
"""Called with how far a step is and what it has; False ends the step."""

_encode: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class InForce:
    """An order's plan so far: its cost (micro-units), what it takes of each row, whether the order
    is late by it, and how many of its lines it leaves.
    """

    cost_micro: int
    takes: Mapping[int, int]
    is_late: bool = False
    left: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """The pool in arrays: entries of column c are those from starts[c] to starts[c + 1].

    `assigned`: the columns that are assigned now, by order.
    """

    orders: Ints
    costs: Ints
    starts: Ints
    rows: Ints
    amounts: Ints
    assigned: Ints

    def __len__(self) -> int:
        return len(self.orders)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an order does that leaves its plan in force: cost in micro-units, and the plan.

    `groups`: (node, line indices), for orders of a table, which have no plans.
    """

    order: int
    cost_micro: int
    rows: tuple[int, ...]
    amounts: tuple[int, ...]
    plan: Plan | None
    groups: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class TableWay:
    """A node that does all lines it can: a cost per line, and seconds of one row per line."""

    node: int
    costs: tuple[int, ...]
    labor_row: int
    labor_seconds: int


@dataclass(frozen=True, slots=True)
class TableOrder:
    """An order that comes with its ways; units never lack."""

    unfilled: tuple[int, ...]
    ways: tuple[TableWay, ...]


@dataclass(frozen=True, slots=True)
class _Arrays:
    orders: list[int]
    costs: list[int]
    starts: list[int]
    rows: list[int]
    amounts: list[int]


_decode_arrays: Final = msgspec.msgpack.Decoder(_Arrays).decode
_decode_chosen: Final = msgspec.msgpack.Decoder(tuple[Chosen, ...]).decode


class Allocation:
    """Orders allocated together, step by step: ascend, construct, improve, choose of the pool.

    `rows`: how many rows there are, rounding inequalities aside.
    """

    def __init__(self, native: Native, *, rows: int) -> None:
        self._native = native
        self.rows = rows

    @classmethod
    def of_orders(
        cls,
        request: Request,
        rows: Rows,
        in_force: Sequence[InForce | None],
        *,
        threads: int | None = None,
    ) -> Self:
        """The orders of a batch. `threads`: among which they are dealt; None: one per processor.
        Raises ProblemError where the native module cannot read them.
        """
        batch = {
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
            "shipping": rows.shipping,
            "groups": rows.groups,
        }
        plans = [None if plan is None else _in_force(plan) for plan in in_force]
        payload = {
            "batch": batch,
            "in_force": plans,
            "charges": rows.charges(request),
            "threads": threads or available_threads(),
        }
        try:
            return cls(Native.of_orders(_encode(payload)), rows=len(rows.limits))
        except PayloadError as error:
            raise ProblemError(str(error)) from error

    @classmethod
    def of_table(cls, limits: Sequence[int], orders: Sequence[TableOrder]) -> Self:
        """Orders with ways of their own, under limits by row."""
        payload = {"limits": limits, "orders": orders, "threads": available_threads()}
        return cls(Native.of_table(_encode(payload)), rows=len(limits))

    def ascend(
        self,
        *,
        passes: int,
        go_on: GoOn,
        start: Sequence[int] = (),
        softness: float = 1.0,
        learning: bool = True,
        rounds: bool = True,
    ) -> tuple[int, int]:
        """Moves prices from `start` (micro-units by row) on: the passes made, and what the best
        prices would prove if orders had no ways but those looked at. `learning`: little is known
        of what orders can do.
        """
        asked: dict[str, Any] = {
            "start": start,
            "passes": passes,
            "softness": softness,
            "learning": learning,
            "rounds": rounds,
        }
        return self._native.ascend(_encode(asked), go_on)

    def look_s(self) -> float:
        """Seconds that a look at every way of all orders takes, about: reading them took that."""
        return self._native.look_seconds()

    def limits(self) -> Ints:
        """What may be taken: by row, then by rounding inequality."""
        return np.array(self._native.limits(), dtype=np.int64)

    def prices(self) -> list[int]:
        """The best prices of the last ascent, micro-units by row, then by rounding inequality."""
        return self._native.prices()

    def bound(self, prices: Sequence[int]) -> tuple[int, int]:
        """What prices prove over every way: (micro-units, orders whose search was stopped)."""
        return self._native.bound(prices)

    def prefer(self, columns: Sequence[int], weights: Sequence[int]) -> None:
        """Names what a first assignment prefers: a column per order; heavier ones come first."""
        self._native.prefer(columns, weights)

    def widen(self, prices: Sequence[int]) -> int:
        """Looks at the ways that the best choices under prices use; how many came."""
        return self._native.widen(prices)

    def construct(self) -> int:
        """A first assignment; its cost in micro-units."""
        return self._native.construct()

    def place_each(self) -> int:
        """Every order, in turn, its best plan of all in what is left; the cost in micro-units."""
        return self._native.place_each()

    def rescue(self) -> int:
        """Lets orders that leave lines look at every way; how many do better."""
        return self._native.rescue()

    def counts(self) -> tuple[int, int]:
        """Orders that are late as they are assigned, and lines that are left."""
        return self._native.counts()

    def make_dearer(self, late_micro: int, unfilled_micro: int) -> int:
        """Sets what a late order and a line left cost beside the card; what is assigned costs then.
        The bound stays that of the card.
        """
        return self._native.make_dearer(late_micro, unfilled_micro)

    def improve(
        self,
        prices: Sequence[int],
        *,
        moves: int,
        rounds: int,
        tolerance: float,
        seed: int,
        go_on: GoOn,
    ) -> int:
        """Ruins and recreates, led by prices; the cost of the best assignment in micro-units."""
        asked = {
            "moves": moves,
            "rounds": rounds,
            "tolerance": tolerance,
            "seed": seed,
            "prices": prices,
        }
        return self._native.improve(_encode(asked), go_on)

    def relink(
        self,
        prices: Sequence[int],
        *,
        descents: int,
        is_beside: bool,
        columns: int,
        seed: int,
        go_on: GoOn,
    ) -> int:
        """Descends from between good assignments, out of the `columns` known of each order that
        cost least under prices; on one thread where something else works beside it. The cost of
        the best assignment in micro-units.
        """
        asked = {
            "descents": descents,
            "is_beside": is_beside,
            "columns": columns,
            "seed": seed,
            "prices": prices,
        }
        return self._native.relink(_encode(asked), go_on)

    def pool(self, prices: Sequence[int], *, cheapest: int, most: int) -> Columns:
        """Of each order the `most` columns known that cost least under prices, what is assigned
        among them; `cheapest`: so many of all its choices are looked for first.
        """
        payload, assigned = self._native.pool(prices, cheapest, most)
        arrays = _decode_arrays(payload)
        fields = (arrays.orders, arrays.costs, arrays.starts, arrays.rows, arrays.amounts, assigned)
        return Columns(*(np.array(values, dtype=np.int64) for values in fields))

    def choose(self, columns: Sequence[int]) -> bool:
        """Takes over a column per order if they fit and cost less than what is assigned."""
        return self._native.choose(columns)

    def settle(self, stay_micro: int) -> int:
        """Lets orders keep their plans in force that gain no more (micro-units); the cost."""
        return self._native.settle(stay_micro)

    def chosen(self) -> tuple[Chosen, ...]:
        """What the orders do that leave their plans in force."""
        return _decode_chosen(self._native.chosen_plans())


def _in_force(plan: InForce) -> dict[str, Any]:
    rows = sorted(plan.takes)
    amounts = [plan.takes[row] for row in rows]
    return {
        "cost_micro": plan.cost_micro,
        "is_late": plan.is_late,
        "left": plan.left,
        "rows": rows,
        "amounts": amounts,
    }


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
