"""`bopis replay`: every decision made again from its records, beside the service and on a copy."""

import json
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from bopis.testing.client import Client, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from tests.e2e import small_town
from tests.e2e.small_town import (
    CALL_S,
    HOME,
    PICKUP,
    SHIP,
    cell,
    claim,
    get_order,
    order_request,
    place,
)
from tests.e2e.test_promises import Basket, get
from tests.e2e.test_reallocation_moves import response_of, wait

pytestmark = pytest.mark.needs_services()

ORDERS = 120
ON_HAND = {**small_town.ON_HAND, ("hub", "candle"): 400, ("west", "candle"): 100}


def replay(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bopis.cli", "replay", *words, "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A town whose orders were placed by eight clients at once, so that stock changed under them;
    then it was stopped.
    """
    with serving(tmp_path_factory.mktemp("replay"), options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client, on_hand=ON_HAND)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda number: place(client, some_order(number)), range(ORDERS)))
        yield server


def some_order(number: int) -> orders.CreateOrderRequest:
    dice = Random(number)
    request = order_request(f"some-{number}", method=dice.choice((PICKUP, SHIP)))
    del request.lines[:]
    request.place.CopyFrom(HOME)
    request.consent.ship_home = True
    for line, sku in enumerate(dice.sample(("apple", "bread", "candle"), dice.randint(1, 3)), 1):
        asked = request.lines.add(line_number=line, sku=sku, quantity=dice.randint(1, 2))
        asked.unit_price.currency_code, asked.unit_price.units = "USD", dice.randint(5, 50)
    return request


def test_orders_that_were_placed_are_decided_again_to_the_byte(town: ServerProcess) -> None:
    seen = 0
    with ThreadPoolExecutor(2) as pool:
        names = [f"some-{number}" for number in range(0, ORDERS, 3)]
        for done in pool.map(lambda name: replay(name, data=town.data), names):
            assert done.returncode == 0, done.stdout + done.stderr
            [one] = told(done)
            assert one["same"] is True
            seen = max(seen, one["sequence"])
    assert seen > 10


def test_lines_sourced_anew_after_a_short_pick_are_decided_again_too(town: ServerProcess) -> None:
    with town.channel() as channel:
        client = Client(channel)
        order = place(client, order_request("short-1", sku="candle", method=SHIP))
        task = claim(client, small_town.task_id(order))
        client.pick.ReportShortPick(
            pick.ReportShortPickRequest(
                request_id=new_uuid(),
                pick_task_id=task.pick_task_id,
                line_number=1,
                reason=pick.ReportShortPickRequest.REASON_DAMAGED,
            ),
            timeout=CALL_S,
        )
        assert len(get_order(client, "short-1").fulfillment_orders) == 2
    done = replay("short-1", data=town.data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["same"] for one in told(done)] == [True, True]


def quoted(client: Client, candles: int, order_id: str) -> orders.CreateOrderRequest:
    """An order of what was shown to be possible."""
    basket = Basket((("candle", candles),))
    shown = get(client, basket.options()).options
    return basket.order(next(o.promise_token for o in shown if o.promise_token), order_id=order_id)


def test_a_quoted_order_is_decided_again_too_kept_or_lost(town: ServerProcess) -> None:
    with town.channel() as channel:
        client = Client(channel)
        kept = place(client, quoted(client, 1, "kept"))
        assert kept.quoted_promise.state == orders.QuotedPromise.STATE_KEPT
        # Somebody takes all that is left where this one would collect.
        late = quoted(client, 2, "lost")
        place(client, quoted(client, cell(client, "west", "candle").atp, "all"))
        lost = place(client, late)
        assert lost.quoted_promise.state == orders.QuotedPromise.STATE_NOT_KEPT
    for name in ("kept", "lost"):
        done = replay(name, data=town.data)
        assert done.returncode == 0, done.stdout + done.stderr


def changed_copy(
    town: ServerProcess, folder: Path, order_id: str, change: Callable[[dict[str, Any]], None]
) -> Path:
    """A copy of the data folder whose record of an order's decision somebody changed."""
    data = folder / "data"
    shutil.copytree(town.data, data, ignore=shutil.ignore_patterns("*.lock", "socket*"))
    with sqlite3.connect(data / "orders.sqlite3") as store:
        [(packed,)] = store.execute(
            "SELECT document FROM decisions WHERE order_id = ?", (order_id,)
        ).fetchall()
        record = json.loads(zlib.decompress(packed))
        change(record)
        store.execute(
            "UPDATE decisions SET document = ? WHERE order_id = ?",
            (zlib.compress(json.dumps(record).encode()), order_id),
        )
    store.close()
    return data


def test_a_decision_that_is_not_what_the_record_says_differs_and_is_shown(
    town: ServerProcess, tmp_path: Path
) -> None:
    def dearer(record: dict[str, Any]) -> None:
        record["choice"]["plan"]["cost"]["terms"][0]["amount_micro"] += 1

    done = replay("some-0", data=changed_copy(town, tmp_path, "some-0", dearer))
    assert done.returncode == 1
    [one] = told(done)
    assert one["same"] is False
    assert any(line.startswith("-") and "amount_micro" in line for line in one["diff"])


def test_at_another_moment_of_the_ledger_another_plan_is_chosen(
    town: ServerProcess, tmp_path: Path
) -> None:
    """The state is really made from the journal: before the stock came in there is no plan."""

    def earlier(record: dict[str, Any]) -> None:
        record["sequence"] = 1

    done = replay("some-0", data=changed_copy(town, tmp_path, "some-0", earlier))
    assert done.returncode == 1
    [one] = told(done)
    assert any("NO_STOCK" in line or "unfilled" in line for line in one["diff"])


def test_a_record_behind_the_end_of_the_journal_is_named(
    town: ServerProcess, tmp_path: Path
) -> None:
    def later(record: dict[str, Any]) -> None:
        record["sequence"] = 10**9

    done = replay("some-0", data=changed_copy(town, tmp_path, "some-0", later))
    assert done.returncode == 2
    assert "is older than what names the record" in told(done)[0]["why"]


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "no ledger"])
def test_a_damaged_journal_is_named_as_what_cannot_be_read(
    town: ServerProcess, tmp_path: Path, damage: str
) -> None:
    data = changed_copy(town, tmp_path, "some-90", lambda record: None)
    segment = min((data / "ledger" / "journal").glob("*.journal"))
    content = bytearray(segment.read_bytes())
    content[20_000] ^= 0xFF
    {
        "flipped": lambda: segment.write_bytes(content),
        "cut": lambda: segment.write_bytes(content[:3_000]),
        "missing": segment.unlink,
        "no ledger": lambda: shutil.rmtree(data / "ledger"),
    }[damage]()
    done = replay("some-90", data=data)
    assert done.returncode == 2
    said = "no ledger is there" if damage == "no ledger" else "the journal is damaged"
    assert said in done.stdout + done.stderr
    assert "not there yet" not in done.stdout
    assert "Traceback" not in done.stderr


def test_a_decision_that_cannot_be_read_is_named(town: ServerProcess, tmp_path: Path) -> None:
    data = changed_copy(town, tmp_path, "some-0", lambda record: None)
    with sqlite3.connect(data / "orders.sqlite3") as store:
        store.execute("UPDATE decisions SET document = x'00' WHERE order_id = 'some-0'")
    store.close()
    done = replay("some-0", data=data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "what is kept of order some-0 cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_order_or_operation_that_is_not_kept_is_named(town: ServerProcess) -> None:
    for what in ("nobody", "operations/none"):
        done = replay(what, data=town.data)
        assert done.returncode == 1
        assert "there is no such" in done.stderr
    assert replay("some-0", data=town.folder / "nowhere").returncode == 2


def test_a_reallocation_is_done_again_to_the_byte_by_its_counts_of_work(
    town: ServerProcess, tmp_path: Path
) -> None:
    with town.channel() as channel:
        client = Client(channel)
        request = allocation.ReallocateRequest(request_id=new_uuid(), dry_run=True)
        request.time_limit.FromMilliseconds(700)
        name = client.allocation.Reallocate(request, timeout=CALL_S).name
        assert response_of(wait(client, name)).considered_count > 50
    done = replay(name, data=town.data)
    assert done.returncode == 0, done.stdout + done.stderr
    data = tmp_path / "data"
    shutil.copytree(town.data, data, ignore=shutil.ignore_patterns("*.lock", "socket*"))
    store = sqlite3.connect(data / "orders.sqlite3")
    [(packed,)] = store.execute(
        "SELECT content FROM operation_files WHERE name = 'answer'"
    ).fetchall()
    answer = msgspec.msgpack.decode(zlib.decompress(packed))
    answer["cost_planned_micro"] += 1
    store.execute(
        "UPDATE operation_files SET content = ? WHERE name = 'answer'",
        (zlib.compress(msgspec.msgpack.encode(answer)),),
    )
    store.commit()
    store.close()
    done = replay(name, data=data)
    assert done.returncode == 1
    assert "cost_planned_micro" in told(done)[0]["diff"][0]
