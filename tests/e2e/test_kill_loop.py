"""kill -9 of the server at random moments under load.

After each restart nothing acknowledged is lost, and the clients' retries have one effect.
`BOPIS_KILL_ROUNDS` (6 by default; 30 is the campaign) and `BOPIS_KILL_SEED` choose the run.
"""

import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest

from bopis.testing.client import Client
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from tests.e2e import small_town
from tests.e2e.crash_load import Acknowledged, Load
from tests.e2e.small_town import CALL_S, cell

pytestmark = pytest.mark.needs_services()

ROUNDS = int(os.environ.get("BOPIS_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("BOPIS_KILL_SEED", "20261123"))
CLIENTS = 8
UNITS = 1_000_000
MOMENT_S = (0.02, 0.8)
"""Between the restart and the next kill."""
CHECKED = 40


def answered_again(client: Client, one: Acknowledged) -> Any:
    """The answer to the same request once more."""
    service, name = one.rpc.split(".")
    return getattr(getattr(client, service), name)(one.request, timeout=CALL_S)


def assert_not_lost(client: Client, checked: list[Acknowledged]) -> None:
    """Every one of these is answered again as it was."""
    for one in checked:
        again = answered_again(client, one)
        first = type(one.response)()
        first.CopyFrom(one.response)
        for message in (again, first):
            if "position" in message.DESCRIPTOR.fields_by_name:
                message.ClearField("position")
        assert again == first, one.rpc


def kill_at_a_random_moment(load: Load, dice: random.Random) -> int:
    """Lets the clients run, kills the server; how many calls were in flight."""
    load.up.set()
    until = time.monotonic() + dice.uniform(*MOMENT_S)
    while time.monotonic() < until:
        assert not load.failures, load.failures
        time.sleep(0.001)
    with load.lock:
        in_flight = load.in_flight
        load.server.kill()
    load.up.clear()
    return in_flight


def check_end_state(server: ServerProcess, load: Load) -> None:
    """Counters, reservations and orders against what the clients were told."""
    expected = load.expected
    with server.channel() as channel:
        client = Client(channel)
        units = cell(client, "east", "apple")
        assert units.on_hand == UNITS + expected.on_hand_change
        assert (units.held, units.committed) == (expected.held, expected.committed)
        for reservation_id, state in expected.reservations.items():
            request = inventory.GetReservationRequest(reservation_id=reservation_id)
            found = client.inventory.GetReservation(request, timeout=CALL_S).reservation
            assert found.state == state, reservation_id
        placed: dict[str, int] = {}
        token = ""
        while True:
            page = client.orders.ListOrders(
                orders.ListOrdersRequest(page_size=1000, page_token=token), timeout=CALL_S
            )
            placed.update((order.order_id, order.state) for order in page.orders)
            token = page.next_page_token
            if not token:
                break
        assert placed == expected.orders


def test_nothing_acknowledged_is_lost_and_retries_have_one_effect(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    dice = random.Random(SEED)
    folder = tmp_path_factory.mktemp("kills")
    busy = 0
    with serving(folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            small_town.bring_in(
                Client(channel),
                on_hand={("east", "apple"): UNITS},
                pick_lines_per_hour=1_000_000,
            )
        load = Load(server)
        threads = load.start(clients=CLIENTS, seed=SEED)
        try:
            for _ in range(ROUNDS):
                busy += kill_at_a_random_moment(load, dice) > 0
                server.start()
                checked = load.acknowledged[-CHECKED // 2 :]
                checked += dice.sample(load.acknowledged, min(CHECKED // 2, len(load.acknowledged)))
                with server.channel() as channel:
                    assert_not_lost(Client(channel), checked)
        finally:
            load.done.set()
            load.up.set()
            for thread in threads:
                thread.join(60)
        assert not load.failures, load.failures
        check_end_state(server, load)
        assert server.terminate() == 0
        words = [sys.executable, "-m", "bopis.cli", "verify", str(server.data), "--json"]
        verified = subprocess.run(words, capture_output=True, text=True, check=False)
        assert verified.returncode == 0, verified.stderr
        assert server.drained()["state_hash"] in verified.stdout
    print(
        f"kill loop: seed {SEED}, {ROUNDS} kills, {busy} with calls in flight, "
        f"{len(load.acknowledged)} calls acknowledged, {load.retries} retries, "
        f"{len(load.expected.orders)} orders, {len(load.expected.reservations)} reservations"
    )
    assert busy * 2 >= ROUNDS
