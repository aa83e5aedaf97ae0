"""Pickups nobody came for: the order expires, its goods go back by a restock task."""

from dataclasses import replace
from typing import Final

import structlog

from bopis.domain.commands import ExpirePickup
from bopis.domain.errors import FulfillmentOrderNotFound, WrongState
from bopis.domain.fulfillment import FULFILLMENT_MACHINE, FulfillmentOrder, FulfillmentVerb
from bopis.domain.ids import derived_uuid
from bopis.failpoints import failpoint
from bopis.service.acts import Outcome, Work, mutate
from bopis.service.changes import Happened, changed, restock_task_of
from bopis.service.dependencies import Dependencies
from bopis.service.tasks import group_in_hand, order_id_of_group

EXPIRE_BATCH_MAX: Final = 256

_log = structlog.get_logger(__name__)


async def expire_due(deps: Dependencies) -> int:
    """Expires the pickups that are due, at most EXPIRE_BATCH_MAX; how many it expired."""
    due = await deps.store.due_pickups(deps.clock.wall_ms(), EXPIRE_BATCH_MAX)
    expired = 0
    for fulfillment_order_id in due:
        order = await deps.store.order(order_id_of_group(fulfillment_order_id))
        if order is None:
            continue
        group = order.group(fulfillment_order_id)
        attempt = 0 if group is None else group.staging_attempt
        command = ExpirePickup(
            request_id=derived_uuid("expire", fulfillment_order_id, str(attempt)),
            tenant=order.tenant,
            fulfillment_order_id=fulfillment_order_id,
        )
        try:
            await expire_pickup(deps, command)
            expired += 1
        except (WrongState, FulfillmentOrderNotFound):
            # The customer, or a cancellation, came first.
            continue
        except Exception:  # noqa: BLE001 (one order that cannot end must not keep the others)
            _log.exception("expire.failed", fulfillment_order_id=fulfillment_order_id)
    return expired


async def expire_pickup(deps: Dependencies, command: ExpirePickup) -> FulfillmentOrder:
    """READY_FOR_PICKUP to NO_SHOW, once its time is over.

    Raises FulfillmentOrderNotFound, WrongState (also if the customer still has time).
    """
    return await mutate(
        deps,
        command,
        order_id=order_id_of_group(command.fulfillment_order_id),
        point="expire",
        answer=FulfillmentOrder,
        run=_run_expire,
    )


async def _run_expire(work: Work[ExpirePickup]) -> Outcome[FulfillmentOrder]:
    group, order = await group_in_hand(work, work.command.fulfillment_order_id)
    step = FULFILLMENT_MACHINE.step(group.state, FulfillmentVerb.NO_SHOW)
    if work.now_ms < group.pickup_expire_ms:
        raise WrongState(
            "the customer still has time",
            metadata={"state": group.state.value, "verb": FulfillmentVerb.NO_SHOW.value},
        )
    gone = replace(group, state=step.target, restock_open=True)
    _, writes = changed(
        order,
        order.with_group(gone),
        now_ms=work.now_ms,
        happened=[Happened(step.event, gone.fulfillment_order_id)],
        tasks=[restock_task_of(gone, now_ms=work.now_ms)],
    )
    failpoint("expire.before_result")
    return Outcome(gone, writes)
