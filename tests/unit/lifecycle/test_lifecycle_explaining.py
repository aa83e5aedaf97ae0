"""What is recorded with an order is told as it is recorded."""

from dataclasses import replace
from typing import Any

import pytest
from google.type.money_pb2 import Money

from bopis.cli.explaining import _moved_by, _show
from bopis.domain.commands import SetPolicy
from bopis.domain.duals import DualCharge, DualCharges, StockDual
from bopis.domain.explanation import Explained, Part, PlannedOrder, Wanted, Worth
from bopis.domain.order import BatchMark
from bopis.domain.reallocation import OrderMove
from bopis.server import encode, encode_explanation
from bopis.service.allocation import chosen_plan
from bopis.service.duals import DualPage
from bopis.service.explaining import explain_allocation, worth_of
from bopis.service.moving import move_orders
from bopis.service.policies import set_policy
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import default_policy_text
from bopis.v1 import explanation_pb2 as values
from bopis.v1.order_service_pb2 import Order

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


async def test_an_order_that_ended_is_not_told_as_one_that_is_being_picked(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    order = await counter.create(("apple", 2))
    await counter.cancel(order.order_id)
    told = encode_explanation.explanation(
        await explain_allocation(counter.shop.deps, order.order_id)
    )
    assert told.state == Order.STATE_CANCELLED
    _show(order.order_id, told)
    shown = capsys.readouterr().out
    assert "The order was cancelled" in shown
    assert "Picking" not in shown
    picked = await counter.create(("apple", 2))
    await counter.claim(picked.fulfillment_orders[0].fulfillment_order_id)
    told = encode_explanation.explanation(
        await explain_allocation(counter.shop.deps, picked.order_id)
    )
    _show(picked.order_id, told)
    assert "Picking began" in capsys.readouterr().out


async def test_now_is_told_under_the_policy_of_now_and_the_decision_under_its_own(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    deps = counter.shop.deps
    order = await counter.create(("apple", 2))
    text = default_policy_text().replace('version = "', 'version = "later-', 1)
    command = SetPolicy(
        request_id=request_id(), text=text, level="base", planner_id="ann", why="a test"
    )
    later = (await set_policy(deps, command)).version
    assert later != order.policy_version
    told = encode_explanation.explanation(await explain_allocation(deps, order.order_id))
    assert told.decided_under.policy_version == order.policy_version
    assert told.policy_version == later
    _show(order.order_id, told)
    shown = capsys.readouterr().out.splitlines()
    [at] = (number for number, line in enumerate(shown) if line.startswith("Decided under"))
    assert f"policy {order.policy_version}," in shown[at]
    assert shown[at + 1] == f"Now is worked out under policy {later}."
    await counter.cancel(order.order_id)
    told = encode_explanation.explanation(await explain_allocation(deps, order.order_id))
    assert told.policy_version == ""
    _show(order.order_id, told)
    assert "worked out" not in capsys.readouterr().out


async def test_an_order_that_a_batch_moved_is_explained_without_opportunity(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = counter.shop.deps
    asked: list[Wanted] = []
    explain = deps.sourcer.explain

    async def spy(order: PlannedOrder, wanted: Wanted) -> Explained:
        asked.append(wanted)
        return await explain(order, wanted)

    monkeypatch.setattr(deps.sourcer, "explain", spy)
    order = await counter.create(("apple", 1))
    told = await explain_allocation(deps, order.order_id)
    assert not encode_explanation.explanation(told).without_opportunity
    move = OrderMove(order.order_id, chosen_plan(order).groups, (), order.cost)
    assert await move_orders(deps, [order], [move], batch=BatchMark("operation-1", 1, 1))
    told = await explain_allocation(deps, order.order_id)
    assert encode_explanation.explanation(told).without_opportunity
    assert [one.opportunity for one in asked] == [True, False]


async def test_what_the_work_did_not_suffice_for_is_named(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    order = await counter.create(("apple", 1))
    told = await explain_allocation(counter.shop.deps, order.order_id)
    assert told.now is not None
    parts = (Part.REJECTED_NODES, Part.FLIPS)
    partial = replace(told, now=replace(told.now, incomplete=parts))
    message = encode_explanation.explanation(partial)
    assert not message.complete
    assert list(message.incomplete_parts) == [3, 4]
    _show(order.order_id, message)
    shown = capsys.readouterr().out
    assert "something may be missing among nodes not used, changes" in shown
    message = encode_explanation.explanation(replace(told, now=replace(told.now, incomplete=())))
    assert message.complete


async def test_prices_that_the_work_did_not_suffice_for_are_told(counter: Counter) -> None:
    page = DualPage((StockDual("east", "apple", 1), StockDual("west", "apple", 1)))
    message = encode.dual_prices(page, "USD")
    encode.add_worths(message, [Worth(5_000_000, None, 1), None], 3, "USD")
    first, second = message.prices
    assert (first.resolved.more.units, first.unresolved) == (5, False)
    assert (second.HasField("resolved"), second.unresolved) == (False, True)


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
