"""From the LP's fractions to whole plans: the start of the MIP, and the answer for large pools."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from solver.columns import Pool, priced_cost


def rounded(
    pool: Pool, values: npt.NDArray[np.float64], *, prices: Sequence[int], limits: Sequence[int]
) -> list[int] | None:
    """One column per order that together keep the limits; None if the greedy pass gets stuck.

    Orders that the LP decided most clearly come first; each takes its largest column that still
    fits, then the cheapest under the prices.
    """
    left = list(limits)
    share = [max(float(values[c]) for c in of_order) for of_order in pool.of_order]
    turn = sorted(range(len(pool.of_order)), key=lambda order: (-share[order], order))
    chosen = [-1] * len(pool.of_order)
    for order in turn:
        wish = sorted(
            pool.of_order[order],
            key=lambda c: (-round(float(values[c]), 6), priced_cost(pool.columns[c], prices), c),
        )
        for index in wish:
            column = pool.columns[index]
            takes = list(zip(column.rows, column.amounts, strict=True))
            if all(amount <= left[row] for row, amount in takes):
                for row, amount in takes:
                    left[row] -= amount
                chosen[order] = index
                break
        if chosen[order] < 0:
            return None
    return improved(pool, chosen, left)


def improved(pool: Pool, chosen: list[int], left: list[int]) -> list[int]:
    """Lets each order change to its cheapest column that fits, until none gains."""
    gained = True
    while gained:
        gained = False
        for order, of_order in enumerate(pool.of_order):
            now = pool.columns[chosen[order]]
            for row, amount in zip(now.rows, now.amounts, strict=True):
                left[row] += amount
            best = chosen[order]
            for index in of_order:
                column = pool.columns[index]
                cheaper = column.cost_micro < pool.columns[best].cost_micro
                takes = zip(column.rows, column.amounts, strict=True)
                if cheaper and all(amount <= left[row] for row, amount in takes):
                    best = index
            after = pool.columns[best]
            for row, amount in zip(after.rows, after.amounts, strict=True):
                left[row] -= amount
            gained |= best != chosen[order]
            chosen[order] = best
    return chosen
