"""Rows: the wall clock jumps, goes back or stands still, while the service runs and over a restart.

A small library in front of the C library (clock_shim.c) gives one server process another wall
clock; the machine's own, and everybody else's, stays.
"""

import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bopis.testing.client import Client, eventually, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S
from tests.faults.row import NotHereError, Seen, Trial

DAY_MS: Final = 24 * 3_600_000
SHORT_MS: Final = 500
LONG_MS: Final = 3_600_000
EXPIRES_WITHIN_S: Final = 5.0
STATE: Final = inventory.Reservation


@dataclass(frozen=True, slots=True)
class WallClock:
    """The file that the server's wall clock follows."""

    path: Path

    def shift(self, by_ms: int) -> None:
        """It is so much later, or earlier, than it is."""
        self._write(by_ms, 0)

    def freeze(self) -> None:
        """It stands still from now on."""
        self._write(0, time.time_ns() // 1_000_000)

    def _write(self, by_ms: int, frozen_ms: int) -> None:
        with self.path.open("rb+" if self.path.exists() else "wb") as file:
            file.write(struct.pack("<qq", by_ms, frozen_ms))


def jumps(trial: Trial) -> Seen:
    """While it runs: a month ahead, a month back, a standstill."""
    with _on_own_clock(trial.folder) as (server, clock), server.channel() as channel:
        client = Client(channel)
        small_town.bring_in(client)
        long = _hold(client, LONG_MS)
        faults = {
            "30 days ahead": lambda: clock.shift(30 * DAY_MS),
            "30 days back": lambda: clock.shift(-30 * DAY_MS),
            "right again": lambda: clock.shift(0),
            "standing still": clock.freeze,
        }
        chosen = trial.choose(quick=["30 days ahead", "standing still"], full=list(faults))
        for name in chosen:
            change = faults[name]
            before_ms = _shown_ms(client)
            short = _hold(client, SHORT_MS)
            change()
            _check_moved(client, name, before_ms)
            _assert_ends_in_time(client, short, name)
            _assert_ends_in_time(client, _hold(client, SHORT_MS), name)
            assert _state(client, long) == STATE.STATE_HELD, f"{name}: a long hold ended"
        clock.shift(0)
        assert server.terminate() == 0
    return Seen(
        len(chosen),
        f"{', '.join(chosen)}: holds of {SHORT_MS} ms end in time, one of an hour stays",
    )


def over_restarts(trial: Trial) -> Seen:
    """While it is down: a month ahead, a month back."""
    shifts = [one * DAY_MS for one in trial.choose(quick=(-30,), full=(30, -30, 0))]
    with _on_own_clock(trial.folder) as (server, clock):
        with server.channel() as channel:
            small_town.bring_in(Client(channel))
            long = _hold(Client(channel), LONG_MS)
        for shift_ms in shifts:
            name = f"restarted {shift_ms / DAY_MS:+.0f} days away"
            with server.channel() as channel:
                short = _hold(Client(channel), SHORT_MS)
            server.kill()
            clock.shift(shift_ms)
            server.start()
            with server.channel() as channel:
                client = Client(channel)
                away_ms = _shown_ms(client) - time.time_ns() // 1_000_000
                assert abs(away_ms - shift_ms) < 60_000, f"{name}: the clock is {away_ms} ms away"
                assert _state(client, long) == STATE.STATE_HELD, f"{name}: a long hold ended"
                _assert_ends_in_time(client, short, name)
        assert server.terminate() == 0
    days = ", ".join(f"{one // DAY_MS:+}" for one in shifts)
    return Seen(len(shifts), f"{days} days: short holds end in time, one of an hour stays")


def _hold(client: Client, ttl_ms: int) -> str:
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.ttl.FromMilliseconds(ttl_ms)
    request.lines.add(node_id="east", sku="apple", quantity=1)
    answer = client.inventory.Reserve(request, timeout=CALL_S)
    return str(answer.reservation.reservation_id)


def _state(client: Client, reservation_id: str) -> int:
    request = inventory.GetReservationRequest(reservation_id=reservation_id)
    return int(client.inventory.GetReservation(request, timeout=CALL_S).reservation.state)


def _shown_ms(client: Client) -> int:
    """The wall time that a read shows."""
    request = inventory.GetAvailabilityRequest(node_id="east", sku="apple")
    answer = client.inventory.GetAvailability(request, timeout=CALL_S)
    return int(answer.as_of_time.ToMilliseconds())


def _check_moved(client: Client, name: str, before_ms: int) -> None:
    """Without it the row would prove nothing."""
    moved_ms = _shown_ms(client) - before_ms
    if "still" in name:
        first_ms = _shown_ms(client)
        time.sleep(0.05)  # Time must pass for a standstill to show.
        assert _shown_ms(client) == first_ms, f"{name}: the clock goes on"
    else:
        assert abs(moved_ms) > 29 * DAY_MS, f"{name}: the clock moved by {moved_ms} ms"


def _assert_ends_in_time(client: Client, reservation_id: str, name: str) -> None:
    started = time.monotonic()
    eventually(lambda: _state(client, reservation_id) == STATE.STATE_EXPIRED or None)
    took_s = time.monotonic() - started
    assert took_s < EXPIRES_WITHIN_S, f"{name}: a hold of {SHORT_MS} ms ended after {took_s:.1f} s"


@contextmanager
def _on_own_clock(folder: Path) -> Iterator[tuple[ServerProcess, WallClock]]:
    """A server with a wall clock of its own. Raises NotHereError."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NotHereError("no C compiler for the clock")
    library = folder / "clock_shim.so"
    source = Path(__file__).with_name("clock_shim.c")
    words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
    done = subprocess.run(words, capture_output=True, check=False, text=True)
    if done.returncode:
        raise NotHereError(f"the clock does not compile here: {done.stderr.strip()}")
    clock = WallClock(folder / "clock")
    clock.shift(0)
    environment = {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(clock.path)}
    with serving(folder, environment=environment) as server:
        yield server, clock
