"""The master: which column of the pool each order takes, as an LP (for prices) and as a MIP.

min sum cost x, one column per order, what is taken of each row at most its limit. Models are built
as arrays of a ModelProto; OR-Tools' MathOpt solves the LP with GLOP and the MIP with HiGHS, that of
a part with SCIP.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt

from solver.allocation import Columns, Ints

NO_COLUMN: Final = 2.0
"""What it costs in the LP that an order takes no column, as a share of the dearest plan's cost."""
LEAVES_MICRO: Final = 1 << 42
"""From so much on a column is no plan: it leaves a line that was promised."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The LP's solution: value of each column, price of each row (>= 0), objective (micro).

    Where the columns cannot keep the limits, the values of an order's columns sum to less than 1;
    the objective then has the charge for that, and is no bound.
    """

    values: npt.NDArray[np.float64]
    prices: npt.NDArray[np.float64]
    objective: float


Choice = tuple[list[int], bool]
"""By order, the number of its column; and whether no choice of these columns is better."""


class Choose(Protocol):
    """What chooses a column per order: `choose`, `choose_of_many`, or what keeps a record of it."""

    def __call__(
        self, columns: Columns, *, limits: Ints, orders: int, time_limit_s: float
    ) -> Choice:
        """See `choose`."""
        ...


@dataclass(frozen=True, slots=True)
class _Entries:
    """What columns take: by entry its column, which of the used rows, and how much."""

    column: Ints
    row: Ints
    amount: Ints
    used_rows: Ints


def _entries(columns: Columns) -> _Entries:
    counts = np.diff(columns.starts)
    used, position = np.unique(columns.rows, return_inverse=True)
    return _Entries(
        column=np.repeat(np.arange(len(columns), dtype=np.int64), counts),
        row=position.astype(np.int64),
        amount=columns.amounts,
        used_rows=used,
    )


def _binding(
    columns: Columns, entries: _Entries, limits: Ints, orders: int
) -> npt.NDArray[np.bool_]:
    """Rows that the pool could overfill: sum over orders of the most any plan takes > limit."""
    most = np.zeros((len(entries.used_rows),), dtype=np.int64)
    key = entries.row * orders + columns.orders[entries.column]
    unique, position = np.unique(key, return_inverse=True)
    largest = np.zeros(len(unique), dtype=np.int64)
    np.maximum.at(largest, position, entries.amount)
    np.add.at(most, unique // orders, largest)
    return most > limits[entries.used_rows]


def _model(
    columns: Columns, *, limits: Ints, orders: int, integer: bool
) -> tuple[model_pb2.ModelProto, Ints]:
    """The proto, and the rows (by number) behind its constraints after the orders' own.

    The MIP starts from what is assigned, which keeps the limits. The LP comes before that, from a
    pool that may have no such choice: there an order may also take no column, as a last variable.
    """
    entries = _entries(columns)
    tight = _binding(columns, entries, limits, orders)
    place = np.full(len(tight), -1, dtype=np.int64)
    place[tight] = orders + np.arange(int(tight.sum()), dtype=np.int64)
    rows = entries.used_rows[tight]
    count = len(columns)
    none = 0 if integer else orders
    # Data: entries sorted by constraint, then column: the orders' rows first.
    keep = tight[entries.row]
    entry_row = np.concatenate([columns.orders, np.arange(none), place[entries.row[keep]]])
    entry_column = np.concatenate([np.arange(count + none), entries.column[keep]])
    entry_value = np.concatenate([np.ones(count + none), entries.amount[keep]])
    by_row = np.lexsort((entry_column, entry_row))
    proto = model_pb2.ModelProto()
    # Variables: one per column, and one per order that may take none.
    proto.variables.ids.extend(range(count + none))
    proto.variables.lower_bounds.extend(np.zeros(count + none).tolist())
    highest = 1.0 if integer else np.inf
    proto.variables.upper_bounds.extend(np.full(count + none, highest).tolist())
    proto.variables.integers.extend([integer] * (count + none))
    # Constraints: each order takes exactly one column; no row gives more than it has.
    total = orders + len(rows)
    lower = np.concatenate([np.ones(orders), np.full(len(rows), -np.inf)])
    upper = np.concatenate([np.ones(orders), limits[rows]])
    proto.linear_constraints.ids.extend(range(total))
    proto.linear_constraints.lower_bounds.extend(lower.tolist())
    proto.linear_constraints.upper_bounds.extend(upper.tolist())
    matrix_proto = proto.linear_constraint_matrix
    matrix_proto.row_ids.extend(entry_row[by_row].tolist())
    matrix_proto.column_ids.extend(entry_column[by_row].tolist())
    matrix_proto.coefficients.extend(entry_value[by_row].astype(float).tolist())
    # Objective: cost, in whole units of money so that tolerances mean the same for all.
    costs = columns.costs.astype(float)
    if not integer:
        # Costs that stand for "never" would leave no digits for the others.
        plans = costs[costs < LEAVES_MICRO]
        charge = NO_COLUMN * plans.max(initial=1.0)
        costs = np.concatenate([np.minimum(costs, charge), np.full(none, charge)])
    proto.objective.linear_coefficients.ids.extend(range(count + none))
    proto.objective.linear_coefficients.values.extend((costs / 1e6).tolist())
    return proto, rows


def relax(columns: Columns, *, limits: Ints, orders: int, time_limit_s: float) -> Relaxation | None:
    """Solves the LP over the pool; None if it came to no optimum in time. It always has one."""
    proto, rows = _model(columns, limits=limits, orders=orders, integer=False)
    model = mathopt.Model.from_model_proto(proto)
    parameters = mathopt.SolveParameters(time_limit=datetime.timedelta(seconds=time_limit_s))
    result = mathopt.solve(model, mathopt.SolverType.GLOP, params=parameters)
    if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
        return None
    values = np.array(result.variable_values(list(model.variables())))[: len(columns)]
    duals = np.array(result.dual_values(list(model.linear_constraints())))
    prices = np.zeros(len(limits))
    prices[rows] = np.maximum(0.0, -duals[orders:]) * 1e6
    return Relaxation(values, prices, result.objective_value() * 1e6)


def choose(columns: Columns, *, limits: Ints, orders: int, time_limit_s: float) -> Choice:
    """The best column per order that SCIP finds, and whether no choice of these is better.

    The assigned ones if it finds none.
    """
    kind = mathopt.SolverType.GSCIP
    return _choose(columns, limits, orders, kind=kind, time_limit_s=time_limit_s)


def choose_of_many(columns: Columns, *, limits: Ints, orders: int, time_limit_s: float) -> Choice:
    """What `choose` gives, by HiGHS: slower where there are few columns, better where many."""
    kind = mathopt.SolverType.HIGHS
    return _choose(columns, limits, orders, kind=kind, time_limit_s=time_limit_s)


def _choose(
    columns: Columns,
    limits: Ints,
    orders: int,
    *,
    kind: mathopt.SolverType,
    time_limit_s: float,
) -> Choice:
    proto, _ = _model(columns, limits=limits, orders=orders, integer=True)
    model = mathopt.Model.from_model_proto(proto)
    variables = list(model.variables())
    limit = datetime.timedelta(seconds=time_limit_s)
    result = mathopt.solve(
        model,
        kind,
        # "Optimal" means that nothing is cheaper by more than a micro-unit.
        params=mathopt.SolveParameters(time_limit=limit, relative_gap_tolerance=0.0),
        model_params=mathopt.ModelSolveParameters(solution_hints=[_hint(columns, variables)]),
    )
    if not result.has_primal_feasible_solution():
        return columns.assigned.tolist(), False
    is_best = result.termination.reason == mathopt.TerminationReason.OPTIMAL
    values = np.array(result.variable_values(variables))
    return best_of_each(columns, values, orders), is_best


def _hint(columns: Columns, variables: list[mathopt.Variable]) -> mathopt.SolutionHint:
    """The assigned columns, as a complete solution to start from."""
    assigned = set(columns.assigned.tolist())
    values = {variable: float(index in assigned) for index, variable in enumerate(variables)}
    return mathopt.SolutionHint(variable_values=values)


def best_of_each(columns: Columns, values: npt.NDArray[np.float64], orders: int) -> list[int]:
    """By order, its column of the largest value; of equals the first."""
    by_value = np.lexsort((np.arange(len(columns)), -values, columns.orders))
    firsts = np.searchsorted(columns.orders[by_value], np.arange(orders))
    chosen: list[int] = by_value[firsts].tolist()
    return chosen


def reduced_costs(columns: Columns, prices: Sequence[int], orders: int) -> Ints:
    """How much a column costs beyond the cheapest of its order, charges included (micro-units)."""
    by_row = np.array(prices, dtype=np.int64)
    charges = np.zeros(len(columns), dtype=np.int64)
    column = np.repeat(np.arange(len(columns)), np.diff(columns.starts))
    np.add.at(charges, column, columns.amounts * by_row[columns.rows])
    charged = columns.costs + charges
    least = np.full(orders, np.iinfo(np.int64).max)
    np.minimum.at(least, columns.orders, charged)
    reduced: Ints = charged - least[columns.orders]
    return reduced


def that_matter(columns: Columns, prices: Sequence[int], orders: int, *, gap: int) -> Ints:
    """Numbers of the columns that an allocation may hold which is better than what is found: one
    that lies further above the cheapest of its order than the gap is in none (reduced cost fixing).
    """
    kept = np.flatnonzero(reduced_costs(columns, prices, orders) <= gap)
    matter: Ints = np.union1d(kept, columns.assigned)
    return matter
