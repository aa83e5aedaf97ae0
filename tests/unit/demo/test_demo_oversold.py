"""The oversold checker: it finds a planted oversell and blames nothing that was allowed."""

from __future__ import annotations

from bopis.demo.oversold import LogEntry, find_oversold

CELL = ("S1", "A")
STOCK = {CELL: 3}


def promise(order: str, quantity: int, sent: float, acknowledged: float) -> LogEntry:
    lines = {1: ("S1", "A", quantity)} if quantity else {}
    return LogEntry("promise", sent, acknowledged, order_id=order, lines=lines)


def fact(kind: str, quantity: int, sent: float, acknowledged: float) -> LogEntry:
    assert kind in ("sale", "loss")
    return LogEntry(
        "sale" if kind == "sale" else "loss",
        sent,
        acknowledged,
        node_id="S1",
        sku="A",
        quantity=quantity,
    )


def ended(kind: str, order: str, quantity: int, at: float) -> LogEntry:
    assert kind in ("left", "release")
    return LogEntry(
        "left" if kind == "left" else "release",
        at,
        at + 0.5,
        order_id=order,
        lines={1: ("S1", "A", quantity)},
    )


def oversold(*entries: LogEntry) -> int:
    return find_oversold(STOCK, entries).units


def test_promises_up_to_the_stock_are_no_oversell() -> None:
    assert oversold(promise("a", 2, 1, 2), promise("b", 1, 3, 4), ended("left", "a", 2, 9)) == 0


def test_a_planted_promise_beyond_the_stock_is_found() -> None:
    report = find_oversold(STOCK, [promise("a", 2, 1, 2), promise("b", 2, 3, 4)])
    assert report.units == 1
    assert report.by_cell == {CELL: 1}


def test_two_promises_in_flight_at_once_are_found_all_the_same() -> None:
    assert oversold(promise("a", 3, 1, 5), promise("b", 3, 2, 4)) == 3


def test_a_promise_after_an_acknowledged_sale_may_not_use_its_units() -> None:
    assert oversold(fact("sale", 2, 1, 2), promise("a", 2, 3, 4)) == 1


def test_a_sale_may_take_promised_units_without_being_an_oversell() -> None:
    assert oversold(promise("a", 3, 1, 2), fact("sale", 1, 3, 4)) == 0


def test_nothing_may_be_promised_on_top_of_a_deficit() -> None:
    entries = [promise("a", 3, 1, 2), fact("loss", 2, 3, 4)]
    assert oversold(*entries, promise("b", 1, 5, 6)) == 1


def test_a_sale_acknowledged_while_a_promise_was_in_flight_counts_as_later() -> None:
    assert oversold(promise("a", 3, 1, 6), fact("sale", 1, 2, 3)) == 0


def test_released_units_may_be_promised_again_from_the_moment_the_release_was_sent() -> None:
    entries = [promise("a", 3, 1, 2), ended("release", "a", 3, 3), promise("b", 3, 3.1, 3.2)]
    assert oversold(*entries) == 0


def test_units_that_left_are_gone() -> None:
    assert oversold(promise("a", 3, 1, 2), ended("left", "a", 3, 3), promise("b", 1, 4, 5)) == 1


def test_more_sold_than_imported_is_found() -> None:
    assert oversold(fact("sale", 3, 1, 2), fact("sale", 2, 3, 4)) == 2


def test_a_moved_line_frees_its_old_cell_and_takes_its_new_one() -> None:
    moved = LogEntry("promise", 3, 4, order_id="a", lines={1: ("S2", "A", 3)})
    report = find_oversold(
        {CELL: 3, ("S2", "A"): 2}, [promise("a", 3, 1, 2), moved, promise("b", 3, 5, 6)]
    )
    assert report.by_cell == {("S2", "A"): 1}


def test_a_stale_snapshot_that_overlaps_a_verb_is_left_out() -> None:
    stale = LogEntry("promise", 3, 6, order_id="a", lines={1: ("S1", "A", 3)}, asked=3)
    entries = [promise("a", 3, 1, 2), promise("a", 0, 4, 5), stale, promise("b", 3, 7, 8)]
    assert oversold(*entries) == 0


def moved_unseen(asked: float, read: float) -> list[LogEntry]:
    """Order a was moved to S2 since 3; a query found out."""
    lines = {1: ("S2", "A", 2)}
    return [
        promise("a", 2, 1, 2),
        LogEntry("left", 5, 6, order_id="a", lines=lines),
        LogEntry("promise", 3, read, order_id="a", lines=lines, asked=asked),
    ]


def test_a_line_may_leave_from_where_a_later_query_read_it_promised() -> None:
    for asked, read in ((4, 4.5), (4, 5.5), (7, 8)):
        report = find_oversold(
            {CELL: 3, ("S2", "A"): 2}, [*moved_unseen(asked, read), promise("b", 3, 5, 6)]
        )
        assert (report.unpromised_lines, report.units) == (0, 0)


def test_a_query_is_newer_than_the_verbs_answered_before_it() -> None:
    verb = LogEntry("promise", 3.5, 4, order_id="a", lines={1: ("S3", "A", 2)})
    stock = {CELL: 3, ("S2", "A"): 2, ("S3", "A"): 2}
    report = find_oversold(stock, [*moved_unseen(7, 8), verb])
    assert (report.unpromised_lines, report.units) == (0, 0)
    report = find_oversold(stock, [*moved_unseen(3.2, 3.4), verb])
    assert report.unpromised_lines == 1, "the verb was the last to say where the line is"


def test_a_line_that_leaves_from_an_unpromised_cell_is_counted() -> None:
    left = LogEntry("left", 3, 4, order_id="a", lines={1: ("S2", "A", 1)})
    report = find_oversold({CELL: 3, ("S2", "A"): 1}, [promise("a", 1, 1, 2), left])
    assert report.unpromised_lines == 1
    assert report.units == 0
