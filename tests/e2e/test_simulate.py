"""`bopis simulate` as people run it, on a small generated scenario."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.command_line import bopis

POLICIES = ("B1", "B2", "B3", "service", "B4", "duals", "duals+reevaluation", "hindsight")
MOVING = tuple(
    f"{name}+transfers" for name in ("B3", "B4", "duals", "duals+reevaluation", "hindsight")
)
SCARCE = ("--labor", "0.2", "--stock", "0.4")
QUICK = ("--refresh", "60", "--reevaluate", "60", "--round-limit", "0.2", "--time-limit", "2")

COMMAND = (sys.executable, "-m", "bopis.cli", "simulate")

pytestmark = pytest.mark.needs_services


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulate") / "town"
    made = bopis(
        "generate", str(folder), *["--nodes", "8", "--skus", "25", "--orders", "60", "--seed", "3"]
    )
    assert made.returncode == 0, made.stderr
    return folder


def played(town: Path, *words: str) -> list[dict[str, Any]]:
    done = bopis("simulate", str(town), "--json", *words)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr == "", "with --json nothing but an error is said there"
    records: list[dict[str, Any]] = json.loads(done.stdout)
    return records


def chosen(*policies: str) -> list[str]:
    return [word for policy in policies for word in ("--policy", policy)]


@pytest.mark.slow
@pytest.mark.parametrize("policies", [POLICIES, MOVING])
def test_every_policy_plays_the_day_by_the_rules(town: Path, policies: tuple[str, ...]) -> None:
    records = played(town, *chosen(*policies), *SCARCE, *QUICK)
    assert [record["policy"] for record in records] == list(policies)
    bounds = {record["bound"] for record in records}
    assert len(bounds) == 1, "a bound on a day holds for every policy"
    [bound] = bounds
    for record in records:
        assert record["oversold_units"] == 0
        assert record["rule_violations"] == 0, record["violations"]
        assert 0 < bound <= record["cost"]
        assert 0 <= record["promise_kept"] <= record["fill_rate"] <= 1
        assert record["nodes_per_order"] >= 1


def test_days_of_several_seeds_are_paired_and_repeat(town: Path) -> None:
    words = (*chosen("B1", "B3"), "--seeds", "3", "--first-seed", "1", *SCARCE)
    records = played(town, *words)
    assert [(record["policy"], record["seed"]) for record in records] == [
        (policy, seed) for seed in (1, 2, 3) for policy in ("B1", "B3")
    ]
    again = played(town, *words)
    for one, other in zip(records, again, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def interrupted(*words: str, lines: int) -> tuple[str, str]:
    """What is printed where Ctrl-C comes, to the whole group as from a terminal, after so many
    lines: on standard output, and on standard error.
    """
    running = subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    seen = [running.stdout.readline() for _ in range(lines)]
    if not lines:
        time.sleep(3)
    os.killpg(running.pid, signal.SIGINT)
    rest, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in complaint
    return "".join(seen) + rest, complaint


def test_what_was_played_before_an_interruption_is_told(town: Path) -> None:
    words = (*chosen("B3", "B4"), "--reevaluate", "240", *QUICK[4:], *SCARCE, "--seeds", "1000")
    told, complaint = interrupted(str(town), *words, "--json", lines=4)  # Each day as it ends.
    records = json.loads(told)
    days = [record["seed"] for record in records if record["policy"] == "B4"]
    assert [record["policy"] for record in records] == ["B3", "B4"] * len(days)
    assert days == list(range(len(days)))
    assert f"interrupted; {len(days)} of 1000 days were played" in complaint


def test_a_table_and_a_picture_are_of_the_days_that_were_played(town: Path, tmp_path: Path) -> None:
    picture = tmp_path / "town.svg"
    words = (*chosen("B1", "B3"), "--seeds", "1000", "--plot", str(picture))
    table, complaint = interrupted(str(town), *words, lines=0)
    [played] = re.findall(r"interrupted; (\d+) of 1000 days", complaint)
    assert f"over {played} days" in table
    assert f"{played} day(s)" in picture.read_text()


def optimizer_of(pid: int, *, after: int | None = None) -> int:
    """The process that optimizes for this one, another one than `after`, once it is there."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            # What ends while it is looked at was not the one.
            with suppress(OSError):
                for child in map(int, children.read_text().split()):
                    words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                    if child != after and b"solver.worker" in words:
                        return child
        time.sleep(0.01)
    raise AssertionError("no optimizer came")


@pytest.mark.parametrize("kills", [1, 2])
def test_a_day_survives_an_optimizer_that_is_killed_but_not_the_next_one(
    town: Path, kills: int
) -> None:
    with subprocess.Popen(
        [*COMMAND, str(town), *chosen("hindsight"), *SCARCE, "--time-limit", "4", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        killed = None
        for _ in range(kills):
            killed = optimizer_of(running.pid, after=killed)
            os.kill(killed, signal.SIGKILL)
        told, complaint = running.communicate(timeout=60)
    assert "died (signal 9); another process is asked once more" in complaint
    if kills > 1:
        assert running.returncode == 1
        assert complaint.count("died") == kills
        return
    assert running.returncode == 0, complaint
    [record] = json.loads(told)
    assert record["rule_violations"] == 0
    assert 0 < record["bound"] <= record["cost"]


def test_the_card_changes_the_cost(town: Path) -> None:
    costs = [played(town, *chosen("B3"), "--card", card)[0]["cost"] for card in ("low", "high")]
    assert costs[0] < costs[1]


def test_a_table_a_chart_and_a_plot_are_made(town: Path, tmp_path: Path) -> None:
    picture = tmp_path / "town.svg"
    words = (*chosen("B1", "B2", "B3"), "--seeds", "2", "--plot", str(picture))
    done = bopis("simulate", str(town), *words)
    assert done.returncode == 0, done.stderr
    for word in ("lines filled", "95 % paired bootstrap", "B2", "B3"):
        assert word in done.stdout
    assert "orders" in done.stderr, "the bar is on standard error"
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")  # noqa: S314 (our own)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--policy", "B9"), "B9 is none of"),
        (("--labor", "0"), "--labor: above 0"),
        (("--stock", "-1"), "--stock: above 0"),
        (("--policy", "B1", "--plot", "plot.svg"), "two policies"),
    ],
)
def test_what_makes_no_sense_is_refused(town: Path, words: tuple[str, ...], complaint: str) -> None:
    done = bopis("simulate", str(town), *words)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_folder_that_is_no_scenario_is_refused(tmp_path: Path) -> None:
    done = bopis("simulate", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "no such folder" in done.stderr
