"""Prices from forecasts: what later orders will lack is dear, what is plentiful is free."""

from collections import Counter
from dataclasses import replace

from bopis.simulate.day import Day
from bopis.simulate.duals import DualPrices
from bopis.simulate.forecast import OtherDays, Sample
from tests.unit.simulate.small_days import orders_of, pricer_of, setting_of, small_town

TOWN = small_town(orders=80)
SETTING = setting_of(TOWN)
ORDERS = orders_of(TOWN)
PLENTY = 10_000


def morning() -> Day:
    return Day.morning(SETTING, now_s=ORDERS[0].placed_s - 1)


def prices_of(day: Day, other_days: OtherDays | None = None) -> DualPrices:
    forecaster = other_days or OtherDays.drawn(ORDERS, seed=1)
    prices = DualPrices(pricer_of(SETTING), SETTING, forecaster, every_s=300)
    prices.act(day)
    return prices


def lacking() -> str:
    """The SKU of which the day wants the most beyond what there is."""
    wanted: Counter[str] = Counter()
    for order in ORDERS:
        for line in order.lines:
            wanted[line.sku] += line.quantity
    for (_, sku), units in SETTING.stock.items():
        wanted[sku] -= units
    sku, short = wanted.most_common(1)[0]
    assert short > 0, "the town has enough of everything"
    return sku


def test_what_later_orders_will_lack_is_dear_and_what_nobody_asks_for_is_free() -> None:
    sku = lacking()
    day = morning()
    for cell in SETTING.stock:
        if cell[1] != sku:
            day.stock[cell] = PLENTY
    for hours in day.labor.values():
        hours.update(dict.fromkeys(hours, PLENTY * 3_600))
    prices = prices_of(day)
    assert any(prices.unit(node_id, sku) > 0 for node_id in SETTING.carriers[sku])
    for node_id, other in SETTING.stock:
        if other != sku:
            assert prices.unit(node_id, other) == 0
    for node_id, hours in SETTING.network.windows.items():
        assert all(prices.second(node_id, hour) == 0 for hour in hours)


def test_hours_in_which_more_work_will_come_than_can_be_done_are_dear() -> None:
    day = morning()
    for cell in SETTING.stock:
        day.stock[cell] = PLENTY
    prices = prices_of(day)
    assert any(
        prices.second(node_id, hour) > 0
        for node_id, hours in SETTING.network.windows.items()
        for hour in hours
    )


def test_with_nobody_to_come_everything_is_free_again() -> None:
    day = morning()
    prices = prices_of(day)
    assert prices.version == 1
    day.now_s = max(order.placed_s for order in ORDERS) + 86_400
    prices.act(day)
    assert prices.version == 2
    assert not any(prices.unit(*cell) for cell in SETTING.stock)


def test_an_unknown_cell_has_no_price() -> None:
    prices = prices_of(morning())
    assert prices.unit("nowhere", "nothing") == 0
    assert prices.second("nowhere", 0) == 0


def test_orders_that_the_forecast_did_not_name_before_are_priced_too() -> None:
    class Changing:
        """Names other orders at every call."""

        def __init__(self) -> None:
            self.calls = 0

        def samples(self, *, now_s: int, seen: int) -> list[Sample]:
            self.calls += 1
            days = [replace(o, order_id=f"{self.calls}/{o.order_id}") for o in ORDERS]
            return list(OtherDays([days]).samples(now_s=now_s, seen=seen))

    day = morning()
    forecaster = Changing()
    prices = DualPrices(pricer_of(SETTING), SETTING, forecaster, every_s=300)
    prices.act(day)
    prices.act(day)
    assert forecaster.calls == 2
    assert any(prices.unit(*cell) for cell in SETTING.stock)
