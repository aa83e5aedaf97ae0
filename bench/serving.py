"""Starts server processes for network figures: `bopis serve`, or the peer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STOP_S: Final = 60
SERVERS: Final = {
    "door": [sys.executable, "-m", "bopis.cli", "serve", "--log-level", "warning"],
    "aio": [sys.executable, "-m", "bench.peers.aio_reserve"],
}


@contextmanager
def serving(name: str, *, core: int | None = None) -> Iterator[str]:
    """Runs a server on a temporary folder, pinned to `core` if one is named; gives its address.

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
                yield f"127.0.0.1:{json.loads(announced)['port']}"
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
