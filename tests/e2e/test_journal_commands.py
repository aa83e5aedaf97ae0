"""`bopis journal`, `verify` and `rebuild` as people use them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bopis.testing.client import Client, eventually, new_uuid
from bopis.testing.server import serving
from bopis.v1 import inventory_service_pb2 as inventory
from tests.e2e import small_town
from tests.e2e.command_line import bopis, dumped, json_lines
from tests.e2e.small_town import CALL_S, order_request, place

pytestmark = pytest.mark.needs_services()


def reserve(client: Client, quantity: int = 1) -> tuple[str, inventory.ReserveResponse]:
    """Holds apples in the east; the request id and the answer."""
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.ttl.seconds = 3_600
    request.lines.add(node_id="east", sku="apple", quantity=quantity)
    return request.request_id, client.inventory.Reserve(request, timeout=CALL_S)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Any]]]:
    """The data folder of a service that was stopped, and the reserve calls it had answered."""
    answered = []
    with serving(tmp_path_factory.mktemp("journal"), options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            place(client, order_request("dumped"))
            answered += [reserve(client, 2), reserve(client, 1_000)]
        assert server.terminate() == 0
        yield server.data, answered


def test_a_dump_has_every_record_in_order_with_names(stopped: tuple[Path, list[Any]]) -> None:
    folder, [(granted_id, granted), (refused_id, refused)] = stopped
    records = dumped(folder)
    assert [record["sequence"] for record in records] == list(range(1, len(records) + 1))
    assert all(record["now_ms"] >= 0 and record["wall_ms"] > 0 for record in records)
    by_id = {record.get("request_id"): record for record in records}
    hold = by_id[granted_id]
    assert hold["sequence"] == granted.position.sequence
    [command] = hold["commands"]
    assert command["type"] == "hold"
    assert command["lines"] == [{"node_id": "east", "sku": "apple", "quantity": 2}]
    [outcome] = hold["outcomes"]
    assert (outcome["type"], outcome["state"]) == ("reservation", "HELD")
    assert outcome["reservation_id"] == granted.reservation.reservation_id
    [outcome] = by_id[refused_id]["outcomes"]
    [shortage] = outcome["shortages"]
    told = refused.insufficient.shortages[0]
    assert shortage["requested"] == told.requested_quantity == 1_000
    assert shortage["available"] == told.available_quantity


def test_a_dump_can_be_cut_at_both_ends(stopped: tuple[Path, list[Any]]) -> None:
    folder, _ = stopped
    everything = dumped(folder)
    assert dumped(folder, "--from", "3", "--to", "7") == everything[2:7]
    assert dumped(folder, "--from", str(len(everything) + 1)) == []


def test_a_dump_of_a_damaged_journal_names_the_place(
    stopped: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    folder, _ = stopped
    [segment, *_] = sorted(folder.rglob("*.journal"))
    content = bytearray(segment.read_bytes())
    content[4_096 + 64] ^= 0x10
    copy = tmp_path / "ledger/journal" / segment.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(content)
    done = bopis("journal", "dump", str(tmp_path))
    assert done.returncode == 1
    assert f"{segment.name} is damaged at byte 4096" in done.stderr


def test_verify_says_nothing_when_the_journal_agrees(stopped: tuple[Path, list[Any]]) -> None:
    folder, _ = stopped
    done = bopis("verify", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verify_reads_a_copy_that_has_nothing_but_the_journal(
    stopped: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    folder, _ = stopped
    copy = tmp_path / "ledger/journal"
    copy.mkdir(parents=True)
    for segment in folder.rglob("*.journal"):
        (copy / segment.name).write_bytes(segment.read_bytes())
    before = sorted(tmp_path.rglob("*"))
    assert bopis("verify", str(tmp_path)).returncode == 0
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"


def test_rebuilt_counters_are_those_that_were_served(
    stopped: tuple[Path, list[Any]],
) -> None:
    folder, _ = stopped
    done = bopis("rebuild", str(folder), "--cells")
    assert done.returncode == 0, done.stderr
    cells = {(one["node_id"], one["sku"]): one for one in json_lines(done.stdout)}
    stock = dict(small_town.ON_HAND.items())
    assert {key: cells[key]["on_hand"] for key in stock} == stock
    assert sum(one["held"] for one in cells.values()) == 2
    assert sum(one["committed"] for key, one in cells.items() if key[1] == "apple") == 1
    report = json.loads(bopis("rebuild", str(folder), "--json").stdout)
    drained = json.loads((folder / "ledger/drained.json").read_text("utf-8"))
    assert report["as_drained"] is True
    assert report["state_hash"] == drained["state_hash"]


def test_a_state_other_than_the_drained_one_is_found_by_rebuild(
    stopped: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    folder, _ = stopped
    copy = tmp_path / "ledger"
    (copy / "journal").mkdir(parents=True)
    for segment in folder.rglob("*.journal"):
        (copy / "journal" / segment.name).write_bytes(segment.read_bytes())
    drained = json.loads((folder / "ledger/drained.json").read_text("utf-8"))
    drained["state_hash"] = f"{int(drained['state_hash'], 16) ^ 1:032x}"
    (copy / "drained.json").write_text(json.dumps(drained), "utf-8")
    assert bopis("rebuild", str(tmp_path)).returncode == 1


def test_follow_shows_each_record_once_over_a_kill(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("follow")
    with serving(folder, options=small_town.CLOCK) as server:
        seen = folder / "seen.jsonl"
        words = [sys.executable, "-m", "bopis.cli", "journal", "follow", str(server.data)]
        with seen.open("wb") as out:
            following = subprocess.Popen([*words, "--from", "1"], stdout=out)
        try:
            with server.channel() as channel:
                small_town.bring_in(Client(channel))
                told = [reserve(Client(channel))[1].position.sequence for _ in range(5)]
            eventually(lambda: True if told[-1] in shown(seen) else None)
            server.kill()
            server.start()
            with server.channel() as channel:
                last = reserve(Client(channel))[1].position.sequence
            eventually(lambda: True if shown(seen)[-1:] == [last] else None)
        finally:
            following.terminate()
            following.wait()
        assert shown(seen) == list(range(1, last + 1))
        assert server.terminate() == 0
        assert json_lines(seen.read_text("utf-8")) == dumped(server.data)[:last]


def shown(path: Path) -> list[int]:
    """The sequences of the whole lines so far."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line)["sequence"] for line in lines if line.endswith("\n")]
