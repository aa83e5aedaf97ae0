"""Unary Reserve through the door, durable, against a grpc.aio servicer over the same engine.

Server on one core, native load generator on the other; rounds alternate; the answer is checked
after every round (PROTOCOL.md). Prints one JSON line per figure; exits 1 when a run is void.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc

from bench import network
from bench.serving import ROOT, SERVERS, serving

SKU_COUNT = 1000
GENERATOR_CPU_MAX = 0.8
PEER = "grpc.aio servicer over the same engine"


def generate(address: str, *, core: int, arguments: list[str]) -> dict[str, Any]:
    """Runs the load generator pinned to `core`; gives its JSON line."""
    binary = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    command = [str(binary / "bopis-load-generator"), "--address", address, *arguments]
    command += ["--node", network.NODE_ID, "--sku-prefix", network.SKU_PREFIX]
    command += ["--skus", str(SKU_COUNT)]
    done = subprocess.run(
        ["taskset", "-c", str(core), *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(name: str, *, load: list[list[str]]) -> list[dict[str, Any]]:
    """One round: a fresh server, the loads one after the other, then the count of held units."""
    with serving(name, core=0) as address, grpc.insecure_channel(address) as channel:
        network.bring_in(channel, sku_count=SKU_COUNT)
        results = [generate(address, core=1, arguments=arguments) for arguments in load]
        granted = sum(int(result["granted_with_warmup"]) for result in results)
        held = network.held_units(channel, sku_count=SKU_COUNT)
    if held != granted:
        raise RuntimeError(f"{name}: {granted} reservations were granted but {held} units are held")
    for result in results:
        if result["errors"]:
            raise RuntimeError(f"{name}: {result['errors']} errors, first: {result['first_error']}")
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--in-flight", type=int, default=32)
    options = parser.parse_args()
    closed = ["--seconds", str(options.seconds), "--connections", str(options.connections)]
    closed += ["--in-flight", str(options.in_flight)]
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in SERVERS}
    for _ in range(options.rounds):
        for name, results in rounds.items():
            results.extend(measure(name, load=[closed]))
    rates = {name: [r["calls_per_second"] for r in results] for name, results in rounds.items()}
    ratios = [door / aio for door, aio in zip(rates["door"], rates["aio"], strict=True)]
    half_rate = [*closed, "--rate", str(int(statistics.median(rates["door"]) / 2))]
    (open_loop,) = measure("door", load=[half_rate])
    generator_cpu = max(r["generator_cpu"] for results in rounds.values() for r in results)
    figure = {
        "figure": "reserve_through_door",
        "value": statistics.median(rates["door"]),
        "unit": "calls/s",
        "mode": "durable, gRPC, server on one core",
        "peer": PEER,
        "peer_value": statistics.median(rates["aio"]),
        "ratio": round(statistics.median(ratios), 2),
        "rounds": options.rounds,
        "generator_cpu": generator_cpu,
        "peer_generator_cpu": max(r["generator_cpu"] for r in rounds["aio"]),
    }
    latency = {
        "figure": "reserve_through_door_latency_at_half_load",
        "value": open_loop["p50_us"],
        "unit": "us",
        "mode": "durable, gRPC, open loop, server on one core",
        "rate": open_loop["rate"],
        **{key: open_loop[key] for key in ("p50_us", "p99_us", "p999_us", "generator_cpu")},
    }
    for line in (figure, latency):
        print(json.dumps(line), flush=True)
    void = generator_cpu > GENERATOR_CPU_MAX
    if void:
        print("void: the generator was the bottleneck", file=sys.stderr)
    return 1 if void else 0


if __name__ == "__main__":
    sys.exit(main())
