"""What is recorded with an order is told as it is recorded."""

from dataclasses import replace
from typing import Any

from google.type.money_pb2 import Money

from bopis.cli.explaining import _moved_by
from bopis.domain.duals import DualCharge, DualCharges
from bopis.domain.order import BatchMark
from bopis.server import encode_explanation
from bopis.service.explaining import explain_allocation, worth_of
from bopis.testing.counter import Counter
from bopis.v1 import explanation_pb2 as values

TEN_S = 1_780_308_000


async def test_dual_charges_and_the_batch_are_told_as_they_were_recorded(counter: Counter) -> None:
    order = await counter.create(("apple", 2))
    told = await explain_allocation(counter.shop.deps, order.order_id)
    sourcing = replace(
        order.sourcings[0],
        duals=DualCharges(9, 4_000_000, 1_200_000),
        dual_rows=(
            DualCharge("east", "apple", None, 2, 2_000_000),
            DualCharge("east", None, TEN_S, 120, 10_000),
        ),
        ledger_sequence=77,
        batch=BatchMark("operation-1", 102_000_000, 100_000_000),
    )
    recorded = replace(told, order=replace(order, sourcings=(sourcing,)))
    message = encode_explanation.explanation(recorded)
    units, labor = message.dual_charges
    assert (units.node_id, units.sku, units.quantity) == ("east", "apple", 2)
    assert (units.price.units, units.worth.units) == (2, 4)
    assert units.text == "the last 2 units of apple at east are worth 4.00 USD to later orders"
    assert labor.labor_window_start_time.seconds == TEN_S
    assert (labor.quantity, labor.worth.units, labor.worth.nanos) == (120, 1, 200_000_000)
    basis = message.decided_under
    assert (basis.dual_version, basis.ledger_sequence) == (9, 77)
    assert basis.policy_version == order.policy_version
    assert message.batch.operation_id == "operation-1"
    assert (message.batch.planned_cost.units, message.batch.bound.units) == (102, 100)
    assert round(message.batch.gap, 6) == 0.02
    unproven = replace(sourcing, batch=BatchMark("operation-1", 102_000_000, -5_000_000))
    told = replace(recorded, order=replace(order, sourcings=(unproven,)))
    batch = encode_explanation.explanation(told).batch
    assert (batch.bound.units, batch.bound.nanos, batch.gap) == (0, 0, 1.0)


def test_who_moved_an_order_is_named_only_where_there_is_an_operation() -> None:
    proven: dict[str, Any] = {"planned_cost": Money(units=5), "bound": Money(units=4), "gap": 0.25}
    assert "the re-allocation 3f0c: its plans cost 5.00" in _moved_by(
        values.BatchMark(operation_id="3f0c", **proven)
    )
    assert _moved_by(values.BatchMark(**proven)).startswith("Moved by a re-evaluation: its plans")
    greedy = values.BatchMark(operation_id="3f0c", planned_cost=Money(units=5))
    assert _moved_by(greedy) == "Moved by the re-allocation 3f0c: nothing is proven of it."


async def test_only_orders_that_nobody_picks_yet_are_asked_what_a_unit_is_worth(
    counter: Counter,
) -> None:
    order = await counter.create(("apple", 1))
    await counter.create(("bread", 1))
    _, count = await worth_of(counter.shop.deps, ())
    assert count == 2
    await counter.claim(order.fulfillment_orders[0].fulfillment_order_id)
    _, count = await worth_of(counter.shop.deps, ())
    assert count == 1
