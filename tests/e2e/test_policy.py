"""The policy through the real door: what a rule forbids is not done, and the line says so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.longrunning import operations_pb2

from bopis.testing.client import Client, new_uuid, refused
from bopis.testing.server import ServerProcess, serving
from bopis.testing.shop import default_policy_text
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import common_pb2 as common
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import policy_pb2 as values
from bopis.v1 import policy_service_pb2 as pb
from tests.e2e import small_town
from tests.e2e.small_town import PICKUP, SHIP, order_request, place

CALL_S = 20.0
RULE = orders.UnfilledLine.REASON_RULE
PLENTY = {
    ("east", "apple"): 200,
    ("west", "apple"): 200,
    ("hub", "apple"): 200,
    ("east", "bread"): 200,
    ("hub", "candle"): 200,
}
GROUPS = """
[groups.shops]
kinds = ["STORE"]
[groups.east]
node_ids = ["east"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("server")
    with serving(folder, options=small_town.CLOCK) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel), on_hand=PLENTY)
        yield running


@pytest.fixture(autouse=True)
def plain_again(client: Client) -> Iterator[None]:
    """Each test begins and ends with the policy that ships, and without overrides."""
    yield
    set_rules(client, "")
    for one in client.policies.ListOverrides(pb.ListOverridesRequest()).overrides:
        end(client, one.override_id)


def set_rules(client: Client, rules: str) -> str:
    """The shipped policy and some rules; the version."""
    request = pb.SetPolicyRequest(
        request_id=new_uuid(),
        text=default_policy_text() + (GROUPS + rules if rules else ""),
        planner_id="ann",
        why="a test",
    )
    return client.policies.SetPolicy(request, timeout=CALL_S).policy.version


def end(client: Client, override_id: str) -> values.Override:
    request = pb.EndOverrideRequest(
        request_id=new_uuid(), override_id=override_id, planner_id="ann"
    )
    return client.policies.EndOverride(request, timeout=CALL_S).override


def forbid(client: Client, node_id: str, *, sku: str = "", order_id: str = "") -> values.Override:
    request = pb.ForbidNodeRequest(
        request_id=new_uuid(),
        node_id=node_id,
        sku=sku,
        order_id=order_id,
        planner_id="ann",
        why="a test",
    )
    return client.policies.ForbidNode(request, timeout=CALL_S).forbid


def pin(
    client: Client,
    order_id: str,
    node_id: str = "",
    *,
    method: common.FulfillmentMethod.ValueType = common.FULFILLMENT_METHOD_UNSPECIFIED,
) -> values.Override:
    request = pb.PinOrderRequest(
        request_id=new_uuid(),
        order_id=order_id,
        node_id=node_id,
        method=method,
        planner_id="ann",
        why="a test",
    )
    return client.policies.PinOrder(request, timeout=CALL_S).pin


def who(order: orders.Order) -> list[tuple[str, common.FulfillmentMethod.ValueType]]:
    return [(group.node_id, group.method) for group in order.fulfillment_orders]


def rules_of(order: orders.Order) -> list[tuple[orders.UnfilledLine.Reason.ValueType, str]]:
    return [(line.reason, line.rule) for line in order.unfilled_lines]


@pytest.mark.parametrize(
    ("rule", "method", "sku", "before", "after"),
    [
        ('[[rules.nodes]]\nname="r"\ngroup="east"\npickup=false', PICKUP, "apple", "east", "west"),
        ('[[rules.nodes]]\nname="r"\ngroup="east"\nexcluded=true', SHIP, "apple", "east", "west"),
        ('[[rules.nodes]]\nname="r"\ngroup="shops"\nships=false', SHIP, "apple", "east", "hub"),
        (
            '[[rules.nodes]]\nname="r"\ngroup="shops"\nship_floor=200',
            SHIP,
            "apple",
            "east",
            "hub",
        ),
        (
            '[[rules.items]]\nname="r"\nsku="apple"\nnever_at="east"',
            PICKUP,
            "apple",
            "east",
            "west",
        ),
        (
            '[[rules.items]]\nname="r"\nsku_prefix="app"\nnever_at="shops"',
            SHIP,
            "apple",
            "east",
            "hub",
        ),
        (
            '[[rules.nodes]]\nname="r"\ngroup="east"\norders_per_day_max=0',
            PICKUP,
            "apple",
            "east",
            "west",
        ),
        (
            '[[rules.nodes]]\nname="r"\ngroup="shops"\nparcels_per_day_max=0',
            SHIP,
            "apple",
            "east",
            "hub",
        ),
    ],
)
def test_an_order_goes_elsewhere_once_a_rule_forbids_its_node(
    client: Client,
    rule: str,
    method: common.FulfillmentMethod.ValueType,
    sku: str,
    before: str,
    after: str,
) -> None:
    plain = client.policies.GetPolicy(pb.GetPolicyRequest()).policy.version
    first = place(client, order_request(sku=sku, method=method))
    assert who(first) == [(before, method)]
    version = set_rules(client, rule)
    second = place(client, order_request(sku=sku, method=method))
    assert who(second) == [(after, method)]
    assert (first.policy_version, second.policy_version) == (plain, version)


@pytest.mark.parametrize(
    ("rule", "sku", "method", "name"),
    [
        ('[[rules.nodes]]\nname="no bread"\ngroup="east"\nexcluded=true', "bread", PICKUP, ""),
        ('[[rules.items]]\nname="dry"\nsku="candle"\nonly_at="shops"', "candle", SHIP, "dry"),
        ("[rules]\nship_km_max=100", "candle", SHIP, "ship_km_max"),
        ('[[rules.nodes]]\nname="keep"\ngroup="all"\nship_floor=500', "candle", SHIP, "keep"),
    ],
)
def test_an_unfilled_line_names_the_rule(
    client: Client,
    rule: str,
    sku: str,
    method: common.FulfillmentMethod.ValueType,
    name: str,
) -> None:
    set_rules(client, rule)
    order = place(client, order_request(sku=sku, method=method))
    assert rules_of(order) == [(RULE, name or "no bread")]
    assert order.state == orders.Order.STATE_UNFILLED


def test_an_all_or_nothing_order_is_refused_by_the_name_of_the_rule(client: Client) -> None:
    set_rules(client, '[[rules.items]]\nname="dry"\nsku="candle"\nonly_at="shops"')
    request = order_request(sku="candle", method=SHIP)
    request.all_or_nothing = True
    with refused() as errors:
        place(client, request)
    assert errors[0].reason == "NOT_PROMISABLE"
    assert "line 1: RULE (dry)" in errors[0].message


def test_an_order_has_no_more_nodes_than_the_policy_allows(client: Client) -> None:
    def two_lines() -> orders.Order:
        request = order_request(sku="bread", method=SHIP)
        request.lines.add(line_number=2, sku="candle", quantity=1)
        return place(client, request)

    assert len(who(two_lines())) == 2
    set_rules(client, "[rules]\nnodes_per_order_max = 1")
    order = two_lines()
    assert len(who(order)) == 1
    assert rules_of(order) == [(RULE, "nodes_per_order_max")]


def test_a_days_limit_is_kept_to_the_last_order_and_freed_by_a_cancellation(
    client: Client,
) -> None:
    set_rules(client, '[[rules.nodes]]\nname="few"\ngroup="all"\nparcels_per_day_max=2')
    placed = [place(client, order_request(sku="candle", method=SHIP)) for _ in range(4)]
    today = [order for order in placed if order.fulfillment_orders]
    days: dict[tuple[str, int], int] = {}
    for order in today:
        group = order.fulfillment_orders[0]
        day = (group.node_id, group.ready_by_time.seconds // 86_400)
        days[day] = days.get(day, 0) + 1
    assert max(days.values()) == 2
    for order in today:
        cancel = orders.CancelOrderRequest(request_id=new_uuid(), order_id=order.order_id)
        client.orders.CancelOrder(cancel, timeout=CALL_S)
    again = place(client, order_request(sku="candle", method=SHIP))
    first, second = placed[0].fulfillment_orders[0], again.fulfillment_orders[0]
    assert second.ready_by_time.seconds // 86_400 == first.ready_by_time.seconds // 86_400


def test_pins_and_forbids_bind_orders_until_they_end(client: Client) -> None:
    order_id = new_uuid()
    pinned = pin(client, order_id, "west")
    assert who(place(client, order_request(order_id))) == [("west", PICKUP)]
    forbidden = forbid(client, "east", sku="apple")
    assert who(place(client, order_request())) == [("west", PICKUP)]
    assert end(client, forbidden.override_id).ended_by == "ann"
    assert who(place(client, order_request())) == [("east", PICKUP)]
    other = new_uuid()
    forbid(client, "east", order_id=other)
    assert who(place(client, order_request(other))) == [("west", PICKUP)]
    third = new_uuid()
    pin(client, third, "east", method=SHIP)
    assert who(place(client, order_request(third))) == [("east", SHIP)]
    found = client.policies.ListOverrides(pb.ListOverridesRequest(order_id=order_id)).overrides
    assert list(found) == [pinned]
    ended = client.policies.ListOverrides(pb.ListOverridesRequest(show_ended=True)).overrides
    assert forbidden.override_id in {one.override_id for one in ended if one.ended_by}


def test_a_pin_to_a_node_that_cannot_leaves_the_line_and_says_so(client: Client) -> None:
    order_id = new_uuid()
    pin(client, order_id, "hub", method=PICKUP)
    assert rules_of(place(client, order_request(order_id))) == [(RULE, "pin")]
    with refused() as errors:
        pin(client, order_id, "nowhere")
    assert errors[0].reason == "NODE_NOT_FOUND"
    with refused() as errors:
        pin(client, order_id)
    assert errors[0].paths == ("node_id",)


def test_an_expired_forbid_binds_nobody(client: Client) -> None:
    request = pb.ForbidNodeRequest(
        request_id=new_uuid(), node_id="east", sku="apple", planner_id="ann", why="soon over"
    )
    request.expire_time.FromDatetime(datetime(2026, 5, 31, tzinfo=UTC))
    with refused() as errors:
        client.policies.ForbidNode(request, timeout=CALL_S)
    assert errors[0].paths == ("expire_time",)
    request.expire_time.FromDatetime(datetime(2026, 6, 1, 10, tzinfo=UTC) + timedelta(hours=9))
    request.request_id = new_uuid()
    client.policies.ForbidNode(request, timeout=CALL_S)
    assert who(place(client, order_request())) == [("west", PICKUP)]


def test_a_tier_gives_its_orders_their_priority(client: Client) -> None:
    set_rules(
        client, '[[tiers]]\nname="vip"\npriority=9\nweight_percent=300\ncustomer_prefix="vip-"'
    )
    for customer_id, priority in (("vip-1", 9), ("one", 0)):
        request = order_request()
        request.customer_id = customer_id
        order = place(client, request)
        asked = inventory.GetReservationRequest(
            reservation_id=order.fulfillment_orders[0].reservation_id
        )
        found = client.inventory.GetReservation(asked, timeout=CALL_S).reservation
        assert found.priority == priority


def test_every_mistake_of_a_policy_is_named_and_nothing_changes(client: Client) -> None:
    live = client.policies.GetPolicy(pb.GetPolicyRequest()).policy
    text = default_policy_text().replace("code_tries = 5", "code_trys = 5")
    request = pb.SetPolicyRequest(
        request_id=new_uuid(),
        text=text + "[rules]\nship_km_max = -1\n",
        planner_id="ann",
        why="mistakes",
    )
    with refused() as errors:
        client.policies.SetPolicy(request, timeout=CALL_S)
    assert errors[0].code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(errors[0].paths) == {"pickup.code_tries", "pickup.code_trys", "rules.ship_km_max"}
    assert client.policies.GetPolicy(pb.GetPolicyRequest()).policy == live


def test_a_policy_that_moves_lines_is_refused_as_nobody_would_carry_them(client: Client) -> None:
    request = pb.SetPolicyRequest(
        request_id=new_uuid(),
        text=default_policy_text().replace("enabled = false", "enabled = true"),
        planner_id="ann",
        why="one parcel less",
    )
    with refused() as errors:
        client.policies.SetPolicy(request, timeout=CALL_S)
    assert errors[0].code is grpc.StatusCode.INVALID_ARGUMENT
    assert errors[0].paths == ("transfers.enabled",)


def test_a_repeat_sets_the_policy_once_and_a_dry_run_never(client: Client) -> None:
    before = client.policies.ListPolicyVersions(pb.ListPolicyVersionsRequest()).versions
    request = pb.SetPolicyRequest(
        request_id=new_uuid(),
        text=default_policy_text() + "[rules]\nship_km_max = 4000\n",
        planner_id="ann",
        why="once",
        validate_only=True,
    )
    client.policies.SetPolicy(request, timeout=CALL_S)
    assert len(client.policies.ListPolicyVersions(pb.ListPolicyVersionsRequest()).versions) == len(
        before
    )
    request.validate_only, request.request_id = False, new_uuid()
    first = client.policies.SetPolicy(request, timeout=CALL_S).policy
    assert client.policies.SetPolicy(request, timeout=CALL_S).policy.version == first.version
    versions = client.policies.ListPolicyVersions(pb.ListPolicyVersionsRequest()).versions
    assert len(versions) == len(before) + 1
    assert (versions[0].version, versions[0].live, versions[0].why) == (first.version, True, "once")
    request.why = "another body"
    with refused() as errors:
        client.policies.SetPolicy(request, timeout=CALL_S)
    assert errors[0].reason == "REQUEST_ID_REUSED"
    with refused() as errors:
        client.policies.GetPolicy(pb.GetPolicyRequest(version="never"), timeout=CALL_S)
    assert errors[0].reason == "POLICY_VERSION_NOT_FOUND"


def test_a_pinned_order_moves_with_the_next_reallocation(client: Client) -> None:
    order = place(client, order_request(method=SHIP))
    assert who(order) == [("east", SHIP)]
    pin(client, order.order_id, "hub")
    request = allocation.ReallocateRequest(request_id=new_uuid())
    request.time_limit.FromMilliseconds(2_000)
    operation = client.allocation.Reallocate(request, timeout=CALL_S)
    wait = operations_pb2.WaitOperationRequest(name=operation.name)
    wait.timeout.seconds = 15
    done = client.operations.WaitOperation(wait, timeout=CALL_S)
    assert done.done
    assert not done.HasField("error"), done.error.message
    moved = small_town.get_order(client, order.order_id)
    assert who(moved) == [("hub", SHIP)]
    assert moved.policy_version == order.policy_version
