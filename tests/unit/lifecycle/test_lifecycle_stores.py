"""Labor windows."""

from dataclasses import replace

import pytest

from bopis.domain import commands
from bopis.domain.errors import RequestIdReused, RequestWindowFull
from bopis.domain.ledger import ActDone, CapacityWindow, CellKey
from bopis.domain.results import WindowCapacity
from bopis.service import stores
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import MONDAY_10_UTC_MS

HOUR_S = 3_600


async def test_windows_are_opened_for_the_horizon_and_extended_by_the_day(counter: Counter) -> None:
    deps, clock = counter.shop.deps, counter.shop.clock
    far = MONDAY_10_UTC_MS // 1000 + 10 * 86_400
    last = CellKey("east", None, far - HOUR_S)
    assert counter.shop.ledger.view(last).on_hand == 3_600
    assert counter.shop.ledger.view(replace(last, window_start_s=far)).on_hand == 0
    assert await stores.extend_windows(deps) == 0
    clock.advance(86_400_000)
    assert await stores.extend_windows(deps) == 3
    assert await stores.extend_windows(deps) == 0
    assert counter.shop.ledger.view(replace(last, window_start_s=far)).on_hand == 3_600


async def test_a_capacity_that_was_set_survives_another_import_of_the_same_node(
    counter: Counter,
) -> None:
    deps = counter.shop.deps
    start = MONDAY_10_UTC_MS // 1000
    command = commands.SetCapacity(
        request_id=request_id(), node_id="east", windows=(CapacityWindow(start, 60),)
    )
    first = await stores.set_capacity(deps, command)
    assert [(one.seconds, one.available_seconds) for one in first.windows] == [(60, 60)]
    assert await stores.set_capacity(deps, command) == first
    with pytest.raises(RequestIdReused):
        await stores.set_capacity(deps, replace(command, windows=(CapacityWindow(start, 61),)))
    await stores.import_stores(deps, [deps.directory.nodes["east"]])
    assert counter.shop.ledger.view(CellKey("east", None, start)).on_hand == 60
    order = await counter.create(("apple", 1))
    assert order.fulfillment_orders[0].window_start_ms == MONDAY_10_UTC_MS + 3_600_000


async def test_a_closed_window_is_passed_over_until_it_is_opened(counter: Counter) -> None:
    deps = counter.shop.deps
    start = MONDAY_10_UTC_MS // 1000

    async def switch(*, closed: bool | None) -> WindowCapacity:
        command = commands.SetCapacity(
            request_id=request_id(), node_id="east", windows=(CapacityWindow(start, 600, closed),)
        )
        return (await stores.set_capacity(deps, command)).windows[0]

    first = await counter.create(("apple", 1))
    assert first.fulfillment_orders[0].window_start_ms == MONDAY_10_UTC_MS
    taken = 600 - (await switch(closed=None)).available_seconds
    assert taken > 0
    assert await switch(closed=True) == WindowCapacity(start, 600, 0, True)
    late = replace(deps.directory.nodes["east"], close_minute=19 * 60)
    await stores.import_stores(deps, [late])
    assert counter.shop.ledger.view(CellKey("east", None, start)).atp < 0, "it stays closed"
    second = await counter.create(("apple", 1))
    assert second.fulfillment_orders[0].window_start_ms == MONDAY_10_UTC_MS + 3_600_000
    assert await switch(closed=None) == WindowCapacity(start, 600, 0, True)
    assert await switch(closed=False) == WindowCapacity(start, 600, 600 - taken, False)
    third = await counter.create(("apple", 1))
    assert third.fulfillment_orders[0].window_start_ms == MONDAY_10_UTC_MS


async def test_new_hours_close_the_windows_of_the_old_ones(counter: Counter) -> None:
    deps = counter.shop.deps
    start = MONDAY_10_UTC_MS // 1000
    late = replace(deps.directory.nodes["east"], open_minute=12 * 60)
    await stores.import_stores(deps, [late])
    view = counter.shop.ledger.view
    assert view(CellKey("east", None, start)).on_hand == 0
    assert view(CellKey("east", None, start + 2 * HOUR_S)).on_hand == 3_600


async def test_a_start_without_room_for_an_act_still_serves_what_is_known(
    counter: Counter,
) -> None:
    async def full(_commands: object, *, request_id: str) -> ActDone:
        raise RequestWindowFull(f"no room for {request_id}", retry_after_ms=1)

    deps, ledger = counter.shop.deps, counter.shop.ledger
    deps.directory.nodes.clear()
    act, ledger.act = ledger.act, full  # type: ignore[method-assign]
    await stores.load_network(deps)
    ledger.act = act  # type: ignore[method-assign]
    assert sorted(deps.directory.nodes) == ["east", "hub", "west"]
    assert await stores.extend_windows(deps) == 0
