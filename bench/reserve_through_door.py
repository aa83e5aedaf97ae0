"""Unary Reserve through the door, durable, against a grpc.aio servicer over the same engine.

Server on one core, native load generator on the other; rounds alternate; the answer is checked
after every round (PROTOCOL.md). Prints one JSON line per figure; exits 1 when a run is void.

`--curve` measures latency at rising rates instead: the points of docs/performance.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc

from bench import network
from bench.serving import ROOT, serving

SKU_COUNT: Final = 1000
GENERATOR_CPU_MAX: Final = 0.8
DOOR: Final = "door"
PEER: Final = "aio"
PEER_NAME: Final = "grpc.aio servicer over the same engine"
CURVE_SHARES: Final = (0.1, 0.25, 0.5, 0.7, 0.85)
"""Parts of the closed loop's rate at which the curve is measured."""
QUANTILES: Final = ("p50_us", "p99_us", "p999_us")

Result = dict[str, Any]


def generate(address: str, *, core: int, arguments: Sequence[str]) -> Result:
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
    result: Result = json.loads(done.stdout)
    return result


def measure(name: str, *, load: Sequence[Sequence[str]]) -> list[Result]:
    """One round: a fresh server, the loads one after the other, then the count of held units."""
    with serving(name, core=0) as server, grpc.insecure_channel(server.address) as channel:
        network.bring_in(channel, sku_count=SKU_COUNT)
        results = []
        for arguments in load:
            before_s = server.processor_s()
            result = generate(server.address, core=1, arguments=arguments)
            used_us = (server.processor_s() - before_s) * 1e6
            calls = result["granted_with_warmup"] + result["errors"]
            results.append({**result, "server_cpu_us": round(used_us / max(calls, 1), 1)})
        granted = sum(int(result["granted_with_warmup"]) for result in results)
        held = network.held_units(channel, sku_count=SKU_COUNT)
    if held != granted:
        raise RuntimeError(f"{name}: {granted} reservations were granted but {held} units are held")
    for result in results:
        if result["errors"]:
            raise RuntimeError(f"{name}: {result['errors']} errors, first: {result['first_error']}")
    return results


def at_rates(name: str, *, closed: list[str], rates: Sequence[float]) -> list[Result]:
    """The open loop at each rate, on one server."""
    return measure(name, load=[[*closed, "--rate", str(int(rate))] for rate in rates])


def throughput(*, rounds: int, closed: list[str]) -> tuple[dict[str, float], list[Result]]:
    """The closed loop, alternating; median rates by server, and every result."""
    results: dict[str, list[Result]] = {DOOR: [], PEER: []}
    for _ in range(rounds):
        for name, seen in results.items():
            seen.extend(measure(name, load=[closed]))
    rates = {name: [r["calls_per_second"] for r in seen] for name, seen in results.items()}
    medians = {name: statistics.median(values) for name, values in rates.items()}
    cpu = {
        name: statistics.median(r["server_cpu_us"] for r in seen) for name, seen in results.items()
    }
    ratios = [door / peer for door, peer in zip(rates[DOOR], rates[PEER], strict=True)]
    emit(
        {
            "figure": "reserve_through_door",
            "value": medians[DOOR],
            "unit": "calls/s",
            "mode": "durable, gRPC, server on one core",
            "peer": PEER_NAME,
            "peer_value": medians[PEER],
            "ratio": round(statistics.median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in ratios],
            "rounds": rounds,
            "server_cpu_us_per_call": cpu[DOOR],
            "peer_server_cpu_us_per_call": cpu[PEER],
            "server_cpu_ratio": round(cpu[PEER] / cpu[DOOR], 2),
            "generator_cpu": max(r["generator_cpu"] for r in results[DOOR]),
            "peer_generator_cpu": max(r["generator_cpu"] for r in results[PEER]),
        }
    )
    return medians, results[DOOR] + results[PEER]


def latency(*, closed: list[str], medians: dict[str, float]) -> list[Result]:
    """The open loop at half of the closed loop's rate, each server at half of its own."""
    (door,) = at_rates(DOOR, closed=closed, rates=[medians[DOOR] / 2])
    (peer,) = at_rates(PEER, closed=closed, rates=[medians[PEER] / 2])
    emit(
        {
            "figure": "reserve_through_door_latency_at_half_load",
            "value": door["p50_us"],
            "unit": "us",
            "mode": "durable, gRPC, open loop, server on one core",
            "rate": door["rate"],
            **{name: door[name] for name in QUANTILES},
            "generator_cpu": door["generator_cpu"],
            "peer": PEER_NAME,
            "peer_value": peer["p50_us"],
            "peer_rate": peer["rate"],
            **{f"peer_{name}": peer[name] for name in QUANTILES},
        }
    )
    return [door, peer]


def curve(*, closed: list[str], medians: dict[str, float]) -> list[Result]:
    """The open loop at rising rates, one line a point."""
    seen: list[Result] = []
    for name in (DOOR, PEER):
        rates = [share * medians[name] for share in CURVE_SHARES]
        points = at_rates(name, closed=closed, rates=rates)
        for point in points:
            emit(
                {
                    "figure": f"reserve_latency_{name}",
                    "value": point["p50_us"],
                    "unit": "us",
                    "mode": "durable, gRPC, open loop, server on one core",
                    "rate": point["rate"],
                    "rate_seen": point["calls_per_second"],
                    **{quantile: point[quantile] for quantile in QUANTILES},
                    "generator_cpu": point["generator_cpu"],
                }
            )
        seen += points
    return seen


def emit(line: dict[str, object]) -> None:
    """One figure."""
    print(json.dumps(line), flush=True)


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--curve", action="store_true")
    options = parser.parse_args()
    closed = ["--seconds", str(options.seconds), "--connections", str(options.connections)]
    closed += ["--in-flight", str(options.in_flight)]
    medians, seen = throughput(rounds=options.rounds, closed=closed)
    seen += (curve if options.curve else latency)(closed=closed, medians=medians)
    if max(result["generator_cpu"] for result in seen) > GENERATOR_CPU_MAX:
        print("void: the generator was the bottleneck", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
