"""What another policy would do: over the open orders, and in the shadow of the live one."""

from pathlib import Path

from google.type.money_pb2 import Money

from bopis.testing.client import Client, new_uuid, refused
from bopis.testing.server import ServerProcess
from bopis.testing.shop import default_policy_text
from bopis.v1 import policy_pb2 as values
from bopis.v1 import policy_service_pb2 as pb
from tests.e2e.command_line import bopis, json_lines
from tests.e2e.small_town import PICKUP, SHIP, cell, get_order, order_request, place

CALL_S = 20.0
NO_STORE_SHIPS = """
[groups.stores]
kinds = ["STORE"]
[[rules.nodes]]
name = "stores do not ship"
group = "stores"
ships = false
"""
OTHER = default_policy_text() + NO_STORE_SHIPS


def shadow(client: Client, text: str, request_id: str = "") -> values.ShadowReport:
    request = pb.SetShadowPolicyRequest(
        request_id=request_id or new_uuid(), text=text, planner_id="ann", why="a look"
    )
    return client.policies.SetShadowPolicy(request, timeout=CALL_S).shadow


def micro(money: Money) -> int:
    return int(money.units * 1_000_000 + money.nanos // 1_000)


def report(client: Client) -> pb.GetShadowReportResponse:
    return client.policies.GetShadowReport(pb.GetShadowReportRequest(), timeout=CALL_S)


def test_a_comparison_names_the_open_orders_that_change_and_changes_none(client: Client) -> None:
    shipped = place(client, order_request(method=SHIP))
    collected = place(client, order_request(method=PICKUP))
    before = cell(client, "east", "apple")
    request = pb.ComparePoliciesRequest(after=values.PolicyChoice(text=OTHER))
    found = client.policies.ComparePolicies(request, timeout=CALL_S).comparison
    ids = {one.order_id for one in found.differences}
    assert shipped.order_id in ids
    assert collected.order_id not in ids
    assert found.same_costs
    assert found.considered_count >= 2
    assert found.different_count == len(found.differences)
    assert micro(found.cost_after) > micro(found.cost_before)
    [one] = [one for one in found.differences if one.order_id == shipped.order_id]
    assert [group.node_id for group in one.before.groups] == ["east"]
    assert [group.node_id for group in one.after.groups] == ["hub"]
    assert cell(client, "east", "apple") == before
    assert get_order(client, shipped.order_id) == shipped
    same = client.policies.ComparePolicies(pb.ComparePoliciesRequest(), timeout=CALL_S).comparison
    assert (same.different_count, same.cost_before) == (0, same.cost_after)


def test_what_an_order_holds_is_free_to_it(client: Client) -> None:
    left = cell(client, "west", "bread").atp
    order = place(client, order_request(sku="bread", quantity=int(left)))
    node = order.fulfillment_orders[0].node_id
    assert cell(client, node, "bread").atp < left
    found = client.policies.ComparePolicies(
        pb.ComparePoliciesRequest(after=values.PolicyChoice(text=OTHER)), timeout=CALL_S
    ).comparison
    assert order.order_id not in {one.order_id for one in found.differences}
    assert found.unfilled_before_count == 0


def test_a_shadow_plans_each_new_order_and_none_is_held_for_it(client: Client) -> None:
    assert not report(client).HasField("shadow")
    request_id = new_uuid()
    begun = shadow(client, OTHER, request_id)
    assert (begun.planner_id, begun.comparison.considered_count) == ("ann", 0)
    hub = cell(client, "hub", "apple")
    shipped = place(client, order_request(method=SHIP))
    place(client, order_request(method=PICKUP))
    assert shipped.fulfillment_orders[0].node_id == "east"
    assert cell(client, "hub", "apple") == hub
    found = shadow(client, OTHER, request_id).comparison
    assert (found.considered_count, found.different_count) == (2, 1)
    assert found.differences[0].order_id == shipped.order_id
    assert [group.node_id for group in found.differences[0].after.groups] == ["hub"]
    with refused() as errors:
        shadow(client, default_policy_text(), request_id)
    assert errors[0].reason == "REQUEST_ID_REUSED"
    with refused() as errors:
        shadow(client, "version = 1")
    assert errors[0].reason == "FIELD_INVALID"
    assert report(client).shadow.comparison.considered_count == 2
    assert shadow(client, "").comparison.considered_count == 2
    assert not report(client).HasField("shadow")


def test_comparisons_by_command(client: Client, server: ServerProcess, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(OTHER, "utf-8")
    order = place(client, order_request(method=SHIP))
    at = ("--address", server.address)
    done = bopis("policy", "diff", "live", str(file), "--json", *at)
    assert done.returncode == 0, done.stderr
    [row] = json_lines(done.stdout)
    named = {one["order_id"]: one for one in row["differences"]}
    assert named[order.order_id]["before"] == ["east SHIP 1"]
    assert named[order.order_id]["after"] == ["hub SHIP 1"]
    table = bopis("policy", "diff", "live", str(file), *at)
    assert f"{row['different']} of {row['considered']} orders differ" in table.stdout
    assert bopis("policy", "diff", "live", "no-such-version", *at).returncode == 1
    said = ("--by", "ann", "--why", "a look", *at)
    assert bopis("policy", "shadow", *at).returncode == 1
    assert bopis("policy", "shadow", str(file), *at).returncode == 2
    assert bopis("policy", "shadow", str(file), *said).returncode == 0
    place(client, order_request(method=SHIP))
    [found] = json_lines(bopis("policy", "shadow", "--json", *at).stdout)
    assert (found["considered"], found["different"]) == (1, 1)
    assert bopis("policy", "shadow", "--end", *said).returncode == 0
    assert bopis("policy", "shadow", *at).returncode == 1
