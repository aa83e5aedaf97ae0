"""The ledger through the binding: payload in, all completions out, in memory and durable.

A round is one batch of 250 acts on the instance `stock-50x200` (three lines a reservation); its
making and the check of its answers are not timed. Library figures, no network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.calibration import Kind
from bench.conftest import Figure, Measure
from bench.native import SyncEngine, encode, numbered_uuid, outcomes
from bench.stock import Stock
from bopis._allocator_rs import Clock

BATCH = 250
EXPIRING = 10_000
RECOVERED_BATCHES = 10
"""Of holds, and as many of holds that are committed and consumed."""
SLICE_MIN = 2_000
"""The writer ends at least so many holds in a turn that finds more due."""
READ_CELLS = 4_096
ONE_CELL = {"node_id": "node-0", "sku": "sku-0"}


@pytest.mark.parametrize("mode", ["memory", "durable"])
@pytest.mark.parametrize("verb", ["hold", "commit", "release", "consume"])
def test_many_acts_in_one_batch(verb: str, mode: str, measure: Measure, folder: Path) -> None:
    with SyncEngine(folder / "ledger" if mode == "durable" else None) as engine:
        stock = Stock(engine)
        done: list[tuple[list[str], list[bytes]]] = []

        def work(ids: list[str], payload: bytes) -> None:
            done.append((ids, engine.run(payload, count=BATCH)))

        def check() -> None:
            for ids, answers in done:
                stock.note(verb, ids, answers)
            done.clear()
            stock.check()

        work(*stock.batch(verb, count=BATCH))
        check()
        figure = Figure(f"ledger_{verb}_batch_{mode}", mode, "acts", BATCH)
        measure(figure, work, setup=lambda: (stock.batch(verb, count=BATCH), {}), rounds=120)
        check()


def test_one_durable_hold_after_the_other(measure: Measure, folder: Path) -> None:
    with SyncEngine(folder / "ledger") as engine:
        stock = Stock(engine)
        done: list[tuple[list[str], list[bytes]]] = []

        def work(ids: list[str], payload: bytes) -> None:
            done.append((ids, engine.run(payload, count=1)))

        work(*stock.batch("hold", count=1))
        figure = Figure("ledger_hold_single_durable", "durable", "acts", 1, Kind.DISK)
        measure(figure, work, setup=lambda: (stock.batch("hold", count=1), {}), rounds=1_000)
        for ids, answers in done:
            stock.note("hold", ids, answers)
        stock.check()


def test_read_of_many_cells_at_one_position(measure: Measure) -> None:
    with SyncEngine(None) as engine:
        stock = Stock(engine)
        ids, payload = stock.batch("hold", count=BATCH)
        stock.note("hold", ids, engine.run(payload, count=BATCH))
        stock.check()
        asked = stock.asks()[:READ_CELLS]
        payload = encode(asked)
        expected = engine.read(asked)
        answers: list[bytes] = []

        def work() -> None:
            answers.append(engine.engine.read(payload))

        measure(Figure("ledger_read_cells", "memory", "cells", READ_CELLS), work)
        for answer in answers:
            assert msgspec.msgpack.decode(answer)["cells"] == expected


def test_recovery_of_what_was_journaled(measure: Measure, folder: Path) -> None:
    with SyncEngine(folder / "ledger") as engine:
        stock = Stock(engine)
        for _ in range(RECOVERED_BATCHES):
            for verb in ("hold", "consume"):
                ids, payload = stock.batch(verb, count=BATCH)
                stock.note(verb, ids, engine.run(payload, count=BATCH))
        stock.check()
    opened: list[SyncEngine] = []

    def work() -> None:
        opened.append(SyncEngine(folder / "ledger"))

    def close() -> tuple[tuple[Any, ...], dict[str, Any]]:
        for engine in opened:
            stock.engine = engine
            stock.check()
            engine.engine.drain()
        opened.clear()
        return (), {}

    work()
    close()
    figure = Figure("ledger_recovery", "durable", "acts", RECOVERED_BATCHES * 4 * BATCH)
    measure(figure, work, setup=close, rounds=30)
    close()


def _short_hold(reservation_id: str, quantity: int) -> dict[str, Any]:
    """Holds units of the one cell for a second."""
    return {
        "type": "hold",
        "reservation_id": reservation_id,
        "order_id": "",
        "lines": [{**ONE_CELL, "quantity": quantity}],
        "ttl_ms": 1_000,
        "priority": 0,
    }


def test_expiry_of_many_holds_that_are_due_together(measure: Measure) -> None:
    """Time stands while the holds are made; then it runs a million times as fast, and each turn of
    the writer (something small wakes it) ends a slice of them.
    """

    def holds(engine: SyncEngine) -> bytes:
        return engine.payload(
            [[_short_hold(numbered_uuid(0xEE, number), 1)] for number in range(EXPIRING)]
        )

    def fresh() -> SyncEngine:
        engine = SyncEngine(None, clock=Clock.scaled(1_800_000_000_000, 1_000_000.0))
        engine.act(
            {"type": "register_nodes", "node_ids": [ONE_CELL["node_id"]]},
            {"type": "register_items", "skus": [ONE_CELL["sku"]]},
        )
        engine.act({"type": "set_on_hand", **ONE_CELL, "on_hand": EXPIRING})
        outcomes(engine.run(holds(engine), count=EXPIRING))
        assert engine.read([ONE_CELL])[0]["held"] == EXPIRING
        return engine

    def work(engine: SyncEngine, ask: bytes, cell: bytes) -> None:
        engine.engine.start_time()
        turns = 0
        while msgspec.msgpack.decode(engine.engine.read(cell))["cells"][0]["held"]:
            engine.engine.read_reservations(ask)
            engine.wait(1)
            turns += 1
        assert turns <= EXPIRING // SLICE_MIN + 2
        used.append(engine)

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        for engine in used:
            check(engine)
        used.clear()
        ask = encode([{"ticket": 0, "reservation_id": numbered_uuid(0xEE, 0)}])
        return (fresh(), ask, encode([ONE_CELL])), {}

    def check(engine: SyncEngine) -> None:
        assert engine.read([ONE_CELL])[0]["held"] == 0
        (outcome,) = engine.act(_short_hold(numbered_uuid(0xEF, 0), EXPIRING))
        assert outcome["reservation"]["state"] == "HELD"
        engine.engine.drain()

    used: list[SyncEngine] = []
    work(*setup()[0])
    measure(Figure("ledger_expiry", "memory", "holds", EXPIRING), work, setup=setup, rounds=30)
    for engine in used:
        check(engine)
