"""Who has what reserved: `ListReservations` and `bopis reservations` against a served town."""

from pathlib import Path
from typing import Any

import pytest

from bopis.testing.client import Client, new_uuid, refused
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores
from tests.e2e import small_town
from tests.e2e.command_line import bopis, json_lines
from tests.e2e.small_town import CALL_S, cell, order_request, place

pytestmark = pytest.mark.needs_services()

DAY = 20_620
"""2026-06-16."""
HOUR_S = 3_600


def hold(
    client: Client, *lines: tuple[str, str, int], order_id: str = "", ttl_s: int = 900, **more: Any
) -> inventory.ReserveResponse:
    request = inventory.ReserveRequest(request_id=new_uuid(), order_id=order_id, **more)
    request.ttl.seconds = ttl_s
    for node_id, sku, quantity in lines:
        request.lines.add(node_id=node_id, sku=sku, quantity=quantity)
    return client.inventory.Reserve(request, timeout=CALL_S)


def listed(client: Client, **filter_: Any) -> list[inventory.Reservation]:
    """All pages."""
    request = inventory.ListReservationsRequest(page_size=2, **filter_)
    found: list[inventory.Reservation] = []
    while True:
        page = client.inventory.ListReservations(request, timeout=CALL_S)
        found += page.reservations
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def of_cell(**fields: Any) -> inventory.ListReservationsRequest.Cell:
    return inventory.ListReservationsRequest.Cell(**fields)


def ids(found: list[inventory.Reservation]) -> list[str]:
    return [one.reservation_id for one in found]


def commit(client: Client, reservation_id: str) -> inventory.Reservation:
    request = inventory.CommitReservationRequest(
        request_id=new_uuid(), reservation_id=reservation_id
    )
    return client.inventory.CommitReservation(request, timeout=CALL_S).reservation


def expect(client: Client, node_id: str, sku: str, quantity: int) -> None:
    inbound = stock.SetInboundRequest(
        request_id=new_uuid(), node_id=node_id, sku=sku, day=DAY, quantity=quantity
    )
    client.stock.SetInbound(inbound, timeout=CALL_S)


def test_what_is_reserved_and_closed_is_the_same_after_kill_nine(tmp_path: Path) -> None:
    with serving(tmp_path, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            expect(client, "east", "bread", 30)
            held = [
                hold(client, ("east", "apple", 1), order_id="web-1", ttl_s=ttl_s)
                for ttl_s in (5_000, 4_000, 3_000)
            ]
            first, second, third = (one.reservation.reservation_id for one in held)
            commit(client, second)
            later = hold(client, ("east", "bread", 40), order_id="web-2", day=DAY).reservation
            assert later.day == DAY
            ordered = place(client, order_request("web-3", sku="bread"))
            start_s = ordered.fulfillment_orders[0].window_start_time.seconds
            window = _close(client, "east", start_s)
            assert (window.closed, window.available_seconds) == (True, 0)
            before = _everything(client, start_s)
            assert sorted(ids(before["order"])) == sorted([first, second, third])
            assert ids(before["expiring"]) == [later.reservation_id, third, first]
            assert [one.day for one in before["later"]] == [DAY]
            [of_order] = before["placed"]
            assert of_order.state == inventory.Reservation.STATE_COMMITTED
            assert [line.sku for line in of_order.lines] == ["bread", ""]
            assert ids(before["labor"]) == ids(before["placed"])
        server.kill()
        server.start()
        with server.channel() as channel:
            client = Client(channel)
            after = _everything(client, start_s)
            assert {name: _timeless(found) for name, found in after.items()} == {
                name: _timeless(found) for name, found in before.items()
            }
            again = place(client, order_request("web-4", sku="bread"))
            next_s = again.fulfillment_orders[0].window_start_time.seconds
            assert next_s > start_s, "the window is still closed"
            opened = _close(client, "east", start_s, closed=False)
            assert (opened.closed, opened.available_seconds > 0) == (False, True)


def _everything(client: Client, start_s: int) -> dict[str, list[inventory.Reservation]]:
    labor = of_cell(node_id="east")
    labor.labor_window_start_time.seconds = start_s
    expiring = inventory.ListReservationsRequest()
    expiring.expire_within.seconds = 86_400
    return {
        "order": listed(client, order_id="web-1"),
        "later": listed(client, order_id="web-2"),
        "placed": listed(client, order_id="web-3"),
        "cell": listed(client, cell=of_cell(node_id="east", sku="apple")),
        "labor": listed(client, cell=labor),
        "expiring": listed(client, expire_within=expiring.expire_within),
    }


def _timeless(found: list[inventory.Reservation]) -> list[inventory.Reservation]:
    """Deadlines are ledger time: what the service was down is added to them."""
    for one in found:
        one.ClearField("expire_time")
    return found


def _close(
    client: Client, node_id: str, start_s: int, *, closed: bool = True
) -> stores.SetCapacityResponse.Window:
    request = stores.SetCapacityRequest(request_id=new_uuid(), node_id=node_id)
    window = request.windows.add(labor_seconds=HOUR_S, closed=closed)
    window.start_time.seconds = start_s
    [answer] = client.stores.SetCapacity(request, timeout=CALL_S).windows
    return answer


def test_a_partial_answer_says_what_is_missing_of_each_line(client: Client) -> None:
    there = cell(client, "west", "bread").atp
    answer = hold(client, ("west", "bread", there + 2), ("west", "apple", 1), partial=True)
    shares = [
        (one.line_index, one.requested_quantity, one.granted_quantity, one.missing_quantity)
        for one in answer.granted_lines
    ]
    assert shares == [(0, there + 2, there, 2), (1, 1, 1, 0)]
    assert [line.quantity for line in answer.reservation.lines] == [there, 1]


def test_picked_units_go_to_the_staging_pool_with_their_promise(client: Client) -> None:
    reservation_id = hold(client, ("west", "apple", 2)).reservation.reservation_id
    commit(client, reservation_id)
    move = stock.TransferStockRequest(
        request_id=new_uuid(),
        from_node_id="west",
        to_node_id="west",
        sku="apple",
        quantity=2,
        to_staging=True,
        reservation_id=reservation_id,
    )
    moved = client.stock.TransferStock(move, timeout=CALL_S).reservation
    assert [line.staged for line in moved.lines] == [True]
    staged = listed(client, cell=of_cell(node_id="west", sku="apple", staged=True))
    assert ids(staged) == [reservation_id]
    assert reservation_id not in ids(listed(client, cell=of_cell(node_id="west", sku="apple")))


def test_the_command_line_lists_reservations(server: ServerProcess, client: Client) -> None:
    expect(client, "hub", "candle", 1)
    soon = hold(client, ("hub", "candle", 3), order_id="cli-1", ttl_s=60).reservation
    later = hold(client, ("hub", "candle", 2), order_id="cli-1", day=DAY).reservation
    of_order = _rows(server, "--order", "cli-1")
    assert sorted(row["reservation_id"] for row in of_order) == sorted(ids([soon, later]))
    by_id = {row["reservation_id"]: row for row in of_order}
    assert by_id[soon.reservation_id]["lines"] == [
        {"node_id": "hub", "sku": "candle", "quantity": 3}
    ]
    assert by_id[later.reservation_id]["day"] == "2026-06-16"
    assert by_id[soon.reservation_id]["expire_time"].startswith("2026-06-01T10:")
    assert _rows(server, "--node", "hub", "--sku", "candle") == of_order
    next_row = _rows(server, "--expiring", "--within", "5")[0]
    assert next_row["reservation_id"] == soon.reservation_id
    ordered = place(client, order_request("cli-2", sku="apple"))
    group = ordered.fulfillment_orders[0]
    hour = f"{group.window_start_time.ToJsonString()[:13]}:00Z"
    of_labor = _rows(server, "--node", group.node_id, "--hour", hour)
    assert "COMMITTED" in {row["state"] for row in of_labor}
    assert _rows(server, "--order", "cli-2")[0] in of_labor
    cut = bopis("reservations", "--address", server.address, "--order", "cli-1", "--limit", "1")
    assert cut.returncode == 0, cut.stderr
    assert "candle at hub" in cut.stdout
    assert "more than 1" in cut.stderr


def _rows(server: ServerProcess, *words: str) -> list[dict[str, Any]]:
    done = bopis("reservations", "--address", server.address, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json_lines(done.stdout)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "one of --order"),
        (("--node", "hub", "--hour", "2030-01-01T10:00Z", "--staged"), 2, "no staging pool"),
        (("--order", "o", "--expiring"), 2, "one of --order"),
        (("--node", "east"), 2, "--sku and --hour"),
        (("--sku", "apple"), 2, "--sku and --hour"),
        (("--node", "east", "--sku", "a", "--hour", "2026-06-01T10:00Z"), 2, "--sku and --hour"),
        (("--node", "nowhere", "--sku", "apple"), 1, "NOT_FOUND: no such node"),
        (("--order", " o"), 1, "INVALID_ARGUMENT: order_id"),
        (("--expiring", "--within", "9999"), 2, "--within"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    server: ServerProcess, words: tuple[str, ...], code: int, said: str
) -> None:
    done = bopis("reservations", "--address", server.address, *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_page_token_goes_on_only_with_what_it_began_with(client: Client) -> None:
    for _ in range(2):
        hold(client, ("hub", "apple", 1), order_id="paged")
    request = inventory.ListReservationsRequest(order_id="paged", page_size=1)
    request.page_token = client.inventory.ListReservations(request).next_page_token
    assert request.page_token
    request.order_id = "another"
    with refused() as errors:
        client.inventory.ListReservations(request, timeout=CALL_S)
    assert (errors[0].reason, errors[0].paths) == ("TOKEN_INVALID", ("page_token",))
