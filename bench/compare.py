"""Compares a run of the suite with the committed baseline; the noise rule of PROTOCOL.md.

usage: python -m bench.compare RESULT.json... [--baseline FILE] [--update]

A RESULT.json is what `pytest bench --benchmark-json=RESULT.json` wrote; of several runs the median
of each number counts. Exits 1 when a benchmark is slower than the rule allows, or was not measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

NOISE: Final = 1.6
"""How many times the baseline median *and* minimum must be before it is called a regression."""
BASELINE: Final = Path(__file__).resolve().parent / "baselines/suite.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Normalized:
    """One benchmark in units of the calibration that ran beside it."""

    median: float
    minimum: float
    calibration: str


class Verdict(StrEnum):
    """What the comparison says of one benchmark."""

    OK = "ok"
    FASTER = "faster"
    NOISY = "ok (noisy)"
    NEW = "new"
    REGRESSION = "REGRESSION"
    NOT_MEASURED = "NOT MEASURED"
    OTHER_CALIBRATION = "OTHER CALIBRATION"


FAILURES: Final = frozenset({Verdict.REGRESSION, Verdict.NOT_MEASURED, Verdict.OTHER_CALIBRATION})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the table; a ratio above 1 is slower than the baseline."""

    name: str
    verdict: Verdict
    median_ratio: float | None = None
    minimum_ratio: float | None = None


def normalized(result: Mapping[str, Any]) -> dict[str, Normalized]:
    """The benchmarks of a pytest-benchmark report. Raises ValueError for one without figures."""
    found: dict[str, Normalized] = {}
    for benchmark in result["benchmarks"]:
        beside, stats = benchmark["extra_info"], benchmark["stats"]
        if "figure" not in beside:
            raise ValueError(f"{benchmark['name']} has no figure: measure it with `measure`")
        if beside["figure"] in found:
            raise ValueError(f"two benchmarks are named {beside['figure']}")
        found[beside["figure"]] = Normalized(
            median=stats["median"] / beside["calibration_median_s"],
            minimum=stats["min"] / beside["calibration_minimum_s"],
            calibration=beside["calibration"],
        )
    return found


def merged(runs: Sequence[Mapping[str, Normalized]]) -> dict[str, Normalized]:
    """The median of each number over several runs of the same benchmarks.

    Raises ValueError if one run measured what another did not.
    """
    first, *others = runs
    if any(run.keys() != first.keys() for run in others):
        raise ValueError("the runs did not measure the same benchmarks")
    return {
        name: Normalized(
            median=statistics.median(run[name].median for run in runs),
            minimum=statistics.median(run[name].minimum for run in runs),
            calibration=one.calibration,
        )
        for name, one in first.items()
    }


def verdict(now: Normalized, before: Normalized) -> Verdict:
    """The noise rule. A busy neighbor raises medians; only slower code raises the minimum too."""
    if now.calibration != before.calibration:
        return Verdict.OTHER_CALIBRATION
    slower_median = now.median > NOISE * before.median
    slower_minimum = now.minimum > NOISE * before.minimum
    if slower_median and slower_minimum:
        return Verdict.REGRESSION
    if slower_median or slower_minimum:
        return Verdict.NOISY
    if now.median * NOISE < before.median and now.minimum * NOISE < before.minimum:
        return Verdict.FASTER
    return Verdict.OK


def compare(
    result: Mapping[str, Normalized], baseline: Mapping[str, Normalized]
) -> list[Comparison]:
    """One row per benchmark of either side, in the order of the run."""
    rows = []
    for name, now in result.items():
        before = baseline.get(name)
        if before is None:
            rows.append(Comparison(name, Verdict.NEW))
            continue
        rows.append(
            Comparison(
                name,
                verdict(now, before),
                now.median / before.median,
                now.minimum / before.minimum,
            )
        )
    missing = [name for name in baseline if name not in result]
    return rows + [Comparison(name, Verdict.NOT_MEASURED) for name in missing]


def table(rows: list[Comparison]) -> str:
    """The rows for people."""
    width = max((len(row.name) for row in rows), default=0)
    lines = [f"{'figure':{width}}  median  minimum  (times the baseline; fails above {NOISE} both)"]
    for row in rows:
        ratios = [
            " " * 6 if ratio is None else f"{ratio:6.2f}"
            for ratio in (row.median_ratio, row.minimum_ratio)
        ]
        lines.append(f"{row.name:{width}}  {ratios[0]}  {ratios[1]}   {row.verdict}")
    return "\n".join(lines)


def read_baseline(path: Path) -> dict[str, Normalized]:
    """The committed baseline. Raises ValueError for another format."""
    document = json.loads(path.read_text())
    if document["format"] != FORMAT:
        raise ValueError(f"{path} has format {document['format']}, not {FORMAT}")
    return {name: Normalized(**fields) for name, fields in document["benchmarks"].items()}


def write_baseline(path: Path, result: Mapping[str, Normalized]) -> None:
    """Writes the baseline, sorted and rounded, so that a change reads well in review."""
    benchmarks = {
        name: {
            "median": float(f"{one.median:.4g}"),
            "minimum": float(f"{one.minimum:.4g}"),
            "calibration": one.calibration,
        }
        for name, one in sorted(result.items())
    }
    document = {"format": FORMAT, "benchmarks": benchmarks}
    path.write_text(json.dumps(document, indent=2) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--baseline", type=Path, default=BASELINE)
    parser.add_argument("--update", action="store_true", help="write the baseline")
    options = parser.parse_args(arguments)
    runs = [normalized(json.loads(path.read_text())) for path in options.results]
    result = merged(runs)
    if not result:
        print("the report holds no benchmark", file=sys.stderr)
        return 1
    if options.update:
        write_baseline(options.baseline, result)
        print(f"wrote {len(result)} benchmarks to {options.baseline}")
        return 0
    rows = compare(result, read_baseline(options.baseline))
    print(table(rows))
    failed = [row.name for row in rows if row.verdict in FAILURES]
    if failed:
        print(f"{len(failed)} failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
