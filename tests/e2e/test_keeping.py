"""`bopis backup` under load, `bopis restore`, and a service on what was restored."""

import asyncio
import json
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from bopis.adapters import backup as backups
from bopis.adapters.journal_native import JournalEnd, Reached
from bopis.adapters.store_sql import open_store
from bopis.cli.keeping import _parts
from bopis.domain.ledger import CellKey
from bopis.domain.order import Order
from bopis.testing.audit import all_orders, committed_by_orders
from bopis.testing.client import Client, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from tests.e2e import crash_load, small_town
from tests.e2e.command_line import bopis, dumped, json_lines
from tests.e2e.crash_campaign import wait_for_calls
from tests.e2e.crash_load import Load
from tests.e2e.small_town import get_order

pytestmark = pytest.mark.needs_services()

BACKUPS = 2
CUSTOMERS = 6
SEED = 20261126


def customers(load: Load) -> list[threading.Thread]:
    """Customers who place orders, cancel some and follow others to the handover."""

    def shop(number: int) -> None:
        caller, dice = crash_load._Caller(load), random.Random(f"{SEED}/{number}")
        count = 0
        try:
            while not load.done.is_set():
                crash_load._customer(caller, dice, f"order-{number}-{count}")
                count += 1
        except Exception as error:  # noqa: BLE001 - the test shows it
            load.failures.append(repr(error))
        finally:
            caller.close()

    threads = [threading.Thread(target=shop, args=(number,)) for number in range(CUSTOMERS)]
    for thread in threads:
        thread.start()
    return threads


def orders_in(data_folder: Path) -> list[Order]:
    """The orders of a stopped service's store."""
    store = open_store(f"sqlite:///{data_folder / 'orders.sqlite3'}")
    try:
        return asyncio.run(all_orders(store))
    finally:
        store.close()


def assert_orders_and_ledger_agree(data_folder: Path) -> int:
    """What orders hold by their own account is what the ledger has committed, and nothing is held
    beside it; how many orders there are.
    """
    orders = orders_in(data_folder)
    expected = {key: units for key, units in committed_by_orders(orders).items() if units}
    done = bopis("rebuild", str(data_folder), "--cells")
    assert done.returncode == 0, done.stderr
    cells = json_lines(done.stdout)
    found = {
        CellKey(one["node_id"], one["sku"], one["window_start_s"]): one["committed"]
        for one in cells
        if one["committed"]
    }
    assert found == expected
    assert not [one for one in cells if one["held"]]
    return len(orders)


@contextmanager
def town_of_customers(folder: Path) -> Iterator[Load]:
    """A served town whose customers never rest; afterwards the server is stopped in order."""
    with serving(folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            small_town.bring_in(
                Client(channel), on_hand={("east", "apple"): 1_000_000}, pick_lines_per_hour=10**6
            )
        load = Load(server)
        load.up.set()
        threads = customers(load)
        try:
            yield load
        finally:
            load.done.set()
            for thread in threads:
                thread.join(60)
        assert not load.failures, load.failures
        assert server.terminate() == 0


def test_a_backup_under_load_is_one_moment_of_orders_and_ledger(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("backups")
    acknowledged: list[set[str]] = []
    with town_of_customers(folder) as load:
        for number in range(BACKUPS):
            wait_for_calls(load, 40)
            acknowledged.append(set(load.expected.orders))
            words = (str(folder / f"backup-{number}"), "--data", str(load.server.data))
            made = bopis("backup", *words)
            assert made.returncode == 0, made.stderr
    assert_orders_and_ledger_agree(folder / "data")
    original = dumped(folder / "data")
    for number, placed in enumerate(acknowledged):
        restored = folder / f"restored-{number}"
        words = (str(folder / f"backup-{number}"), "--data", str(restored / "data"))
        done = bopis("restore", *words, "--json")
        assert done.returncode == 0, done.stderr
        sequence = json.loads(done.stdout)["sequence"]
        assert dumped(restored / "data") == original[:sequence]
        with serving(restored, options=small_town.CLOCK) as server:
            assert_every_order_is_there(server, placed)
            assert server.terminate() == 0
        assert assert_orders_and_ledger_agree(restored / "data") >= len(placed) > 0
        assert bopis("verify", str(restored / "data")).returncode == 0


def test_copies_of_two_moments_are_found_out(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check above can fail: without the cut, acts stand in the journal whose intents are not
    in the order store, and orders that were cancelled since are promised still.
    """
    folder = tmp_path_factory.mktemp("moments")
    monkeypatch.setattr(backups, "_no_commits", lambda _orders: nullcontext())
    with town_of_customers(folder) as load:
        wait_for_calls(load, 40)

        class LaterEnd(JournalEnd):
            def reached(self) -> Reached:
                wait_for_calls(load, 60)
                return super().reached()

        monkeypatch.setattr(backups, "JournalEnd", LaterEnd)
        backups.back_up(load.server.data, folder / "backup", parts=_parts())
    words = (str(folder / "backup"), "--data", str(folder / "restored/data"))
    assert bopis("restore", *words).returncode == 0
    with serving(folder / "restored", options=small_town.CLOCK) as server:
        assert server.terminate() == 0
    with pytest.raises(AssertionError):
        assert_orders_and_ledger_agree(folder / "restored/data")


def assert_every_order_is_there(server: ServerProcess, placed: set[str]) -> None:
    with server.channel() as channel:
        client = Client(channel)
        for order_id in placed:
            assert get_order(client, order_id).order_id == order_id


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a small town whose service had been stopped."""
    folder = tmp_path_factory.mktemp("stopped")
    with serving(folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            small_town.bring_in(Client(channel))
        assert server.terminate() == 0
    done = bopis("backup", str(folder / "backup"), "--data", str(folder / "data"))
    assert done.returncode == 0, done.stderr
    return folder / "backup"


def test_a_backup_is_not_written_over_another_or_restored_over_a_service(
    backup: Path, tmp_path: Path
) -> None:
    assert bopis("backup", str(backup), "--data", str(backup.parent / "data")).returncode == 2
    (tmp_path / "something").touch()
    done = bopis("restore", str(backup), "--data", str(tmp_path))
    assert done.returncode == 2
    assert "not empty" in done.stderr


@pytest.mark.parametrize("part", ["orders.sqlite3", "pickup_codes.key", "*.journal"])
@pytest.mark.parametrize("fault", ["flipped", "shortened", "missing"])
def test_a_changed_backup_is_refused_by_name(
    backup: Path, tmp_path: Path, part: str, fault: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    [victim] = copy.rglob(part)
    content = bytearray(victim.read_bytes())
    if fault == "flipped":
        content[len(content) // 2] ^= 1
    victim.write_bytes(content[:-1] if fault == "shortened" else content)
    if fault == "missing":
        victim.unlink()
    done = bopis("restore", str(copy), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert victim.name in done.stderr
    assert not list((tmp_path / "data").iterdir()), "nothing is restored"
    assert not (tmp_path / "data.aside").exists(), "nothing stays beside it"


def test_an_unfinished_backup_is_refused(backup: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    (copy / "backup.json").unlink()
    done = bopis("restore", str(copy), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "no finished backup" in done.stderr


def fill_a_segment(client: Client, journal: Path) -> Path:
    """Large acts, until a second segment is begun; the first, with room for no other act."""
    request = inventory.BatchReserveRequest()
    for _ in range(700):
        item = request.items.add()
        item.ttl.seconds = 3_600
        item.lines.add(node_id="east", sku="apple", quantity=1)
    first = journal / "segment-00000000000000000001.journal"
    while len(list(journal.glob("segment-*.journal"))) < 3:  # One is made ahead.
        request.request_id = new_uuid()
        for item in request.items:
            item.reservation_id = new_uuid()
        client.inventory.BatchReserve(request, timeout=small_town.CALL_S)
    return first


def test_full_segments_are_backed_up_with_the_room_that_they_have_left(tmp_path: Path) -> None:
    options = (*small_town.CLOCK, "--segment-mib", "1", "--snapshot-segments", "0")
    with serving(tmp_path, options=options) as server, server.channel() as channel:
        client = Client(channel)
        small_town.bring_in(client)
        full = fill_a_segment(client, server.data / "ledger" / "journal")
        assert full.read_bytes().endswith(bytes(8_192)), "no frame ends where the file does"
        made = bopis("backup", str(tmp_path / "backup"), "--data", str(server.data))
        assert made.returncode == 0, made.stderr
    restored = tmp_path / "restored" / "data"
    done = bopis("restore", str(tmp_path / "backup"), "--data", str(restored))
    assert done.returncode == 0, done.stderr
    verified = bopis("verify", str(restored))
    assert verified.returncode == 0, verified.stderr
    assert (restored / "ledger" / "journal" / full.name).read_bytes() == full.read_bytes()
    with serving(tmp_path / "restored", options=options) as again:
        assert again.terminate() == 0
