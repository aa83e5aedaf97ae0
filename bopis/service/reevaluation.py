"""Rolling re-evaluation: open orders allocated again, unasked and with care, as the day goes on.

Beside a planner's re-allocation it keeps more: orders whose picking begins soon stay, the store
where a customer was told to collect stays, a move must gain the more the nearer the picking is, and
so many orders move at most. What a move gains is net of the dual prices in force, so that it takes
nothing that later orders need more.

Kept order by order are the lines that are filled and that store; in total, how many orders are late
(`late_at_most`): one may become late where others gain, at the price of the card.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import structlog

from bopis.domain.order import BatchMark, Order
from bopis.domain.reallocation import OrderMove, ReallocationProblem, ReallocationProposal
from bopis.domain.reevaluation import Terms, rolling_terms
from bopis.service.batches import items_of, open_orders, problem_of
from bopis.service.dependencies import Dependencies
from bopis.service.moving import move_orders
from bopis.service.resolving import resolve_alone
from bopis.service.stores import network_nodes

ORDERS_MAX: Final = 10_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Care:
    """What re-evaluation keeps: no order whose picking begins within `freeze_ms` moves, and no more
    than `moves_max` in a run.
    """

    freeze_ms: int
    moves_max: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the optimizer proposes for one tenant, and the orders as they were read."""

    orders: tuple[Order, ...]
    proposal: ReallocationProposal
    policy_version: str


@dataclass(frozen=True, slots=True)
class _Run:
    """What all moves of a run, for one tenant, have in common."""

    care: Care
    batch: BatchMark
    run_id: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class Reevaluated:
    """What a run did, in orders: of those lost to a race some were moved alone after all."""

    considered: int = 0
    moved: int = 0
    race_lost: int = 0
    moved_alone: int = 0

    def __add__(self, other: "Reevaluated") -> "Reevaluated":
        return Reevaluated(
            self.considered + other.considered,
            self.moved + other.moved,
            self.race_lost + other.race_lost,
            self.moved_alone + other.moved_alone,
        )


async def propose(deps: Dependencies, care: Care, *, time_limit_ms: int) -> tuple[Proposed, ...]:
    """What could move, tenant by tenant. Raises what ledger, store and solver raise."""
    found: list[Proposed] = []
    policy_version = deps.policy.version
    by_tenant: dict[str, list[Order]] = {}
    for order in await open_orders(deps, ORDERS_MAX):
        if _terms(deps, order, care) is not None:
            by_tenant.setdefault(order.tenant, []).append(order)
    left = care.moves_max
    for orders in by_tenant.values():
        proposal = await _solve(deps, orders, replace(care, moves_max=left), time_limit_ms)
        left -= sum(len(component) for component in proposal.components)
        found.append(Proposed(tuple(orders), proposal, policy_version))
    return tuple(found)


async def carry_out(
    deps: Dependencies, proposed: Sequence[Proposed], care: Care, *, run_id: str
) -> Reevaluated:
    """Moves what was proposed, each group of orders that swap in one atomic act. An order whose
    group lost its race is sourced again alone. `run_id`: tells its moves from those of other runs.
    """
    done = Reevaluated(sum(len(one.orders) for one in proposed))
    for one in proposed:
        planned = one.proposal
        run = _Run(
            care,
            BatchMark("", planned.told_planned_micro, planned.told_bound_micro),
            run_id,
            one.policy_version,
        )
        by_id = {order.order_id: order for order in one.orders}
        for component in one.proposal.components:
            together = [by_id[move.order_id] for move in component]
            try:
                done += await _move_or_resolve(deps, together, component, run)
            except Exception:  # noqa: BLE001 (the others can move all the same)
                _log.exception(
                    "reevaluation.move_failed", order_ids=[order.order_id for order in together]
                )
    _log.info("reevaluation.done", **asdict(done))
    return done


async def _move_or_resolve(
    deps: Dependencies,
    orders: Sequence[Order],
    moves: Sequence[OrderMove],
    run: _Run,
) -> Reevaluated:
    if await _move(deps, orders, moves, run):
        return Reevaluated(moved=len(moves))
    count = 0
    for move in moves:
        count += await _moved_alone(deps, move.order_id, run)
    return Reevaluated(race_lost=len(moves), moved_alone=count)


async def _moved_alone(deps: Dependencies, order_id: str, run: _Run) -> bool:
    try:
        alone = await resolve_alone(
            deps,
            order_id,
            operation_id=run.batch.operation_id,
            asked_by=run.run_id,
            terms_of=lambda order: _terms(deps, order, run.care),
        )
    except Exception:  # noqa: BLE001 (it stays as it is, and the others are looked at)
        _log.exception("reevaluation.move_failed", order_ids=[order_id])
        return False
    return alone is not None


async def _move(
    deps: Dependencies,
    orders: Sequence[Order],
    moves: Sequence[OrderMove],
    run: _Run,
) -> bool:
    """Moves orders together, unless the picking of one came too near meanwhile."""
    if any(_terms(deps, order, run.care) is None for order in orders):
        return False
    return await move_orders(
        deps,
        orders,
        moves,
        batch=run.batch,
        asked_by=run.run_id,
        policy_version=run.policy_version,
    )


def _terms(deps: Dependencies, order: Order, care: Care) -> Terms | None:
    return rolling_terms(order, now_ms=deps.clock.wall_ms(), freeze_ms=care.freeze_ms)


async def _solve(
    deps: Dependencies, orders: Sequence[Order], care: Care, time_limit_ms: int
) -> ReallocationProposal:
    nodes = network_nodes(deps)
    problem = await problem_of(deps, orders, nodes, time_limit_ms=time_limit_ms)
    skus = {line.sku for order in orders for line in order.lines}
    return await deps.solver.solve(
        _with_care(deps, problem, orders, care),
        nodes=nodes,
        items=items_of(deps, skus),
        policy=deps.policy,
    )


def _with_care(
    deps: Dependencies, problem: ReallocationProblem, orders: Sequence[Order], care: Care
) -> ReallocationProblem:
    opened = []
    for order, one in zip(orders, problem.orders, strict=True):
        # An order that froze since it was chosen is refused when it comes to the move.
        terms = _terms(deps, order, care) or Terms(0)
        ask = replace(one.ask, pickup_only_at=terms.pickup_only_at)
        opened.append(replace(one, ask=ask, stay_micro=terms.stay_micro))
    return replace(problem, orders=tuple(opened), moves_max=care.moves_max, is_charged=True)
