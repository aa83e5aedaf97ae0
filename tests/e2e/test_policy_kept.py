"""Policies over restarts, and the commands for them."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from bopis.testing.client import Client, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.testing.shop import default_policy_text
from bopis.v1 import policy_pb2 as values
from bopis.v1 import policy_service_pb2 as pb
from tests.e2e import small_town
from tests.e2e.command_line import bopis, json_lines
from tests.e2e.small_town import PICKUP, order_request, place

EXCLUDED = """
[[rules.nodes]]
name = "no {node}"
group = "all"
pickup = false
[groups.one]
node_ids = ["{node}"]
"""
GUIDE = Path(__file__).parents[2] / "docs/guides"


def without(node: str) -> str:
    text = EXCLUDED.format(node=node).replace('group = "all"', 'group = "one"')
    return default_policy_text() + text


def who(server: ServerProcess) -> str:
    """Which node an order for apples goes to now."""
    with server.channel() as channel:
        order = place(Client(channel), order_request())
    return order.fulfillment_orders[0].node_id


def test_what_was_set_is_live_after_a_restart_unless_the_file_is_another_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(default_policy_text(), "utf-8")
    options = (*small_town.CLOCK, "--policy", str(file))
    with serving(tmp_path, options=options) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            request = pb.SetPolicyRequest(
                request_id=new_uuid(), text=without("east"), planner_id="ann", why="repairs"
            )
            version = client.policies.SetPolicy(request).policy.version
        assert who(server) == "west"
        assert server.terminate() == 0
        server.start()
        assert who(server) == "west"
        with server.channel() as channel:
            client = Client(channel)
            assert client.policies.GetPolicy(pb.GetPolicyRequest()).policy.version == version
            # The answer to a repeat is the first one.
            assert client.policies.SetPolicy(request).policy.version == version
            forbid = pb.ForbidNodeRequest(
                request_id=new_uuid(), node_id="west", sku="apple", planner_id="ann", why="recall"
            )
            client.policies.ForbidNode(forbid)
        server.kill()
        file.write_text(default_policy_text() + "\n# another one\n", "utf-8")
        server.start()
        assert who(server) == "east"
        with server.channel() as channel:
            client = Client(channel)
            listed = client.policies.ListPolicyVersions(pb.ListPolicyVersionsRequest()).versions
            assert [one.planner_id for one in listed] == ["command line", "ann", "command line"]
            [kept] = client.policies.ListOverrides(pb.ListOverridesRequest()).overrides
            assert (kept.node_id, kept.why) == ("west", "recall")


def test_a_crash_between_writing_and_answering_leaves_one_version_and_one_pin(
    tmp_path: Path,
) -> None:
    set_policy = pb.SetPolicyRequest(
        request_id=new_uuid(), text=without("east"), planner_id="ann", why="repairs"
    )
    pin = pb.PinOrderRequest(
        request_id=new_uuid(), order_id="o", node_id="west", planner_id="ann", why="asked for"
    )
    with serving(tmp_path, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            small_town.bring_in(Client(channel))
        for failpoint, rpc, request in (
            ("set_policy.after_version", "SetPolicy", set_policy),
            ("override.after_store", "PinOrder", pin),
        ):
            server.terminate()
            server.environment = {"BOPIS_FAILPOINT": failpoint}
            server.start()
            with server.channel() as channel, pytest.raises(grpc.RpcError):
                getattr(Client(channel).policies, rpc)(request)
            server.wait()
            server.environment = {}
            server.start()
            with server.channel() as channel:
                answer = getattr(Client(channel).policies, rpc)(request)
            # It was this request that set it, whatever came between.
            assert rpc != "SetPolicy" or answer.changed
        with server.channel() as channel:
            client = Client(channel)
            listed = client.policies.ListPolicyVersions(pb.ListPolicyVersionsRequest()).versions
            assert [one.planner_id for one in listed] == ["ann", "command line"]
            assert len(client.policies.ListOverrides(pb.ListOverridesRequest()).overrides) == 1
        assert who(server) == "west"


def test_whether_a_policy_that_is_set_changes_anything_is_answered(tmp_path: Path) -> None:
    def asked(text: str, *, level: str = "", dry: bool = False) -> pb.SetPolicyRequest:
        return pb.SetPolicyRequest(
            request_id=new_uuid(),
            text=text,
            level=values.CostLevel.Value(f"COST_LEVEL_{level}") if level else None,
            planner_id="ann",
            why="repairs",
            validate_only=dry,
        )

    with serving(tmp_path, options=small_town.CLOCK) as server, server.channel() as channel:
        set_policy = Client(channel).policies.SetPolicy
        assert not set_policy(asked(default_policy_text())).changed
        assert set_policy(asked(without("east"), dry=True)).changed
        first = asked(without("east"))
        assert set_policy(first).changed
        for dry in (True, False):
            same = set_policy(asked(without("east"), dry=dry))
            assert (same.changed, same.policy.live) == (False, True)
        assert set_policy(first).changed
        assert set_policy(asked(without("east"), level="HIGH")).changed
        assert set_policy(asked(without("east"), level="BASE")).changed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("server"), options=small_town.CLOCK) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel))
        yield running


def test_a_file_is_checked_without_a_service_and_every_mistake_is_named(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(without("east"), "utf-8")
    done = bopis("policy", "check", str(file))
    assert (done.returncode, "1 node rules" in done.stdout) == (0, True)
    file.write_text(without("east").replace("code_tries = 5", "") + "[more]\nx = 1\n", "utf-8")
    done = bopis("policy", "check", str(file))
    assert done.returncode == 1
    assert {"pickup.code_tries", "more.x"} <= set(done.stderr.split())
    started = bopis("serve", "--data", str(tmp_path / "data"), "--policy", str(file))
    assert started.returncode == 1
    assert {"pickup.code_tries", "more.x"} <= set(started.stderr.replace(";", " ").split())
    assert not (tmp_path / "data").exists()
    assert bopis("policy", "check", str(tmp_path / "none.toml")).returncode == 2


def test_the_policy_is_set_and_shown_by_command(server: ServerProcess, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(without("east"), "utf-8")
    at = ("--address", server.address)
    said = ("--by", "ann", "--why", "repairs", *at)
    dry = bopis("policy", "set", str(file), "--dry-run", *said)
    assert (dry.returncode, json_lines(dry.stdout)[0]["live"]) == (0, False)
    assert who(server) == "east"
    done = bopis("policy", "set", str(file), "--level", "high", *said)
    assert done.returncode == 0, done.stderr
    [row] = json_lines(done.stdout)
    assert (row["level"], row["live"], row["by"], row["why"]) == ("high", True, "ann", "repairs")
    assert who(server) == "west"
    assert done.stderr == ""
    for by, why in (("bea", "mine"), ("ann", "repairs")):
        again = bopis("policy", "set", str(file), "--by", by, "--why", why, *at)
        assert json_lines(again.stdout) == [row]
        assert f"nothing changes: {row['version']} has the same text, set by ann" in again.stderr
    assert bopis("policy", "show", *at).stdout == without("east")
    first = json_lines(bopis("policy", "show", "--versions", *at).stdout)[-1]["version"]
    assert bopis("policy", "show", "--version", first, *at).stdout == default_policy_text()
    assert bopis("policy", "show", "--shipped").stdout == default_policy_text()
    file.write_text("version = 1\n", "utf-8")
    refused = bopis("policy", "set", str(file), *said)
    assert refused.returncode == 1
    assert "INVALID_ARGUMENT" in refused.stderr


def test_hotwaxs_routing_becomes_a_policy_that_a_service_accepts(
    server: ServerProcess, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    made = bopis("policy", "import-hotwax", str(GUIDE / "hotwax-routing.json"), "-o", str(file))
    assert made.returncode == 3
    assert "lost: routing Standard orders, rule Stores nearby, facilitySequence" in made.stderr
    assert bopis("policy", "check", str(file)).returncode == 0
    done = bopis(
        "policy", "set", str(file), "--by", "ann", "--why", "moved", "--address", server.address
    )
    assert done.returncode == 0, done.stderr
    with server.channel() as channel:
        order = place(Client(channel), order_request(method=PICKUP))
        assert order.policy_version.startswith("hotwax-M100051/")
    nothing = bopis("policy", "import-hotwax", str(file), "-o", str(tmp_path / "other.toml"))
    assert nothing.returncode == 2
    assert not (tmp_path / "other.toml").exists()
