"""The lines of `make bench-ledger`: names, fields, goals, wrong peers, the picture."""

import html
import re
from pathlib import Path
from typing import Any

import pytest

from bench.ledger import peer, plot, postgres_peer, redis_peer, rounds, run, table
from bench.ledger.figures import FIELDS, FIGURES, Line, finished, unmeasured
from bench.ledger.peer import PeerRound, Shape

NAMES = [
    "memory_uniform",
    "memory_hot_cell",
    "durable_batched",
    "durable_vs_redis_pipelined",
    "durable_vs_redis_unpipelined",
    "durable_vs_postgres_uniform",
    "durable_vs_postgres_hot_row",
    "durable_vs_postgres_set_based",
    "durable_ack_p99_over_flush_p99",
    "durable_ack_p99_over_flush_p99_solver_running",
    "replay_records",
    "recovery_10m_seconds",
    "expiry_storm_1m_ms",
    "memory_5m_cells_gib",
    "growth_20m_over_1m",
]
STANDARD = [
    "figure",
    "value",
    "unit",
    "mode",
    "peer",
    "peer_value",
    "ratio",
    "p50_us",
    "p99_us",
    "p999_us",
    "goal",
    "met",
]
SHAPE = Shape("uniform", 3, 32)


def measured(figure: str, **fields: Any) -> Line:
    return {"figure": figure, "unit": "x", "mode": "memory", "size": "full"} | fields


def test_every_promised_figure_is_measured_once() -> None:
    by_rounds = [race.figure for race in rounds.RACES]
    assert set(NAMES) <= set(FIGURES)
    assert len(set(by_rounds)) == len(by_rounds)
    assert set(by_rounds) <= set(FIGURES)
    assert run.arguments([]).figures == list(FIGURES)


def test_a_line_has_all_fields_in_order_and_null_for_those_that_do_not_apply() -> None:
    line = finished(measured("replay_records", value=6_000_000.0, records=1.0))
    assert list(line)[: len(STANDARD)] == STANDARD == list(FIELDS)
    assert [name for name in STANDARD if line[name] is None] == [
        "peer",
        "peer_value",
        "ratio",
        "p50_us",
        "p99_us",
        "p999_us",
    ]
    assert (line["goal"], line["met"]) == ("value >= 5000000", True)
    assert line["records"] == 1.0


@pytest.mark.parametrize(
    ("figure", "field", "met", "missed"),
    [
        ("memory_uniform", "value", 10_000_000, 9_999_999),
        ("hot_cell_over_uniform", "value", 1.2, 1.19),
        ("durable_vs_redis_pipelined", "ratio", 50, 49.9),
        ("durable_vs_redis_unpipelined", "ratio", 100, 99.9),
        ("durable_vs_postgres_uniform", "ratio", 200, 199.9),
        ("durable_vs_postgres_hot_row", "ratio", 1_000, 999.9),
        ("durable_vs_postgres_set_based", "ratio", 40, 39.9),
        ("durable_ack_p99_over_flush_p99", "value", 2, 2.01),
        ("durable_ack_p99_over_flush_p99_solver_running", "value", 3, 3.01),
        ("replay_records", "value", 5_000_000, 4_999_999),
        ("recovery_10m_seconds", "value", 2, 2.01),
        ("expiry_storm_1m_ms", "value", 150, 151),
        ("memory_5m_cells_gib", "value", 1, 1.01),
        ("growth_20m_over_1m", "value", 1.5, 1.51),
    ],
)
def test_a_goal_is_met_at_its_bound_and_missed_beyond(
    figure: str, field: str, met: float, missed: float
) -> None:
    other = {"value": 1.0} if field == "ratio" else {}
    assert finished(measured(figure, **other, **{field: met}))["met"] is True
    assert finished(measured(figure, **other, **{field: missed}))["met"] is False


def test_a_figure_without_a_goal_is_neither_met_nor_missed() -> None:
    line = finished(measured("durable_batched", value=1.0))
    assert (line["goal"], line["met"]) == (None, None)


def test_a_storm_that_is_over_in_time_must_not_have_held_up_those_who_reserve() -> None:
    quick = measured("expiry_storm_1m_ms", value=100.0)
    assert finished(quick | {"p99_ratio": 2.0})["met"] is True
    assert finished(quick | {"p99_ratio": 2.1})["met"] is False
    assert finished(measured("expiry_storm_1m_ms", value=200.0, p99_ratio=1.0))["met"] is False


def test_quick_sizes_meet_and_miss_nothing() -> None:
    line = finished(measured("recovery_10m_seconds", value=0.1) | {"size": "quick"})
    assert (line["goal"], line["met"]) == ("value <= 2", None)


def test_what_could_not_be_measured_says_why() -> None:
    line = unmeasured("durable_vs_redis_pipelined", unit="ops/s", mode="durable", reason="none")
    assert list(line)[: len(STANDARD)] == STANDARD
    assert (line["value"], line["ratio"], line["met"], line["reason"]) == (None, None, None, "none")


def test_an_unknown_figure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.arguments(["--figures", "memory_uniform,memory_unifrom"])
    assert "memory_unifrom" in capsys.readouterr().err


def test_a_peer_without_its_programs_is_null_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(redis_peer.URL, raising=False)
    with (
        pytest.raises(peer.UnavailableError, match=r"redis-server.*BOPIS_BENCH_REDIS_URL"),
        redis_peer.serving(tmp_path, cells=10),
    ):
        pass


@pytest.mark.parametrize(
    ("calls", "granted", "units", "is_right"),
    [
        (100, 100, 300, True),
        (100, 99, 297, True),
        (100, 100, 299, False),
        (100, 98, 294, False),
        (100, 101, 303, False),
    ],
)
def test_a_peer_that_lost_or_refused_too_much_is_void(
    calls: int, granted: int, units: int, is_right: bool
) -> None:
    if is_right:
        peer.check_units("peer", SHAPE, calls=calls, granted=granted, units=units)
        return
    with pytest.raises(RuntimeError, match="peer"):
        peer.check_units("peer", SHAPE, calls=calls, granted=granted, units=units)


def test_operations_of_a_peer_are_lines_of_orders() -> None:
    of_sets = PeerRound(Shape("set-based", 1_000, 2, orders=1_000), 50.0, 1.0, 2.0)
    assert (of_sets.operations_per_second, of_sets.orders_per_second) == (50_000, 50_000)
    of_orders = PeerRound(SHAPE, 50.0, 1.0, 2.0)
    assert (of_orders.operations_per_second, of_orders.orders_per_second) == (150, 50)


class Scripted:
    """A peer whose rates are known."""

    name = "Scripted 1"

    def round(self, shape: Shape, *, seconds: float) -> PeerRound:
        return PeerRound(shape, shape.clients * seconds, 1.0, 2.0)


def test_a_peer_is_measured_in_its_best_shape_by_the_median_of_the_ratios() -> None:
    shapes = [Shape("uniform", 1, 90), Shape("uniform", 3, 40), Shape("uniform", 3, 20)]
    raced = rounds.Raced(peer.tried(Scripted(), shapes, seconds=1.0))
    assert raced.best == shapes[1]
    for ours, theirs in ((30_000.0, 10.0), (90_000.0, 20.0), (50_000.0, 10.0)):
        line = measured("durable_batched", value=ours, acts_per_second=ours / 3)
        raced.rounds.append((line, PeerRound(raced.best, theirs, 1.0, 2.0)))
    line = raced.line(rounds.RACES[2], Scripted())
    assert line["figure"] == "durable_vs_postgres_uniform"
    assert (line["value"], line["peer_value"]) == (50_000.0, 30.0)
    assert line["ratios"] == [1_000.0, 1_500.0, 1_666.7]
    assert (line["ratio"], line["acts_over_orders"], line["met"]) == (1_500.0, 1_500.0, True)
    assert line["peer_tried"] == {
        "uniform: 3 lines a call, 40 clients": 120,
        "uniform: 1 lines a call, 90 clients": 90,
        "uniform: 3 lines a call, 20 clients": 60,
    }


def test_hot_over_uniform_has_the_peers_own_ratio_beside_it() -> None:
    ours = [measured("memory_uniform", value=10.0), measured("memory_hot_cell", value=15.0)]
    theirs = [
        measured("durable_vs_postgres_hot_row", peer_value=2.0),
        measured("durable_vs_postgres_uniform", peer_value=8.0),
    ]
    line = rounds.hot_over_uniform([*ours, *theirs])
    assert line is not None
    assert (line["value"], line["peer_value"], line["ratio"]) == (1.5, 0.25, 6.0)
    alone = rounds.hot_over_uniform(ours)
    assert alone is not None
    assert (alone["value"], alone["peer_value"], alone["met"]) == (1.5, None, True)
    assert rounds.hot_over_uniform(ours[:1]) is None


def test_an_order_of_several_lines_never_names_a_cell_twice() -> None:
    text = postgres_peer.script(SHAPE, cells=10)
    drawn = [line for line in text.splitlines() if line.startswith("\\set cell")]
    assert drawn == [
        "\\set cell0 random(0, 2)",
        "\\set cell1 random(3, 5)",
        "\\set cell2 random(6, 8)",
    ]


def test_the_picture_names_every_goal_and_tells_met_from_missed() -> None:
    lines = [
        finished(measured("memory_uniform", value=20_000_000.0)),
        finished(measured("recovery_10m_seconds", value=20.0)),
        finished(measured("durable_batched", value=1.0)),
        unmeasured("durable_vs_redis_pipelined", unit="ops/s", mode="durable", reason="none"),
    ]
    picture = plot.draw(lines)
    texts = [html.unescape(text) for text in re.findall(r">([^<>]+)</text>", picture)]
    assert "memory_uniform" in texts
    assert "20M x (>= 10M)" in texts
    assert "20 x (<= 2)" in texts
    assert "not measured" in texts
    assert "durable_batched" not in texts
    assert picture.count(f'fill="{plot.MET}"/>') == 1
    assert picture.count(f'fill="{plot.MISSED}"/>') == 1


@pytest.mark.parametrize(
    ("figure", "value", "share"),
    [("memory_uniform", 20_000_000.0, 2.0), ("recovery_10m_seconds", 1.0, 2.0)],
)
def test_twice_as_good_is_twice_as_far(figure: str, value: float, share: float) -> None:
    assert plot.share_of(finished(measured(figure, value=value))) == share


def test_the_table_has_a_row_for_each_line() -> None:
    lines = [
        finished(
            measured(
                "durable_vs_redis_pipelined",
                value=5_612_345.6,
                peer_value=66_123.0,
                ratio=84.9,
                p50_us=1.0,
                p99_us=2_345.6,
                p999_us=3.0,
            )
        ),
        unmeasured("durable_vs_postgres_uniform", unit="ops/s", mode="durable", reason="none"),
        finished(measured("durable_batched", value=0.1234)),
    ]
    _, _, first, second, third = table.rows(lines).splitlines()
    assert first == (
        "| `durable_vs_redis_pipelined` | 5,610,000 x | 66,100 | 84.9 | 1 / 2,350 / 3 us"
        " | ratio >= 50 | met |"
    )
    assert second == (
        "| `durable_vs_postgres_uniform` | not measured: none |  |  |  | ratio >= 200 |  |"
    )
    assert third == "| `durable_batched` | 0.123 x |  |  |  |  |  |"


def test_the_table_of_a_document_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n\n{table.BEGIN}old\n{table.END}\nafter\n")
    lines = [finished(measured("durable_batched", value=1.0))]
    for _ in range(2):
        table.write(document, lines)
    expected = f"before\n\n{table.BEGIN}\n{table.rows(lines)}\n\n{table.END}\nafter\n"
    assert document.read_text() == expected
    document.write_text("no marks")
    with pytest.raises(ValueError, match="mark"):
        table.write(document, lines)
