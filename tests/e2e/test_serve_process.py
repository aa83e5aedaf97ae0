"""The process: options, one per folder, drain on SIGTERM, and what it leaves behind."""

import json
import shutil
import stat
import threading
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from bopis.testing.client import Client, eventually, new_uuid, notifications, refused
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from tests.e2e import small_town
from tests.e2e.command_line import bopis
from tests.e2e.small_town import CALL_S, get_order, order_request, place

pytestmark = pytest.mark.needs_services()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--port", "70000"), "--port"),
        (("--time-scale", "0"), "--time-scale"),
        (("--time-scale", "nan"), "--time-scale"),
        (("--time-origin", "2026"), "--time-origin"),
        (("--time-origin", "2026-03-03T08:00:00"), "--time-origin"),
        (("--policy", "nowhere.toml"), "--policy"),
        (("--policy-level", "lavish"), "--policy-level"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    done = bopis("serve", "--data", str(tmp_path / "data"), *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"bopis: {complaint}: ")
    assert not done.stdout
    assert not (tmp_path / "data").exists()


def test_a_policy_with_a_misspelt_key_is_refused_by_name(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    shipped = Path(__file__).parents[2] / "bopis/policy/default.toml"
    policy.write_text(shipped.read_text("utf-8") + "\n[more]\nmystery = 1\n", "utf-8")
    done = bopis("serve", "--data", str(tmp_path / "data"), "--policy", str(policy))
    assert done.returncode == 1
    assert "more.mystery" in done.stderr


def test_a_second_process_on_the_same_folder_does_not_start(server: ServerProcess) -> None:
    done = bopis("serve", "--data", str(server.data), "--port", "0")
    assert done.returncode == 1
    assert "locked" in done.stderr
    refused_too = bopis("verify", str(server.data))
    assert refused_too.returncode == 2


def test_a_port_that_is_taken_is_named(server: ServerProcess, tmp_path: Path) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    words = ("--data", str(tmp_path / "data"), "--port", str(server.port))
    done = bopis("serve", *words, temporary=temporary)
    assert done.returncode == 1
    assert str(server.port) in done.stderr
    assert not list(temporary.iterdir())
    assert not (tmp_path / "data").exists(), "nothing is begun"


@pytest.mark.parametrize("lost", ["ledger", "orders.sqlite3", "pickup_codes.key"])
def test_a_folder_that_lost_a_part_is_refused(tmp_path: Path, lost: str) -> None:
    with serving(tmp_path) as served:
        with served.channel() as channel:
            small_town.bring_in(Client(channel))
        assert served.terminate() == 0
        gone = served.data / lost
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        done = bopis("serve", "--data", str(served.data), "--port", "0")
    assert done.returncode == 1
    assert lost in done.stderr
    assert "Traceback" not in done.stderr


def test_an_order_store_that_is_none_is_named(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert served.terminate() == 0
        for path in served.data.glob("orders.sqlite3*"):
            path.write_bytes(b"no database" * 1000)
        done = bopis("serve", "--data", str(served.data), "--port", "0")
    assert done.returncode == 1
    assert "orders.sqlite3" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_kept_is_nobody_elses_to_read(server: ServerProcess) -> None:
    kept = [path for path in server.data.rglob("*") if path.is_file()]
    assert {path.name for path in kept} >= {"orders.sqlite3", "pickup_codes.key"}
    readable = [path.name for path in kept if path.stat().st_mode & 0o077]
    assert readable == []


def test_health_and_reflection_answer_at_the_same_address(client: Client) -> None:
    health = health_pb2_grpc.HealthStub(client.channel)
    for service in ("", "bopis.v1.OrderService", "bopis.v1.InventoryService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=CALL_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    [listed] = list(reflection.ServerReflectionInfo(asked, timeout=CALL_S))
    names = {one.name for one in listed.list_services_response.service}
    assert {
        "bopis.v1.InventoryService",
        "bopis.v1.StockService",
        "bopis.v1.OrderService",
        "bopis.v1.PickService",
        "bopis.v1.PickupService",
        "bopis.v1.StoreService",
        "bopis.v1.CatalogService",
        "bopis.v1.AllocationService",
        "google.longrunning.Operations",
    } <= names


def test_files_with_secrets_belong_to_their_owner_only(server: ServerProcess) -> None:
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    for name in ("pickup_codes.key", "notifications.jsonl"):
        assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600


def test_a_pickup_code_is_nowhere_but_in_the_sink(server: ServerProcess, client: Client) -> None:
    order = place(client, order_request("secret-1"))
    small_town.make_ready(client, order)
    code = eventually(
        lambda: next(
            (
                str(line["pickup_code"])
                for line in notifications(server.data)
                if line["kind"] == "READY" and line["order_id"] == "secret-1"
            ),
            None,
        )
    )
    needle = f'"{code}"'.encode()
    for path in [*server.data.rglob("*"), server.log]:
        if path.is_file() and path.name != "notifications.jsonl":
            assert needle not in path.read_bytes(), path


def test_sigterm_drains_and_a_fresh_process_finds_the_same_state(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("drain"), options=small_town.CLOCK) as server:
        answered: list[orders.Order] = []
        refusals: list[str] = []
        begun = threading.Event()

        def customer(number: int) -> None:
            with server.channel() as channel:
                client = Client(channel)
                for index in range(10_000):
                    try:
                        answered.append(place(client, order_request(f"drain-{number}-{index}")))
                    except grpc.RpcError as error:
                        refusals.append(error.code().name)
                        return
                    begun.set()

        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(
                client,
                on_hand={("east", "apple"): 100_000},
                pick_lines_per_hour=1_000_000,
            )
            watch = client.pick.WatchPickTasks(pick.WatchPickTasksRequest(node_id="west"))
            threads = [threading.Thread(target=customer, args=(one,)) for one in range(6)]
            for thread in threads:
                thread.start()
            assert begun.wait(30)
            assert server.terminate() == 0
            for thread in threads:
                thread.join(30)
            with pytest.raises(grpc.RpcError) as ended:
                for _ in watch:
                    pass
            assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert set(refusals) == {"UNAVAILABLE"}
        drained = server.drained()
        verified = bopis("verify", str(server.data), "--json")
        assert verified.returncode == 0, verified.stderr
        report = json.loads(verified.stdout)
        for key in ("journal_id", "state_hash"):
            assert str(report[key]).replace("-", "") == str(drained[key]).replace("-", "")
        server.start()
        with server.channel() as channel:
            client = Client(channel)
            for order in answered:
                assert get_order(client, order.order_id) == order
            committed = small_town.cell(client, "east", "apple").committed
            assert committed == len(answered)
        assert server.terminate() == 0


def test_a_damaged_journal_is_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory.mktemp("damage"), options=small_town.CLOCK) as server:
        with server.channel() as channel:
            small_town.bring_in(Client(channel))
        assert server.terminate() == 0
        [segment, *_] = sorted(server.data.rglob("*.journal"))
        content = bytearray(segment.read_bytes())
        content[4_096 + 64] ^= 0x10
        segment.write_bytes(content)
        done = bopis("verify", str(server.data))
        assert done.returncode == 1
        assert "offset" in done.stderr or "byte" in done.stderr
        started = bopis("serve", "--data", str(server.data), "--port", "0")
        assert started.returncode == 1


def test_a_hold_that_was_granted_before_a_stop_does_not_expire_while_it_is_down(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    clock = ("--time-origin", small_town.TIME_ORIGIN, "--time-scale", "600")
    with serving(tmp_path_factory.mktemp("downtime"), options=clock) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            request = inventory.ReserveRequest(request_id=new_uuid())
            request.ttl.seconds = 3_600
            request.lines.add(node_id="east", sku="apple", quantity=1)
            held = client.inventory.Reserve(request, timeout=CALL_S).reservation
        server.terminate()
        server.start(options=("--time-scale", "1"))
        with server.channel() as channel:
            client = Client(channel)
            ask = inventory.GetReservationRequest(reservation_id=held.reservation_id)
            found = client.inventory.GetReservation(ask, timeout=CALL_S).reservation
            assert found.state == inventory.Reservation.STATE_HELD
        server.terminate()


def test_notifications_can_be_looked_at(server: ServerProcess, client: Client) -> None:
    place(client, order_request("told-1"))
    eventually(
        lambda: (
            True
            if any(line["order_id"] == "told-1" for line in notifications(server.data))
            else None
        )
    )
    done = bopis("notifications", str(server.data))
    assert done.returncode == 0
    assert "order told-1" in done.stdout
    with refused() as errors:
        get_order(client, "untold")
    assert errors[0].reason == "ORDER_NOT_FOUND"
