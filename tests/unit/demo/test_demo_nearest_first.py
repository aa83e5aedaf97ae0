"""Nearest-first on worlds small enough to follow by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bopis.demo.card import load_card
from bopis.demo.disturbances import Disturbances, TillSale, chance
from bopis.demo.nearest_first import NearestFirstDay, play_nearest_first
from bopis.demo.plans import Group, PlannedOrder
from bopis.demo.readiness import ready_in_time, ready_times
from bopis.demo.score import make_network, score_plans
from bopis.scenario.model import Method, Node, NodeKind, ScenarioLine, Sku

CARD = load_card()
NOON = int(datetime(2026, 3, 3, 12, tzinfo=UTC).timestamp())
HOUR = 3600
# A seed whose hashes find no short pick among the few lines of these tests.
CALM = next(
    seed
    for seed in range(100)
    if all(chance(seed, "short", f"o{o}/{n}/1") > 0.02 for o in range(9) for n in (1, 2))
)


def node(node_id: str, *, kind: NodeKind = NodeKind.STORE, north: float, rate: int = 60) -> Node:
    return Node(
        node_id=node_id,
        kind=kind,
        name="",
        city="",
        region="",
        postal_code="",
        latitude=50.0 + north,
        longitude=10.0,
        time_zone="UTC",
        open_minute=0 if kind is NodeKind.WAREHOUSE else 9 * 60,
        close_minute=1440 if kind is NodeKind.WAREHOUSE else 20 * 60,
        pick_lines_per_hour=rate,
    )


NEAR = node("near", north=0.01)
FAR = node("far", north=0.1)
DEPOT = node("depot", kind=NodeKind.WAREHOUSE, north=2.0)
ITEMS = [Sku("A", "", 10_000_000, 700), Sku("B", "", 2_000_000, None)]


def order(number: int, *skus: str, at: int = 0, method: Method = Method.PICKUP) -> PlannedOrder:
    return PlannedOrder(
        order_id=f"o{number}",
        method=method,
        placed_s=NOON + 600 + at,
        latitude=50.0,
        longitude=10.0,
        ready_within_s=None,
        lines=tuple(ScenarioLine(n, sku, 1, 10_000_000) for n, sku in enumerate(skus, start=1)),
        groups=(),
    )


def play(
    orders: list[PlannedOrder],
    stock: dict[tuple[str, str], int],
    *,
    nodes: tuple[Node, ...] = (NEAR, FAR, DEPOT),
    disturbances: Disturbances | None = None,
) -> NearestFirstDay:
    network = make_network(nodes, ITEMS, start_s=NOON - 86_400, end_s=NOON + 8 * 86_400)
    disturbances = disturbances or Disturbances(CALM, {}, frozenset(), ())
    day = play_nearest_first(
        orders, network=network, card=CARD, stock=stock, disturbances=disturbances
    )
    scored = [order for order in day.orders if order.order_id not in disturbances.cancels]
    assert not score_plans(scored, network=network, card=CARD).violations
    return day


def served(order: PlannedOrder) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(group.node_id, str(group.method), group.line_numbers) for group in order.groups]


def test_the_nearest_node_with_every_line_takes_the_whole_order() -> None:
    day = play([order(1, "A", "B")], {("near", "A"): 1, ("far", "A"): 1, ("far", "B"): 1})
    assert served(day.orders[0]) == [("far", "PICKUP", (1, 2))]


def test_an_order_no_node_has_whole_is_split_line_by_line_with_one_pickup_store() -> None:
    stock = {("near", "A"): 1, ("far", "B"): 1}
    day = play([order(1, "A", "B")], stock)
    assert served(day.orders[0]) == [("near", "PICKUP", (1,)), ("far", "SHIP", (2,))]


def test_a_shipped_order_comes_from_the_nearest_node() -> None:
    stock = {("far", "A"): 1, ("depot", "A"): 1}
    day = play([order(1, "A", method=Method.SHIP), order(2, "A", method=Method.SHIP)], stock)
    assert [served(o) for o in day.orders] == [
        [("far", "SHIP", (1,))],
        [("depot", "SHIP", (1,))],
    ]


def test_a_line_that_nobody_has_is_unfilled_and_the_rest_goes_on() -> None:
    day = play([order(1, "A", "B"), order(2, "A", "unheard-of")], {("near", "A"): 2})
    assert [served(o) for o in day.orders] == [[("near", "PICKUP", (1,))]] * 2


def test_the_earliest_window_with_labor_is_taken_and_then_the_next() -> None:
    slow = replace(NEAR, pick_lines_per_hour=1)
    orders = [order(number, "A", at=number) for number in range(1, 4)]
    day = play(orders, {("near", "A"): 3}, nodes=(slow,))
    hours = [(g.window_start_s - NOON, g.ready_s - NOON) for o in day.orders for g in o.groups]
    assert hours == [(HOUR, 2 * HOUR), (2 * HOUR, 3 * HOUR), (3 * HOUR, 4 * HOUR)]


def test_without_labor_by_the_promise_a_line_is_late_at_the_first_node_that_has_it() -> None:
    slow = replace(NEAR, pick_lines_per_hour=1)
    orders = [order(number, "A", at=number) for number in range(1, 6)]
    day = play(orders, {("near", "A"): 5}, nodes=(slow,))
    last = day.orders[-1].groups[0]
    assert last.window_start_s == NOON + 5 * HOUR
    assert last.ready_s > NOON + 5 * HOUR, "promised for five hours after noon"


def test_an_order_is_ready_in_time_when_its_last_line_was_done_by_the_promise() -> None:
    slow = replace(NEAR, pick_lines_per_hour=1)
    orders = [order(number, "A", at=number) for number in range(1, 6)]
    day = play(orders, {("near", "A"): 5}, nodes=(slow,))
    assert ready_in_time(day.orders, day.ready, promise_h=4) == 0.8, "one an hour, from noon on"
    two_lines = replace(day.orders[0], lines=(*day.orders[0].lines, *order(9, "B").lines))
    never = ready_in_time([replace(two_lines, order_id="o7")], day.ready, promise_h=4)
    assert never == 0, "a line that nobody did"


def test_ready_times_are_the_last_that_the_stores_wrote_down() -> None:
    records = [
        {"kind": "ready", "order_id": "o1", "numbers": [1, 2], "time_s": 5.0},
        {"kind": "left", "order_id": "o1", "lines": {}},
        {"kind": "ready", "order_id": "o1", "numbers": [2], "time_s": 9.0},
    ]
    assert ready_times(records) == {("o1", 1): 5.0, ("o1", 2): 9.0}


def test_a_till_takes_what_is_on_the_shelf_even_if_promised_and_the_line_goes_elsewhere() -> None:
    slow = replace(NEAR, pick_lines_per_hour=1)
    sale = TillSale("t1", NOON + 1200, "near", "A", 5)
    day = play(
        [order(1, "A")],
        {("near", "A"): 1, ("depot", "A"): 1},
        nodes=(slow, DEPOT),
        disturbances=Disturbances(CALM, {}, frozenset(), (sale,)),
    )
    assert day.counts["till_sales"] == 1
    assert day.counts["short_picks"] == 1
    assert served(day.orders[0]) == [("depot", "SHIP", (1,))]


def test_a_cancelled_order_frees_its_units_for_the_next() -> None:
    slow = replace(NEAR, pick_lines_per_hour=1)
    day = play(
        [order(1, "A"), order(2, "A", at=1800)],
        {("near", "A"): 1},
        nodes=(slow,),
        disturbances=Disturbances(CALM, {"o1": 600}, frozenset(), ()),
    )
    assert day.counts["cancels"] == 1
    assert served(day.orders[1]) == [("near", "PICKUP", (1,))]


def test_a_no_show_returns_its_units_after_the_time_that_pickups_are_kept() -> None:
    later = order(2, "A", at=4 * 86_400)
    day = play(
        [order(1, "A"), order(3, "A", at=3600), later],
        {("near", "A"): 1},
        nodes=(NEAR,),
        disturbances=Disturbances(CALM, {}, frozenset({"o1"}), ()),
    )
    assert day.counts["expired_groups"] == 1
    assert [bool(o.groups) for o in day.orders] == [True, False, True]


def test_the_same_day_is_played_the_same_way_twice() -> None:
    orders = [order(number, "A", "B", at=60 * number) for number in range(9)]
    stock = {(n, s): 4 for n in ("near", "far", "depot") for s in ("A", "B")}
    assert play(orders, stock) == play(orders, stock)


def test_groups_of_the_replay_are_ignored() -> None:
    asked = order(1, "A")
    planned = replace(asked, groups=(Group("far", Method.PICKUP, NOON, NOON + HOUR, (1,)),))
    stock = {("near", "A"): 1, ("far", "A"): 1}
    assert play([planned], stock) == play([asked], stock)
