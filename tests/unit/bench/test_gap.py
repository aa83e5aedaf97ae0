"""Generalized assignment problems from files: what is read, refused and printed."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bench.gap import COST_MAX, RESOURCE_MAX, Instance, cost_of, main, read

TWO_BY_THREE = "2 3\n1 2 3\n4 5 6\n1 1 2\n2 1 1\n3 4\n"
HOPELESS = "1 2\n5 5\n3 3\n4\n"
SEED = 20_240
ROUNDS = 1_000


def file_of(folder: Path, text: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def ran(
    capsys: pytest.CaptureFixture[str], *words: str | Path
) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, figures, and what was complained of."""
    code = 0
    try:
        code = main([*map(str, words), "--no-peer"])
    except SystemExit as ended:
        code = int(str(ended.code))
    out, said = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], said


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert read(file_of(tmp_path, TWO_BY_THREE)) == Instance(
        name="file",
        costs=((1, 2, 3), (4, 5, 6)),
        resources=((1, 1, 2), (2, 1, 1)),
        capacities=(3, 4),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("2\n", "line 1: it ends before how many jobs there are"),
        ("0 3\n", "line 1, word 1: 0: how many agents there are is at least 1"),
        ("2 0\n", "line 1, word 2: 0: how many jobs there are is at least 1"),
        ("2 3\n1 2 3\n4 5", "line 3: it ends before what job 3 costs at agent 2"),
        ("2 3\n1 2 3\n4 5 6\n1 1 2\n2 1 1\n3", "line 6: it ends before agent 2's capacity"),
        ("2 3\n1 2 3\n4 5 6\n1 1 2\n2", "line 5: it ends before what job 2 takes at agent 2"),
        ("2 3\n1 x 3\n", "line 2, word 2: x is no whole number"),
        ("2 3\n1 2 3.5\n", "line 2, word 3: 3.5 is no whole number"),
        ("2 3\n1 -2 3\n", "line 2, word 2: -2 is no whole number"),
        ("2 3\n1 1_0 3\n", "line 2, word 2: 1_0 is no whole number"),
        ("2 3\n1 \u0663 3\n", "line 2, word 2: \u0663 is no whole number"),
        (TWO_BY_THREE + "\n 7 8", "line 8, word 1: 7 stands behind the last capacity"),
        (f"1 1\n{COST_MAX + 1}\n1\n1", f"what job 1 costs at agent 1 is at most {COST_MAX}"),
        (f"1 1\n1\n{RESOURCE_MAX + 1}\n1", f"takes at agent 1 is at most {RESOURCE_MAX}"),
        (f"1 1\n1\n1\n{'9' * 5_000}", "agent 1's capacity is at most"),
        (f"{'9' * 30} 3\n", "how many agents there are is at most"),
        (b"2 3\n1 \xff 3\n", "is no whole number"),
        (b"\x00\x01", "is no whole number"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(
    tmp_path: Path, text: str | bytes, why: str
) -> None:
    path = file_of(tmp_path, text)
    with pytest.raises(ValueError, match=r"file: ") as refused:
        read(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert why in said
    assert len(said) < len(str(path)) + 200


def test_whatever_bytes_come_the_reader_gives_an_instance_or_says_why(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    whole = TWO_BY_THREE.encode()
    counts = {True: 0, False: 0}
    for _ in range(ROUNDS):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(data) + 1)
            match dice.randrange(4):
                case 0:
                    data[at : at + 1] = bytes([dice.randrange(256)])
                case 1:
                    del data[at : at + dice.randint(1, 8)]
                case 2:
                    data[at:at] = dice.choice(
                        [b" ", b"\n", b"-", b"1e9", b"0 ", b"\x00", b"9" * 40]
                    )
                case _:
                    data[at:at] = bytes(data[dice.randrange(len(data) + 1) :])
        path = file_of(tmp_path, bytes(data))
        try:
            instance = read(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: "), (SEED, bytes(data))
            counts[False] += 1
            continue
        agents = len(instance.capacities)
        assert len(instance.costs) == len(instance.resources) == agents >= 1
        assert {len(row) for row in (*instance.costs, *instance.resources)} == {instance.jobs}
        assert min(map(min, (*instance.costs, *instance.resources))) >= 0
        counts[True] += 1
    assert min(counts.values()) > ROUNDS / 100, counts


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e30", "soon"])
def test_a_time_limit_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    code, figures, said = ran(capsys, file_of(tmp_path, TWO_BY_THREE), f"--seconds={seconds}")
    assert (code, figures) == (2, [])
    assert "--seconds" in said


def test_files_that_are_none_do_not_keep_the_others_from_being_solved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = file_of(tmp_path, TWO_BY_THREE, "good")
    cut = file_of(tmp_path, TWO_BY_THREE[:-4], "cut")
    missing = tmp_path / "missing"
    words = (cut, good, missing, tmp_path)
    code, figures, said = ran(capsys, *words, "--seconds", "0.2")
    assert code == 2
    assert [one["instance"] for one in figures] == ["good"]
    assert figures[0]["bound"] <= figures[0]["cost"] == 9
    assert figures[0]["feasible"] is True
    lines = said.splitlines()
    assert len(lines) == 3
    assert all(
        str(path) in line for path, line in zip((cut, missing, tmp_path), lines, strict=True)
    )


def test_where_nothing_feasible_was_found_there_is_no_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, figures, _ = ran(capsys, file_of(tmp_path, HOPELESS), "--seconds", "0.2")
    assert code == 0
    assert (figures[0]["cost"], figures[0]["feasible"]) == (None, False)


def test_numbers_as_large_as_they_may_be_are_solved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = f"2 2\n{COST_MAX} 0\n0 {COST_MAX}\n{RESOURCE_MAX} {RESOURCE_MAX}\n"
    numbers += f"{RESOURCE_MAX} {RESOURCE_MAX}\n{RESOURCE_MAX} {RESOURCE_MAX}\n"
    _, figures, _ = ran(capsys, file_of(tmp_path, numbers), "--seconds", "0.2")
    assert (figures[0]["cost"], figures[0]["bound"]) == (0, 0)
    dearest = f"1 1\n{COST_MAX}\n{RESOURCE_MAX}\n{RESOURCE_MAX}\n"
    _, figures, _ = ran(capsys, file_of(tmp_path, dearest), "--seconds", "0.2")
    assert figures[0]["cost"] == COST_MAX


@pytest.mark.parametrize(
    ("text", "optimum"),
    [
        ("2 1\n5\n0\n1\n0\n9\n0\n", 0),
        ("1 1\n7\n0\n0\n", 7),
        ("2 2\n4300000 0\n4300000 4300000\n9 9\n5 5\n9\n5\n", 4_300_000),
        ("1 3\n4000000 4000000 4000000\n1 1 1\n3\n", 12_000_000),
    ],
    ids=["free at a full agent", "one full agent", "dear", "dearer together than leaving one"],
)
def test_full_agents_and_dear_jobs_are_no_reason_to_leave_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, optimum: int
) -> None:
    _, figures, _ = ran(capsys, file_of(tmp_path, text), "--seconds", "0.5")
    assert (figures[0]["cost"], figures[0]["feasible"]) == (optimum, True)
    assert figures[0]["bound"] <= optimum


def test_the_bound_is_no_higher_than_the_best_assignment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(SEED)
    paths: list[Path] = []
    best: dict[str, int | None] = {}
    for number in range(40):
        agents, jobs = dice.randint(1, 3), dice.randint(1, 5)
        most = dice.choice([20, COST_MAX])
        rows = [[dice.choice([0, 1, dice.randint(0, most)]) for _ in range(jobs)]]
        rows += [[dice.randint(0, most) for _ in range(jobs)] for _ in range(agents - 1)]
        rows += [[dice.randint(0, 9) for _ in range(jobs)] for _ in range(agents)]
        rows.append([dice.choice([0, 9, 20]) for _ in range(agents)])
        text = "\n".join(" ".join(map(str, row)) for row in [[agents, jobs], *rows])
        path = file_of(tmp_path, text, f"seed-{SEED}-{number}")
        paths.append(path)
        instance = read(path)
        found = (cost_of(instance, [*ways]) for ways in product(range(agents), repeat=jobs))
        best[path.name] = min((cost for cost, fits in found if fits), default=None)
    _, figures, _ = ran(capsys, *paths, "--seconds", "0.2")
    assert [one["instance"] for one in figures] == [path.name for path in paths]
    for one in figures:
        least = best[one["instance"]]
        assert one["cost"] is None or least is not None, one
        assert least is None or one["bound"] <= least, one
        assert least is None or one["cost"] is None or one["cost"] >= least, one
    assert sum(one["feasible"] for one in figures) > 10
