"""From the LP's fractions to whole plans: the start of the MIP, and the answer for large pools.

The pass starts from the plans in force, which fit together, and lets one order after the other
change to a plan that fits in what is left: it never gets stuck and always ends feasible.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from solver.columns import Pool, priced_cost

PASSES_MAX: Final = 20
"""Passes over all orders by true cost."""


def rounded(
    pool: Pool, values: npt.NDArray[np.float64], *, prices: Sequence[int], limits: Sequence[int]
) -> list[int]:
    """One column per order that together keep the limits, led by the LP, then by the prices.

    Orders that the LP decided most clearly come first. Needs plans in force that keep the limits.
    """
    chosen = [of_order[0] for of_order in pool.of_order]
    left = list(limits)
    for index in chosen:
        _take(pool, index, left, sign=-1)
    share = [max(float(values[c]) for c in of_order) for of_order in pool.of_order]
    turn = sorted(range(len(pool.of_order)), key=lambda order: (-share[order], order))
    charged = [priced_cost(column, prices) for column in pool.columns]
    by_value = [
        (-round(float(value), 6), cost) for value, cost in zip(values, charged, strict=True)
    ]
    by_charge = [(cost,) for cost in charged]
    by_cost = [(column.cost_micro,) for column in pool.columns]
    for rank in (by_value, by_value, by_charge):
        _pass(pool, chosen, left, turn, rank.__getitem__)
    for _ in range(PASSES_MAX):
        if not _pass(pool, chosen, left, turn, by_cost.__getitem__):
            break
    return chosen


def _pass(
    pool: Pool,
    chosen: list[int],
    left: list[int],
    turn: Sequence[int],
    rank: Callable[[int], tuple[float, ...]],
) -> bool:
    """Lets each order change to its best column that fits; true if any did."""
    changed = False
    for order in turn:
        now = chosen[order]
        wish = [index for index in pool.of_order[order] if rank(index) < rank(now)]
        if not wish:
            continue
        _take(pool, now, left, sign=1)
        for index in sorted(wish, key=lambda c: (rank(c), c)):
            column = pool.columns[index]
            takes = zip(column.rows, column.amounts, strict=True)
            if all(amount <= left[row] for row, amount in takes):
                chosen[order] = index
                changed = True
                break
        _take(pool, chosen[order], left, sign=-1)
    return changed


def _take(pool: Pool, index: int, left: list[int], *, sign: int) -> None:
    column = pool.columns[index]
    for row, amount in zip(column.rows, column.amounts, strict=True):
        left[row] += sign * amount
