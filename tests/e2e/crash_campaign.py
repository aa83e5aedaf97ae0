"""A served town under load whose server is killed, cut off, or taken its disk away.

Whatever happened to it, in the end: nothing acknowledged is lost, retries had one effect, the
counters are what the clients were told, and the journal verifies.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bopis.testing.client import Client
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from tests.e2e import small_town
from tests.e2e.crash_load import Acknowledged, Load
from tests.e2e.small_town import CALL_S, cell

UNITS: Final = 1_000_000
CLIENTS: Final = 8
MOMENT_S: Final = (0.02, 0.8)
"""Between the restart and the next kill."""
CHECKED: Final = 40


@contextmanager
def under_load(
    folder: Path,
    *,
    seed: int,
    clients: int = CLIENTS,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[Load]:
    """A town with clients that go on whatever happens. Afterwards, with the server up again, it is
    checked against what they were told. Raises AssertionError.
    """
    with serving(folder, options=(*small_town.CLOCK, *options), environment=environment) as server:
        with server.channel() as channel:
            small_town.bring_in(
                Client(channel), on_hand={("east", "apple"): UNITS}, pick_lines_per_hour=1_000_000
            )
        load = Load(server)
        threads = load.start(clients=clients, seed=seed)
        try:
            load.up.set()
            yield load
        except BaseException:
            load.given_up.set()
            raise
        finally:
            load.done.set()
            load.up.set()
            for thread in threads:
                thread.join(60)
        assert not load.failures, load.failures
        check_end_state(server, load)
        assert server.terminate() == 0
        assert_verifies(server)


def run_kills(folder: Path, *, rounds: int, seed: int) -> tuple[int, Load]:
    """Kills the server so many times at random moments; how many of them hit calls in flight."""
    dice = random.Random(seed)
    busy = 0
    with under_load(folder, seed=seed) as load:
        for _ in range(rounds):
            busy += kill_at_a_random_moment(load, dice) > 0
            come_back(load, dice)
    return busy, load


def come_back(load: Load, dice: random.Random) -> None:
    """Starts the server anew: what was acknowledged last, and some of all, is answered again."""
    load.server.start()
    checked = load.acknowledged[-CHECKED // 2 :]
    checked += dice.sample(load.acknowledged, min(CHECKED // 2, len(load.acknowledged)))
    with load.server.channel() as channel:
        assert_not_lost(Client(channel), checked)
    load.up.set()


def wait_for_calls(load: Load, count: int) -> None:
    """Until so many more calls are acknowledged. Raises AssertionError after a minute."""
    until, deadline = len(load.acknowledged) + count, time.monotonic() + 60
    while len(load.acknowledged) < until:
        assert not load.failures, load.failures
        assert time.monotonic() < deadline, "the clients are not answered"
        time.sleep(0.005)


def assert_verifies(server: ServerProcess) -> None:
    """`bopis verify` of a folder that was left in order."""
    words = [sys.executable, "-m", "bopis.cli", "verify", str(server.data), "--json"]
    verified = subprocess.run(words, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert server.drained()["state_hash"] in verified.stdout


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
