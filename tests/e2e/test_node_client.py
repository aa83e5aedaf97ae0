"""A client in Node that knows only the .proto files (@grpc/grpc-js), against `bopis serve`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bopis.testing.server import ServerProcess
from tests.e2e import small_town

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).resolve().parent / "node_client"
PACKAGES = ("package.json", "package-lock.json")
INSTALL_S = 180
RUN_S = 90
NODE_ID, SKU = "east", "apple"
RESERVED, ORDERED = 2, 1

pytestmark = [pytest.mark.needs_services("node", "npm"), pytest.mark.slow]


@pytest.fixture(scope="module")
def client_folder() -> Path:
    """The client with its packages, installed once for each package-lock.json."""
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in PACKAGES))
    folder = ROOT / ".cache" / f"node_client-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        install(folder)
    shutil.copy(SOURCE / "client.mjs", folder)
    return folder


def install(folder: Path) -> None:
    """Under another name first: a folder that is there is a whole one."""
    aside = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name in PACKAGES:
        shutil.copy(SOURCE / name, aside)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=aside,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(aside)
        why = f"npm ci failed (is a package registry within reach?): {done.stderr.strip()[-800:]}"
        if os.environ.get("BOPIS_REQUIRE_SERVICES") == "1":
            pytest.fail(why)
        pytest.skip(why)
    aside.rename(folder)


@pytest.fixture(scope="module")
def seen(server: ServerProcess, client_folder: Path) -> dict[str, Any]:
    """What the client printed, having run once."""
    place = small_town.HOME
    where = [str(place.latitude), str(place.longitude)]
    done = subprocess.run(
        ["node", "client.mjs", server.address, NODE_ID, SKU, *where, str(ROOT / "protos")],
        cwd=client_folder,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{server.log_tail()}"
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_a_reservation_is_held_and_a_repeat_gives_the_same_answer(seen: dict[str, Any]) -> None:
    held = seen["held"]["reservation"]
    assert held["state"] == "STATE_HELD"
    assert [(line["node_id"], line["sku"], line["quantity"]) for line in held["lines"]] == [
        (NODE_ID, SKU, RESERVED)
    ]
    assert held["expire_time"]["seconds"] > 0
    assert seen["repeated"] == seen["held"]


def test_the_reservation_is_committed(seen: dict[str, Any]) -> None:
    committed = seen["committed"]["reservation"]
    held = seen["held"]["reservation"]
    assert committed["state"] == "STATE_COMMITTED"
    assert committed["reservation_id"] == held["reservation_id"]
    assert committed["lines"] == held["lines"]
    assert seen["committed"]["position"]["journal_id"]


def test_availability_counts_what_was_committed_once(seen: dict[str, Any]) -> None:
    counters = ("on_hand", "held", "committed", "unavailable", "safety_stock", "atp")
    stocked = small_town.ON_HAND[NODE_ID, SKU]
    before = {name: seen["before"]["availability"][name] for name in counters}
    after = {name: seen["after"]["availability"][name] for name in counters}
    assert before == dict.fromkeys(counters, 0) | {"on_hand": stocked, "atp": stocked}
    assert after == before | {"committed": RESERVED, "atp": stocked - RESERVED}


def test_the_order_is_allocated_at_the_customers_store(seen: dict[str, Any]) -> None:
    order = seen["order"]
    assert order["state"] == "STATE_CONFIRMED"
    assert order["customer_node_id"] == NODE_ID
    assert order["unfilled_lines"] == []
    (group,) = order["fulfillment_orders"]
    assert (group["node_id"], group["method"]) == (NODE_ID, "FULFILLMENT_METHOD_PICKUP")
    assert [(line["sku"], line["quantity"]) for line in group["lines"]] == [(SKU, ORDERED)]


def test_its_pick_task_came_through_the_open_stream(seen: dict[str, Any]) -> None:
    (group,) = seen["order"]["fulfillment_orders"]
    task = seen["watched"]["task"]
    assert task["pick_task_id"] == f"{group['fulfillment_order_id']}/pick"
    assert (task["node_id"], task["order_id"]) == (NODE_ID, seen["order"]["order_id"])
    assert (task["kind"], task["state"]) == ("KIND_PICK", "STATE_OPEN")
    assert [(line["sku"], line["quantity"]) for line in task["lines"]] == [(SKU, ORDERED)]
    assert seen["watched"]["resume_token"]


@pytest.mark.parametrize(
    ("call", "code", "reason", "fields"),
    [
        ("native_field", "INVALID_ARGUMENT", "FIELD_INVALID", ["lines[0].quantity"]),
        ("native_unknown", "NOT_FOUND", "SKU_NOT_FOUND", None),
        ("native_reused", "INVALID_ARGUMENT", "REQUEST_ID_REUSED", None),
        ("passed_field", "INVALID_ARGUMENT", "FIELD_INVALID", ["place.latitude"]),
        ("passed_unknown", "NOT_FOUND", "ORDER_NOT_FOUND", None),
    ],
)
def test_a_bad_call_gets_a_typed_error(
    call: str, code: str, reason: str, fields: list[str] | None, seen: dict[str, Any]
) -> None:
    error = seen["errors"][call]
    assert (error["code"], error["reason"], error["domain"]) == (code, reason, "bopis")
    if fields is not None:
        assert error["fields"] == fields


def test_it_fails_where_nothing_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "no registry")

    monkeypatch.setattr(subprocess, "run", fails)
    monkeypatch.setenv("BOPIS_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="no registry"):
        install(tmp_path / "client")
    monkeypatch.setenv("BOPIS_REQUIRE_SERVICES", "0")
    with pytest.raises(pytest.skip.Exception, match="no registry"):
        install(tmp_path / "client")
    assert not list(tmp_path.iterdir())
