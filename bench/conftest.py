"""`measure`: runs one benchmark, a calibration before each round, and notes its figure.

Figures are printed at the end, one JSON line each (PROTOCOL.md, rule 7).
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.calibration import Kind, calibrator, summary

ROOT: Final = Path(__file__).resolve().parent.parent
FIGURES: Final = pytest.StashKey[list[dict[str, object]]]()
WARMUP_ROUNDS: Final = 2
CALIBRATIONS: Final = 200
"""At least so many, spread over the rounds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a benchmark stands for. `work` is how many `unit`s one round does."""

    name: str
    mode: str
    unit: str
    work: int
    calibration: Kind = Kind.PROCESSOR


Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Setup = Callable[[], Arguments]
Measure = Callable[..., None]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder on the clone's device: /tmp may be memory, which flushes for nothing."""
    (ROOT / ".benchmarks").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".benchmarks", prefix="data-") as path:
        yield Path(path)


@pytest.fixture
def measure(benchmark: BenchmarkFixture, folder: Path, request: pytest.FixtureRequest) -> Measure:
    """`measure(figure, function, setup=None, rounds=60)`; the setup of a round is not timed."""

    def measured(
        figure: Figure,
        function: Callable[..., Any],
        *,
        setup: Setup | None = None,
        rounds: int = 60,
    ) -> None:
        calibrations: list[float] = []
        repeats = max(1, CALIBRATIONS // rounds)
        with calibrator(figure.calibration, folder) as calibrate:

            def begin() -> Arguments:
                calibrations.extend(calibrate() for _ in range(repeats))
                return setup() if setup else ((), {})

            benchmark.pedantic(function, setup=begin, rounds=rounds, warmup_rounds=WARMUP_ROUNDS)
        if benchmark.disabled or benchmark.stats is None:
            return
        beside = summary(calibrations)
        seconds = sorted(benchmark.stats.stats.data)
        benchmark.extra_info.update(
            figure=figure.name,
            calibration=figure.calibration.value,
            calibration_median_s=beside.median_s,
            calibration_minimum_s=beside.minimum_s,
        )
        lines = request.config.stash.setdefault(FIGURES, [])
        lines.append(_line(figure, seconds))

    return measured


def _line(figure: Figure, seconds: list[float]) -> dict[str, object]:
    median_s = statistics.median(seconds)
    line: dict[str, object] = {
        "figure": figure.name,
        "value": round(figure.work / median_s, 1),
        "best": round(figure.work / seconds[0], 1),
        "unit": f"{figure.unit}/s",
        "mode": figure.mode,
        "rounds": len(seconds),
    }
    if figure.work == 1:
        for name, share in (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999)):
            line[name] = round(seconds[min(int(share * len(seconds)), len(seconds) - 1)] * 1e6, 1)
    return line


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The figures, one JSON line each."""
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(json.dumps(line))
