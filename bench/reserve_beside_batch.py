"""Reserve through the door alone, and while the optimizer's process solves a batch.

The batch is a generated one of 10,000 orders, given to `solver.worker` as the service gives one: a
process of its own in the idle scheduling class, free to run on every core. Rounds alternate; the
open loop runs at a fixed share of what the door does in the closed loop; every answer is counted
and the units held are compared after each round. Prints one JSON line; exits 1 when it is void.
"""

from __future__ import annotations

import argparse
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.allocation.instances import generated
from bench.reserve_through_door import DOOR, GENERATOR_CPU_MAX, QUANTILES, at_rates, emit, measure
from bench.serving import ROOT

GOAL: Final = 3.0
SHARE: Final = 0.25
"""Of the closed loop's rate."""
START_S: Final = 15.0
"""Until the optimizer tells the first step; reading the request is part of the load, too."""
LIMIT_MS: Final = 600_000


def request_file(orders: int, folder: Path) -> Path:
    """The frame that asks for the batch."""
    request = generated(orders)
    request = replace(request, problem=replace(request.problem, time_limit_ms=LIMIT_MS))
    body = msgspec.msgpack.encode({"type": "solve", **asdict(request)})
    path = folder / "request"
    path.write_bytes(struct.pack(">I", len(body)) + body)
    return path


@contextmanager
def solving(request: Path) -> Iterator[None]:
    """The optimizer's process at work on the batch. Raises RuntimeError if it ends before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "solver.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        feed = threading.Thread(target=process.stdin.write, args=(request.read_bytes(),))
        feed.start()
        if not process.stdout.read(1):
            raise RuntimeError("the optimizer ended before it told anything")
        feed.join(START_S)
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield
        if process.poll() is not None:
            raise RuntimeError("the optimizer ended before the round did")
    finally:
        process.kill()
        process.wait()


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    options = parser.parse_args()
    load = ["--seconds", str(options.seconds), "--connections", "4", "--in-flight", "32"]
    rate = SHARE * measure(DOOR, load=[load])[0]["calls_per_second"]
    alone: list[dict[str, Any]] = []
    beside: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        request = request_file(options.orders, Path(folder))
        for _ in range(options.rounds):
            alone += at_rates(DOOR, closed=load, rates=[rate])
            with solving(request):
                beside += at_rates(DOOR, closed=load, rates=[rate])
    p99 = [statistics.median(r["p99_us"] for r in seen) for seen in (alone, beside)]
    ratio = p99[1] / p99[0]
    emit(
        {
            "figure": "reserve_p99_beside_batch",
            "value": round(ratio, 2),
            "unit": "x",
            "mode": "durable, gRPC, open loop, server and generator on a core each",
            "orders": options.orders,
            "rate": round(rate),
            "alone": [{name: r[name] for name in QUANTILES} for r in alone],
            "beside": [{name: r[name] for name in QUANTILES} for r in beside],
            "goal": f"<= {GOAL:g}",
            "met": ratio <= GOAL,
        }
    )
    if max(r["generator_cpu"] for r in alone + beside) > GENERATOR_CPU_MAX:
        print("void: the generator was the bottleneck", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
