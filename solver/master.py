"""The master: which plan of the pool each order takes, as an LP (for prices) and as a MIP.

min sum cost x, one plan per order, what is taken of each row at most its limit. Models are built as
arrays of a ModelProto; OR-Tools' MathOpt solves the LP with GLOP and the MIP with CP-SAT or SCIP.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt
from ortools.sat import sat_parameters_pb2

from solver.columns import Pool
from solver.kernel import Column

SEED_MASK: Final = 0x7FFF_FFFF
"""OR-Tools takes seeds of 31 bits."""
MIP_WORKERS: Final = 8
"""CP-SAT workers; with few it finds no good plans."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The LP's solution: value of each column, price of each row (>= 0), objective."""

    values: npt.NDArray[np.float64]
    prices: npt.NDArray[np.float64]
    objective: float


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The pool in arrays: entries of used rows, which rows they are, and the orders' rows."""

    order: Ints
    cost: Ints
    entry_column: Ints
    entry_row: Ints
    entry_amount: Ints
    used_rows: Ints


def _matrix(columns: Sequence[Column]) -> _Matrix:
    counts = np.array([len(column.rows) for column in columns], dtype=np.int64)
    rows = np.array([row for column in columns for row in column.rows], dtype=np.int64)
    amounts = np.array([a for column in columns for a in column.amounts], dtype=np.int64)
    used, position = np.unique(rows, return_inverse=True)
    return _Matrix(
        order=np.array([column.order for column in columns], dtype=np.int64),
        cost=np.array([column.cost_micro for column in columns], dtype=np.int64),
        entry_column=np.repeat(np.arange(len(columns), dtype=np.int64), counts),
        entry_row=position.astype(np.int64),
        entry_amount=amounts,
        used_rows=used,
    )


def _binding(matrix: _Matrix, limits: Ints, orders: int) -> npt.NDArray[np.bool_]:
    """Rows that the pool could overfill: sum over orders of the most any plan takes > limit."""
    most = np.zeros((len(matrix.used_rows),), dtype=np.int64)
    key = matrix.entry_row * orders + matrix.order[matrix.entry_column]
    unique, position = np.unique(key, return_inverse=True)
    largest = np.zeros(len(unique), dtype=np.int64)
    np.maximum.at(largest, position, matrix.entry_amount)
    np.add.at(most, unique // orders, largest)
    return most > limits[matrix.used_rows]


def _model(
    matrix: _Matrix, *, limits: Ints, orders: int, integer: bool, penalty: Ints | None = None
) -> tuple[model_pb2.ModelProto, Ints]:
    """The proto, and the rows (by number) behind its constraints after the orders' own."""
    tight = _binding(matrix, limits, orders)
    place = np.full(len(tight), -1, dtype=np.int64)
    place[tight] = orders + np.arange(int(tight.sum()), dtype=np.int64)
    rows = matrix.used_rows[tight]
    columns = len(matrix.order)
    # Data: entries sorted by constraint, then column: the orders' rows first.
    keep = tight[matrix.entry_row]
    entry_row = np.concatenate([matrix.order, place[matrix.entry_row[keep]]])
    entry_column = np.concatenate([np.arange(columns), matrix.entry_column[keep]])
    entry_value = np.concatenate([np.ones(columns), matrix.entry_amount[keep]])
    by_row = np.lexsort((entry_column, entry_row))
    proto = model_pb2.ModelProto()
    # Variables: one per plan.
    proto.variables.ids.extend(range(columns))
    proto.variables.lower_bounds.extend(np.zeros(columns).tolist())
    highest = 1.0 if integer else np.inf
    proto.variables.upper_bounds.extend(np.full(columns, highest).tolist())
    proto.variables.integers.extend([integer] * columns)
    # Constraints: each order takes exactly one plan; no row gives more than it has.
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
    cost = matrix.cost if penalty is None else matrix.cost + penalty
    proto.objective.linear_coefficients.ids.extend(range(columns))
    proto.objective.linear_coefficients.values.extend((cost / 1e6).tolist())
    return proto, rows


def relax(pool: Pool, *, limits: Ints, orders: int, time_limit_s: float) -> Relaxation | None:
    """Solves the LP over the pool; None if the time did not suffice."""
    matrix = _matrix(pool.columns)
    proto, rows = _model(matrix, limits=limits, orders=orders, integer=False)
    model = mathopt.Model.from_model_proto(proto)
    parameters = mathopt.SolveParameters(time_limit=datetime.timedelta(seconds=time_limit_s))
    result = mathopt.solve(model, mathopt.SolverType.GLOP, params=parameters)
    if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
        return None
    values = np.array(result.variable_values(list(model.variables())))
    duals = np.array(result.dual_values(list(model.linear_constraints())))
    prices = np.zeros(len(limits))
    prices[rows] = np.maximum(0.0, -duals[orders:]) * 1e6
    return Relaxation(values, prices, result.objective_value() * 1e6)


def choose(
    pool: Pool,
    *,
    limits: Ints,
    orders: int,
    hint: Sequence[int],
    stay_micro: int,
    time_limit_s: float,
    seed: int,
) -> list[int]:
    """The best plan per order that the MIP finds, as column indices; never worse than the hint.

    `stay_micro`: charged for every plan that is not the order's first (the one in force), so that
    nothing moves for less.
    """
    matrix = _matrix(pool.columns)
    first = np.array([of_order[0] for of_order in pool.of_order], dtype=np.int64)
    penalty = np.full(len(pool.columns), stay_micro, dtype=np.int64)
    penalty[first] = 0
    proto, _ = _model(matrix, limits=limits, orders=orders, integer=True, penalty=penalty)
    model = mathopt.Model.from_model_proto(proto)
    variables = list(model.variables())
    hinted = set(hint)
    complete = {variable: float(index in hinted) for index, variable in enumerate(variables)}
    # Eight interleaved workers: CP-SAT needs their variety, and interleaved they take the same way
    # each time, on however many cores.
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=time_limit_s),
        random_seed=seed & SEED_MASK,
        threads=MIP_WORKERS,
        cp_sat=sat_parameters_pb2.SatParameters(interleave_search=True),
    )
    result = mathopt.solve(
        model,
        mathopt.SolverType.CP_SAT,
        params=parameters,
        model_params=mathopt.ModelSolveParameters(
            solution_hints=[mathopt.SolutionHint(variable_values=complete)]
        ),
    )
    total = matrix.cost + penalty
    if not result.has_primal_feasible_solution():
        return list(hint)
    values = np.array(result.variable_values(variables))
    chosen = [max(of_order, key=lambda c: values[c]) for of_order in pool.of_order]
    better = int(total[chosen].sum()) < int(total[list(hint)].sum())
    return chosen if better and fits(pool, chosen, limits) else list(hint)


def fits(pool: Pool, chosen: Sequence[int], limits: Ints) -> bool:
    """Do these columns together keep every limit?"""
    used = np.zeros(len(limits), dtype=np.int64)
    for index in chosen:
        column = pool.columns[index]
        np.add.at(used, list(column.rows), column.amounts)
    return bool(np.all(used <= limits))
