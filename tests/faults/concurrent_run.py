"""Row: many clients of several processes at a few hot cells, the server killed meanwhile; the
journal is the witness.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bopis.testing.client import Client
from bopis.testing.server import ServerProcess, serving
from tests.e2e import small_town
from tests.e2e.command_line import dumped
from tests.faults.journal_words import Words
from tests.faults.row import Seen, Trial
from tests.faults.witness import judge
from tests.faults.witness_client import NODES, SKUS

PROCESSES: Final = 4
THREADS: Final = 16
UNITS: Final = 60
"""On hand of each hot cell, so that many are refused."""

ENDING_S: Final = 60.0
UP_S: Final = (0.5, 2.5)


@dataclass(slots=True)
class Run:
    """A run that is over: the journal, the clients' logs, and where the logs begin."""

    records: list[Words] = field(default_factory=list)
    calls: list[Words] = field(default_factory=list)
    asked_from: int = 0
    kills: int = 0


def run_clients(
    folder: Path,
    *,
    seconds: float,
    seed: int,
    kills: int,
    processes: int = PROCESSES,
    threads: int = THREADS,
) -> Run:
    """Lets clients work for so long, kills and restarts the server meanwhile."""
    run = Run()
    # The journal must be whole to be a witness.
    with serving(folder, options=(*small_town.CLOCK, "--snapshot-segments", "0")) as server:
        with server.channel() as channel:
            stock = {(node, sku): UNITS for node in NODES for sku in SKUS}
            small_town.bring_in(Client(channel), on_hand=stock)
        run.asked_from = _position(server)
        logs = [folder / f"calls-{number}.jsonl" for number in range(processes)]
        with _clients(server, logs, seed=seed, threads=threads):
            for _ in range(kills + 1):
                until = time.monotonic() + seconds / (kills + 1)
                while time.monotonic() < until:
                    time.sleep(0.01)
                if run.kills < kills:
                    server.kill()
                    run.kills += 1
                    server.start()
        assert server.terminate() == 0
        run.records = dumped(server.data)
    for path in logs:
        with path.open(encoding="utf-8") as lines:
            run.calls += map(json.loads, lines)
    return run


@contextmanager
def _clients(server: ServerProcess, logs: list[Path], *, seed: int, threads: int) -> Iterator[None]:
    words = [sys.executable, "-m", "tests.faults.witness_client", server.address]
    running = [
        subprocess.Popen(
            [*words, str(log), f"{seed}-{log.stem}", str(threads)], stdin=subprocess.PIPE
        )
        for log in logs
    ]
    try:
        yield
        for process in running:
            assert process.stdin is not None
            process.stdin.close()
        codes = [process.wait(ENDING_S) for process in running]
        assert not any(codes), f"the clients ended with {codes}"
    finally:
        for process in running:
            process.kill()
            process.wait()


def _position(server: ServerProcess) -> int:
    with server.channel() as channel:
        request = small_town.inventory.GetAvailabilityRequest(node_id=NODES[0], sku=SKUS[0])
        answer = Client(channel).inventory.GetAvailability(request, timeout=small_town.CALL_S)
    return int(answer.position.sequence)


def witnessed(trial: Trial) -> Seen:
    """Runs the clients and judges their logs by the journal."""
    run = run_clients(
        trial.folder,
        seconds=trial.choose(quick=4.0, full=60.0),
        seed=trial.seed,
        kills=trial.choose(quick=2, full=15),
    )
    started = time.monotonic()
    verdict = judge(run.records, run.calls, asked_from=run.asked_from)
    took_s = time.monotonic() - started
    assert not verdict.complaints, "; ".join(verdict.complaints)
    assert verdict.writes > 500, verdict
    assert verdict.reads > 100, verdict
    return Seen(
        run.kills,
        f"{PROCESSES * THREADS} clients, {verdict.writes} writes ({verdict.refusals} refused,"
        f" {verdict.repeats} repeated), {verdict.reads} reads, {verdict.records} records;"
        f" judged in {took_s:.1f} s",
    )
