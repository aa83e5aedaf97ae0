from datetime import UTC, datetime

import pytest

from bopis.domain.network import LaborWindow, NetworkNode, Node, NodeKind, Place
from bopis.domain.policy import HOUR_MS
from bopis.domain.promise import compile_windows, customer_store, distance_m, promise_time_ms
from bopis.testing.shop import default_policy

HERE = Place(40, -74)


def node(
    zone: str,
    opens: int,
    closes: int,
    *,
    node_id: str = "n",
    kind: NodeKind = NodeKind.STORE,
    place: Place = HERE,
) -> Node:
    return Node(node_id, kind, place, zone, opens, closes, 30)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def windows_of(one: Node, start: str, end: str) -> tuple[LaborWindow, ...]:
    return compile_windows(one, from_s=seconds(start), until_s=seconds(end))


def test_hours_become_full_hours_utc_in_the_nodes_time_zone() -> None:
    found = windows_of(node("America/New_York", 9 * 60, 12 * 60), "2026-06-01", "2026-06-02")
    assert [one.start_s for one in found] == [
        seconds("2026-06-01T13:00"),
        seconds("2026-06-01T14:00"),
        seconds("2026-06-01T15:00"),
    ]
    assert all(one.seconds == 3600 for one in found)


def test_the_same_hours_are_another_hour_utc_after_daylight_saving_begins() -> None:
    one = node("America/New_York", 9 * 60, 10 * 60)
    found = windows_of(one, "2026-03-07", "2026-03-09")
    assert [window.start_s for window in found] == [
        seconds("2026-03-07T14:00"),
        seconds("2026-03-08T13:00"),
    ]


def test_a_night_store_loses_the_hour_that_daylight_saving_skips() -> None:
    one = node("America/New_York", 0, 6 * 60)
    assert len(windows_of(one, "2026-03-07T05:00", "2026-03-08T05:00")) == 6
    assert len(windows_of(one, "2026-03-08T05:00", "2026-03-09T04:00")) == 5


def test_a_night_store_gains_the_hour_that_comes_twice() -> None:
    one = node("America/New_York", 0, 6 * 60)
    assert len(windows_of(one, "2026-11-01T04:00", "2026-11-02T05:00")) == 7


def test_a_zone_of_half_hours_gives_partly_open_windows() -> None:
    found = windows_of(node("Asia/Kolkata", 9 * 60, 11 * 60), "2026-06-01", "2026-06-02")
    assert [(one.start_s, one.seconds) for one in found] == [
        (seconds("2026-06-01T03:00"), 1800),
        (seconds("2026-06-01T04:00"), 3600),
        (seconds("2026-06-01T05:00"), 1800),
    ]


def test_a_node_that_never_closes_has_every_hour_once() -> None:
    found = windows_of(node("Asia/Kolkata", 0, 1440), "2026-06-01", "2026-06-03")
    assert [one.start_s for one in found] == list(
        range(seconds("2026-06-01"), seconds("2026-06-03"), 3600)
    )
    assert all(one.seconds == 3600 for one in found)


def test_windows_compiled_in_parts_are_those_compiled_at_once() -> None:
    one = node("Australia/Lord_Howe", 6 * 60 + 10, 22 * 60 + 50)
    whole = windows_of(one, "2026-03-28", "2026-04-10")
    parts = [
        window
        for day in range(28, 41)
        for window in compile_windows(
            one,
            from_s=seconds("2026-03-01") + (day - 1) * 86_400,
            until_s=seconds("2026-03-01") + day * 86_400,
        )
    ]
    assert list(whole) == parts


@pytest.mark.parametrize(
    ("placed", "within_min", "expected"),
    [
        ("2026-06-01T10:00", None, "2026-06-01T14:00"),
        ("2026-06-01T10:01", None, "2026-06-01T15:00"),
        ("2026-06-01T10:00", 60, "2026-06-01T11:00"),
        ("2026-06-01T10:30", 45, "2026-06-01T12:00"),
    ],
)
def test_a_promise_is_rounded_up_to_a_full_hour(
    placed: str, within_min: int | None, expected: str
) -> None:
    within = None if within_min is None else within_min * 60_000
    assert promise_time_ms(seconds(placed) * 1000, within, default_policy()) == (
        seconds(expected) * 1000
    )


def test_a_degree_of_latitude_is_111_km() -> None:
    assert distance_m(Place(0, 0), Place(1, 0)) == 111_195
    assert distance_m(Place(0, 179.5), Place(0, -179.5)) == 111_195
    assert distance_m(Place(40, -74), Place(40, -74)) == 0


def stores(*places: tuple[str, float, bool]) -> list[NetworkNode]:
    opens = LaborWindow(seconds("2026-06-01T10:00"), 3600)
    later = LaborWindow(seconds("2026-06-01T20:00"), 3600)
    return [
        NetworkNode(
            node("Etc/UTC", 0, 60, node_id=name, place=Place(40 + offset, -74)),
            (opens if open_in_time else later,),
        )
        for name, offset, open_in_time in places
    ]


def chosen(nodes: list[NetworkNode]) -> str:
    now_ms = seconds("2026-06-01T10:00") * 1000
    return customer_store(
        nodes,
        Place(40, -74),
        now_ms=now_ms,
        promise_ms=now_ms + 4 * HOUR_MS,
        policy=default_policy(),
    )


def test_the_customers_store_is_the_nearest_that_opens_in_time() -> None:
    assert chosen(stores(("near", 0.05, False), ("far", 0.1, True))) == "far"


def test_the_customers_store_is_the_nearest_where_none_opens_in_time() -> None:
    assert chosen(stores(("far", 0.1, False), ("near", 0.05, False))) == "near"


def test_there_is_no_customers_store_beyond_the_reach() -> None:
    assert chosen(stores(("beyond", 0.37, True))) == ""


def test_a_warehouse_is_nobodys_store() -> None:
    warehouse = node("Etc/UTC", 0, 1440, kind=NodeKind.WAREHOUSE, place=Place(40, -74))
    assert chosen([NetworkNode(warehouse, ())]) == ""
