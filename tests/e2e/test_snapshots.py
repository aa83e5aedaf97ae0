"""A served town whose ledger is snapshotted, killed, backed up; the clients' own log judges it."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bopis.testing.server import serving
from tests.e2e import small_town
from tests.e2e.command_line import bopis
from tests.e2e.crash_campaign import come_back, under_load, wait_for_calls
from tests.e2e.crash_load import Load

pytestmark = pytest.mark.needs_services()

SEED = 20261127
OPTIONS = ("--segment-mib", "1", "--snapshot-segments", "2")
FIRST_SEGMENT = "segment-00000000000000000001.journal"


def snapshots(data: Path) -> list[str]:
    """Names of the snapshots, the newest last."""
    return sorted(path.name for path in (data / "ledger" / "snapshots").glob("snapshot-*.bopis"))


def have_others(data: Path, before: list[str]) -> bool:
    return snapshots(data) != before


def builders(data: Path) -> list[int]:
    """The processes that build a snapshot of this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # It ended meanwhile.
        if "snapshot" in words and str(data) in words:
            found.append(int(path.parent.name))
    return found


def wait_until(what: str, condition: Callable[[], object], *, load: Load) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert not load.failures, load.failures
        assert time.monotonic() < deadline, f"waited 120 s until {what}"
        time.sleep(0.002)


def kill(load: Load) -> None:
    with load.lock:
        load.server.kill()
    load.up.clear()


def test_a_service_killed_after_and_while_snapshots_are_built_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder, dice = tmp_path_factory.mktemp("snapshots"), random.Random(SEED)
    with under_load(folder, seed=SEED, options=OPTIONS) as load:
        data = load.server.data
        for _ in range(3):
            before = snapshots(data)
            wait_until("one was built", partial(have_others, data, before), load=load)
            kill(load)
            come_back(load, dice)
            wait_for_calls(load, 40)
        log = load.server.log
        wait_until("it is logged", lambda: "snapshot.built" in log.read_text(), load=load)
        wait_until("one is being built", lambda: builders(data), load=load)
        kill(load)
        wait_until("it ended with its server", lambda: not builders(data), load=load)
        come_back(load, dice)
        wait_for_calls(load, 40)
    assert len(snapshots(data)) == 2
    assert not (data / "ledger" / "journal" / FIRST_SEGMENT).exists(), "it is retired"
    assert not builders(data), "none outlives its server"
    verified = json.loads(bopis("verify", str(data), "--json").stdout)
    assert 0 < verified["from_sequence"] < verified["sequence"]


def test_a_builder_that_is_killed_harms_nothing_and_is_logged(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with under_load(tmp_path_factory.mktemp("builder"), seed=SEED, options=OPTIONS) as load:
        data = load.server.data
        wait_until("one is being built", lambda: builders(data), load=load)
        for process in builders(data):
            os.kill(process, signal.SIGKILL)
        log = load.server.log
        wait_until("it is logged", lambda: "snapshot.failed" in log.read_text(), load=load)
        wait_for_calls(load, 40)
        built = bopis("snapshot", str(data), "--json")
        assert built.returncode == 0, built.stderr
        assert json.loads(built.stdout)["sequence"] > 0
        kill(load)
        come_back(load, random.Random(SEED))
    nothing = bopis("snapshot", str(load.server.data.with_name("nowhere")))
    assert (nothing.returncode, "there is no ledger" in nothing.stderr) == (2, True)


def test_a_backup_carries_the_snapshots_that_its_journal_needs(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("carried")
    with under_load(folder, seed=SEED, options=(*OPTIONS[:2], "--snapshot-segments", "0")) as load:
        data = load.server.data
        journal = data / "ledger" / "journal"
        while (journal / FIRST_SEGMENT).exists():
            wait_for_calls(load, 200)
            assert bopis("snapshot", str(data)).returncode == 0
        made = bopis("backup", str(folder / "backup"), "--data", str(data), "--json")
        assert made.returncode == 0, made.stderr
        carried = [name for name in json.loads(made.stdout)["files"] if "snapshots" in name]
        assert len(carried) == 2
    restored = folder / "restored"
    done = bopis("restore", str(folder / "backup"), "--data", str(restored / "data"))
    assert done.returncode == 0, done.stderr
    assert bopis("verify", str(restored / "data")).returncode == 0
    with serving(restored, options=small_town.CLOCK) as server:
        assert server.terminate() == 0
    assert bopis("rebuild", str(restored / "data")).returncode == 0
    dumped = bopis("journal", "dump", str(restored / "data")).stdout.splitlines()
    assert json.loads(dumped[0])["sequence"] > 1
