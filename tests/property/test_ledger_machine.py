"""The native ledger through PyO3, against a model: any verbs in any order, retries and restarts."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bopis import _allocator_rs as native
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.domain import ledger as values
from bopis.domain.errors import RequestIdReused
from bopis.domain.ledger import ActDone, CellKey, Command, Outcome, ReservationLine
from tests.property.ledger_model import Model

T = TypeVar("T")

NODES, SKUS = ("a", "b"), ("x", "y")
CELLS = tuple(CellKey(node, sku) for node in NODES for sku in SKUS)
AN_HOUR_MS, A_MOMENT_MS = 3_600_000, 1
EXPIRES_WITHIN_S = 30.0
# Every start writes a segment of zeros: in memory, where there is such a folder.
MEMORY = Path("/dev/shm")

cells = st.sampled_from(CELLS)
ids = st.integers(1, 8).map(lambda number: str(uuid.UUID(int=number)))
lines = st.lists(
    st.builds(
        lambda cell, quantity: ReservationLine(cell.node_id, quantity, sku=cell.sku),
        cells,
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
moves = st.dictionaries(ids, lines, min_size=1, max_size=3).map(
    lambda wanted: values.Move(
        tuple(values.ReservationMove(name, new) for name, new in wanted.items())
    )
)


def timeless(outcome: Outcome) -> Outcome:
    """The outcome without what depends on the clock."""
    if isinstance(outcome, values.ReservationNow):
        return values.ReservationNow(replace(outcome.reservation, expire_wall_ms=0))
    if isinstance(outcome, values.Moved):
        moved = (replace(one, expire_wall_ms=0) for one in outcome.reservations)
        return values.Moved(tuple(moved))
    return outcome


class LedgerMachine(RuleBasedStateMachine):
    """Asks both the same, one act at a time, and compares every answer and every cell."""

    def __init__(self) -> None:
        super().__init__()
        parent = MEMORY if MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="bopis-machine-", dir=parent))
        self.runner = asyncio.Runner()
        self.model = Model()
        self.last: tuple[str, Command, ActDone] | None = None
        self.open()

    def open(self) -> None:
        self.engine = native.Engine.open(self.folder, native.Clock.system(), 10_000)
        self.engine.start_time()
        self.calls = NativeCalls(self.engine, self.runner.get_loop())
        self.ledger = NativeLedger(self.engine, self.calls)

    def close(self) -> None:
        self.engine.drain()
        self.calls.close()

    def teardown(self) -> None:
        self.close()
        self.runner.close()
        native.verify(self.folder)
        shutil.rmtree(self.folder)

    def run(self, call: Coroutine[object, object, T]) -> T:
        return self.runner.run(call)

    def ask(self, command: Command, expected: Outcome) -> None:
        request_id = str(uuid.uuid4())
        done = self.run(self.ledger.act([command], request_id=request_id))
        assert [timeless(outcome) for outcome in done.outcomes] == [expected]
        self.last = (request_id, command, done)

    @initialize(quantity=st.integers(0, 12))
    def fill(self, quantity: int) -> None:
        self.ask(values.RegisterNodes(NODES), values.Registered())
        self.ask(values.RegisterItems(SKUS), values.Registered())
        for cell in CELLS:
            self.adjust(cell, quantity, 0)

    @rule(cell=cells, on_hand=st.integers(-4, 8), unavailable=st.integers(-2, 2))
    def adjust(self, cell: CellKey, on_hand: int, unavailable: int) -> None:
        command = values.Adjust(
            cell.node_id, cell.sku or "", on_hand, unavailable, "REASON_CORRECTION"
        )
        self.ask(command, self.model.adjust(cell, on_hand, unavailable))

    @rule(cell=cells, on_hand=st.integers(-2, 15))
    def set_on_hand(self, cell: CellKey, on_hand: int) -> None:
        difference = on_hand - self.model.view(cell).on_hand
        command = values.SetOnHand(cell.node_id, cell.sku or "", on_hand)
        self.ask(command, self.model.adjust(cell, difference, 0))

    @rule(name=ids, wanted=lines)
    def hold(self, name: str, wanted: tuple[ReservationLine, ...]) -> None:
        command = values.Hold(name, "order", wanted, AN_HOUR_MS)
        self.ask(command, self.model.hold(name, wanted))

    @rule(name=ids)
    def commit(self, name: str) -> None:
        self.ask(values.Commit(name), self.model.commit(name))

    @rule(name=ids, part=st.none() | lines)
    def release(self, name: str, part: tuple[ReservationLine, ...] | None) -> None:
        expected = self.model.take(name, part, values.ReservationState.RELEASED)
        self.ask(values.Release(name, part), expected)

    @rule(name=ids, part=st.none() | lines)
    def consume(self, name: str, part: tuple[ReservationLine, ...] | None) -> None:
        expected = self.model.take(name, part, values.ReservationState.CONSUMED)
        self.ask(values.Consume(name, part), expected)

    @rule(command=moves)
    def move(self, command: values.Move) -> None:
        self.ask(command, self.model.move(command))

    @rule(wanted=lines)
    def hold_for_a_moment(self, wanted: tuple[ReservationLine, ...]) -> None:
        name = str(uuid.uuid4())
        expected = self.model.hold(name, wanted)
        self.ask(values.Hold(name, "order", wanted, A_MOMENT_MS), expected)
        if isinstance(expected, values.ReservationNow):
            self.run(self.expired(name))
            self.model.expire(name)

    async def expired(self, name: str) -> None:
        async with asyncio.timeout(EXPIRES_WITHIN_S):
            while True:
                found = await self.ledger.reservation(name)
                assert found is not None
                if found.state is values.ReservationState.EXPIRED:
                    return

    @rule()
    def ask_again(self) -> None:
        if self.last is None:
            return
        request_id, command, first = self.last
        again = self.run(self.ledger.act([command], request_id=request_id))
        assert again.outcomes == first.outcomes
        other = values.Commit(str(uuid.UUID(int=99)))
        try:
            self.run(self.ledger.act([other], request_id=request_id))
        except RequestIdReused:
            return
        raise AssertionError("another body was taken under a used request id")

    @rule()
    def restart(self) -> None:
        self.close()
        self.open()

    @invariant()
    def cells_are_those_of_the_model(self) -> None:
        read = self.run(self.ledger.read(CELLS))
        assert list(read.cells) == [self.model.view(cell) for cell in CELLS]

    @invariant()
    def reservations_are_those_of_the_model(self) -> None:
        for number in range(1, 9):
            name = str(uuid.UUID(int=number))
            found = self.run(self.ledger.reservation(name))
            told = None if found is None else replace(found, expire_wall_ms=0)
            assert told == self.model.reservation(name)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
