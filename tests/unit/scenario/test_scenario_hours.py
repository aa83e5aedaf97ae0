"""Opening hours in UTC, with daylight saving and zones off the full hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bopis.scenario.hours import open_intervals, open_windows
from bopis.scenario.model import Node, NodeKind

STORE = Node(
    node_id="S1",
    kind=NodeKind.STORE,
    name="",
    city="",
    region="",
    postal_code="",
    latitude=40.0,
    longitude=-75.0,
    time_zone="America/New_York",
    open_minute=540,
    close_minute=1260,
    pick_lines_per_hour=30,
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_hours_move_with_daylight_saving() -> None:
    march = open_intervals(STORE, start_s=at("2026-03-07T12:00"), end_s=at("2026-03-09T12:00"))
    assert march == [
        (at("2026-03-07T14:00"), at("2026-03-08T02:00")),
        (at("2026-03-08T13:00"), at("2026-03-09T01:00")),
    ]


def test_windows_are_full_utc_hours_and_partial_hours_give_their_seconds() -> None:
    store = replace(STORE, open_minute=555, close_minute=690)
    windows = open_windows(store, start_s=at("2026-03-03T00:00"), end_s=at("2026-03-04T00:00"))
    assert windows == [
        (at("2026-03-03T14:00"), 2700),
        (at("2026-03-03T15:00"), 3600),
        (at("2026-03-03T16:00"), 1800),
    ]


def test_a_node_open_all_day_has_every_hour_whole_even_off_the_full_hour() -> None:
    node = replace(STORE, open_minute=0, close_minute=1440, time_zone="Asia/Kolkata")
    windows = open_windows(node, start_s=at("2026-03-03T00:00"), end_s=at("2026-03-05T00:00"))
    assert [seconds for _, seconds in windows] == [3600] * 48
