"""Options and quotes under the policy, through the real door: no quote goes around a rule."""

from collections.abc import Iterator

import grpc
import pytest

from bopis.testing.client import Client, new_uuid, refused
from bopis.testing.server import ServerProcess, serving
from bopis.testing.shop import default_policy_text
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import policy_service_pb2 as pb
from bopis.v1 import promise_service_pb2 as promise
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S, HOME, PICKUP, SHIP, place

Kept = orders.QuotedPromise
NOT_ALLOWED = Kept.REASON_NODE_NOT_ALLOWED
GROUPS = """
[groups.east]
node_ids = ["east"]
[groups.hub]
node_ids = ["hub"]
"""
NO_PICKUP = """
[[rules.nodes]]
name = "no counter"
group = "east"
pickup = false
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("server"), options=small_town.CLOCK) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel))
        yield running


@pytest.fixture(autouse=True)
def plain_again(client: Client) -> Iterator[None]:
    """Each test ends with the policy that ships."""
    yield
    set_rules(client, "")


def set_rules(client: Client, rules: str) -> str:
    """The shipped policy and some rules; the version."""
    request = pb.SetPolicyRequest(
        request_id=new_uuid(),
        text=default_policy_text() + (GROUPS + rules if rules else ""),
        planner_id="ann",
        why="a test",
    )
    return client.policies.SetPolicy(request, timeout=CALL_S).policy.version


def options(
    client: Client, *skus: str, ship_rest: bool = False, with_shipping: bool = False
) -> dict[str, promise.PickupOption]:
    """By node; the empty one is shipped."""
    request = promise.GetPickupOptionsRequest(
        place=HOME,
        lines=[promise.BasketLine(sku=sku, quantity=1) for sku in skus],
        ship_rest=ship_rest,
        with_shipping=with_shipping,
    )
    answer = client.promise.GetPickupOptions(request, timeout=CALL_S)
    return {one.node_id: one for one in answer.options}


def order_of(token: str, *skus: str, order_id: str = "") -> orders.CreateOrderRequest:
    lines = [
        orders.OrderLine(line_number=number, sku=sku, quantity=1)
        for number, sku in enumerate(skus, start=1)
    ]
    return orders.CreateOrderRequest(
        request_id=new_uuid(),
        order_id=order_id,
        method=PICKUP,
        place=HOME,
        lines=lines,
        promise_token=token,
    )


def lost(order: orders.Order) -> tuple[Kept.Reason.ValueType, str]:
    assert order.quoted_promise.state == Kept.STATE_NOT_KEPT
    return order.quoted_promise.reason, order.quoted_promise.node_id


def test_a_store_that_is_closed_to_pickups_is_no_option_and_its_quotes_are_not_kept(
    client: Client,
) -> None:
    before = options(client, "apple")
    assert set(before) == {"east", "west"}
    version = set_rules(client, NO_PICKUP)
    assert set(options(client, "apple")) == {"west"}
    near_store = promise.GetPickupOptionsRequest(
        node_id="east", lines=[promise.BasketLine(sku="apple", quantity=1)]
    )
    with refused() as errors:
        client.promise.GetPickupOptions(near_store, timeout=CALL_S)
    assert errors[0].code is grpc.StatusCode.INVALID_ARGUMENT
    order = place(client, order_of(before["east"].promise_token, "apple"))
    assert lost(order) == (NOT_ALLOWED, "east")
    assert order.policy_version == version
    assert "east" not in {one.node_id for one in order.fulfillment_orders}


def test_an_order_with_a_quote_has_no_more_nodes_than_the_policy_lets_it(client: Client) -> None:
    skus = ("apple", "candle")
    before = options(client, *skus, ship_rest=True)["east"]
    assert [(one.node_id, one.method) for one in before.groups] == [("east", PICKUP), ("hub", SHIP)]
    set_rules(client, "[rules]\nnodes_per_order_max = 1\n")
    after = options(client, *skus, ship_rest=True)["east"]
    assert len(after.groups) == 1
    assert not after.promise_token
    order = place(client, order_of(before.promise_token, *skus))
    assert lost(order) == (NOT_ALLOWED, "hub")
    assert len(order.fulfillment_orders) == 1


def test_units_that_shipping_leaves_are_in_no_option_to_ship(client: Client) -> None:
    floor = '[[rules.nodes]]\nname = "keeps all"\ngroup = "hub"\nship_floor = 100\n'
    shipped = options(client, "candle", with_shipping=True)[""]
    assert shipped.lines[0].atp > 0
    set_rules(client, floor)
    left = options(client, "candle", with_shipping=True)[""]
    [line] = left.unfilled_lines
    assert (line.reason, line.rule) == (orders.UnfilledLine.REASON_RULE, "keeps all")
    assert left.lines[0].atp <= 0


def test_a_day_that_is_full_keeps_no_more_quotes(client: Client) -> None:
    set_rules(
        client, '[[rules.nodes]]\nname = "one a day"\ngroup = "east"\norders_per_day_max = 1\n'
    )
    east = options(client, "bread")["east"]
    first = place(client, order_of(east.promise_token, "bread"))
    assert first.quoted_promise.state == Kept.STATE_KEPT
    second = place(client, order_of(east.promise_token, "bread"))
    assert lost(second) == (NOT_ALLOWED, "east")
    [group] = second.fulfillment_orders
    assert (group.node_id, group.ready_by_time) != ("east", east.ready_by_time)


def test_a_pin_is_stronger_than_a_quote(client: Client) -> None:
    pin = pb.PinOrderRequest(
        request_id=new_uuid(), order_id="pinned", node_id="west", planner_id="ann", why="a test"
    )
    client.policies.PinOrder(pin, timeout=CALL_S)
    east = options(client, "apple")["east"]
    order = place(client, order_of(east.promise_token, "apple", order_id="pinned"))
    assert lost(order) == (NOT_ALLOWED, "east")
    assert [one.node_id for one in order.fulfillment_orders] == ["west"]
