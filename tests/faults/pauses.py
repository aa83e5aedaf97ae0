"""Row: the process stands still for a while (SIGSTOP), as on an overcommitted machine."""

import signal
import time
from pathlib import Path
from typing import Final

import grpc

from bopis.testing.client import Client, eventually
from bopis.testing.server import ServerProcess
from tests.e2e import small_town
from tests.e2e.crash_campaign import under_load, wait_for_calls
from tests.faults.row import Seen, Trial

PROBE_S: Final = 0.3
BACK_S: Final = 3.0
"""The first answer after a pause comes within it, whatever waits."""


def stopped(trial: Trial) -> Seen:
    """Pauses under load, each longer than the one before."""
    pauses_s = trial.choose(quick=(0.5, 2.0), full=(1.0, 5.0, 20.0, 60.0))
    back_s = []
    with under_load(trial.folder, seed=trial.seed) as load:
        for pause_s in pauses_s:
            wait_for_calls(load, 30)
            back_s.append(_pause(load.server, pause_s))
        wait_for_calls(load, 100)
    longest_ms = max(back_s) * 1_000
    return Seen(
        len(pauses_s),
        f"{', '.join(f'{one:g}' for one in pauses_s)} s: calls end at their deadline meanwhile,"
        f" the first answer {longest_ms:.0f} ms after at the latest;"
        f" {len(load.acknowledged)} acknowledged, none lost",
    )


def _pause(server: ServerProcess, pause_s: float) -> float:
    """Seconds from its end to the first answer."""
    assert server.process is not None
    with server.channel() as channel:
        client = Client(channel)
        small_town.cell(client, "east", "apple")
        server.process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{server.process.pid}/status")
        eventually(lambda: "\nState:\tT" in status.read_text("ascii") or None)
        until = time.monotonic() + pause_s
        try:
            while time.monotonic() < until:
                assert not _answers(client), "it answered while it stood still"
        finally:
            server.process.send_signal(signal.SIGCONT)
        started = time.monotonic()
        while not _answers(client):
            assert time.monotonic() - started < BACK_S, "no answer after the pause"
        return time.monotonic() - started


def _answers(client: Client) -> bool:
    request = small_town.inventory.GetAvailabilityRequest(node_id="east", sku="apple")
    try:
        client.inventory.GetAvailability(request, timeout=PROBE_S)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
        return False
    return True
