"""Dual prices made in the background: what is asked, what is published, when it is withdrawn."""

import asyncio
from dataclasses import replace

import pytest

from bopis.domain.duals import Duals, LaborDual, StockDual
from bopis.domain.errors import NotServing
from bopis.domain.forecast import ExpectedLine, ExpectedOrder, Sample
from bopis.domain.network import Method
from bopis.domain.reallocation import FoundPrices, PriceProblem
from bopis.domain.sourcing import Consent
from bopis.jobs import refresh_duals as job
from bopis.service.duals import publish_duals, read_duals
from bopis.service.pricing import Refreshed, refresh_duals, withdraw_stale
from bopis.testing.counter import Counter
from bopis.testing.shop import AT_EAST, MONDAY_10_UTC_MS, Shop

HOUR_MS = 3_600_000
WEST = StockDual("west", "apple", 3_000_000)
LABOR = LaborDual("east", MONDAY_10_UTC_MS // 1000 + 3_600, 40)


class Foreseen:
    """A forecaster that says what the test tells it to."""

    def __init__(self, *samples: Sample) -> None:
        self.drawn = samples
        self.asked: list[tuple[int, int]] = []

    async def samples(self, *, now_ms: int, until_ms: int) -> tuple[Sample, ...]:
        self.asked.append((now_ms, until_ms))
        return self.drawn


def expected(*skus: str, in_h: int = 1) -> ExpectedOrder:
    placed_ms = MONDAY_10_UTC_MS + in_h * HOUR_MS
    return ExpectedOrder(
        placed_ms=placed_ms,
        promise_ms=placed_ms + 3 * HOUR_MS,
        method=Method.PICKUP,
        place=AT_EAST,
        lines=tuple(ExpectedLine(sku, 2) for sku in skus),
        consent=Consent(5, ship_home=False),
    )


def foreseeing(counter: Counter, *samples: Sample) -> Counter:
    """The counter of the same shop with another forecaster."""
    shop = counter.shop
    return Counter(replace(shop, deps=replace(shop.deps, forecaster=Foreseen(*samples))))


async def test_open_orders_and_samples_are_priced_and_what_is_found_is_in_force(
    counter: Counter,
) -> None:
    counter = foreseeing(counter, (expected("apple"), expected("bread", in_h=2)), ())
    deps, solver = counter.shop.deps, counter.shop.solver
    await counter.create(("apple", 3), order_id="open")
    solver.price_script = lambda _: FoundPrices((WEST,), (LABOR,))
    done = await refresh_duals(deps, time_limit_ms=7_000)
    [problem] = solver.price_problems
    assert problem.now_ms == MONDAY_10_UTC_MS
    assert problem.time_limit_ms == 7_000
    assert [one.ask.order_id for one in problem.orders] == ["open"]
    [first, second] = problem.samples
    assert second == ()
    assert [
        (line.sku, line.quantity, line.unit_price_micro) for a in first for line in a.lines
    ] == [
        ("apple", 2, 10_000_000),
        ("bread", 2, 10_000_000),
    ]
    assert [ask.now_ms for ask in first] == [MONDAY_10_UTC_MS + h * HOUR_MS for h in (1, 2)]
    assert first[0].consent == Consent(5, ship_home=False)
    # What the open order holds is on offer beside what is free: all there is of both SKUs.
    units = {(one.node_id, one.sku): one.units for one in problem.stock}
    assert units["east", "apple"] == 10
    assert units["west", "bread"] == 2
    page = read_duals(deps)
    assert (page.version, page.as_of_ms) == (done.version, MONDAY_10_UTC_MS)
    priced = {(one.node_id, one.sku): one for one in page.prices if isinstance(one, StockDual)}
    assert priced["west", "apple"] == WEST
    assert LABOR in page.prices
    # A last unit that is worth nothing to others is said to be: its opportunity is known, not
    # guessed. Where there is plenty nothing need be said.
    assert priced["west", "bread"].price_micro == 0
    assert ("hub", "apple") not in priced


async def test_versions_ascend_and_each_refresh_starts_from_the_prices_before(
    counter: Counter,
) -> None:
    counter = foreseeing(counter, (expected("apple"),))
    deps, solver = counter.shop.deps, counter.shop.solver
    solver.price_script = lambda _: FoundPrices((WEST,), (LABOR,))
    versions = [(await refresh_duals(deps, time_limit_ms=1)).version for _ in range(3)]
    assert versions == sorted(set(versions))
    assert [one.stock_prices for one in solver.price_problems] == [(), (WEST,), (WEST,)]
    assert solver.price_problems[2].labor_prices == (LABOR,)


async def test_prices_that_later_ones_overtook_are_not_told_as_in_force(counter: Counter) -> None:
    counter = foreseeing(counter, (expected("apple"),))
    deps, solver = counter.shop.deps, counter.shop.solver
    later = Duals(deps.clock.wall_ms() + 1, deps.clock.wall_ms(), (WEST,))

    def overtaken(problem: PriceProblem) -> FoundPrices:
        publish_duals(deps, later)
        return FoundPrices(())

    solver.price_script = overtaken
    assert (await refresh_duals(deps, time_limit_ms=1)).version == 0
    assert deps.duals.current() == later


async def test_with_nobody_to_come_nothing_is_asked_and_no_price_stays(counter: Counter) -> None:
    counter = foreseeing(counter, (), ())
    deps = counter.shop.deps
    assert (await refresh_duals(deps, time_limit_ms=1)) == Refreshed(0, 0, 2, 0, 0, 0)
    publish_duals(deps, Duals(1, MONDAY_10_UTC_MS, (WEST,)))
    done = await refresh_duals(deps, time_limit_ms=1)
    assert done.version > 1
    assert read_duals(deps).prices == ()
    assert counter.shop.solver.price_problems == []


async def test_a_solver_that_fails_leaves_the_prices_until_they_are_too_old(
    counter: Counter,
) -> None:
    counter = foreseeing(counter, (expected("apple"),))
    shop, deps = counter.shop, counter.shop.deps
    shop.solver.price_script = lambda _: FoundPrices((WEST,))
    await refresh_duals(deps, time_limit_ms=1)
    before = read_duals(deps).prices

    def die(problem: PriceProblem) -> FoundPrices:
        raise NotServing("the solver died")

    shop.solver.price_script = die
    with pytest.raises(NotServing):
        await refresh_duals(deps, time_limit_ms=1)
    assert read_duals(deps).prices == before
    shop.clock.advance(900_000)
    assert not withdraw_stale(deps, age_max_ms=900_000)
    assert read_duals(deps).prices == before
    shop.clock.advance(1)
    assert withdraw_stale(deps, age_max_ms=900_000)
    assert read_duals(deps).prices == ()
    assert deps.sourcer.duals == Duals(read_duals(deps).version, shop.clock.wall_ms())  # type: ignore[attr-defined]
    assert not withdraw_stale(deps, age_max_ms=900_000)


async def test_lines_that_left_the_catalog_are_not_expected(counter: Counter) -> None:
    counter = foreseeing(counter, (expected("apple", "gone"), expected("gone")))
    await refresh_duals(counter.shop.deps, time_limit_ms=1)
    [[ask]] = counter.shop.solver.price_problems[0].samples
    assert [line.sku for line in ask.lines] == ["apple"]


async def test_the_job_withdraws_old_prices_while_its_solver_hangs_and_stops_when_told(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = foreseeing(counter, (expected("apple"),))
    shop: Shop = counter.shop
    publish_duals(shop.deps, Duals(1, MONDAY_10_UTC_MS, (WEST,)))
    asked, withdrawn = asyncio.Event(), asyncio.Event()

    class Hanging:
        async def price(self, problem: PriceProblem, **world: object) -> FoundPrices:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    deps = replace(shop.deps, solver=Hanging())  # type: ignore[arg-type]
    monkeypatch.setattr(deps.sourcer, "load_duals", lambda _: withdrawn.set())
    stop = asyncio.Event()
    running = asyncio.create_task(job.run(deps, every_s=0.01, age_max_s=60, stop=stop))
    async with asyncio.timeout(10):
        await asked.wait()
        assert len(read_duals(deps).prices) == 1
        shop.clock.advance(61_000)
        await withdrawn.wait()
        assert read_duals(deps).prices == ()
        stop.set()
        await running
