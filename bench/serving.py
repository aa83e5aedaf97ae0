"""Starts server processes for network figures: `bopis serve`, or the peer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STOP_S: Final = 60
SERVERS: Final = {
    "door": [sys.executable, "-m", "bopis.cli", "serve", "--log-level", "warning"],
    "aio": [sys.executable, "-m", "bench.peers.aio_reserve"],
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers at `address`."""

    address: str
    process_id: int

    def processor_s(self) -> float:
        """Seconds of processor that it has used so far, all threads, user and system."""
        text = Path(f"/proc/{self.process_id}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(name: str, *, core: int | None = None) -> Iterator[Running]:
    """Runs a server on a temporary folder, pinned to `core` if one is named.

    The folder is on the clone's device: a flush to a /tmp in memory would cost nothing. Raises
    RuntimeError if the server does not start, or ends with an error.
    """
    (ROOT / ".benchmarks").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".benchmarks", prefix=f"{name}-") as folder:
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        with Path(folder, "errors").open("w+") as errors:
            process = subprocess.Popen(
                [*pinned, *SERVERS[name], "--data", f"{folder}/data", "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                text=True,
            )
            try:
                assert process.stdout is not None
                announced = process.stdout.readline()
                if not announced:
                    process.wait()
                    errors.seek(0)
                    raise RuntimeError(f"{name} did not start: {errors.read().strip()}")
                address = f"127.0.0.1:{json.loads(announced)['port']}"
                yield Running(address, process.pid)
            finally:
                code = _stop(process)
        if code != 0:
            raise RuntimeError(f"{name} ended with {code}")


def _stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
