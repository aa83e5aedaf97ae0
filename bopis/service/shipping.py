"""Giving picked shipments to the carrier."""

from dataclasses import replace

from bopis.domain.commands import ConfirmShipment
from bopis.domain.errors import WrongState
from bopis.domain.fulfillment import (
    FULFILLMENT_MACHINE,
    FulfillmentOrder,
    FulfillmentVerb,
    held_lines,
)
from bopis.domain.ledger import Consume
from bopis.domain.network import Method
from bopis.failpoints import failpoint
from bopis.service.acts import Outcome, Work, mutate
from bopis.service.changes import Happened, changed
from bopis.service.dependencies import Dependencies
from bopis.service.tasks import group_in_hand, order_id_of_group


async def confirm_shipment(deps: Dependencies, command: ConfirmShipment) -> FulfillmentOrder:
    """Gives a picked shipment to the carrier; the ledger consumes it.

    Raises FulfillmentOrderNotFound, WrongState, RequestIdReused.
    """
    return await mutate(
        deps,
        command,
        order_id=order_id_of_group(command.fulfillment_order_id),
        point="ship",
        answer=FulfillmentOrder,
        run=run_ship,
    )


async def run_ship(work: Work[ConfirmShipment]) -> Outcome[FulfillmentOrder]:
    """The steps of ConfirmShipment, first time or resumed."""
    group, order = await group_in_hand(work, work.command.fulfillment_order_id)
    step = FULFILLMENT_MACHINE.step(group.state, FulfillmentVerb.SHIP)
    if group.method is not Method.SHIP:
        raise WrongState(
            "a pickup is not given to a carrier",
            metadata={"state": group.state.value, "verb": FulfillmentVerb.SHIP.value},
        )
    await work.hold_shelves(group.node_id, {line.sku for line in group.lines})
    await work.begin()
    await work.act("consume", [Consume(group.reservation_id, held_lines(group))])
    failpoint("ship.after_ledger")
    shipped = replace(
        group,
        state=step.target,
        carrier=work.command.carrier,
        tracking_number=work.command.tracking_number,
    )
    _, writes = changed(
        order,
        order.with_group(shipped),
        now_ms=work.now_ms,
        happened=[Happened(step.event, shipped.fulfillment_order_id)],
    )
    return Outcome(shipped, writes)
