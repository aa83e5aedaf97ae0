"""One order, room by room, through the real door with a real client in another process."""

import grpc
import pytest

from bopis.testing.client import Client, eventually, new_uuid, notifications, pickup_code, refused
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import pickup_service_pb2 as pickup
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S, PICKUP, SHIP, cell, claim, get_order, order_request, place

pytestmark = pytest.mark.needs_services()

State = orders.Order.State
Group = orders.FulfillmentOrder.State


def hand_over_request(order: orders.Order, code: str, node_id: str) -> pickup.HandOverRequest:
    return pickup.HandOverRequest(
        request_id=new_uuid(), order_id=order.order_id, node_id=node_id, pickup_code=code
    )


def test_an_order_is_promised_picked_staged_and_handed_over(
    server: ServerProcess, client: Client
) -> None:
    before = cell(client, "east", "apple")
    order = place(client, order_request("life-1", quantity=2))
    assert order.state == State.STATE_CONFIRMED
    [group] = order.fulfillment_orders
    assert (group.node_id, group.method, group.state) == ("east", PICKUP, Group.STATE_ALLOCATED)
    assert order.customer_node_id == "east"
    assert group.ready_by_time.seconds <= order.promise_time.seconds
    assert order.cost.total.currency_code == "USD"
    promised = cell(client, "east", "apple")
    assert promised.committed == before.committed + 2
    watch = client.pick.WatchPickTasks(pick.WatchPickTasksRequest(node_id="east"), timeout=CALL_S)
    seen = [message.task.pick_task_id for message in until_snapshot(watch)]
    assert small_town.task_id(order) in seen
    task = claim(client, small_town.task_id(order))
    assert (task.state, task.associate_id) == (pick.PickTask.STATE_CLAIMED, "ann")
    claimed = next(message for message in watch if message.HasField("task"))
    assert (claimed.task.pick_task_id, claimed.task.state) == (task.pick_task_id, task.state)
    watch.cancel()
    picked = small_town.confirm_all(client, task)
    assert picked.pick_task.state == pick.PickTask.STATE_DONE
    assert picked.fulfillment_order_state == Group.STATE_PICKED
    staged = small_town.stage(client, group.fulfillment_order_id)
    assert staged.state == Group.STATE_READY_FOR_PICKUP
    assert get_order(client, "life-1").state == State.STATE_READY
    code = pickup_code(server.data, "life-1")
    assert code.isdigit()
    assert len(code) == 6
    done = client.pickup.HandOver(hand_over_request(order, code, "east"), timeout=CALL_S).order
    assert done.state == State.STATE_COMPLETED
    after = cell(client, "east", "apple")
    assert (after.on_hand, after.committed) == (before.on_hand - 2, before.committed)


def until_snapshot(
    watch: "grpc.CallIterator[pick.WatchPickTasksResponse]",
) -> list[pick.WatchPickTasksResponse]:
    """The open tasks that a stream begins with."""
    tasks = []
    for message in watch:
        if message.HasField("snapshot_complete"):
            assert message.resume_token
            return tasks
        tasks.append(message)
    raise AssertionError("the stream ended")


def test_a_stream_resumes_without_missing_or_repeating_a_change(client: Client) -> None:
    watch = client.pick.WatchPickTasks(pick.WatchPickTasksRequest(node_id="west"), timeout=CALL_S)
    token = ""
    for message in watch:
        if message.HasField("snapshot_complete"):
            token = message.resume_token
            break
    watch.cancel()
    order = place(client, order_request("resume-1", sku="bread"))
    far = order_request("resume-2", sku="bread")
    far.place.longitude = -74.1
    west = place(client, far)
    assert west.fulfillment_orders[0].node_id == "west"
    assert order.fulfillment_orders[0].node_id == "east"
    resumed = client.pick.WatchPickTasks(
        pick.WatchPickTasksRequest(node_id="west", resume_token=token), timeout=CALL_S
    )
    first = next(message for message in resumed if not message.HasField("heartbeat"))
    resumed.cancel()
    assert first.task.pick_task_id == small_town.task_id(west)
    with refused() as errors:
        for _ in client.pick.WatchPickTasks(
            pick.WatchPickTasksRequest(node_id="east", resume_token=token), timeout=CALL_S
        ):
            pass
    assert (errors[0].code, errors[0].reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "TOKEN_INVALID",
    )


def test_an_order_that_is_shipped_leaves_with_its_tracking_number(client: Client) -> None:
    order = place(client, order_request("ship-1", sku="candle", quantity=3, method=SHIP))
    [group] = order.fulfillment_orders
    assert (group.node_id, group.method) == ("hub", SHIP)
    before = cell(client, "hub", "candle")
    small_town.confirm_all(client, claim(client, small_town.task_id(order)))
    request = pick.ConfirmShipmentRequest(
        request_id=new_uuid(),
        fulfillment_order_id=group.fulfillment_order_id,
        carrier="parcels",
        tracking_number="T-1",
    )
    shipped = client.pick.ConfirmShipment(request, timeout=CALL_S).fulfillment_order
    assert shipped.state == Group.STATE_SHIPPED
    assert get_order(client, "ship-1").state == State.STATE_COMPLETED
    after = cell(client, "hub", "candle")
    assert (after.on_hand, after.committed) == (before.on_hand - 3, before.committed - 3)


def test_a_cancelled_order_gives_its_units_back(server: ServerProcess, client: Client) -> None:
    before = cell(client, "east", "apple")
    order = place(client, order_request("cancel-1", quantity=4))
    request = orders.CancelOrderRequest(
        request_id=new_uuid(), order_id="cancel-1", etag=order.etag, reason="changed my mind"
    )
    cancelled = client.orders.CancelOrder(request, timeout=CALL_S).order
    assert cancelled.state == State.STATE_CANCELLED
    assert cell(client, "east", "apple") == before
    eventually(
        lambda: (
            True
            if any(
                line["kind"] == "CANCELLED" and line["order_id"] == "cancel-1"
                for line in notifications(server.data)
            )
            else None
        )
    )


def test_a_short_line_is_sourced_anew_elsewhere(client: Client) -> None:
    order = place(client, order_request("short-1", quantity=3))
    [group] = order.fulfillment_orders
    task = claim(client, small_town.task_id(order))
    before = cell(client, group.node_id, "apple")
    request = pick.ReportShortPickRequest(
        request_id=new_uuid(),
        pick_task_id=task.pick_task_id,
        line_number=1,
        found_quantity=1,
        reason=pick.ReportShortPickRequest.REASON_DAMAGED,
    )
    answer = client.pick.ReportShortPick(request, timeout=CALL_S)
    live = [
        one
        for one in answer.order.fulfillment_orders
        if one.state == Group.STATE_ALLOCATED and any(line.line_number == 1 for line in one.lines)
    ]
    assert len(live) == 1
    assert live[0].node_id != group.node_id
    after = cell(client, group.node_id, "apple")
    assert after.unavailable == before.unavailable + 2
    assert after.committed == before.committed - 3


def test_an_explanation_names_the_terms_of_the_plan(client: Client) -> None:
    place(client, order_request("why-1"))
    request = allocation.ExplainAllocationRequest(order_id="why-1")
    answer = client.allocation.ExplainAllocation(request, timeout=CALL_S)
    assert [group.node_id for group in answer.chosen.groups] == ["east"]
    assert "pick" in [term.name for term in answer.chosen.cost.terms]
    assert answer.HasField("best_now")


def test_lists_page_through_all_orders_once(client: Client) -> None:
    placed = [place(client, order_request(f"page-{number}")).order_id for number in range(5)]
    found: list[str] = []
    token = ""
    while True:
        request = orders.ListOrdersRequest(page_size=3, page_token=token)
        page = client.orders.ListOrders(request, timeout=CALL_S)
        assert len(page.orders) <= 3
        found += [order.order_id for order in page.orders]
        token = page.next_page_token
        if not token:
            break
    assert len(found) == len(set(found))
    assert found[-5:] == placed


def test_a_pickup_that_nobody_collects_expires_and_goes_back(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("noshow")
    with serving(folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            order = place(client, order_request("late-1", quantity=2))
            ready = small_town.make_ready(client, order)
            assert ready.pickup_expire_time.seconds > ready.ready_by_time.seconds
        assert server.terminate() == 0
        # The folder's clock goes on from where it was, so much faster: 72 hours in seconds.
        server.start(options=("--time-scale", "40000"))
        with server.channel() as channel:
            client = Client(channel)
            expired = eventually(
                lambda: (
                    order
                    if (order := get_order(client, "late-1")).state == State.STATE_EXPIRED
                    else None
                )
            )
            assert expired.fulfillment_orders[0].state == Group.STATE_NO_SHOW
            before = cell(client, "east", "apple")
            assert before.committed == 2
            task = claim(client, small_town.task_id(order, "restock"))
            assert task.kind == pick.PickTask.KIND_RESTOCK
            small_town.confirm_all(client, task)
            after = cell(client, "east", "apple")
            assert (after.on_hand, after.committed) == (before.on_hand, 0)
        assert server.terminate() == 0
