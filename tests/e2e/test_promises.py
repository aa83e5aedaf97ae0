"""Options, their quotes and the orders placed with them, through the real door."""

from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from bopis.domain.network import Method
from bopis.domain.quote import BasketLine, Quote, TokenGroup, basket_digest
from bopis.service.promise_tokens import read_token
from bopis.testing.client import Client, Error, error_of, eventually, new_uuid, refused
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import common_pb2 as common
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import promise_service_pb2 as promise
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores
from tests.e2e.small_town import (
    CALL_S,
    HOME,
    PICKUP,
    SHIP,
    TIME_ORIGIN,
    bring_in,
    cell,
    order_request,
    place,
)

pytestmark = pytest.mark.needs_services()

Kept = orders.QuotedPromise


@dataclass(frozen=True, slots=True)
class Basket:
    """SKUs with quantities."""

    lines: tuple[tuple[str, int], ...]

    def options(self, **more: object) -> promise.GetPickupOptionsRequest:
        """The request for its options, around the town's center unless told otherwise."""
        request = promise.GetPickupOptionsRequest(**more)  # type: ignore[arg-type]
        if request.WhichOneof("near") is None:
            request.place.CopyFrom(HOME)
        for sku, quantity in self.lines:
            request.lines.add(sku=sku, quantity=quantity)
        return request

    def order(
        self, token: str, *, method: common.FulfillmentMethod.ValueType = PICKUP, **more: object
    ) -> orders.CreateOrderRequest:
        """The order of it, in reverse and numbered otherwise."""
        request = orders.CreateOrderRequest(
            request_id=new_uuid(),
            method=method,
            place=HOME,
            promise_token=token,
            **more,  # type: ignore[arg-type]
        )
        for number, (sku, quantity) in enumerate(reversed(self.lines), start=5):
            request.lines.add(line_number=number, sku=sku, quantity=quantity)
        return request


BASKET = Basket((("bread", 1), ("apple", 2)))


def get(
    client: Client, request: promise.GetPickupOptionsRequest
) -> promise.GetPickupOptionsResponse:
    return client.promise.GetPickupOptions(request, timeout=CALL_S)


def at_store(client: Client, node_id: str, basket: Basket = BASKET) -> promise.PickupOption:
    [option] = get(client, basket.options(node_id=node_id)).options
    return option


def test_the_stores_around_a_place_come_cheapest_first_with_what_they_have(client: Client) -> None:
    answer = get(client, BASKET.options(with_shipping=True))
    assert [(one.node_id, one.method) for one in answer.options] == [
        ("east", PICKUP),
        ("west", PICKUP),
        ("", SHIP),
    ]
    east, west, shipped = answer.options
    assert (east.distance_m, west.distance_m) == (0, 8_518)
    assert [(line.line_index, line.atp, line.filled) for line in east.lines] == [
        (0, cell(client, "east", "bread").atp, True),
        (1, cell(client, "east", "apple").atp, True),
    ]
    [group] = east.groups
    assert (group.node_id, list(group.line_indices)) == ("east", [0, 1])
    assert group.ready_by_time == east.ready_by_time
    assert east.ready_by_time.seconds <= answer.promise_time.seconds
    assert [term.name for term in west.cost.terms] == ["pick", "other_store_km"]
    costs = [one.cost.total.units * 10**9 + one.cost.total.nanos for one in answer.options]
    assert costs == sorted(costs)
    assert west.cost.total.currency_code == "USD"
    assert shipped.whole_basket, "stores ship too"
    assert answer.policy_version.endswith("/base")
    assert answer.position.sequence > 0


def test_a_basket_that_a_store_lacks_in_part_has_no_token(client: Client) -> None:
    mixed = Basket((("apple", 1), ("candle", 1), ("no-such", 1)))
    answer = get(client, mixed.options(node_id="east"))
    [east] = answer.options
    assert list(answer.unknown_skus) == ["no-such"]
    assert [(line.atp > 0, line.filled) for line in east.lines] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    reasons = orders.UnfilledLine
    assert [(one.line_number, one.reason) for one in east.unfilled_lines] == [
        (2, reasons.REASON_OUT_OF_REACH),
        (3, reasons.REASON_UNKNOWN_SKU),
    ]
    assert not east.whole_basket
    assert not east.promise_token
    assert not east.HasField("promise_expire_time")


def test_the_rest_of_a_basket_is_shipped_where_that_is_asked_for(client: Client) -> None:
    mixed = Basket((("apple", 1), ("candle", 1)))
    option = get(client, mixed.options(ship_rest=True)).options[0]
    assert [(one.node_id, one.method) for one in option.groups] == [
        ("east", PICKUP),
        ("hub", SHIP),
    ]
    order = place(client, mixed.order(option.promise_token))
    assert order.quoted_promise.state == Kept.STATE_KEPT
    assert {one.node_id for one in order.fulfillment_orders} == {"east", "hub"}


def test_an_order_with_a_token_gets_what_was_quoted(client: Client) -> None:
    """The store that was chosen, though it is not the nearest, and its very window."""
    option = at_store(client, "west")
    assert option.promise_expire_time.seconds > 0
    request = BASKET.order(option.promise_token)
    order = place(client, request)
    assert order.quoted_promise.state == Kept.STATE_KEPT
    assert order.quoted_promise.quoted_ready_by_time == option.ready_by_time
    assert order.promise_time == option.ready_by_time
    assert order.customer_node_id == "west"
    assert order.cost == option.cost
    [group] = order.fulfillment_orders
    assert (group.node_id, group.method) == ("west", PICKUP)
    assert group.window_start_time == option.groups[0].window_start_time
    assert group.ready_by_time == option.ready_by_time
    assert {line.line_number: line.sku for line in group.lines} == {5: "apple", 6: "bread"}
    assert place(client, request) == order, "a repeat gets the first answer"


def test_an_option_that_is_gone_is_told_and_the_order_is_placed_anew(client: Client) -> None:
    last = Basket((("bread", cell(client, "west", "bread").atp),))
    option = at_store(client, "west", last)
    one = order_request(sku="bread")
    one.place.longitude = -74.1
    assert place(client, one).fulfillment_orders[0].node_id == "west"
    with refused() as errors:
        place(client, last.order(option.promise_token, require_quoted=True))
    [error] = errors
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_PROMISABLE")
    assert error.metadata == {"quote_reason": "NO_STOCK", "node_id": "west"}
    anew = last.order(option.promise_token)
    order = place(client, anew)
    assert order.quoted_promise.state == Kept.STATE_NOT_KEPT
    assert order.quoted_promise.reason == Kept.REASON_NO_STOCK
    assert order.quoted_promise.node_id == "west"
    assert order.customer_node_id == "west"
    assert not [group for group in order.fulfillment_orders if group.node_id == "west"]


def test_a_window_that_closed_meanwhile_is_told(client: Client) -> None:
    apples = Basket((("apple", 1),))
    option = at_store(client, "west", apples)
    window = option.groups[0].window_start_time
    closing = stores.SetCapacityRequest(request_id=new_uuid(), node_id="west")
    closing.windows.add(start_time=window, labor_seconds=3_600, closed=True)
    client.stores.SetCapacity(closing, timeout=CALL_S)
    order = place(client, apples.order(option.promise_token))
    opening = stores.SetCapacityRequest(request_id=new_uuid(), node_id="west")
    opening.windows.add(start_time=window, labor_seconds=3_600, closed=False)
    client.stores.SetCapacity(opening, timeout=CALL_S)
    assert order.quoted_promise.reason == Kept.REASON_NO_LABOR
    [group] = order.fulfillment_orders
    assert group.node_id == "east", "the promised time was kept at another store"
    assert group.ready_by_time == option.ready_by_time == order.promise_time


def test_a_token_is_taken_only_as_it_was_given_out(client: Client) -> None:
    option = at_store(client, "east")
    token = option.promise_token
    flipped = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    other = Basket((("bread", 1), ("apple", 3)))
    cases: list[tuple[orders.CreateOrderRequest, str, tuple[str, ...]]] = [
        (BASKET.order(flipped), "TOKEN_INVALID", ("promise_token",)),
        (BASKET.order(token[:-4]), "TOKEN_INVALID", ("promise_token",)),
        (BASKET.order("~"), "TOKEN_INVALID", ("promise_token",)),
        (BASKET.order("x" * 16_385), "FIELD_INVALID", ("promise_token",)),
        (other.order(token), "PROMISE_MISMATCH", ("lines",)),
        (BASKET.order(token, method=SHIP), "PROMISE_MISMATCH", ("method",)),
        (BASKET.order("", require_quoted=True), "FIELD_INVALID", ("require_quoted",)),
    ]
    for request, reason, paths in cases:
        with refused() as errors:
            place(client, request)
        assert (errors[0].code, errors[0].reason, errors[0].paths) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            reason,
            paths,
        )


def test_a_token_says_what_its_option_says_under_a_key_of_this_folder_alone(
    server: ServerProcess, client: Client
) -> None:
    """What the door signs is what the services read: byte for byte the same format and digest."""
    key_file = server.data / "promise_tokens.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    [option] = get(client, BASKET.options(node_id="west")).options
    quote = read_token(option.promise_token, key_file.read_bytes())
    ready_ms = option.ready_by_time.seconds * 1_000
    assert quote.groups == (
        TokenGroup(
            "west",
            Method.PICKUP,
            (1, 0),  # The basket's bread is the second of its sorted lines.
            option.groups[0].window_start_time.seconds * 1_000,
            ready_ms,
        ),
    )
    assert quote == Quote(
        basket=basket_digest([BasketLine(1, "apple", 2), BasketLine(2, "bread", 1)]),
        method=Method.PICKUP,
        groups=quote.groups,
        ready_by_ms=ready_ms,
        cost_micro=option.cost.total.units * 1_000_000 + option.cost.total.nanos // 1_000,
        currency="USD",
        policy_version="2026-11/base",
        expire_ms=option.promise_expire_time.ToMilliseconds(),
    )


def test_a_token_expires(tmp_path: Path) -> None:
    """Time runs so fast that its quarter of an hour is a second and a half."""
    clock = ("--time-origin", TIME_ORIGIN, "--time-scale", "600")
    with serving(tmp_path, options=clock) as server, server.channel() as channel:
        client = Client(channel)
        bring_in(client)
        token = at_store(client, "east").promise_token

        def expired() -> Error | None:
            try:
                place(client, BASKET.order(token))
            except grpc.RpcError as error:
                return error_of(error)
            return None

        error = eventually(expired)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PROMISE_EXPIRED")
    assert error.paths == ("promise_token",)


def test_bad_requests_for_options_name_their_fields(client: Client) -> None:
    nowhere = promise.GetPickupOptionsRequest()
    nowhere.lines.add(sku="apple", quantity=1)
    cases: list[tuple[promise.GetPickupOptionsRequest, str, tuple[str, ...]]] = [
        (Basket(()).options(), "FIELD_INVALID", ("lines",)),
        (Basket((("apple", 0),)).options(), "FIELD_INVALID", ("lines[0].quantity",)),
        (nowhere, "FIELD_INVALID", ("near",)),
        (BASKET.options(place=common.Place(latitude=91)), "FIELD_INVALID", ("place.latitude",)),
        (BASKET.options(node_id="nowhere"), "NODE_NOT_FOUND", ("node_id",)),
        (BASKET.options(node_id="hub"), "FIELD_INVALID", ("node_id",)),
        (BASKET.options(max_options=51), "FIELD_INVALID", ("max_options",)),
        (BASKET.options(node_id="east", with_shipping=True), "FIELD_INVALID", ("with_shipping",)),
        (
            BASKET.options(at_least_position=common.Position(sequence=1, journal_id=new_uuid())),
            "POSITION_OUT_OF_RANGE",
            ("at_least_position",),
        ),
    ]
    for request, reason, paths in cases:
        with refused() as errors:
            get(client, request)
        assert (errors[0].reason, errors[0].paths) == (reason, paths)


def test_a_place_without_stores_has_no_options_but_shipping(client: Client) -> None:
    sea = common.Place(latitude=10.0, longitude=-40.0)
    candles = Basket((("candle", 2),))
    answer = get(client, candles.options(place=sea, with_shipping=True))
    [only] = answer.options
    assert (only.method, only.whole_basket) == (SHIP, True)
    order = place(client, candles.order(only.promise_token, method=SHIP))
    assert order.quoted_promise.state == Kept.STATE_KEPT
    assert order.fulfillment_orders[0].node_id == "hub"


def test_a_product_page_reads_what_its_own_write_left(client: Client) -> None:
    before = cell(client, "east", "apple").atp
    fact = stock.AdjustStockRequest(
        request_id=new_uuid(),
        node_id="east",
        sku="apple",
        on_hand_delta=7,
        reason=stock.AdjustStockRequest.REASON_RECEIVED,
    )
    done = client.stock.AdjustStock(fact, timeout=CALL_S)
    request = promise.GetAvailabilityByStoreRequest(
        skus=["apple", "candle"], place=HOME, at_least_position=done.position
    )
    answer = client.promise.GetAvailabilityByStore(request, timeout=CALL_S)
    assert [one.node_id for one in answer.stores] == ["east", "west"]
    east = answer.stores[0]
    assert [(one.sku, one.atp) for one in east.skus] == [("apple", before + 7), ("candle", 0)]
    assert east.open_now
    assert not east.HasField("next_open_time")
    assert east.earliest_ready_by_time.seconds > answer.as_of_time.seconds
    assert answer.position.sequence >= done.position.sequence
    one = promise.GetAvailabilityByStoreRequest(skus=["apple"], place=HOME, max_stores=1)
    assert len(client.promise.GetAvailabilityByStore(one, timeout=CALL_S).stores) == 1
    for bad, reason, path in (
        (
            promise.GetAvailabilityByStoreRequest(skus=["apple", "x", "y"], place=HOME),
            "SKU_NOT_FOUND",
            "skus[1]",
        ),
        (
            promise.GetAvailabilityByStoreRequest(skus=["apple"], node_id="x"),
            "NODE_NOT_FOUND",
            "node_id",
        ),
    ):
        with refused() as errors:
            client.promise.GetAvailabilityByStore(bad, timeout=CALL_S)
        assert (errors[0].reason, errors[0].paths) == (reason, (path,))


def test_without_dual_prices_the_answer_says_so(client: Client) -> None:
    answer = client.allocation.GetDualPrices(allocation.GetDualPricesRequest(), timeout=CALL_S)
    assert (answer.version, list(answer.prices)) == (0, [])
    assert answer.basis == allocation.GetDualPricesResponse.BASIS_ESTIMATE
    assert not answer.HasField("as_of_time")
    assert not answer.HasField("age")
    for asked, reason, path in (
        (allocation.GetDualPricesRequest(node_ids=["x"]), "NODE_NOT_FOUND", "node_ids[0]"),
        (allocation.GetDualPricesRequest(skus=["apple", "x"]), "SKU_NOT_FOUND", "skus[1]"),
    ):
        with refused() as errors:
            client.allocation.GetDualPrices(asked, timeout=CALL_S)
        assert (errors[0].reason, errors[0].paths) == (reason, (path,))
