"""Handing orders over: to whoever knows the code, once, at the store where the order waits."""

from dataclasses import replace

from bopis.domain.commands import HandOver
from bopis.domain.errors import PickupCodeLocked, PickupCodeWrong, WrongNode
from bopis.domain.fulfillment import (
    FULFILLMENT_MACHINE,
    FulfillmentOrder,
    FulfillmentState,
    FulfillmentVerb,
    held_lines,
)
from bopis.domain.ledger import Consume
from bopis.domain.network import Method
from bopis.domain.order import ORDER_MACHINE, Order, OrderVerb
from bopis.domain.pickup import code_matches
from bopis.domain.records import PickupCode, WriteSet
from bopis.failpoints import failpoint
from bopis.service.acts import LedgerDisagrees, Outcome, Work, mutate
from bopis.service.changes import Happened, changed
from bopis.service.dependencies import Dependencies


async def hand_over(deps: Dependencies, command: HandOver) -> Order:
    """Gives a ready order to whoever knows its pickup code; the ledger consumes the stock.

    Raises OrderNotFound, WrongState, WrongNode, PickupCodeWrong (a try is used up, once per
    request), PickupCodeLocked, RequestIdReused.
    """
    return await mutate(
        deps,
        command,
        order_id=command.order_id,
        point="hand_over",
        answer=Order,
        run=run_hand_over,
    )


async def run_hand_over(work: Work[HandOver]) -> Outcome[Order]:
    """The steps of HandOver, first time or resumed."""
    order = await work.order()
    ready = _ready_groups(order, work.command.node_id)
    if not work.resumed:
        wrong = await _check_code(work, ready)
        if wrong is not None:
            return wrong
    skus = {line.sku for group in ready for line in group.lines}
    await work.hold_shelves(work.command.node_id, skus)
    await work.begin()
    await work.act("consume", [Consume(one.reservation_id, held_lines(one)) for one in ready])
    failpoint("hand_over.after_ledger")
    after = order
    for group in ready:
        step = FULFILLMENT_MACHINE.step(group.state, FulfillmentVerb.HAND_OVER)
        after = after.with_group(replace(group, state=step.target))
    happened = [Happened("order.picked_up", group.fulfillment_order_id) for group in ready]
    order, writes = changed(order, after, now_ms=work.now_ms, happened=happened)
    return Outcome(order, writes)


def _ready_groups(order: Order, node_id: str) -> list[FulfillmentOrder]:
    """What waits at a node for the customer. Raises WrongState, WrongNode."""
    ready = [
        group
        for group in order.fulfillment_orders
        if group.state is FulfillmentState.READY_FOR_PICKUP
    ]
    here = [group for group in ready if group.node_id == node_id]
    if here:
        return here
    if not ready:
        # Where the order's state alone would allow it, the state of its pickup tells why not.
        ORDER_MACHINE.step(order.state, OrderVerb.HAND_OVER)
        for group in order.fulfillment_orders:
            if group.method is Method.PICKUP:
                FULFILLMENT_MACHINE.step(group.state, FulfillmentVerb.HAND_OVER)
    raise WrongNode("the order is not ready at this node", metadata={"node_id": node_id})


async def _check_code(work: Work[HandOver], ready: list[FulfillmentOrder]) -> Outcome[Order] | None:
    """None if the code is one of these groups'; else what to answer. Raises PickupCodeLocked."""
    deps, given = work.deps, work.command.pickup_code
    tries_left = 0
    tried: list[PickupCode] = []
    for group in ready:
        code = await deps.store.pickup_code(group.fulfillment_order_id)
        if code is None:
            raise LedgerDisagrees(f"{group.fulfillment_order_id} is ready and has no code")
        if code.tries_used >= deps.policy.code_tries:
            continue
        identity, attempt = group.fulfillment_order_id, group.staging_attempt
        if code_matches(deps.code_key, identity, attempt, given, code.code_hash):
            return None
        tried.append(replace(code, tries_used=code.tries_used + 1))
        tries_left = max(tries_left, deps.policy.code_tries - code.tries_used - 1)
    if not tried:
        raise PickupCodeLocked("the pickup code was tried too often")
    wrong = PickupCodeWrong(
        "the pickup code does not match", metadata={"tries_left": str(tries_left)}
    )
    return Outcome(None, WriteSet(pickup_codes=tuple(tried)), error=wrong)
