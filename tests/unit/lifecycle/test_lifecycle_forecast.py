"""The forecaster that learns from the service's own orders."""

import random
from collections import Counter as Count
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bopis.adapters.forecast_history import (
    PACE_MS,
    SAMPLE_MAX,
    SAMPLES_LEAST,
    SAMPLES_MOST,
    HistoryForecaster,
)
from bopis.adapters.store_sql import open_store
from bopis.domain.forecast import ExpectedOrder, Sample
from bopis.domain.network import Method, Place
from bopis.domain.order import Order, OrderLine, OrderState
from bopis.domain.records import OrderWrite, WriteSet
from bopis.domain.sourcing import Consent
from bopis.testing.shop import MONDAY_10_UTC_MS

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS
HERE = Place(40.0, -74.0)


def placed(number: int, at_ms: int, *, sku: str = "apple", place: Place = HERE) -> Order:
    return Order(
        order_id=f"order-{number}",
        tenant="default",
        state=OrderState.PENDING,
        method=Method.PICKUP,
        place=place,
        lines=(OrderLine(1, sku, 1, 10_000_000),),
        currency="USD",
        create_time_ms=at_ms,
        promise_time_ms=at_ms // HOUR_MS * HOUR_MS + 3 * HOUR_MS,
        consent=Consent(40, ship_home=True),
        body_digest="",
    )


async def drawn(
    folder: Path, orders: Sequence[Order], *, now_ms: int = MONDAY_10_UTC_MS, hours: int = 24
) -> tuple[Sample, ...]:
    """What a forecaster says that knows these orders."""
    store = open_store(f"sqlite:///{folder}")
    try:
        for first in range(0, len(orders), 500):
            writes = [OrderWrite(order, 0) for order in orders[first : first + 500]]
            await store.commit(WriteSet(orders=tuple(writes)))
        forecaster = HistoryForecaster(store)
        return tuple(await forecaster.samples(now_ms=now_ms, until_ms=now_ms + hours * HOUR_MS))
    finally:
        store.close()


def weeks_of_mornings(*, weeks: int, a_morning: int) -> list[Order]:
    """Bread at 9 and apples at 11, every Monday of the weeks before, at two places."""
    orders = []
    for week in range(1, weeks + 1):
        for n in range(a_morning):
            nine = MONDAY_10_UTC_MS - week * WEEK_MS - HOUR_MS
            orders.append(placed(len(orders), nine + n * 1_000, sku="bread"))
            eleven = MONDAY_10_UTC_MS - week * WEEK_MS + HOUR_MS
            there = Place(41.0, -75.0)
            orders.append(placed(len(orders), eleven + n * 1_000, place=there))
    return sorted(orders, key=lambda one: one.create_time_ms)


async def test_what_was_ordered_in_an_hour_of_the_week_is_expected_in_that_hour(
    tmp_path: Path,
) -> None:
    usual = weeks_of_mornings(weeks=3, a_morning=200)
    # Nine o'clock of today went as always.
    today = [placed(10_000 + n, MONDAY_10_UTC_MS - HOUR_MS + n, sku="bread") for n in range(200)]
    samples = await drawn(tmp_path / "db", usual + today)
    assert len(samples) == SAMPLES_MOST
    counts = [len(sample) for sample in samples]
    # Poisson with a mean of 200: within five deviations.
    assert all(130 <= count <= 270 for count in counts), counts
    assert len(set(counts)) > 1
    for sample in samples:
        assert {one.lines[0].sku for one in sample} == {"apple"}
        assert {one.place for one in sample} == {Place(41.0, -75.0)}
        assert all(one.placed_ms // HOUR_MS == MONDAY_10_UTC_MS // HOUR_MS + 1 for one in sample)
        assert all(one.promise_ms - one.placed_ms <= 3 * HOUR_MS for one in sample)
        assert all(one.promise_ms % HOUR_MS == 0 for one in sample)
        assert list(sample) == sorted(sample, key=lambda one: one.placed_ms)


async def test_a_day_that_goes_better_than_usual_goes_on_so(tmp_path: Path) -> None:
    usual = weeks_of_mornings(weeks=3, a_morning=200)
    today = [placed(10_000 + n, MONDAY_10_UTC_MS - HOUR_MS + n, sku="bread") for n in range(600)]
    samples = await drawn(tmp_path / "db", usual + today)
    mean = sum(len(sample) for sample in samples) / len(samples)
    # (600 + 50) of (200 + 50): 2.6 times as many.
    assert abs(mean - 520) < 50, mean


async def test_without_a_week_the_days_before_stand_in_and_without_a_day_the_last_hours(
    tmp_path: Path,
) -> None:
    day_ms = 24 * HOUR_MS
    yesterday = [placed(n, MONDAY_10_UTC_MS - day_ms + 2 * HOUR_MS + n) for n in range(100)]
    days = await drawn(tmp_path / "days", [placed(999, MONDAY_10_UTC_MS - 2 * day_ms), *yesterday])
    hours = Count(one.placed_ms // HOUR_MS for sample in days for one in sample)
    assert hours[MONDAY_10_UTC_MS // HOUR_MS + 2] > 300
    just_now = [placed(n, MONDAY_10_UTC_MS - 60_000 + n, sku="candle") for n in range(100)]
    new = await drawn(tmp_path / "new", just_now)
    assert all(60 <= len(sample) <= 140 for sample in new)
    assert all(one.placed_ms <= MONDAY_10_UTC_MS + HOUR_MS for sample in new for one in sample)


async def test_nothing_is_expected_of_a_service_that_knows_no_order(tmp_path: Path) -> None:
    assert await drawn(tmp_path / "db", []) == ()
    later = [placed(1, MONDAY_10_UTC_MS + 1)]
    assert await drawn(tmp_path / "later", later) == ()


async def test_orders_after_a_moment_change_nothing_that_was_expected_then(tmp_path: Path) -> None:
    dice = random.Random(5)
    start = MONDAY_10_UTC_MS - 3 * WEEK_MS
    orders = [
        placed(n, start + dice.randrange(4 * WEEK_MS), sku=dice.choice(["apple", "bread"]))
        for n in range(3_000)
    ]
    orders.sort(key=lambda one: one.create_time_ms)
    for at, cut_ms in enumerate((MONDAY_10_UTC_MS, MONDAY_10_UTC_MS + 13 * HOUR_MS)):
        past = [one for one in orders if one.create_time_ms <= cut_ms]
        other = [placed(5_000 + n, cut_ms + 1 + n * 500_000, sku="candle") for n in range(1_000)]
        with_future = await drawn(tmp_path / f"whole-{at}", orders, now_ms=cut_ms)
        assert any(with_future)
        assert with_future == await drawn(tmp_path / f"cut-{at}", past, now_ms=cut_ms)
        assert with_future == await drawn(tmp_path / f"other-{at}", past + other, now_ms=cut_ms)


async def test_what_is_learned_bit_by_bit_is_what_is_learned_at_once(tmp_path: Path) -> None:
    orders = weeks_of_mornings(weeks=3, a_morning=300)
    at_once = await drawn(tmp_path / "once", orders)
    store = open_store(f"sqlite:///{tmp_path / 'bits'}")
    forecaster = HistoryForecaster(store)
    found: Sequence[Sample] = ()
    for first in range(0, len(orders), 333):
        writes = [OrderWrite(order, 0) for order in orders[first : first + 333]]
        await store.commit(WriteSet(orders=tuple(writes)))
        found = await forecaster.samples(
            now_ms=MONDAY_10_UTC_MS, until_ms=MONDAY_10_UTC_MS + 24 * HOUR_MS
        )
    store.close()
    assert tuple(found) == at_once


async def test_a_sample_ends_at_its_limit_with_the_orders_that_come_first(tmp_path: Path) -> None:
    week = [placed(n, MONDAY_10_UTC_MS - WEEK_MS + n * 1_000) for n in range(SAMPLE_MAX + 2_000)]
    today = [placed(100_000 + n, MONDAY_10_UTC_MS - PACE_MS + n) for n in range(10)]
    samples = await drawn(tmp_path / "db", week + today)

    def last_ms(sample: Sequence[ExpectedOrder]) -> int:
        return sample[-1].placed_ms - MONDAY_10_UTC_MS

    assert all(len(sample) == SAMPLE_MAX for sample in samples)
    assert len(samples) == SAMPLES_LEAST, "so many orders are enough"
    assert all(last_ms(sample) < 7_000_000 for sample in samples)
    assert replace(samples[0][0], placed_ms=0) == replace(samples[1][0], placed_ms=0)
