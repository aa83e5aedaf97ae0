"""Re-allocation as planners use it: watched, cancelled, proposed, approved, proven, done again; and
the optimizer's process stopped or killed meanwhile.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.longrunning import operations_pb2
from google.rpc import code_pb2

from bopis.testing.client import Client, eventually, new_uuid, refused
from bopis.testing.server import ServerProcess, serving
from bopis.testing.shop import default_policy_text
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import policy_service_pb2 as policies
from bopis.v1 import reallocation_service_pb2 as moves
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S, SHIP, cell, get_order, order_request, place

pytestmark = pytest.mark.needs_services()

ORDERS = 12


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of its own for each test: the optimizer's process is stopped and killed in them."""
    with serving(tmp_path, options=small_town.CLOCK) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel))
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with server.channel() as channel:
        yield Client(channel)


def shipped_from_afar(client: Client, orders: int = ORDERS, *, units: int = 100) -> None:
    """Orders that the far warehouse ships; then the goods come in next door."""
    for number in range(orders):
        order = place(client, order_request(f"far-{number}", sku="candle", method=SHIP))
        assert order.fulfillment_orders[0].node_id == "hub"
    feed = stock.ImportStockRequest(request_id=new_uuid())
    feed.levels.add(node_id="east", sku="candle", on_hand=units)
    client.stock.ImportStock(iter([feed]), timeout=CALL_S)


def begin(client: Client, *, seconds: float = 1.0, dry_run: bool = False) -> str:
    request = allocation.ReallocateRequest(request_id=new_uuid(), dry_run=dry_run)
    request.time_limit.FromMilliseconds(round(seconds * 1_000))
    return client.allocation.Reallocate(request, timeout=CALL_S).name


def wait(client: Client, name: str, *, seconds: float = 60.0) -> operations_pb2.Operation:
    asked = operations_pb2.WaitOperationRequest(name=name)
    asked.timeout.FromMilliseconds(round(seconds * 1_000))
    return client.operations.WaitOperation(asked, timeout=seconds + 30)


def response_of(done: operations_pb2.Operation) -> allocation.ReallocateResponse:
    assert done.done
    assert not done.HasField("error"), done.error.message
    response = allocation.ReallocateResponse()
    assert done.response.Unpack(response)
    return response


def metadata_of(operation: operations_pb2.Operation) -> allocation.ReallocateMetadata:
    metadata = allocation.ReallocateMetadata()
    assert operation.metadata.Unpack(metadata)
    return metadata


def solver_of(server: ServerProcess) -> int | None:
    """The process of the optimizer that the server started."""
    assert server.process is not None
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == server.process.pid and b"solver.worker" in words:
            return int(folder.name)
    return None


def stopped_when_idle(server: ServerProcess) -> int:
    """The optimizer's process, stopped as soon as it takes only what nobody else needs: it would
    be done in no time.
    """
    pid = eventually(lambda: solver_of(server))
    os.kill(pid, signal.SIGSTOP)
    for _ in range(2_000):
        if os.sched_getscheduler(pid) == os.SCHED_IDLE:
            return pid
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.005)
        os.kill(pid, signal.SIGSTOP)
    raise AssertionError("the optimizer is not in the idle class")


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def bopis(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bopis.cli", *words],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def told(*words: str) -> dict[str, Any]:
    done = bopis(*words, "--json")
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_a_reallocation_shows_where_the_optimizer_is_and_moves_what_gains(
    server: ServerProcess, client: Client
) -> None:
    shipped_from_afar(client)
    name = begin(client, seconds=5)
    seen = eventually(
        lambda: at if (at := metadata_of(wait(client, name, seconds=0.02))).step else None
    )
    assert seen.considered_count == ORDERS
    assert seen.time_limit.seconds == 5
    response = response_of(wait(client, name))
    assert response.moved_count == ORDERS
    assert response.step not in ("", "GREEDY")
    assert response.HasField("bound")
    assert solver_of(server) is None
    assert {
        get_order(client, f"far-{n}").fulfillment_orders[-1].node_id for n in range(ORDERS)
    } == {"east"}
    listed = client.operations.ListOperations(
        operations_pb2.ListOperationsRequest(name="operations"), timeout=CALL_S
    )
    assert [one.name for one in listed.operations] == [name]


@pytest.mark.parametrize("is_hung", [False, True], ids=["optimizer", "greedy"])
def test_a_day_that_takes_five_orders_gets_five_and_none_is_refused_when_they_move(
    server: ServerProcess, client: Client, *, is_hung: bool
) -> None:
    shipped_from_afar(client)
    hub = [get_order(client, f"far-{n}").fulfillment_orders[-1] for n in range(ORDERS)]
    assert len({one.ready_by_time.seconds // 86_400 for one in hub}) == 1
    limit = '[groups.next_door]\nnode_ids=["east"]\n[[rules.nodes]]\nname="few"\n'
    limit += 'group="next_door"\nparcels_per_day_max=5'
    request = policies.SetPolicyRequest(
        request_id=new_uuid(),
        text=f"{default_policy_text()}\n{limit}",
        planner_id="ann",
        why="a test",
    )
    client.policies.SetPolicy(request, timeout=CALL_S)
    name = begin(client, seconds=0.5 if is_hung else 1.0)
    if is_hung:
        os.kill(eventually(lambda: solver_of(server)), signal.SIGSTOP)
    response = response_of(wait(client, name))
    assert (response.step == "GREEDY") is is_hung
    groups = [get_order(client, f"far-{n}").fulfillment_orders[-1] for n in range(ORDERS)]
    east = [one.ready_by_time.seconds for one in groups if one.node_id == "east"]
    days = Counter((ready_s - 1) // 86_400 for ready_s in east)
    assert max(days.values()) == 5
    # What was proposed is what was done: no move was refused at its day.
    assert (response.moved_count, response.race_lost_count) == (len(east), 0)
    assert is_hung or response.gap < 0.01


def test_a_cancelled_reallocation_stops_soon_and_moves_nothing(
    server: ServerProcess, client: Client
) -> None:
    shipped_from_afar(client)
    before = [get_order(client, f"far-{number}") for number in range(ORDERS)]
    # All orders are proven best in no time: the optimizer is held up, so as to be cancelled in it.
    name = begin(client, seconds=60)
    pid = stopped_when_idle(server)
    began = time.monotonic()
    client.operations.CancelOperation(
        operations_pb2.CancelOperationRequest(name=name), timeout=CALL_S
    )
    done = wait(client, name, seconds=10)
    took_s = time.monotonic() - began
    assert done.done
    assert done.error.code == code_pb2.CANCELLED
    assert took_s < 3.0, "a fraction of a second where nothing else runs"
    assert eventually(lambda: is_gone(pid) or None)
    assert [get_order(client, f"far-{number}") for number in range(ORDERS)] == before
    # The next one is served by another process.
    assert response_of(wait(client, begin(client))).moved_count == ORDERS


def test_ctrl_c_at_the_command_cancels_the_operation(server: ServerProcess, client: Client) -> None:
    shipped_from_afar(client)
    command = subprocess.Popen(
        [sys.executable, "-m", "bopis.cli", "reallocate", "--address", server.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = eventually(lambda: solver_of(server))
    os.kill(pid, signal.SIGSTOP)
    listed = operations_pb2.ListOperationsRequest(name="operations")
    [running] = client.operations.ListOperations(listed, timeout=CALL_S).operations
    assert not wait(client, running.name, seconds=1.0).done
    command.send_signal(signal.SIGINT)
    out, said = command.communicate(timeout=30)
    assert (command.returncode, out) == (1, "")
    assert "cancelled: nothing was moved" in said
    assert wait(client, running.name, seconds=1.0).error.code == code_pb2.CANCELLED
    assert eventually(lambda: is_gone(pid) or None)


def test_an_optimizer_that_hangs_is_killed_and_orders_are_planned_without_it(
    server: ServerProcess, client: Client
) -> None:
    shipped_from_afar(client)
    name = begin(client, seconds=0.5)
    pid = eventually(lambda: solver_of(server))
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    response = response_of(wait(client, name, seconds=60))
    # Its time limit and more, as one that is at work has, would be 15.6 s.
    assert time.monotonic() - began < 10
    assert response.step == "GREEDY"
    assert "the optimizer hangs" in response.greedy_reason
    assert not response.HasField("bound")
    assert response.moved_count == ORDERS
    assert response.cost_after.units < response.cost_before.units
    assert eventually(lambda: is_gone(pid) or None)
    assert {
        get_order(client, f"far-{n}").fulfillment_orders[-1].node_id for n in range(ORDERS)
    } == {"east"}
    with refused() as errors:
        list(
            client.reallocations.DownloadCertificate(
                moves.DownloadCertificateRequest(operation=name), timeout=CALL_S
            )
        )
    assert errors[0].reason == "OPERATION_NOT_FOUND"


def test_without_the_optimizer_no_unit_is_promised_twice(
    server: ServerProcess, client: Client
) -> None:
    shipped_from_afar(client, units=5)
    name = begin(client, seconds=0.5)
    os.kill(eventually(lambda: solver_of(server)), signal.SIGKILL)
    response = response_of(wait(client, name))
    # What last units are worth to others counts here: not all five need be taken.
    assert response.step == "GREEDY"
    assert response.greedy_reason == "the optimizer's process died (signal 9)"
    assert 0 < response.moved_count <= 5
    assert response.race_lost_count == 0
    assert cell(client, "east", "candle").committed == response.moved_count


def test_moves_are_proposed_written_down_and_approved_by_the_command_line(
    server: ServerProcess, client: Client, tmp_path: Path
) -> None:
    shipped_from_afar(client)
    at = ("--address", server.address)
    table, proof = tmp_path / "moves.csv", tmp_path / "proof"
    proposed = told(
        *("reallocate", *at, "--dry-run", "--time-limit", "1"),
        *("--out", str(table), "--certificate", str(proof)),
    )
    assert (proposed["proposed"], proposed["moved"]) == (ORDERS, 0)
    operation = proposed["operation"]
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert sorted({row["order_id"] for row in rows}) == sorted(f"far-{n}" for n in range(ORDERS))
    assert {(row["from_node_id"], row["to_node_id"]) for row in rows} == {("hub", "east")}
    assert all(row["from_ready_by"] > row["to_window_start"] < row["to_ready_by"] for row in rows)
    saved = sum({row["move_id"]: float(row["move_saving"]) for row in rows}.values())
    assert saved == pytest.approx(proposed["cost_before"] - proposed["cost_after"])
    assert {
        get_order(client, f"far-{n}").fulfillment_orders[-1].node_id for n in range(ORDERS)
    } == {"hub"}
    proven = bopis("certificate", str(proof))
    assert proven.returncode == 0, proven.stdout + proven.stderr
    assert "DISAGREES" not in proven.stdout
    replayed = bopis("replay", operation, "--data", str(server.data))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "the same to the byte" in replayed.stdout
    chosen = told("reallocate", *at, "--apply", operation, "--only", "1,3-4")
    assert (chosen["moves"], chosen["refused"]) == (3, 0)
    first = {row["order_id"] for row in rows if row["move_id"] in {"1", "3", "4"}}
    for row in rows:
        node_id = get_order(client, row["order_id"]).fulfillment_orders[-1].node_id
        assert node_id == ("east" if row["order_id"] in first else "hub")
    # One of the others is being picked: it is told, and the rest is made.
    other = next(row for row in rows if row["order_id"] not in first)
    small_town.claim(client, f"{other['order_id']}/1/pick")
    rest = told("reallocate", *at, "--apply", operation)
    assert (rest["moves"], rest["refused"]) == (ORDERS - 1, 1)
    assert rest["refused_moves"] == [
        {
            "move_id": int(other["move_id"]),
            "order_id": other["order_id"],
            "why": "the order changed",
        }
    ]


def test_the_name_that_apply_takes_is_told_whole_on_a_narrow_terminal(
    server: ServerProcess, client: Client
) -> None:
    shipped_from_afar(client)
    shown = bopis("reallocate", "--address", server.address, "--dry-run", "--time-limit", "1")
    assert shown.returncode == 0, shown.stderr
    name = shown.stdout.splitlines()[-1]
    applied = bopis("reallocate", "--address", server.address, "--apply", name, "--only", "2-3")
    assert applied.returncode == 0, applied.stderr
    assert "moves made" in applied.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--only", "1"], 2, "--only goes with --apply"),
        (["--apply", "operations/x", "--only", "0"], 2, "is no number of a move"),
        (["--apply", "operations/x", "--only", "2-1"], 2, "is no number of a move"),
        (["--apply", "operations/x", "--dry-run"], 2, "--apply makes moves"),
        (["--apply", "operations/x"], 1, "NOT_FOUND"),
        (["--apply", "x"], 1, "NOT_FOUND"),
        (["--out", "moves.txt"], 2, "must end with .csv or .parquet"),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_line(
    server: ServerProcess, words: list[str], code: int, said: str
) -> None:
    done = bopis("reallocate", "--address", server.address, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_killed_while_moves_are_made_orders_and_ledger_agree_and_the_rest_can_be_made(
    server: ServerProcess, client: Client
) -> None:
    orders = 60
    shipped_from_afar(client, orders)
    name = begin(client, dry_run=True)
    assert response_of(wait(client, name)).moved_count == orders
    request = moves.ApplyReallocationRequest(request_id=new_uuid(), operation=name)
    begun = client.reallocations.ApplyReallocation(request, timeout=CALL_S).name
    eventually(lambda: metadata_of(wait(client, begun, seconds=0.0)).done_move_count >= 5 or None)
    server.kill()
    server.start()
    with server.channel() as channel:
        again = Client(channel)
        cut_off = wait(again, begun, seconds=5)
        assert cut_off.error.code == code_pb2.UNAVAILABLE
        moved = _books_agree(again, orders)
        assert 0 < moved < orders
        # The same approval once more: what was made is not made again.
        request.request_id = new_uuid()
        done = wait(again, again.reallocations.ApplyReallocation(request, timeout=CALL_S).name)
        applied = moves.ApplyReallocationResponse()
        assert done.response.Unpack(applied)
        assert (applied.moved_count, applied.refused_count) == (orders, 0)
        assert _books_agree(again, orders) == orders


def _books_agree(client: Client, orders: int) -> int:
    """Every order's units are committed where it is, and nowhere else; how many are at the east."""
    counted: Counter[str] = Counter()
    for number in range(orders):
        groups = get_order(client, f"far-{number}").fulfillment_orders
        counted.update(group.node_id for group in groups)
    assert counted.total() == orders
    for node_id in ("hub", "east"):
        request = inventory.GetAvailabilityRequest(node_id=node_id, sku="candle")
        found = client.inventory.GetAvailability(request, timeout=CALL_S).availability
        assert found.committed == counted[node_id]
    return counted["east"]
