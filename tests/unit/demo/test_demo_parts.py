"""The demo's small parts: clock, shelves, disturbances, speeds, conversions."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from google.type import money_pb2

from bopis.demo.card import load_card
from bopis.demo.client_log import ClientLog, entry_of, read_logs
from bopis.demo.day import load_day
from bopis.demo.disturbances import make_disturbances
from bopis.demo.figures import quantile
from bopis.demo.plans import promise_s
from bopis.demo.shelf import Shelves, physical_stock
from bopis.demo.simclock import SimClock
from bopis.demo.speeds import day_speed, evening_speed, quiet_speed, reallocation_time
from bopis.demo.wire import micros_of, money, plain, request_id
from bopis.scenario.generator import GeneratorParameters, generate_scenario
from bopis.scenario.rows import ScenarioError
from bopis.scenario.writer import write_scenario

SCENARIO = generate_scenario(GeneratorParameters(nodes=16, skus=80, orders=400, seed=5))
REACH_M = load_card().reach_m


async def test_the_clock_stands_still_until_set_and_while_paused() -> None:
    clock = SimClock()
    sleeper = asyncio.create_task(clock.sleep_until(1_000_050))
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.set(sim_s=1_000_000, real_s=time.monotonic(), scale=0.001)
    clock.pause()
    stood = clock.now_s()
    assert stood == clock.now_s() == pytest.approx(1_000_000, abs=1)
    clock.set(sim_s=1_000_049, real_s=time.monotonic(), scale=100)
    async with asyncio.timeout(5):
        await sleeper
    assert sleeper.done()
    assert clock.now_s() >= 1_000_050


async def test_a_sleeper_notices_that_the_clock_was_made_faster() -> None:
    clock = SimClock()
    clock.set(sim_s=0, real_s=time.monotonic(), scale=0.001)
    sleeper = asyncio.create_task(clock.sleep_until(1_000))
    await asyncio.sleep(0)
    clock.set(sim_s=0, real_s=time.monotonic(), scale=1_000_000)
    async with asyncio.timeout(5):
        await sleeper


def test_shelves_give_only_what_lies_on_them() -> None:
    shelves = Shelves({("S1", "A"): 5})
    assert shelves.sell("S1", "A", 2) == 2
    shelves.pick("o/1", 1, node_id="S1", sku="A", quantity=2)
    assert shelves.sell("S1", "A", 9) == 1
    with pytest.raises(ValueError, match="fewer are there"):
        shelves.pick("o/2", 1, node_id="S1", sku="A", quantity=1)
    with pytest.raises(ValueError, match="fewer are there"):
        shelves.lose("S1", "A", 1, damaged=False)
    assert shelves.on_hand() == {("S1", "A"): 2}
    assert shelves.put_back("o/1", 1)
    assert not shelves.put_back("o/1", 1)
    shelves.lose("S1", "A", 1, damaged=True)
    assert (shelves.there("S1", "A"), shelves.on_hand()["S1", "A"]) == (1, 2)


def test_what_customers_took_home_is_not_in_the_stores_any_more(tmp_path: Path) -> None:
    with ClientLog(tmp_path / "stores.jsonl") as log:
        log.write("shelves", 9, 9, units=[["S1", "A", 5]])
    with ClientLog(tmp_path / "customers.jsonl") as log:
        log.write("left", 1, 2, order_id="o", lines={1: ("S1", "A", 2)}, how="handed_over")
        log.write("left", 1, 2, order_id="o", lines={2: ("S1", "A", 1)}, how="shipped")
    assert physical_stock(tmp_path) == {("S1", "A"): 3}
    entries = [entry_of(record) for record in read_logs(tmp_path)]
    assert [entry.kind for entry in entries if entry is not None] == ["left", "left"]


def test_disturbances_follow_from_the_seed_alone() -> None:
    first = make_disturbances(SCENARIO, seed=3, reach_m=REACH_M)
    assert first == make_disturbances(SCENARIO, seed=3, reach_m=REACH_M)
    assert first != make_disturbances(SCENARIO, seed=4, reach_m=REACH_M)
    assert 3 <= len(first.cancels) <= 6
    assert len(first.no_shows) >= 2
    assert not first.no_shows & set(first.cancels)
    assert [sale.time_s for sale in first.sales] == sorted(sale.time_s for sale in first.sales)


def test_about_two_lines_in_a_hundred_are_short_for_every_reason() -> None:
    day = make_disturbances(SCENARIO, seed=3, reach_m=REACH_M)
    drawn = [day.short_pick(f"o{n}", 1, attempt=1) for n in range(20_000)]
    reasons = [short[0] for short in drawn if short is not None]
    assert 300 < len(reasons) < 500
    assert len(set(reasons)) == 5


def test_a_short_pick_loses_at_most_what_was_asked() -> None:
    day = make_disturbances(SCENARIO, seed=3, reach_m=REACH_M)
    for number in range(5_000):
        short = day.short_here(f"o{number}", 1, attempt=1, asked=3, there=50)
        if short is not None:
            assert short.reason != "NOT_IN_STOCK"
            assert 0 <= short.lost <= 3 - short.found
    assert day.short_here("any", 1, attempt=1, asked=3, there=2) is not None


def test_the_days_speed_keeps_the_busiest_hour_within_what_the_service_takes() -> None:
    speed = day_speed(SCENARIO)
    times = [order.placed_at.timestamp() for order in SCENARIO.orders]
    busiest = max(sum(start <= t < start + 3600 for t in times) for start in times)
    assert busiest * speed / 3600 <= 30.5
    assert evening_speed(speed) >= speed
    assert quiet_speed(speed) >= evening_speed(speed)
    assert times[0] <= reallocation_time(SCENARIO) <= times[-1] + 1


def test_orders_are_thinned_out_over_the_whole_day(tmp_path: Path) -> None:
    write_scenario(SCENARIO, tmp_path)
    thin, _ = load_day(tmp_path, orders=40, seed=1, reach_m=REACH_M)
    assert len(thin.orders) == 40
    assert [order.order_id for order in thin.orders] == [
        SCENARIO.orders[10 * index].order_id for index in range(40)
    ]
    whole, _ = load_day(tmp_path, orders=1000, seed=1, reach_m=REACH_M)
    assert len(whole.orders) == 400


def test_the_promise_is_rounded_up_to_a_full_hour() -> None:
    assert promise_s(7200, None, default_h=4) == 21_600
    assert promise_s(7201, None, default_h=4) == 25_200
    assert promise_s(7201, 60, default_h=4) == 10_800


def test_amounts_and_request_ids_survive_the_wire() -> None:
    assert micros_of(money(12_345_678)) == 12_345_678
    assert money(12_345_678) == money_pb2.Money(currency_code="XXX", units=12, nanos=345_678_000)
    assert request_id(1, "create", "o1") == request_id(1, "create", "o1")
    assert request_id(1, "create", "o1") != request_id(2, "create", "o1")


def test_a_quantile_is_the_smallest_value_that_covers_its_share() -> None:
    values = [float(value) for value in range(1, 101)]
    assert quantile(values, 0.5) == 50
    assert quantile(values, 0.99) == 99
    assert quantile(values, 0.999) == 100
    assert quantile([], 0.5) == 0


def test_a_day_without_orders_is_refused(tmp_path: Path) -> None:
    write_scenario(replace(SCENARIO, orders=()), tmp_path)
    with pytest.raises(ScenarioError, match="no order to replay"):
        load_day(tmp_path, orders=None, seed=1, reach_m=REACH_M)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Main Street 5", "Main Street 5"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("4111 1111 1111 1111 is no article", "(number) is no article"),
        ("x" * 300, "x" * 200),
    ],
)
def test_texts_are_sent_as_the_api_takes_them(text: str, expected: str) -> None:
    assert plain(text, 200) == expected
