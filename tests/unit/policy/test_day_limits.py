"""Days of nodes: local, from cutoff to cutoff, with the change of daylight saving."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bopis.domain.day_limits import DayLimit, DueGroups, closures, is_exceeded, limits_of
from bopis.domain.network import Method, Node, NodeKind, Place
from bopis.domain.rules import NodeGroup, NodeRule, Rules

NODE = Node("n", NodeKind.STORE, Place(0, 0), "America/New_York", 480, 1_200, 30)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def limit(*, most: int = 2, hour: int = 24, method: Method | None = None) -> DayLimit:
    return DayLimit("r", NODE, method, most, hour)


@pytest.mark.parametrize(
    ("hour", "ready", "after", "until"),
    [
        (24, "2026-06-01T12:00", "2026-06-01T04:00", "2026-06-02T04:00"),
        (24, "2026-06-01T04:00", "2026-05-31T04:00", "2026-06-01T04:00"),
        (24, "2026-06-01T05:00", "2026-06-01T04:00", "2026-06-02T04:00"),
        (16, "2026-06-01T20:00", "2026-05-31T20:00", "2026-06-01T20:00"),
        (16, "2026-06-01T21:00", "2026-06-01T20:00", "2026-06-02T20:00"),
        # Clocks go forward in the night to March 8, 2026, and back in the night to November 1.
        (24, "2026-03-08T12:00", "2026-03-08T05:00", "2026-03-09T04:00"),
        (24, "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
    ],
)
def test_a_time_falls_into_the_local_day_that_ends_at_the_hour(
    hour: int, ready: str, after: str, until: str
) -> None:
    assert limit(hour=hour).day_of(at(ready)) == (at(after), at(until))


def due(ready: str, count: int = 1, *, method: Method = Method.SHIP) -> DueGroups:
    return DueGroups("n", method, at(ready) * 1_000, count)


def test_a_day_closes_when_as_many_are_due_as_its_limit() -> None:
    span = {"from_s": at("2026-06-01T12:00"), "until_s": at("2026-06-03T00:00")}
    one = (due("2026-06-01T15:00"),)
    assert closures([limit()], one, **span) == ()
    two = (*one, due("2026-06-01T18:00", method=Method.PICKUP))
    [closed] = closures([limit()], two, **span)
    assert (closed.rule, closed.node_id, closed.method) == ("r", "n", None)
    assert (closed.after_s, closed.until_s) == (at("2026-06-01T04:00"), at("2026-06-02T04:00"))
    assert closures([limit(method=Method.SHIP)], two, **span) == ()
    assert len(closures([limit(most=0)], (), **span)) == 2
    elsewhere = replace(two[0], node_id="m", count=9)
    assert closures([limit()], (elsewhere,), **span) == ()


def test_a_new_group_exceeds_a_limit_only_in_its_own_day_and_method() -> None:
    new = due("2026-06-01T15:00")
    others = [due("2026-06-01T18:00", 2)]
    assert is_exceeded([limit()], [*others, new], new)
    assert not is_exceeded([limit(most=3)], [*others, new], new)
    assert not is_exceeded([limit(method=Method.PICKUP)], [*others, new], new)
    later = due("2026-06-02T15:00")
    assert not is_exceeded([limit()], [*others, later], later)


def test_limits_are_of_the_nodes_that_their_rules_bind() -> None:
    rule = NodeRule(
        "r",
        NodeGroup("", kinds=(NodeKind.STORE,)),
        orders_per_day_max=5,
        parcels_per_day_max=3,
        parcel_cutoff_hour=16,
    )
    other = replace(NODE, node_id="hub", kind=NodeKind.WAREHOUSE)
    found = limits_of(Rules(nodes=(rule,)), [NODE, other])
    assert [(one.node.node_id, one.method, one.most, one.end_hour) for one in found] == [
        ("n", None, 5, 24),
        ("n", Method.SHIP, 3, 16),
    ]
    assert limits_of(Rules(), [NODE]) == ()
