"""The native feed, its relay into the outbox, and the copy of all ATP."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import pytest_asyncio

from bopis import _allocator_rs as native
from bopis.adapters.atp_native import AtpReader
from bopis.adapters.feed_native import NativeFeed
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.adapters.store_sql import SqlOrderStore, open_store
from bopis.domain import ledger as values
from bopis.domain.ledger import Command, ReservationLine
from bopis.domain.ledger_events import LedgerEvent, LedgerPosition
from bopis.jobs.relay_ledger import LedgerRelay

NODES = ("a", "b")
SKUS = tuple(f"s{number}" for number in range(50))


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[native.Engine]:
    opened = native.Engine.open(tmp_path / "ledger", native.Clock.system(), 100_000)
    opened.start_time()
    yield opened
    await asyncio.to_thread(opened.drain)


@pytest_asyncio.fixture
async def ledger(engine: native.Engine) -> AsyncIterator[NativeLedger]:
    calls = NativeCalls(engine, asyncio.get_running_loop())
    opened = NativeLedger(engine, calls)
    await act(opened, values.RegisterNodes(NODES), values.RegisterItems(SKUS))
    yield opened
    calls.close()


async def act(ledger: NativeLedger, *commands: Command) -> None:
    await ledger.act(commands, request_id=str(uuid.uuid4()))


def set_on_hand(node_id: str, sku: str, units: int) -> Command:
    return values.SetOnHand(node_id, sku, units)


async def expired(ledger: NativeLedger, reservation_id: str) -> None:
    until = time.monotonic() + 20
    found = None
    while found is None or found.state != "EXPIRED":
        assert time.monotonic() < until, "20 s without expiring"
        found = await ledger.reservation(reservation_id)


class FailsOnce:
    """A store whose first write of events is lost, as by a crash before the commit."""

    def __init__(self, store: SqlOrderStore) -> None:
        self._store = store
        self.failed = False

    async def ledger_position(self) -> LedgerPosition | None:
        return await self._store.ledger_position()

    async def put_ledger_events(
        self, events: Sequence[LedgerEvent], *, position: LedgerPosition
    ) -> None:
        if events and not self.failed:
            self.failed = True
            raise OSError("lost")
        await self._store.put_ledger_events(events, position=position)


async def test_expiries_and_deficits_reach_the_outbox_once_whatever_is_lost(
    engine: native.Engine, ledger: NativeLedger, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'orders.db'}")
    feed = NativeFeed(engine, tmp_path / "ledger")
    lossy = FailsOnce(store)
    kept, gone = str(uuid.uuid4()), str(uuid.uuid4())
    await act(ledger, set_on_hand("a", "s0", 5))
    await act(ledger, values.Hold(kept, "o", (ReservationLine("a", 3, "s0"),), 900_000))
    await act(ledger, values.Hold(gone, "p", (ReservationLine("a", 1, "s0"),), 20))
    relay = LedgerRelay(feed, lossy)  # type: ignore[arg-type]
    for units in (1, 2, 9):
        await expired(ledger, gone)
        await act(ledger, set_on_hand("a", "s0", units))
        try:
            while await relay.once():
                pass
        except OSError:
            # What the process knew is lost with it.
            relay = LedgerRelay(feed, lossy)  # type: ignore[arg-type]
    assert lossy.failed
    while await LedgerRelay(feed, store).once():
        pass
    rows = await store.outbox(100, now_ms=10**15)
    told = [(row.event.type, row.event.order_id) for row in rows]
    assert told == [
        ("reservation.expired", gone),
        ("deficit.opened", "a/s0"),
        ("deficit.changed", "a/s0"),
        ("deficit.closed", "a/s0"),
    ]
    data = [json.loads(row.data) for row in rows[1:]]
    assert [(one["quantity_before"], one["quantity"]) for one in data] == [(0, 2), (2, 1), (1, 0)]
    assert [one["reservation_ids"] for one in data] == [[kept], [kept], []]
    assert [one["sequence"] for one in data] == sorted(one["sequence"] for one in data)
    store.close()


async def test_the_journal_tells_the_same_as_the_memory(
    engine: native.Engine, ledger: NativeLedger, tmp_path: Path
) -> None:
    await act(ledger, set_on_hand("a", "s0", 1))
    reservation = str(uuid.uuid4())
    await act(ledger, values.Hold(reservation, "o", (ReservationLine("a", 1, "s0"),), 900_000))
    await act(ledger, set_on_hand("a", "s0", 0))
    remembered = engine.events(0, 10_000, notable=True)
    assert remembered is not None
    read = engine.events_of_journal(tmp_path / "ledger", 0, 10_000, notable=True)
    assert msgspec.msgpack.decode(read) == msgspec.msgpack.decode(remembered)
    everything = msgspec.msgpack.decode(
        engine.events_of_journal(tmp_path / "ledger", 0, 10_000, notable=False)
    )
    assert [one["change"] for one in everything["events"] if one["type"] == "reservation"] == [
        "HELD"
    ]


async def test_a_copy_of_all_atp_is_of_one_sequence_while_units_move(
    engine: native.Engine, ledger: NativeLedger
) -> None:
    await act(ledger, *(set_on_hand(node, sku, 100) for node in NODES for sku in SKUS))
    reader = AtpReader(engine)
    total = 100 * len(NODES) * len(SKUS)
    stop = asyncio.Event()

    async def move_about() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            sku = SKUS[number % len(SKUS)]
            await act(
                ledger,
                values.Adjust("a", sku, -1, 0, "REASON_CORRECTION"),
                values.Adjust("b", sku, 1, 0, "REASON_CORRECTION"),
            )

    moving = [asyncio.create_task(move_about()) for _ in range(8)]
    news, last = 0, 0
    until = time.monotonic() + 30
    while news < 50 and time.monotonic() < until:
        copy = await asyncio.to_thread(reader.read)
        assert (copy.location_ids.dtype, copy.item_ids.dtype) == (np.uint32, np.uint32)
        assert copy.atp.dtype == np.int64
        assert len(copy.location_ids) == len(copy.item_ids) == len(copy.atp)
        assert copy.atp.sum() == total
        assert copy.sequence >= last
        news += copy.sequence > last
        last = copy.sequence
    stop.set()
    await asyncio.gather(*moving)
    assert news >= 50
    pairs = set(zip(copy.location_ids.tolist(), copy.item_ids.tolist(), strict=True))
    assert len(pairs) == len(copy.atp) == len(NODES) * len(SKUS)


@pytest.mark.parametrize("wanted", [1, 7])
async def test_the_feed_in_parts_has_no_gap(
    engine: native.Engine, ledger: NativeLedger, wanted: int
) -> None:
    for units in range(20):
        await act(ledger, set_on_hand("b", "s1", units))
    at, seen = 0, []
    while at < engine.position():
        found = engine.events(at, wanted, notable=False)
        assert found is not None
        part = msgspec.msgpack.decode(found)
        assert all(at < one["sequence"] <= part["through"] for one in part["events"])
        at = part["through"]
        seen += [one["cell"]["on_hand"] for one in part["events"]]
    assert seen == list(range(1, 20)) or seen == list(range(20))
