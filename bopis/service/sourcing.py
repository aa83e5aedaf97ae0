"""Sourcing an order, or some lines of one: plan and hold in one native call, then commit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from bopis.domain.duals import DualCharge, DualCharges
from bopis.domain.errors import Overloaded
from bopis.domain.fulfillment import FulfillmentLine, FulfillmentOrder, FulfillmentState
from bopis.domain.ids import act_id, fulfillment_order_id, reservation_id
from bopis.domain.ledger import (
    Commit,
    Hold,
    Refusal,
    Refused,
    Release,
    Reservation,
    ReservationNow,
    ReservationState,
)
from bopis.domain.order import BatchMark, Order, OrderLine, Sourcing
from bopis.domain.pick_task import PickTask
from bopis.domain.planner import closures_of, pin_of, tier_of
from bopis.domain.quote import QuoteAsk, QuoteLost
from bopis.domain.sourcing import Ask, AskLine, PlaceAsk, Placement, Plan, ReservationTakenError
from bopis.failpoints import failpoint
from bopis.service.acts import Asked, LedgerDisagrees, Work
from bopis.service.changes import Happened, pick_task_of
from bopis.service.dependencies import Dependencies
from bopis.service.limits import with_limits
from bopis.service.shadow import note_in_shadow, plan_in_shadow

PLACE_TRIES: Final = 8
"""Sourcings in one command when each hold expires before its commit, or its id is taken."""

ABANDONED_MAX: Final = 1_000
"""Attempts left behind by crashes that a resumption steps over."""

GAP_MAX: Final = 4
"""Attempts in a row that may have made no reservation though later ones did: a plan that filled
nothing, a hold that expired and was not granted again. Two can meet; more than that is slack.
"""

LATER_MS: Final = 1_000

_LIVE: Final = (ReservationState.HELD, ReservationState.COMMITTED)


@dataclass(frozen=True, slots=True)
class Placed:
    """The plan and, if it has groups, the committed reservation that holds it; under which policy
    it was made, at which change of the planners' overrides, and what dual prices charged for it.
    `quote_lost`: why what was quoted is not what was placed. `ledger_sequence`: the record of the
    hold. `batch`: the re-allocation that planned it.
    """

    plan: Plan
    reservation_id: str
    attempt: int
    policy_version: str = ""
    override_sequence: int = 0
    duals: DualCharges | None = None
    quote_lost: QuoteLost | None = None
    dual_rows: tuple[DualCharge, ...] = ()
    ledger_sequence: int = 0
    batch: BatchMark | None = None


def ask_of(
    deps: Dependencies,
    order: Order,
    lines: Iterable[OrderLine],
    *,
    now_ms: int,
    pickup_only_at: str | None = None,
) -> Ask:
    """What is asked of the sourcer for some lines of an order, at no node where one was short, as
    planners and the order's tier will have it.
    """
    asked = tuple(
        AskLine(one.line_number, one.sku, one.quantity, one.unit_price_micro) for one in lines
    )
    numbers = {line.line_number for line in asked}
    overrides = deps.board.of_order(order.order_id)
    tier = tier_of(deps.policy, order)
    pin = pin_of(overrides, now_ms=now_ms)
    short = {one.node_id for one in order.short_at if one.line_number in numbers}
    return Ask(
        order_id=order.order_id,
        method=order.method,
        place=order.place,
        lines=asked,
        now_ms=now_ms,
        promise_ms=order.promise_time_ms,
        consent=order.consent,
        all_or_nothing=order.all_or_nothing,
        excluded_node_ids=tuple(sorted(short)),
        pickup_only_at=pickup_only_at,
        customer_node_id=order.customer_node_id or None,
        # What was not there where it is pinned to may come from elsewhere.
        pin=None if pin is not None and pin.node_id in short else pin,
        closed=closures_of(overrides, now_ms=now_ms),
        weight_percent=100 if tier is None else tier.weight_percent,
    )


async def place_and_commit(
    work: Work[Asked], ask: Ask, *, attempts: int, quote: QuoteAsk | None = None
) -> Placed:
    """Sources an ask of a mutation and commits it; `attempts` were made for the order before.

    A resumption first gives back what an earlier try holds, of which nobody was told. A hold that
    expired before its commit is taken again with the same lines, failing that the ask is sourced
    anew; so it is under another id where the attempt's is taken. Raises Overloaded if that fails
    PLACE_TRIES times.
    """
    deps, point = work.deps, work.point
    ask = await with_limits(work, ask)
    order = await deps.store.order(work.order_id)
    tier = None if order is None else tier_of(deps.policy, order)
    priority = 0 if tier is None else tier.priority
    attempt = attempts + 1
    if work.resumed:
        attempt = await _step_over_abandoned(deps, ask.order_id, attempt)
    for _ in range(PLACE_TRIES):
        made_under = (deps.policy.version, deps.board.sequence)
        # What a customer chose says nothing of how the policies choose.
        other = None if quote is not None else await plan_in_shadow(deps, order, ask)
        try:
            placement = await deps.sourcer.place(
                PlaceAsk(
                    ask=ask,
                    reservation_id=reservation_id(ask.order_id, attempt),
                    request_id=deps.ids.new_uuid(),
                    hold_ttl_ms=deps.policy.hold_ttl_ms,
                    priority=priority,
                    quote=quote,
                )
            )
        except ReservationTakenError:
            # An order of this id was dropped when it came to nothing; what it held was given back.
            attempt += 1
            continue
        note_in_shadow(deps, order, placement.plan, other)
        if placement.reservation is None:
            return Placed(placement.plan, "", attempt, *made_under, quote_lost=placement.quote_lost)
        work.acted = True  # Something is held: from here the mutation can only be finished.
        failpoint(f"{point}.after_hold")
        attempt, committed = await _commit(
            deps, ask.order_id, placement, attempt, priority=priority
        )
        if committed:
            failpoint(f"{point}.after_commit")
            return Placed(
                placement.plan,
                reservation_id(ask.order_id, attempt),
                attempt,
                *made_under,
                placement.duals,
                placement.quote_lost,
                placement.dual_rows,
                placement.sequence,
            )
        attempt += 1
        ask = replace(ask, now_ms=deps.clock.wall_ms())
    raise Overloaded("no hold could be committed", retry_after_ms=LATER_MS)


async def _step_over_abandoned(deps: Dependencies, order_id: str, attempt: int) -> int:
    """Releases what earlier tries of the same command hold; the first attempt after them all."""
    unused = attempt
    for number in range(attempt, attempt + ABANDONED_MAX):
        abandoned = reservation_id(order_id, number)
        found = await deps.ledger.reservation(abandoned)
        if found is None:
            if number - unused >= GAP_MAX:
                return unused
            continue
        unused = number + 1
        if found.state in _LIVE:
            await deps.ledger.act(
                [Release(abandoned)], request_id=act_id(order_id, "abandon", abandoned)
            )
    raise Overloaded(f"{ABANDONED_MAX} attempts of {order_id} were abandoned")


async def _commit(
    deps: Dependencies, order_id: str, placement: Placement, attempt: int, *, priority: int
) -> tuple[int, bool]:
    """Commits a placement, holding it again if its hold expired; the attempt that counts."""
    reserved = reservation_id(order_id, attempt)
    done = await deps.ledger.act(
        [Commit(reserved)], request_id=act_id(order_id, "commit", reserved)
    )
    if isinstance(done.outcomes[0], ReservationNow):
        return attempt, True
    if done.outcomes[0] != Refused(Refusal.RESERVATION_EXPIRED):
        raise LedgerDisagrees(f"{order_id}: commit of {reserved} came to {done.outcomes[0]}")
    attempt += 1
    again = reservation_id(order_id, attempt)
    held: Reservation | None = placement.reservation
    lines = () if held is None else held.lines
    done = await deps.ledger.act(
        [Hold(again, order_id, lines, deps.policy.hold_ttl_ms, priority), Commit(again)],
        request_id=act_id(order_id, "rehold", again),
    )
    return attempt, isinstance(done.outcomes[1], ReservationNow)


def allocated(order: Order, placed: Placed) -> tuple[Order, tuple[PickTask, ...], list[Happened]]:
    """The order with the placed groups, their pick tasks, and what to tell of each group."""
    lines = {line.line_number: line for line in order.lines}
    groups: list[FulfillmentOrder] = []
    for number, planned in enumerate(placed.plan.groups, start=order.groups_made + 1):
        groups.append(
            FulfillmentOrder(
                fulfillment_order_id=fulfillment_order_id(order.order_id, number),
                order_id=order.order_id,
                node_id=planned.node_id,
                method=planned.method,
                state=FulfillmentState.ALLOCATED,
                lines=tuple(
                    FulfillmentLine(
                        line_number, lines[line_number].sku, lines[line_number].quantity
                    )
                    for line_number in planned.line_numbers
                ),
                labor=planned.labor,
                window_start_ms=planned.window_start_ms,
                ready_by_ms=planned.ready_by_ms,
                reservation_id=placed.reservation_id,
            )
        )
    sourcing = Sourcing(
        placed.attempt,
        placed.reservation_id,
        placed.plan.cost,
        placed.policy_version,
        placed.override_sequence,
        placed.duals,
        placed.dual_rows,
        placed.ledger_sequence,
        placed.batch,
    )
    after = replace(
        order,
        fulfillment_orders=order.fulfillment_orders + tuple(groups),
        unfilled_lines=order.unfilled_lines + placed.plan.unfilled,
        sourcings=(*order.sourcings, sourcing),
        attempts=placed.attempt,
        groups_made=order.groups_made + len(groups),
        customer_node_id=order.customer_node_id or placed.plan.customer_node_id,
    )
    happened = [Happened("fulfillment.allocated", one.fulfillment_order_id) for one in groups]
    return after, tuple(pick_task_of(one) for one in groups), happened
