"""Rows: the operating system fails a call of the journal, or takes long over it (strace injects).

Only calls on the journal's own files are touched. At run time strace is attached to the writer
thread alone, so that nothing else is slowed; a start is traced from its first instruction.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc

from bopis.testing.client import Client, eventually
from bopis.testing.server import ServerProcess
from tests.e2e import small_town
from tests.e2e.crash_campaign import come_back, under_load, wait_for_calls
from tests.faults.row import NotHereError, Seen, Trial

WRITER: Final = "bopis-writer"
START_S: Final = 90.0
REFUSED: Final = 1
"""Exit code of a service that stopped because of its disk, or did not start."""


def failing_writes(trial: Trial) -> Seen:
    """EIO on the n-th write of the journal, every n up to a limit."""
    look_for_strace()
    rounds = trial.choose(quick=2, full=16)
    dice = trial.dice()
    with under_load(trial.folder, seed=trial.seed) as load:
        for number in range(1, rounds + 1):
            with _injected(load.server, "pwrite64", f"error=EIO:when={number}") as trace:
                code = load.server.wait()
            load.up.clear()
            assert code == REFUSED, f"write {number}: ended with {code}"
            written = trace.read_text("utf-8").split("INJECTED")
            assert len(written) == 2, "the fault was not injected once"
            assert "pwrite64" not in written[1], "it wrote again after a write that failed"
            assert "engine" in load.server.log_tail()
            come_back(load, dice)
    return Seen(
        rounds,
        f"writes 1 to {rounds}: each time it stopped by itself and wrote no more;"
        f" {len(load.acknowledged)} acknowledged, none lost",
    )


def failing_flushes(trial: Trial) -> Seen:
    """EIO on the n-th flush of a start, of the journal's files and of their folder."""
    look_for_strace()
    limit = trial.choose(quick=1, full=8)
    refused = []
    with under_load(trial.folder, seed=trial.seed) as load:
        for call in ("fdatasync", "fsync"):
            for number in range(1, limit + 1):
                wait_for_calls(load, 10)
                load.server.kill()
                load.up.clear()
                is_refused = _refuses_to_start(load.server, call, number)
                come_back(load, trial.dice())
                if not is_refused:
                    break
                refused.append(f"{call} {number}")
    assert len(refused) >= 2, f"only these failed: {refused}"
    return Seen(
        len(refused),
        f"{', '.join(refused)}: refused to start, the next start served;"
        f" {len(load.acknowledged)} acknowledged, none lost",
    )


def failing_rename(trial: Trial) -> Seen:
    """EIO when an orderly stop flushes and renames its note (`drained.json`)."""
    look_for_strace()
    calls = ("rename,renameat,renameat2", "fsync")
    with under_load(trial.folder, seed=trial.seed) as load:
        for call in calls:
            wait_for_calls(load, 20)
            load.up.clear()
            with _injected(load.server, call, "error=EIO", only_journal=False) as trace:
                load.server.terminate()
            assert "INJECTED" in trace.read_text("utf-8"), f"{call}: nothing was injected"
            come_back(load, trial.dice())
    return Seen(len(calls), "stopped without the note; the journal is whole and serves again")


def slow_disk(trial: Trial) -> Seen:
    """Every write of the journal takes long."""
    look_for_strace()
    delay_ms = trial.choose(quick=100, full=400)
    with under_load(trial.folder, seed=trial.seed) as load:
        wait_for_calls(load, 20)
        inject = f"delay_enter={delay_ms * 1_000}"
        with _injected(load.server, "pwrite64", inject) as trace:
            with load.server.channel() as channel:
                assert _deadline_is_kept(Client(channel), 0.4 * delay_ms / 1_000)
                small_town.cell(Client(channel), "east", "apple")
            wait_for_calls(load, 40)
        delayed = trace.read_text("utf-8").count("DELAYED")
        assert delayed, "nothing was slowed"
        wait_for_calls(load, 100)
    return Seen(
        delayed,
        f"{delayed} writes of {delay_ms} ms or more: reads went on, calls ended at their deadline,"
        f" and no pile was left; {len(load.acknowledged)} acknowledged, none lost",
    )


def _deadline_is_kept(client: Client, timeout_s: float) -> bool:
    """Whether a reservation that cannot be durable in time ends as DEADLINE_EXCEEDED."""
    request = small_town.inventory.ReserveRequest(request_id=small_town.new_uuid())
    # Labor of a far window: never granted, so that the counters that are checked stay.
    request.lines.add(node_id="east", sku="apple", quantity=10**9)
    try:
        client.inventory.Reserve(request, timeout=timeout_s)
    except grpc.RpcError as error:
        return bool(error.code() == grpc.StatusCode.DEADLINE_EXCEEDED)
    return False


def look_for_strace() -> None:
    """Raises NotHereError."""
    if shutil.which("strace") is None:
        raise NotHereError("strace is not installed")
    probe = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    if probe.returncode:
        raise NotHereError(f"strace may not trace here: {probe.stderr.decode().strip()}")


def _journal_paths(server: ServerProcess) -> list[str]:
    folder = server.data / "ledger/journal"
    return [str(folder), *(str(path) for path in sorted(folder.glob("*.journal")))]


def _only(paths: Sequence[str]) -> list[str]:
    return [word for path in paths for word in ("-P", path)]


@contextmanager
def _injected(
    server: ServerProcess, calls: str, how: str, *, only_journal: bool = True
) -> Iterator[Path]:
    """Attaches to the writer thread; the trace is complete afterwards."""
    assert server.process is not None
    thread = _writer_thread(server.process.pid)
    trace = server.folder / "trace"
    words = ["strace", "-o", str(trace), "-p", str(thread)]
    words += ["-e", f"trace={calls}", "-e", f"inject={calls}:{how}"]
    words += _only(_journal_paths(server)) if only_journal else []
    tracer = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _is_traced(thread, tracer.pid) or None)
        yield trace
    finally:
        # It lets go of a thread that lives, and ends with one that died.
        tracer.terminate()
        tracer.wait()


def _is_traced(thread: int, tracer: int) -> bool:
    """Also when it has died of the fault already."""
    try:
        status = Path(f"/proc/{thread}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return f"TracerPid:\t{tracer}\n" in status


def _writer_thread(pid: int) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text("ascii").strip() == WRITER:
            return int(task.name)
    raise AssertionError("the server has no writer thread")


def _refuses_to_start(server: ServerProcess, calls: str, number: int) -> bool:
    """Starts with the n-th flush of the journal failing. False: there are not so many."""
    trace = server.folder / "trace"
    words = ["strace", "-f", "--seccomp-bpf", "-o", str(trace)]
    words += ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO:when={number}"]
    words += _only(_journal_paths(server))
    serve = [sys.executable, "-m", "bopis.cli", "serve", "--data", str(server.data)]
    ready = server.folder / "ready"
    ready.unlink(missing_ok=True)
    with server.log.open("ab") as log:
        started = subprocess.Popen(
            [*words, *serve, "--port", "0", "--ready-file", str(ready), *server.options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: started.poll() is not None or ready.exists() or None, within_s=START_S)
        failed = [line for line in trace.read_text("utf-8").splitlines() if "INJECTED" in line]
        if started.poll() is None:
            # The thread that makes the next segment may fail: that one is not needed yet.
            first = trace.read_text("utf-8").split(maxsplit=1)[0]
            on_start = [line for line in failed if line.startswith(f"{first} ")]
            assert not on_start, f"flush {number} failed and it serves"
            return False
        assert failed, server.log_tail()
        assert started.returncode == REFUSED, f"flush {number}: ended with {started.returncode}"
        assert "Input/output error" in server.log_tail()
        return True
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
