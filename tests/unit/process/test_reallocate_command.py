"""`bopis reallocate` and `simulate --plot`: options looked at first, figures told honestly."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bopis.cli import app, moves, planning
from bopis.domain.cost import gap_over
from bopis.domain.order import BatchMark
from bopis.domain.reallocation import GREEDY
from bopis.v1 import allocation_service_pb2 as pb
from bopis.v1 import common_pb2
from bopis.v1 import reallocation_service_pb2 as moves_pb

NAME = "operations/1"


def bopis(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize(
    ("bound", "planned", "gap"), [(100, 102, 0.02), (-5, 102, 1.0), (0, 102, 1.0), (0, 0, 0.0)]
)
def test_a_bound_that_is_not_above_0_leaves_the_whole_gap(
    bound: int, planned: int, gap: float
) -> None:
    assert gap_over(bound, planned) == pytest.approx(gap)
    assert BatchMark("", planned, bound).gap == pytest.approx(gap)


@pytest.mark.parametrize("way", [(), ("--offline", "tables")])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "{}/none/moves.csv"), "there is no folder"),
        (("--out", "{}/moves.txt"), "must end with .csv or .parquet"),
        (("--certificate", "{}/none/proof"), "there is no folder"),
        (("--certificate", "{}"), "is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, way: tuple[str, ...], words: tuple[str, ...], said: str
) -> None:
    done = bopis("reallocate", *way, *(word.format(tmp_path) for word in words))
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert ".partial" not in done.stderr


def test_a_picture_that_cannot_be_drawn_is_refused_before_the_day_is_played(tmp_path: Path) -> None:
    words = ("simulate", "nowhere", "--policy", "B1", "--policy", "B3", "--plot")
    for name, said in (("none/a.svg", "there is no folder"), ("a.png", "must end with .svg")):
        done = bopis(*words, str(tmp_path / name))
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--card", "high"), "--card goes with --offline only"),
        (("--policy", "mine.toml"), "--policy goes with --offline only"),
        (("--apply", NAME, "--out", "a.csv"), "--out goes without --apply only"),
        (("--apply", NAME, "--time-limit", "5"), "--time-limit goes without --apply only"),
        (("--apply", NAME, "--certificate", "a"), "--certificate goes without --apply only"),
        (("--offline", "t", "--max-orders", "5"), "--max-orders goes without --offline only"),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(words: tuple[str, ...], said: str) -> None:
    done = bopis("reallocate", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def answering(monkeypatch: pytest.MonkeyPatch, response: pb.ReallocateResponse) -> None:
    """A service that answers with it, and keeps no moves."""

    def reallocate(_service: moves.Service, **_: object) -> tuple[str, pb.ReallocateResponse]:
        return NAME, response

    monkeypatch.setattr(moves.Service, "reallocate", reallocate)


def test_without_open_orders_there_is_a_table_without_rows_and_no_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answering(monkeypatch, pb.ReallocateResponse())
    table, proof = tmp_path / "moves.csv", tmp_path / "proof"
    done = bopis("reallocate", "--out", str(table), "--certificate", str(proof), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["operation"] == NAME
    assert "no certificate" in done.stderr
    assert "no open orders" in done.stderr
    assert list(csv.reader(table.open())) == [[name for name, _ in moves.COLUMNS]]
    assert not proof.exists()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_without_orders_give_a_plan_without_rows(tmp_path: Path, kind: str) -> None:
    folder, out, proof = tmp_path / "town", tmp_path / f"plan.{kind}", tmp_path / "proof"
    assert bopis("generate", str(folder), "--nodes", "2", "--orders", "1").exit_code == 0
    for name in ("orders", "lines"):
        table = folder / f"{name}.csv"
        table.write_text(table.read_text().splitlines()[0] + "\n")
    words = ("--out", str(out), "--certificate", str(proof), "--json")
    done = bopis("reallocate", "--offline", str(folder), *words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["orders"] == 0
    assert "no certificate" in done.stderr
    assert out.exists()
    assert not proof.exists()
    if kind == "csv":
        assert list(csv.reader(out.open())) == [[name for name, _ in planning.COLUMNS]]


def test_without_the_optimizer_the_summary_says_so_and_that_nothing_is_proven(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    why = "the optimizer's process died (signal 9)"
    response = pb.ReallocateResponse(considered_count=3, step=GREEDY, gap=1.0, greedy_reason=why)
    answering(monkeypatch, response)
    done = bopis("reallocate", "--certificate", str(tmp_path / "proof"))
    assert done.exit_code == 0, done.stderr
    assert f"{why}; planned one order after the other" in done.stdout
    [row] = [json.loads(bopis("reallocate", "--json").stdout)]
    assert row["greedy_reason"] == why
    assert "nothing proven" in done.stdout
    assert NAME in done.stdout
    assert "no certificate" in done.stderr


def test_a_move_within_a_node_shows_when_it_was_and_will_be_ready() -> None:
    plans = pb.Plan(), pb.Plan()
    for plan, hour in zip(plans, (9, 15), strict=True):
        group = plan.groups.add(
            node_id="BR009", method=common_pb2.FULFILLMENT_METHOD_SHIP, line_numbers=[1]
        )
        group.window_start_time.FromJsonString(f"2026-06-01T{hour:02}:00:00Z")
        group.ready_by_time.FromJsonString(f"2026-06-01T{hour + 1:02}:00:00Z")
    plans[0].groups.add(node_id="BR010", line_numbers=[2])
    move = moves_pb.ReallocationMove(move_id=4)
    move.orders.add(order_id="one", before=plans[0], after=plans[1])
    names = [name for name, _ in moves.COLUMNS]
    one, left = (dict(zip(names, row, strict=True)) for row in moves.rows_of(move))
    assert (one["from_node_id"], one["from_method"]) == (one["to_node_id"], one["to_method"])
    assert (one["from_window_start"], one["from_ready_by"]) == (
        "2026-06-01T09:00:00Z",
        "2026-06-01T10:00:00Z",
    )
    assert (one["to_window_start"], one["to_ready_by"]) == (
        "2026-06-01T15:00:00Z",
        "2026-06-01T16:00:00Z",
    )
    # Of a service of before, no times; nobody does the line any more.
    assert (left["from_node_id"], left["from_ready_by"]) == ("BR010", "")
    assert (left["to_node_id"], left["to_window_start"], left["to_ready_by"]) == ("", "", "")


def test_a_dry_run_says_what_it_proposes_and_that_nothing_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, pb.ReallocateResponse(considered_count=9, moved_count=5))
    dry = json.loads(bopis("reallocate", "--dry-run", "--json").stdout)
    assert (dry["dry_run"], dry["proposed"], dry["moved"]) == (True, 5, 0)
    done = json.loads(bopis("reallocate", "--json").stdout)
    assert (done["dry_run"], done["moved"]) == (False, 5)
    assert "proposed" not in done


def test_a_bound_below_0_is_shown_as_nothing_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    response = pb.ReallocateResponse(considered_count=3, step="SEARCH", gap=1.0)
    response.bound.units = -7
    answering(monkeypatch, response)
    done = bopis("reallocate", "--dry-run")
    assert done.stdout.count("nothing proven") == 2
    assert "-7" not in done.stdout
    assert "%" not in done.stdout
