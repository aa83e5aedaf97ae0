"""Explanations through the door, each claim that can be acted on acted on and looked at again."""

import json
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from bopis.testing.client import Client, new_uuid, refused
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as pb
from bopis.v1 import explanation_pb2 as values
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores
from tests.e2e import small_town
from tests.e2e.command_line import bopis, json_lines
from tests.e2e.small_town import PICKUP, SHIP, cell, claim, order_request, place, task_id

CALL_S = 20.0
HOUR_S = 3_600
TEN_S = 1_780_308_000
"""The hour that the town's clock begins in."""
Reason = values.RejectedNode
Cause = values.LackingLine


def explain(client: Client, order_id: str, **more: int) -> pb.ExplainAllocationResponse:
    wanted = {"max_plans": 5, "max_nodes": 10, "max_flips": 5, "max_relaxations": 10, **more}
    request = pb.ExplainAllocationRequest(order_id=order_id, **wanted)
    return client.allocation.ExplainAllocation(request, timeout=CALL_S)


def micro(money: Money) -> int:
    return int(money.units * 1_000_000 + money.nanos // 1_000)


def receive(client: Client, node_id: str, sku: str, units: int) -> None:
    fact = stock.AdjustStockRequest(
        request_id=new_uuid(),
        node_id=node_id,
        sku=sku,
        on_hand_delta=units,
        reason=stock.AdjustStockRequest.REASON_RECEIVED,
    )
    client.stock.AdjustStock(fact, timeout=CALL_S)


def groups(plan: pb.Plan | values.WeighedPlan) -> list[tuple[str, int, list[int]]]:
    return [(one.node_id, one.method, list(one.line_numbers)) for one in plan.groups]


def test_an_explanation_has_terms_versions_other_plans_and_a_reason_for_each_node(
    client: Client,
) -> None:
    order = place(client, order_request(method=SHIP))
    told = explain(client, order.order_id)
    assert told.chosen.cost == order.cost
    assert told.decided_under.policy_version == order.policy_version
    assert told.decided_under.ledger_sequence > 0
    assert told.ledger_sequence >= told.decided_under.ledger_sequence
    assert told.policy_version == order.policy_version
    assert told.complete
    assert not told.HasField("batch")
    assert groups(told.chosen_now) == groups(told.chosen)
    assert groups(told.best_now) == groups(told.chosen)
    differences = [micro(one.difference) for one in told.next_best]
    assert len(differences) == 2
    assert differences == sorted(differences)
    assert differences[0] >= 0
    for one in told.next_best:
        assert micro(one.total) - micro(told.chosen_now.total) == micro(one.difference)
    used = {one.node_id for one in told.chosen.groups}
    assert {one.node_id for one in told.rejected_nodes} == {"east", "west", "hub"} - used
    assert told.rejected_node_count == 2
    for node in told.rejected_nodes:
        assert node.reason == Reason.REASON_DEARER
        assert node.node_id in {one.node_id for one in node.cheapest.groups}
        assert node.text.startswith("the cheapest plan with it costs ")
    assert [one.distance_meters for one in told.rejected_nodes] == sorted(
        one.distance_meters for one in told.rejected_nodes
    )


def test_nothing_is_worked_out_that_was_not_asked_for(client: Client) -> None:
    order = place(client, order_request())
    request = pb.ExplainAllocationRequest(order_id=order.order_id)
    told = client.allocation.ExplainAllocation(request, timeout=CALL_S)
    assert told.HasField("best_now")
    assert told.HasField("chosen_now")
    assert not (told.next_best)
    assert not (told.rejected_nodes)
    assert not (told.flips)
    assert not (told.lacking_lines)
    assert told.rejected_node_count == 2


def test_units_that_are_said_to_flip_the_decision_do_so_once_they_are_there(
    client: Client,
) -> None:
    order = place(client, order_request(sku="candle", method=PICKUP))
    assert [one.node_id for one in order.fulfillment_orders] == ["hub"]
    told = explain(client, order.order_id)
    east = next(one for one in told.rejected_nodes if one.node_id == "east")
    assert east.reason == Reason.REASON_NO_STOCK
    assert [(one.line_number, one.units, one.needed) for one in east.lacks] == [(1, 0, 1)]
    flip = next(
        one
        for one in told.flips
        if one.changes[0].units.node_id == "east" and len(one.changes) == 1
    )
    assert "solved anew" in flip.text
    units = flip.changes[0].units
    if units.quantity > 1:
        receive(client, "east", "candle", units.quantity - 1)
        assert groups(explain(client, order.order_id).best_now) == groups(told.chosen)
        receive(client, "east", "candle", 1)
    else:
        receive(client, "east", "candle", 1)
    after = explain(client, order.order_id)
    assert groups(after.best_now) == groups(flip.outcome)
    assert after.best_now.cost == flip.outcome.cost
    saved = micro(after.chosen_now.total) - micro(after.best_now.cost.total)
    assert saved == micro(flip.saving)
    assert next(one for one in after.rejected_nodes if one.node_id == "east").reason == (
        Reason.REASON_CHEAPER
    )


def test_a_line_that_nobody_fills_says_why_and_what_would_help_and_that_helps(
    client: Client,
) -> None:
    left = cell(client, "west", "bread").atp
    order = place(client, order_request(sku="bread", quantity=int(left) + 3))
    assert order.state == orders.Order.STATE_UNFILLED
    told = explain(client, order.order_id)
    [line] = told.lacking_lines
    assert (line.line_number, line.late, line.cause) == (1, False, Cause.CAUSE_QUANTITY)
    assert line.text == "line 1 is not filled: no single node has the whole quantity"
    totals = [micro(one.outcome.total) for one in line.relaxations]
    assert totals == sorted(totals)
    west = next(one for one in line.relaxations if one.changes[0].units.node_id == "west")
    assert west.changes[0].units.quantity == 3
    receive(client, "west", "bread", 3)
    after = explain(client, order.order_id)
    assert after.lacking_lines[0].cause == Cause.CAUSE_NOTHING
    assert groups(after.best_now) == groups(west.outcome)
    assert micro(after.best_now.cost.total) == micro(west.outcome.cost.total)


def test_a_late_line_names_labor_and_the_seconds_that_keep_its_promise(tmp_path: Path) -> None:
    with serving(tmp_path, options=small_town.CLOCK) as server, server.channel() as channel:
        client = Client(channel)
        small_town.bring_in(client)
        for node_id in ("east", "west", "hub"):
            request = stores.SetCapacityRequest(request_id=new_uuid(), node_id=node_id)
            for start_s in range(TEN_S, TEN_S + 6 * HOUR_S, HOUR_S):
                request.windows.add(start_time=Timestamp(seconds=start_s), labor_seconds=0)
            client.stores.SetCapacity(request, timeout=CALL_S)
        order = place(client, order_request())
        told = explain(client, order.order_id)
    [line] = told.lacking_lines
    assert (line.late, line.cause) == (True, Cause.CAUSE_LABOR)
    labor = next(one for one in line.relaxations if one.changes[0].HasField("labor"))
    assert labor.changes[0].labor.seconds == 60
    assert labor.outcome.groups[0].ready_by_time.seconds <= order.promise_time.seconds
    assert any(one.changes[0].promise_later_hours for one in line.relaxations)


def test_a_plan_that_leaves_a_promised_line_is_no_next_best_plan(client: Client) -> None:
    request = order_request()
    request.lines.add(line_number=2, sku="candle", quantity=1)
    order = place(client, request)
    assert not order.unfilled_lines
    told = explain(client, order.order_id)
    assert told.next_best
    for plan in (told.best_now, *told.next_best, *(one.outcome for one in told.flips)):
        assert not plan.unfilled_line_numbers
        assert sorted(n for one in plan.groups for n in one.line_numbers) == [1, 2]


def test_once_picking_began_only_what_was_decided_is_told(client: Client) -> None:
    order = place(client, order_request(sku="candle", method=SHIP))
    claim(client, task_id(order))
    told = explain(client, order.order_id)
    assert told.chosen.cost == order.cost
    assert not told.HasField("best_now")
    assert not told.HasField("chosen_now")
    assert not (told.next_best)
    assert not (told.rejected_nodes)
    assert not (told.flips)


def test_a_unit_is_worth_what_open_orders_save_by_it(client: Client) -> None:
    place(client, order_request(sku="candle", method=SHIP))
    request = pb.GetDualPricesRequest(node_ids=["hub", "west"], skus=["candle"], resolve=True)
    found = client.allocation.GetDualPrices(request, timeout=CALL_S)
    assert found.basis == pb.GetDualPricesResponse.BASIS_RESOLVED
    assert [(one.node_id, one.sku) for one in found.prices] == [
        ("hub", "candle"),
        ("west", "candle"),
    ]
    hub, west = (one.resolved for one in found.prices)
    assert (hub.quantity, micro(hub.more), micro(hub.fewer)) == (1, 0, 0)
    assert hub.order_count > 0
    assert micro(west.more) > 0
    assert not west.HasField("fewer")


def test_what_is_out_of_range_is_refused_with_its_field(client: Client) -> None:
    order_id = place(client, order_request()).order_id
    for more, path in (
        ({"max_plans": 11}, "max_plans"),
        ({"max_nodes": -1}, "max_nodes"),
        ({"max_flips": 21}, "max_flips"),
        ({"max_relaxations": 21}, "max_relaxations"),
    ):
        with refused() as errors:
            explain(client, order_id, **more)
        assert (errors[0].reason, errors[0].paths) == ("FIELD_INVALID", (path,))
    with refused() as errors:
        explain(client, "ghost")
    assert errors[0].reason == "ORDER_NOT_FOUND"
    with refused() as errors:
        request = pb.GetDualPricesRequest(resolve=True, max_orders=501)
        client.allocation.GetDualPrices(request, timeout=CALL_S)
    assert (errors[0].reason, errors[0].paths) == ("FIELD_INVALID", ("max_orders",))


def test_explanations_by_command(client: Client, server: ServerProcess) -> None:
    order = place(client, order_request(method=SHIP))
    at = ("--address", server.address)
    shown = bopis("explain", order.order_id, *at)
    assert shown.returncode == 0, shown.stderr
    assert f"policy {order.policy_version}" in shown.stdout
    assert f"Now is worked out under policy {order.policy_version}, ledger" in shown.stdout
    for words in ("ship_package", "in force", "DEARER", "not used"):
        assert words in shown.stdout
    done = bopis("explain", order.order_id, "--json", "--plans", "1", *at)
    [row] = json_lines(done.stdout)
    assert row["order_id"] == order.order_id
    assert len(row["next_best"]) == 1
    assert row["chosen"]["cost"]["total"]["currency_code"] == "USD"
    assert json.dumps(row)
    missing = bopis("explain", "ghost", *at)
    assert missing.returncode == 1
    assert "ghost" in missing.stderr
    assert bopis("explain", order.order_id, "--plans", "11", *at).returncode == 2
