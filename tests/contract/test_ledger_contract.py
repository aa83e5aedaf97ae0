"""What every ledger must do: the native one, durable and in memory, and the naive one of the tests.
The naive one is the second opinion: both are asked the same and must answer the same.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bopis import _allocator_rs as native
from bopis.adapters.ledger_native import READ_CELLS_MAX, NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.domain import ledger as values
from bopis.domain.errors import NodeNotFound, NotServing, RequestIdReused, SkuNotFound
from bopis.domain.ledger import (
    CellChanged,
    CellKey,
    CellsSet,
    CellView,
    Command,
    Insufficient,
    Moved,
    Refusal,
    Refused,
    Registered,
    ReservationLine,
    ReservationNow,
    ReservationState,
    Shortage,
)
from bopis.ports import Ledger
from bopis.testing.clock import FakeClock
from bopis.testing.ledger_memory import MemoryLedger

HOUR_S = 3_600
TTL_MS = 900_000
NODES = ("a", "b", "c")
SKUS = ("x", "y")
WINDOWS = (HOUR_S, 2 * HOUR_S)


def new_id() -> str:
    return str(uuid.uuid4())


def stock(node_id: str, sku: str, quantity: int) -> ReservationLine:
    return ReservationLine(node_id, quantity, sku=sku)


def labor(node_id: str, start_s: int, quantity: int) -> ReservationLine:
    return ReservationLine(node_id, quantity, window_start_s=start_s)


async def native_ledger(directory: Path | None) -> AsyncIterator[NativeLedger]:
    engine = native.Engine.open(directory, native.Clock.system(), 100_000)
    engine.start_time()
    calls = NativeCalls(engine, asyncio.get_running_loop())
    yield NativeLedger(engine, calls)
    await asyncio.to_thread(engine.drain)
    calls.close()


@pytest_asyncio.fixture(params=["native durable", "native in memory", "naive"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    if request.param == "naive":
        yield await filled(MemoryLedger(FakeClock(0)))
        return
    directory = tmp_path / "ledger" if request.param == "native durable" else None
    async for opened in native_ledger(directory):
        yield await filled(opened)


async def filled(ledger: Ledger) -> Ledger:
    """Nodes, SKUs, 10 units of each and 100 seconds of each window."""
    await ledger.act([values.RegisterNodes(NODES), values.RegisterItems(SKUS)], request_id=new_id())
    commands: list[Command] = [
        values.SetOnHand(node_id, sku, 10) for node_id in NODES for sku in SKUS
    ]
    windows = tuple(values.CapacityWindow(start, 100) for start in WINDOWS)
    commands += [values.SetCapacity(node_id, windows) for node_id in NODES]
    await ledger.act(commands, request_id=new_id())
    return ledger


async def one(ledger: Ledger, command: Command) -> values.Outcome:
    """The outcome of one command."""
    return (await ledger.act([command], request_id=new_id())).outcomes[0]


async def cell(ledger: Ledger, key: CellKey) -> CellView:
    return (await ledger.read([key])).cells[0]


async def test_stock_and_labor_are_held_together_or_not_at_all(ledger: Ledger) -> None:
    lines = (stock("a", "x", 4), labor("a", HOUR_S, 60))
    held = await one(
        ledger, values.Hold("00000000-0000-0000-0000-000000000001", "o", lines, TTL_MS)
    )
    assert isinstance(held, ReservationNow)
    assert held.reservation.state is ReservationState.HELD
    assert held.reservation.lines == lines
    refused = await one(ledger, values.Hold(new_id(), "o", lines, TTL_MS))
    shortage = Shortage(1, CellKey("a", window_start_s=HOUR_S), 60, 40)
    assert refused == Insufficient((shortage,))
    assert await cell(ledger, CellKey("a", "x")) == CellView(on_hand=10, held=4)


async def test_lines_of_one_cell_are_summed(ledger: Ledger) -> None:
    lines = (stock("a", "x", 6), stock("a", "x", 5))
    refused = await one(ledger, values.Hold(new_id(), "o", lines, TTL_MS))
    assert refused == Insufficient((Shortage(0, CellKey("a", "x"), 11, 10),))


async def test_a_reservation_goes_its_way_and_no_other(ledger: Ledger) -> None:
    reservation = new_id()
    await one(ledger, values.Hold(reservation, "o", (stock("a", "x", 4),), TTL_MS))
    early = await one(ledger, values.Consume(reservation))
    assert early == Refused(Refusal.NOT_COMMITTED)
    committed = await one(ledger, values.Commit(reservation))
    assert isinstance(committed, ReservationNow)
    assert await one(ledger, values.Commit(reservation)) == Refused(Refusal.ALREADY_COMMITTED)
    part = await one(ledger, values.Consume(reservation, (stock("a", "x", 1),)))
    assert isinstance(part, ReservationNow)
    assert part.reservation.lines == (stock("a", "x", 3),)
    much = await one(ledger, values.Release(reservation, (stock("a", "x", 4),)))
    assert much == Refused(Refusal.LINE_NOT_HELD)
    released = await one(ledger, values.Release(reservation))
    assert isinstance(released, ReservationNow)
    assert released.reservation.state is ReservationState.RELEASED
    assert await one(ledger, values.Release(reservation)) == Refused(Refusal.RESERVATION_ENDED)
    assert await cell(ledger, CellKey("a", "x")) == CellView(on_hand=9)
    found = await ledger.reservation(reservation)
    assert found is not None
    assert found.state is ReservationState.RELEASED
    assert await ledger.reservation(new_id()) is None


async def test_reservations_are_found_by_order_and_by_cell(ledger: Ledger) -> None:
    first, second, third = sorted(new_id() for _ in range(3))
    await one(ledger, values.Hold(first, "o", (stock("a", "x", 2), stock("b", "x", 1)), TTL_MS))
    await one(ledger, values.Hold(second, "o", (stock("a", "x", 1),), TTL_MS))
    await one(ledger, values.Hold(third, "p", (stock("a", "x", 3),), TTL_MS))
    await one(ledger, values.Release(second))
    of_order = await ledger.reservations_of_order("o")
    assert [found.reservation_id for found in of_order.reservations] == [first, second]
    assert of_order.reservations[1].state is ReservationState.RELEASED
    assert of_order.count == 2
    of_cell = await ledger.reservations_of_cell(CellKey("a", "x"))
    assert [found.reservation_id for found in of_cell.reservations] == [first, third]
    assert of_cell.sequence >= of_order.sequence
    # A deadline as wall time is as exact as two looks at a clock.
    read = await ledger.reservation(first)
    assert read is not None
    assert replace(of_cell.reservations[0], expire_wall_ms=0) == replace(read, expire_wall_ms=0)
    assert (await ledger.reservations_of_order("nobody")).reservations == ()
    assert (await ledger.reservations_of_cell(CellKey("c", "y"))).count == 0
    with pytest.raises(NodeNotFound):
        await ledger.reservations_of_cell(CellKey("nowhere", "x"))
    with pytest.raises(SkuNotFound):
        await ledger.reservations_of_cell(CellKey("a", "nothing"))


async def test_reservations_that_swap_units_move_together(ledger: Ledger) -> None:
    first, second = new_id(), new_id()
    await one(ledger, values.Hold(first, "o", (stock("a", "x", 10),), TTL_MS))
    await one(ledger, values.Hold(second, "p", (stock("b", "x", 10),), TTL_MS))
    alone = values.ReservationMove(first, (stock("b", "x", 10),))
    assert await one(ledger, values.Move((alone,))) == Insufficient(
        (Shortage(0, CellKey("b", "x"), 10, 0),)
    )
    other = values.ReservationMove(second, (stock("a", "x", 10),))
    moved = await one(ledger, values.Move((alone, other)))
    assert isinstance(moved, Moved)
    assert [one.lines for one in moved.reservations] == [alone.lines, other.lines]


async def test_facts_are_never_refused(ledger: Ledger) -> None:
    await one(ledger, values.Hold(new_id(), "o", (stock("a", "x", 8),), TTL_MS))
    taken = await one(ledger, values.Adjust("a", "x", -5, 1, "REASON_SHRINKAGE"))
    assert taken == CellChanged(CellView(on_hand=5, held=8, unavailable=1))
    windows = (values.CapacityWindow(HOUR_S, 30), values.CapacityWindow(9 * HOUR_S, 40))
    closed = await one(ledger, values.SetCapacity("a", windows))
    assert closed == CellsSet((CellView(on_hand=30), CellView(on_hand=40)))


async def test_a_closed_window_keeps_its_promises_and_makes_no_new_ones(ledger: Ledger) -> None:
    held = new_id()
    await one(ledger, values.Hold(held, "o", (labor("a", HOUR_S, 60),), TTL_MS))

    async def switch(seconds: int, closed: bool | None) -> CellView:
        windows = (
            values.CapacityWindow(HOUR_S, seconds, closed),
            values.CapacityWindow(2 * HOUR_S, 100),
        )
        done = await one(ledger, values.SetCapacity("a", windows))
        assert isinstance(done, CellsSet)
        assert done.cells[1] == CellView(on_hand=100)
        return done.cells[0]

    buffer = values.CLOSED_BUFFER
    expected = CellView(on_hand=100, held=60, safety_stock=buffer)
    assert await switch(100, True) == expected
    assert await cell(ledger, CellKey("a", window_start_s=HOUR_S)) == expected
    lines = (labor("a", HOUR_S, 1),)
    refused = await one(ledger, values.Hold(new_id(), "o", lines, TTL_MS))
    shortage = Shortage(0, CellKey("a", window_start_s=HOUR_S), 1, 0)
    assert refused == Insufficient((shortage,))
    assert await switch(200, None) == replace(expected, on_hand=200), "it stays closed"
    committed = await one(ledger, values.Commit(held))
    assert isinstance(committed, ReservationNow)
    assert await switch(200, False) == CellView(on_hand=200, committed=60)
    assert isinstance(await one(ledger, values.Hold(new_id(), "o", lines, TTL_MS)), ReservationNow)


async def test_the_same_request_is_one_effect_and_another_body_is_refused(ledger: Ledger) -> None:
    request_id = new_id()
    command = values.Adjust("a", "x", 5, 0, "REASON_RECEIVED")
    first = await ledger.act([command], request_id=request_id)
    again = await ledger.act([command], request_id=request_id)
    assert again.outcomes == first.outcomes
    assert (await cell(ledger, CellKey("a", "x"))).on_hand == 15
    with pytest.raises(RequestIdReused):
        await ledger.act([replace(command, on_hand_delta=6)], request_id=request_id)
    assert (await cell(ledger, CellKey("a", "x"))).on_hand == 15


async def test_names_that_are_not_registered_are_named(ledger: Ledger) -> None:
    with pytest.raises(NodeNotFound):
        await one(ledger, values.Hold(new_id(), "o", (stock("nowhere", "x", 1),), TTL_MS))
    with pytest.raises(SkuNotFound):
        await one(ledger, values.Hold(new_id(), "o", (stock("a", "nothing", 1),), TTL_MS))
    assert await one(ledger, values.RegisterNodes(("a", "new"))) == Registered()
    assert await one(ledger, values.SetOnHand("new", "x", 1)) == CellChanged(CellView(on_hand=1))


async def test_cells_never_seen_read_as_zeros(ledger: Ledger) -> None:
    keys = [CellKey("nowhere", "x"), CellKey("a", "nothing"), CellKey("a", window_start_s=0)]
    read = await ledger.read(keys)
    assert read.cells == (CellView(),) * 3
    items = [CellKey("", "x"), CellKey("", "nothing"), CellKey("", window_start_s=HOUR_S)]
    assert list(await ledger.read_atp(["a", "nowhere"], items)) == [10, 0, 100, 0, 0, 0]


async def test_acts_of_one_turn_are_each_answered(ledger: Ledger) -> None:
    commands = [values.Adjust("a", "x", 1, 0, "REASON_RECEIVED") for _ in range(500)]
    done = await asyncio.gather(
        *(ledger.act([command], request_id=new_id()) for command in commands)
    )
    assert (await cell(ledger, CellKey("a", "x"))).on_hand == 510
    assert len({one.sequence for one in done}) == 500


async def test_what_a_caller_gave_up_on_does_not_disturb_the_others(ledger: Ledger) -> None:
    given_up = asyncio.ensure_future(one(ledger, values.Adjust("a", "x", 1, 0, "REASON_RECEIVED")))
    await asyncio.sleep(0)
    given_up.cancel()
    await one(ledger, values.Adjust("a", "y", 1, 0, "REASON_RECEIVED"))
    assert (await cell(ledger, CellKey("a", "y"))).on_hand == 11


async def test_a_stopped_native_ledger_says_so() -> None:
    engine = native.Engine.open(None, native.Clock.system(), 1_000)
    calls = NativeCalls(engine, asyncio.get_running_loop())
    ledger = NativeLedger(engine, calls)
    await asyncio.to_thread(engine.drain)
    with pytest.raises(NotServing):
        await one(ledger, values.RegisterNodes(("a",)))
    calls.close()


async def test_more_cells_than_one_read_gives_are_refused() -> None:
    engine = native.Engine.open(None, native.Clock.system(), 1_000)
    calls = NativeCalls(engine, asyncio.get_running_loop())
    with pytest.raises(ValueError, match="4096"):
        await NativeLedger(engine, calls).read([CellKey("a", "x")] * (READ_CELLS_MAX + 1))
    calls.close()


def random_lines(dice: random.Random) -> tuple[ReservationLine, ...]:
    def line() -> ReservationLine:
        node_id = dice.choice(NODES)
        if dice.random() < 0.7:
            return stock(node_id, dice.choice(SKUS), dice.randint(1, 4))
        return labor(node_id, dice.choice(WINDOWS), dice.randint(1, 40))

    return tuple(line() for _ in range(dice.randint(1, 3)))


def random_command(dice: random.Random, known: list[str]) -> Command:
    way = dice.random()
    if way < 0.35 or not known:
        known.append(str(uuid.UUID(int=dice.getrandbits(128))))
        return values.Hold(known[-1], "o", random_lines(dice), TTL_MS)
    chosen = dice.choice(known)
    if way < 0.5:
        return values.Commit(chosen)
    if way < 0.62:
        return values.Release(chosen, None if dice.random() < 0.5 else random_lines(dice))
    if way < 0.74:
        return values.Consume(chosen, None if dice.random() < 0.5 else random_lines(dice))
    if way < 0.86:
        return values.Move((values.ReservationMove(chosen, random_lines(dice)),))
    # Only upward: of cells in deficit the naive one knows too little.
    delta = dice.randint(0, 3)
    return values.Adjust(dice.choice(NODES), dice.choice(SKUS), delta, 0, "REASON_CORRECTION")


@pytest.mark.parametrize("seed", range(8))
async def test_the_native_and_the_naive_ledger_agree(seed: int) -> None:
    dice = random.Random(f"ledger/{seed}")
    naive = await filled(MemoryLedger(FakeClock(0)))
    async for opened in native_ledger(None):
        real = await filled(opened)
        known: list[str] = []
        for step in range(400):
            commands = [random_command(dice, known) for _ in range(dice.randint(1, 3))]
            request_id = str(uuid.UUID(int=dice.getrandbits(128)))
            answers = [
                [comparable(outcome) for outcome in done.outcomes]
                for done in [
                    await ledger.act(commands, request_id=request_id) for ledger in (real, naive)
                ]
            ]
            assert answers[0] == answers[1], f"seed {seed}, step {step}: {commands}"
        keys = [CellKey(node_id, sku) for node_id in NODES for sku in SKUS]
        keys += [CellKey(node_id, window_start_s=start) for node_id in NODES for start in WINDOWS]
        assert (await real.read(keys)).cells == (await naive.read(keys)).cells


def comparable(outcome: values.Outcome) -> values.Outcome:
    """Without deadlines (two clocks); of shortages the cells (the naive one counts less finely)."""
    if isinstance(outcome, ReservationNow):
        return ReservationNow(replace(outcome.reservation, expire_wall_ms=0))
    if isinstance(outcome, Insufficient):
        return Insufficient(tuple(Shortage(0, one.cell, 0, 0) for one in outcome.shortages))
    if isinstance(outcome, Moved):
        return Moved(tuple(replace(one, expire_wall_ms=0) for one in outcome.reservations))
    return outcome
