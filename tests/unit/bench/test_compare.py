"""The noise rule of bench/PROTOCOL.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import compare
from bench.compare import Normalized, Verdict

BASE = {"hold": (0.010, 0.008), "plan": (0.100, 0.090)}


def report(
    *, machine: float = 1.0, times: dict[str, tuple[float, float]] | None = None
) -> dict[str, Any]:
    """A pytest-benchmark report on a machine so many times as slow; (median, minimum) by name."""
    return {
        "benchmarks": [
            {
                "name": f"test_{name}",
                "stats": {"median": median * machine, "min": minimum * machine},
                "extra_info": {
                    "figure": name,
                    "calibration": "processor",
                    "calibration_median_s": 0.005 * machine,
                    "calibration_minimum_s": 0.004 * machine,
                },
            }
            for name, (median, minimum) in (times or BASE).items()
        ]
    }


def write(path: Path, document: dict[str, Any]) -> str:
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
def baseline(tmp_path: Path) -> str:
    result, path = tmp_path / "first.json", tmp_path / "baseline.json"
    assert compare.main([write(result, report()), "--baseline", str(path), "--update"]) == 0
    return str(path)


def judged(tmp_path: Path, document: dict[str, Any], baseline: str) -> int:
    return compare.main([write(tmp_path / "now.json", document), "--baseline", baseline])


def test_the_same_run_passes(
    tmp_path: Path, baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(tmp_path, report(), baseline) == 0
    assert capsys.readouterr().out.count(" ok\n") == len(BASE)


@pytest.mark.parametrize("machine", [0.3, 3.0])
def test_a_slower_or_faster_machine_changes_nothing(
    machine: float, tmp_path: Path, baseline: str
) -> None:
    assert judged(tmp_path, report(machine=machine), baseline) == 0


def test_a_planted_regression_fails_and_is_named(
    tmp_path: Path, baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    slower = {**BASE, "plan": (0.200, 0.180)}
    assert judged(tmp_path, report(times=slower), baseline) == 1
    told = capsys.readouterr()
    assert "1 failed: plan" in told.err
    assert "REGRESSION" in told.out
    assert " ok\n" in told.out


def test_a_regression_on_a_faster_machine_fails(tmp_path: Path, baseline: str) -> None:
    slower = {**BASE, "plan": (0.200, 0.180)}
    assert judged(tmp_path, report(machine=0.4, times=slower), baseline) == 1


@pytest.mark.parametrize("times", [(0.300, 0.100), (0.110, 0.300)])
def test_a_median_or_a_minimum_alone_is_noise(
    times: tuple[float, float], tmp_path: Path, baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(tmp_path, report(times={**BASE, "plan": times}), baseline) == 0
    assert "noisy" in capsys.readouterr().out


def test_the_rule_holds_exactly_at_its_bound() -> None:
    before = Normalized(1.0, 1.0, "processor")
    at = Normalized(compare.NOISE, compare.NOISE, "processor")
    above = Normalized(compare.NOISE * 1.001, compare.NOISE * 1.001, "processor")
    assert compare.verdict(at, before) is Verdict.OK
    assert compare.verdict(above, before) is Verdict.REGRESSION
    assert compare.verdict(before, above) is Verdict.FASTER


def test_a_benchmark_that_was_not_measured_fails(tmp_path: Path, baseline: str) -> None:
    assert judged(tmp_path, report(times={"hold": BASE["hold"]}), baseline) == 1


def test_a_new_benchmark_passes_and_is_named(
    tmp_path: Path, baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(tmp_path, report(times={**BASE, "fresh": (1.0, 1.0)}), baseline) == 0
    assert "new" in capsys.readouterr().out


def test_another_calibration_is_never_compared(tmp_path: Path, baseline: str) -> None:
    document = report()
    document["benchmarks"][0]["extra_info"]["calibration"] = "disk"
    assert judged(tmp_path, document, baseline) == 1


def test_a_report_without_benchmarks_fails(tmp_path: Path, baseline: str) -> None:
    assert judged(tmp_path, {"benchmarks": []}, baseline) == 1


def test_a_benchmark_without_a_figure_is_refused() -> None:
    document = report()
    del document["benchmarks"][0]["extra_info"]["figure"]
    with pytest.raises(ValueError, match="test_hold"):
        compare.normalized(document)


def test_of_several_runs_the_median_counts(tmp_path: Path, baseline: str) -> None:
    disturbed = report(times={**BASE, "plan": (0.9, 0.9)})
    paths = [
        write(tmp_path / f"{number}.json", document)
        for number, document in enumerate([disturbed, report(), report()])
    ]
    assert compare.main([*paths, "--baseline", baseline]) == 0
    assert compare.main([*paths[:1], "--baseline", baseline]) == 1


def test_runs_of_other_benchmarks_are_not_mixed(tmp_path: Path, baseline: str) -> None:
    other = write(tmp_path / "other.json", report(times={"hold": BASE["hold"]}))
    whole = write(tmp_path / "whole.json", report())
    with pytest.raises(ValueError, match="same benchmarks"):
        compare.main([whole, other, "--baseline", baseline])


def test_the_committed_baseline_can_be_read() -> None:
    baseline = compare.read_baseline(compare.BASELINE)
    assert all(one.median > 0 and one.minimum > 0 for one in baseline.values())
    assert {"ledger_hold_batch_durable", "kernel_plan_region_100", "grpc_reserve_durable"} <= set(
        baseline
    )
