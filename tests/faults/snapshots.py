"""Rows: a snapshot cannot be written, its builder is killed, the disk has no room for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import grpc

from bopis.testing.client import Client, error_of, eventually
from bopis.testing.server import serving
from tests.e2e import small_town
from tests.e2e.command_line import bopis
from tests.e2e.crash_campaign import come_back, under_load, wait_for_calls
from tests.e2e.crash_load import Load
from tests.faults.full_disk import reserve, small_disk, take_all_room
from tests.faults.row import Seen, Trial
from tests.faults.system_calls import look_for_strace

SMALL: Final = ("--segment-mib", "1", "--snapshot-segments")
ASIDE: Final = "snapshot.aside"
REFUSED: Final = 2
"""Exit code of a builder whose disk fails."""
CALLS: Final = ("pwrite64", "fdatasync", "rename,renameat,renameat2", "fsync")
CALLS_S: Final = 120.0
KILLED_WITHIN_S: Final = 1.5
RETRY_S: Final = 90.0
"""A service tries again a minute after a builder that failed."""


def failing_snapshots(trial: Trial) -> Seen:
    """EIO on the n-th write, flush and rename of a builder; then builders that are killed."""
    look_for_strace()
    limit, kills, dice = trial.choose(quick=1, full=8), trial.choose(quick=2, full=12), trial.dice()
    failed: list[str] = []
    with under_load(trial.folder, seed=trial.seed, options=(*SMALL, "0")) as load:
        data = load.server.data
        for _ in range(2):
            _wait_for_segments(load)
            _build(data)
        for call in CALLS:
            for number in range(1, limit + 1):
                _wait_for_segments(load)
                if not _fails(load, call, number):
                    break
                failed.append(f"{call.split(',')[0]} {number}")
                _build(data)
        for _ in range(kills):
            _wait_for_segments(load)
            before = _newest(data)
            _kill_a_builder(data, after_s=dice.uniform(0, KILLED_WITHIN_S))
            assert before.items() <= _contents(data).items(), "the last snapshot was changed"
            wait_for_calls(load, 20)
        load.server.kill()
        load.up.clear()
        come_back(load, dice)
        _build(data)
        assert len(_contents(data)) == 2
    assert len(failed) >= len(CALLS), f"only these failed: {failed}"
    return Seen(
        len(failed) + kills,
        f"{', '.join(failed)}: said so, left nothing half-done, and the next one was built;"
        f" {kills} builders killed; {len(load.acknowledged)} acknowledged, none lost",
    )


def no_room_for_snapshots(trial: Trial) -> Seen:
    """The disk fills up between two snapshots of a service that builds them by itself."""
    with (
        small_disk(trial.folder) as disk,
        serving(trial.folder, options=(*small_town.CLOCK, *SMALL, "1")) as server,
        server.channel() as channel,
    ):
        client = Client(channel)
        small_town.bring_in(client, on_hand={("east", "apple"): 1_000_000})
        held = 0
        while "snapshot.built" not in server.log.read_text("utf-8"):
            reserve(client)
            held += 1
        eventually(lambda: ASIDE not in _names(server.data) or None)
        before = _contents(server.data)
        assert before, "none was built"
        take_all_room(disk / "ballast")
        while "snapshot.failed" not in server.log.read_text("utf-8"):
            held += _holds(client)
        assert "a snapshot needs about" in server.log_tail(), server.log_tail()
        assert _contents(server.data).items() >= before.items()
        assert ASIDE not in _names(server.data)
        (disk / "ballast").unlink()
        eventually(lambda: _holds(client) or None)
        held += 1
        if trial.quick:
            _build(server.data)
        else:
            eventually(lambda: _contents(server.data).keys() - before or None, within_s=RETRY_S)
        assert small_town.cell(client, "east", "apple").held == held
        assert server.terminate() == 0
        done = bopis("verify", str(server.data))
        assert done.returncode == 0, done.stderr
    return Seen(
        1,
        f"no room: nothing was written and the log says why; {held} holds are there,"
        " and with room again a snapshot was built",
    )


def _holds(client: Client) -> bool:
    """Whether a promise was made; the disk may be full for it too."""
    try:
        reserve(client)
    except grpc.RpcError as error:
        assert error_of(error).reason == "DISK_FULL", error
        return False
    return True


def _shelf(data: Path) -> Path:
    return data / "ledger" / "snapshots"


def _names(data: Path) -> list[str]:
    return sorted(path.name for path in _shelf(data).glob("*"))


def _contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(_shelf(data).glob("*.bopis"))}


def _newest(data: Path) -> dict[str, bytes]:
    return dict(list(_contents(data).items())[-1:])


def _build(data: Path) -> None:
    built = bopis("snapshot", str(data))
    assert built.returncode == 0, built.stderr
    assert ASIDE not in _names(data)


def _wait_for_segments(load: Load) -> None:
    """Until two more segments of the journal are in use."""
    journal = load.server.data / "ledger" / "journal"

    def latest() -> str:
        return max(path.name for path in journal.glob("*.journal"))

    first, changes, deadline = latest(), 0, time.monotonic() + CALLS_S
    while changes < 2:
        assert not load.failures, load.failures
        assert time.monotonic() < deadline, "no segment gets full"
        time.sleep(0.01)
        if (now := latest()) != first:
            first, changes = now, changes + 1


def _fails(load: Load, calls: str, number: int) -> bool:
    """A builder whose n-th call fails. False: it does not make so many."""
    data, trace = load.server.data, load.server.folder / "trace"
    before = _newest(data)
    words = ["strace", "-f", "-o", str(trace), "-e", f"trace={calls}"]
    words += ["-e", f"inject={calls}:error=EIO:when={number}"]
    words += [sys.executable, "-m", "bopis.cli", "snapshot", str(data)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if "INJECTED" not in trace.read_text("utf-8"):
        assert ran.returncode == 0, ran.stderr
        return False
    why = f"{calls} {number}: {ran.returncode}, {ran.stderr}"
    assert ran.returncode == REFUSED, why
    assert "Input/output error" in ran.stderr, why
    assert ASIDE not in _names(data), f"{why}: a part was left"
    assert before.items() <= _contents(data).items(), f"{why}: the last snapshot was changed"
    wait_for_calls(load, 20)
    return True


def _kill_a_builder(data: Path, *, after_s: float) -> None:
    words = [sys.executable, "-m", "bopis.cli", "snapshot", str(data)]
    builder = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        builder.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(builder.pid, signal.SIGKILL)
    builder.wait()
