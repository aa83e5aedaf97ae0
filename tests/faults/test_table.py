"""The runner tells rows that pass, fail and cannot run apart."""

import json

import pytest

from tests.faults import __main__ as runner
from tests.faults.row import NotHereError, Row, Seen, Trial, run_row


def passes(trial: Trial) -> Seen:
    (trial.folder / "left").touch()
    return Seen(3, f"{trial.choose(quick='quick', full='full')}, seed {trial.seed}")


def fails(_trial: Trial) -> Seen:
    raise AssertionError("one unit too many")


def breaks(_trial: Trial) -> Seen:
    raise FileNotFoundError("no such tool")


def cannot_run(_trial: Trial) -> Seen:
    raise NotHereError("no loop devices")


ROWS = tuple(
    Row(run.__name__, f"the fault of {run.__name__}", "nothing lost", run)
    for run in (passes, fails, breaks, cannot_run)
)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ROWS", ROWS)


def test_each_row_says_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["--quick", "--json", "--seed", "5"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["name"], one["status"], one["injections"]) for one in lines] == [
        ("passes", "ok", 3),
        ("fails", "FAILED", 0),
        ("breaks", "FAILED", 0),
        ("cannot_run", "skipped", 0),
    ]
    assert [one["seen"].split(" (")[0] for one in lines] == [
        "quick, seed 5",
        "AssertionError: one unit too many",
        "FileNotFoundError: no such tool",
        "no loop devices",
    ]


def test_rows_that_pass_or_cannot_run_are_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["passes", "cannot_run"]) == 0
    shown = capsys.readouterr().out
    assert "skipped: no loop devices" in shown
    assert "the fault of passes" in shown
    assert "the fault of fails" not in shown


def test_a_row_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["floods"]) == 2
    assert "floods" in capsys.readouterr().err


def test_a_row_leaves_no_folder_behind() -> None:
    folders = []

    def note(trial: Trial) -> Seen:
        folders.append(trial.folder)
        return passes(trial)

    run_row(Row("note", "", "", note), quick=True, seed=1)
    assert not folders[0].exists()
