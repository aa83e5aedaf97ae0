"""The scorer on cases computed by hand, with the committed policy's base card."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bopis.demo.card import load_card
from bopis.demo.geo import distance_m
from bopis.demo.plans import Group, PlannedOrder
from bopis.demo.score import (
    Network,
    check_rules,
    cost_terms,
    customer_store,
    make_network,
    score_plans,
)
from bopis.scenario.model import Method, Node, NodeKind, ScenarioLine, Sku

CARD = load_card()
NOON = int(datetime(2026, 3, 3, 12, tzinfo=UTC).timestamp())
HOUR = 3600


def node(node_id: str, *, kind: NodeKind = NodeKind.STORE, north: float = 0.0) -> Node:
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
        pick_lines_per_hour=4,
    )


NODES = [
    node("near", north=0.01),
    node("far", north=0.1),
    node("beyond", north=0.5),
    node("depot", kind=NodeKind.WAREHOUSE, north=2.0),
]
ITEMS = [Sku("A", "", 10_000_000, 700), Sku("B", "", 2_000_000, None)]


@pytest.fixture
def network() -> Network:
    return make_network(NODES, ITEMS, start_s=NOON - 86_400, end_s=NOON + 4 * 86_400)


def order(
    *groups: Group, method: Method = Method.PICKUP, placed_s: int = NOON + 600
) -> PlannedOrder:
    return PlannedOrder(
        order_id="o",
        method=method,
        placed_s=placed_s,
        latitude=50.0,
        longitude=10.0,
        ready_within_s=None,
        lines=(ScenarioLine(1, "A", 2, 10_000_000), ScenarioLine(2, "B", 1, 2_000_000)),
        groups=groups,
    )


def group(
    node_id: str, *numbers: int, method: Method = Method.PICKUP, start_s: int = NOON + HOUR
) -> Group:
    return Group(node_id, method, start_s, start_s + HOUR, numbers)


def test_distance_is_that_of_a_sphere_of_mean_radius() -> None:
    assert distance_m((0.0, 0.0), (0.0, 0.0)) == 0
    assert distance_m((0.0, 0.0), (0.0, 180.0)) == 20_015_114
    assert distance_m((36.12, -86.67), (33.94, -118.40)) == 2_886_448


def test_a_pickup_at_the_customers_store_costs_its_picking(network: Network) -> None:
    assert cost_terms(order(group("near", 1, 2)), network, CARD) == {"pick": 1_000_000}


def test_another_store_is_charged_by_the_km_beyond_the_customers_own(network: Network) -> None:
    near = network.distance_m("near", (50.0, 10.0))
    far = network.distance_m("far", (50.0, 10.0))
    assert (near, far) == (1112, 11120)
    terms = cost_terms(order(group("far", 1, 2)), network, CARD)
    assert terms == {"pick": 1_000_000, "other_store_km": 2_502_000}


def test_a_shipped_group_pays_parcel_distance_weight_and_disappointment(network: Network) -> None:
    plan = order(group("near", 1), group("depot", 2, method=Method.SHIP))
    meters = network.distance_m("depot", (50.0, 10.0))
    assert meters == 222_390
    assert cost_terms(plan, network, CARD) == {
        "pick": 1_000_000,
        "ship_package": 7_000_000,
        "ship_km": 667_170,
        "ship_kg": 600_000,  # one unit of unknown weight: half a kilogram
        "pickup_shipped": 3_000_000,
        "extra_group": 2_000_000,
    }


def test_known_weights_count_by_the_unit(network: Network) -> None:
    plan = order(group("depot", 1, 2, method=Method.SHIP), method=Method.SHIP)
    terms = cost_terms(plan, network, CARD)
    assert terms["ship_kg"] == 2_280_000  # 2 x 0.7 kg + 0.5 kg at 1.2
    assert "pickup_shipped" not in terms


def test_lateness_is_charged_once_by_started_hour(network: Network) -> None:
    plan = order(
        group("near", 1, start_s=NOON + 6 * HOUR),
        group("depot", 2, method=Method.SHIP, start_s=NOON + 5 * HOUR),
    )
    # placed at 12:10, four hours asked: promised for 17:00; ready at 19:00.
    assert cost_terms(plan, network, CARD)["late"] == 6_000_000


def test_an_unfilled_line_costs_margin_and_goodwill_but_never_less_than_the_floor(
    network: Network,
) -> None:
    card = replace(CARD, unfilled_floor=0)
    assert cost_terms(order(group("near", 2)), network, card)["unfilled"] == 15_000_000
    assert cost_terms(order(group("near", 2)), network, CARD)["unfilled"] == CARD.unfilled_floor


def test_the_customers_store_is_the_nearest_that_is_open_before_the_promise() -> None:
    closed = replace(NODES[0], open_minute=60, close_minute=120)
    network = make_network([closed, *NODES[1:]], ITEMS, start_s=NOON, end_s=NOON + 86_400)
    assert customer_store(order(), network, CARD) == ("far", 11_120)
    lonely = make_network([closed, NODES[3]], ITEMS, start_s=NOON, end_s=NOON + 86_400)
    assert customer_store(order(), lonely, CARD) == ("near", 1112)
    assert customer_store(order(), make_network([NODES[2]], ITEMS, start_s=0, end_s=0), CARD) == (
        None,
        0,
    )


def test_figures_over_several_orders(network: Network) -> None:
    kept = order(group("near", 1, 2))
    late = replace(order(group("far", 1, 2, start_s=NOON + 6 * HOUR)), order_id="late")
    split = replace(
        order(group("near", 1), group("depot", 2, method=Method.SHIP)), order_id="split"
    )
    empty = replace(order(), order_id="empty")
    score = score_plans([kept, late, split, empty], network=network, card=CARD)
    assert score.orders == 4
    assert score.fill_rate == 6 / 8
    assert score.unit_fill_rate == 9 / 12
    assert score.promise_kept == 2 / 4
    assert score.split_rate == 1 / 3
    assert score.nodes_per_order == 4 / 3
    assert score.cost == sum(score.terms.values())
    assert not score.violations


@pytest.mark.parametrize(
    ("groups", "method", "sentence"),
    [
        ((group("near", 1), group("far", 2)), Method.PICKUP, "more than one pickup store"),
        ((group("beyond", 1, 2),), Method.PICKUP, "beyond consent"),
        ((group("depot", 1, 2),), Method.PICKUP, "a WAREHOUSE"),
        ((group("near", 1, 2),), Method.SHIP, "collected though"),
        ((group("near", 1, 1),), Method.PICKUP, "in two groups"),
        ((group("near", 3),), Method.PICKUP, "was not ordered"),
        ((group("near", 1, start_s=NOON + 9 * HOUR),), Method.PICKUP, "is closed"),
        ((group("near", 1, start_s=NOON),), Method.PICKUP, "before the order was placed"),
        ((group("near", 1, start_s=NOON + HOUR + 60),), Method.PICKUP, "off the full hour"),
        (
            (Group("near", Method.PICKUP, NOON + HOUR, NOON + 5 * HOUR, (1,)),),
            Method.PICKUP,
            "span",
        ),
        ((group("nowhere", 1),), Method.PICKUP, "unknown node"),
    ],
)
def test_each_broken_rule_is_a_violation(
    network: Network, groups: tuple[Group, ...], method: Method, sentence: str
) -> None:
    broken = check_rules(replace(order(method=method), groups=groups), network, CARD)
    assert any(sentence in text for text in broken), broken


def test_labor_over_a_window_and_stock_over_a_cell_are_violations(network: Network) -> None:
    orders = [replace(order(group("near", 1, 2)), order_id=f"o{index}") for index in range(3)]
    stock = {("near", "A"): 4, ("near", "B"): 3}
    score = score_plans(orders, network=network, card=CARD, stock=stock)
    hour = NOON + HOUR
    assert score.violations == (
        f"near: 5400 s of labor in the hour from {hour}, 3600 s there",
        "near: 6 units of A planned, 4 there",
    )


def test_a_span_of_hours_shares_each_lines_seconds(network: Network) -> None:
    wide = Group("near", Method.PICKUP, NOON + HOUR, NOON + 3 * HOUR, (1, 2))
    orders = [replace(order(wide), order_id=f"o{index}") for index in range(4)]
    assert not score_plans(orders, network=network, card=CARD).violations
