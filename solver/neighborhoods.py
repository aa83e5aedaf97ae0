"""Parts of a pool solved again, one after the other: the orders around a few tight rows choose anew
among their columns, together and to the optimum, while all others keep what they have.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from solver.allocation import Columns, Ints
from solver.master import Choose, choose

ROWS_LEAST: Final = 4
"""Rows whose orders choose anew together, at first."""
ROWS_MORE: Final = 2
IDLE_MAX: Final = 15
"""After so many parts that gain nothing, parts are of so many rows more."""
ORDERS_OF_PART: Final = 60
"""Most orders of a part."""
PART_TIME_S: Final = 0.5
"""Time limit of a part."""


def part_of(
    columns: Columns, kept: Columns, dice: np.random.Generator, *, rows_of_part: int, rows_all: int
) -> Ints:
    """Some orders that stand around tight rows: those that use `rows_of_part` rows which their
    near-optimal columns share. `kept`: the columns that can matter. `rows_all`: all rows; what is
    numbered behind them only rounds their limits.
    """
    using = _entries(columns, columns.assigned)
    using = using[using[:, 1] < rows_all]
    if len(using) == 0:
        return np.zeros(0, dtype=np.int64)
    rows = [int(dice.choice(using[:, 1]))]
    for _ in range(rows_of_part - 1):
        orders = np.unique(using[np.isin(using[:, 1], rows), 0])
        wished = _rows_of(kept, orders)
        others = np.setdiff1d(wished[wished < rows_all], rows)
        if len(others) == 0:
            break
        rows.append(int(dice.choice(others)))
    orders = np.unique(using[np.isin(using[:, 1], rows), 0])
    return np.sort(dice.permutation(orders)[:ORDERS_OF_PART])


def _entries(columns: Columns, numbers: Ints) -> Ints:
    """(order, row) of every entry of some columns."""
    counts = np.diff(columns.starts)
    column = np.repeat(np.arange(len(columns)), counts)
    taken = np.isin(column, numbers)
    return np.stack([columns.orders[column[taken]], columns.rows[taken]], axis=1)


def _rows_of(columns: Columns, orders: Ints) -> Ints:
    column = np.repeat(np.arange(len(columns)), np.diff(columns.starts))
    return np.unique(columns.rows[np.isin(columns.orders[column], orders)])


def select(columns: Columns, numbers: Ints, assigned: Ints) -> Columns:
    """Some columns, with new numbers; `assigned`: by order, which of the old ones it has."""
    counts = np.diff(columns.starts)
    entries = np.repeat(np.isin(np.arange(len(columns)), numbers), counts)
    place = np.full(len(columns), -1, dtype=np.int64)
    place[numbers] = np.arange(len(numbers))
    return Columns(
        orders=columns.orders[numbers],
        costs=columns.costs[numbers],
        starts=np.concatenate([[0], np.cumsum(counts[numbers])]).astype(np.int64),
        rows=columns.rows[entries],
        amounts=columns.amounts[entries],
        assigned=place[assigned],
    )


def used_by(columns: Columns, numbers: Ints, rows: int) -> Ints:
    """What some columns take together, by row."""
    used = np.zeros(rows, dtype=np.int64)
    column = np.repeat(np.arange(len(columns)), np.diff(columns.starts))
    taken = np.isin(column, numbers)
    np.add.at(used, columns.rows[taken], columns.amounts[taken])
    return used


def better_parts(
    columns: Columns,
    mask: Ints,
    *,
    limits: Ints,
    rows_all: int,
    seed: int,
    choose: Choose = choose,
) -> Iterator[tuple[Ints, int]]:
    """Solves part after part, without end unless one holds all orders.

    Gives after each the assigned columns by order, and what was gained. `mask`: numbers of the
    columns that parts choose among, beside the assigned ones.
    """
    dice = np.random.default_rng(seed)
    assigned = columns.assigned.copy()
    rows_of_part, idle = ROWS_LEAST, 0
    while True:
        known = Columns(
            columns.orders,
            columns.costs,
            columns.starts,
            columns.rows,
            columns.amounts,
            assigned,
        )
        matter = np.union1d(mask, assigned)
        kept = select(columns, matter, assigned)
        orders = part_of(known, kept, dice, rows_of_part=rows_of_part, rows_all=rows_all)
        if len(orders) == 0:
            return
        free = matter[np.isin(columns.orders[matter], orders)]
        fixed = assigned[~np.isin(columns.orders[assigned], orders)]
        left = limits - used_by(columns, fixed, len(limits))
        part = select(columns, free, assigned[np.isin(columns.orders[assigned], orders)])
        renumbered = Columns(
            np.searchsorted(orders, part.orders),
            part.costs,
            part.starts,
            part.rows,
            part.amounts,
            part.assigned,
        )
        chosen, _ = choose(
            renumbered,
            limits=left,
            orders=len(orders),
            time_limit_s=PART_TIME_S,
        )
        before = int(part.costs[part.assigned].sum())
        gained = before - int(part.costs[chosen].sum())
        if gained > 0:
            assigned[np.isin(columns.orders[assigned], orders)] = free[chosen]
        idle = 0 if gained > 0 else idle + 1
        if idle >= IDLE_MAX:
            rows_of_part, idle = rows_of_part + ROWS_MORE, 0
        yield assigned, gained
        if len(fixed) == 0:
            # That was all of it.
            return
