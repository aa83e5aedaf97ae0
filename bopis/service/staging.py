"""Staging a picked pickup: it is ready, and the customer gets the code."""

from dataclasses import replace

from bopis.domain.commands import StageOrder
from bopis.domain.errors import WrongState
from bopis.domain.fulfillment import FULFILLMENT_MACHINE, FulfillmentOrder, FulfillmentVerb
from bopis.domain.network import Method
from bopis.domain.pickup import code_hash, pickup_code
from bopis.domain.records import PickupCode
from bopis.service.acts import Outcome, Work, mutate
from bopis.service.changes import Happened, changed
from bopis.service.dependencies import Dependencies
from bopis.service.tasks import group_in_hand, order_id_of_group


async def stage_order(deps: Dependencies, command: StageOrder) -> FulfillmentOrder:
    """Stages a picked pickup. Raises FulfillmentOrderNotFound, WrongState, RequestIdReused."""
    return await mutate(
        deps,
        command,
        order_id=order_id_of_group(command.fulfillment_order_id),
        point="stage",
        answer=FulfillmentOrder,
        run=_run_stage,
    )


async def _run_stage(work: Work[StageOrder]) -> Outcome[FulfillmentOrder]:
    deps, policy = work.deps, work.deps.policy
    group, order = await group_in_hand(work, work.command.fulfillment_order_id)
    step = FULFILLMENT_MACHINE.step(group.state, FulfillmentVerb.STAGE)
    if group.method is not Method.PICKUP:
        raise WrongState(
            "a shipment is not staged for pickup",
            metadata={"state": group.state.value, "verb": FulfillmentVerb.STAGE.value},
        )
    attempt = group.staging_attempt + 1
    staged = replace(
        group,
        state=step.target,
        staging_location=work.command.staging_location,
        staging_attempt=attempt,
        staged_at_ms=work.now_ms,
        pickup_expire_ms=work.now_ms + policy.pickup_kept_ms,
    )
    identity = staged.fulfillment_order_id
    code = pickup_code(deps.code_key, identity, attempt, policy.code_digits)
    _, writes = changed(
        order,
        order.with_group(staged),
        now_ms=work.now_ms,
        happened=[Happened(step.event, identity)],
        codes=[PickupCode(identity, code_hash(deps.code_key, identity, attempt, code))],
    )
    return Outcome(staged, writes)
