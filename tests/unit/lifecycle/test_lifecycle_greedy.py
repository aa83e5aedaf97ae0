"""Orders planned one by one where the optimizer does not answer, and so again."""

import asyncio
import zlib
from dataclasses import replace

import msgspec
import pytest

from bopis.adapters.replay_native import RecordError, greedy_differences
from bopis.adapters.sourcer_still import still_sourcer
from bopis.domain import commands
from bopis.domain.duals import Duals, LaborDual, StockDual
from bopis.domain.errors import NotServing
from bopis.domain.greedy import GreedyRecord
from bopis.domain.ledger import CellKey
from bopis.domain.reallocation import ReallocationProblem, ReallocationProposal
from bopis.domain.records import Operation
from bopis.domain.sourcing import Consent
from bopis.service import operations, reallocation
from bopis.service.approval import CERTIFICATE, PLANNED_ALONE
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import MONDAY_10_UTC_MS

HOUR_S = MONDAY_10_UTC_MS // 1_000
DUALS = Duals(
    3,
    MONDAY_10_UTC_MS,
    stock=(StockDual("east", "apple", 1), StockDual("east", "bread", 10_000)),
    labor=(LaborDual("east", HOUR_S, 5),),
)
ORDERS = 6


def die(problem: ReallocationProblem) -> ReallocationProposal:
    raise NotServing("the solver died")


async def planned_alone(counter: Counter) -> Operation:
    """Orders shipped from afar; then goods for some of them come in next door, and the optimizer
    dies. The kernel plans.
    """
    cells = [counter.shop.ledger._cell(CellKey(node, "bread")) for node in ("east", "west")]
    for cell in cells:
        cell.on_hand = 0
    for number in range(ORDERS):
        await counter.create(
            ("bread", 2), order_id=f"order-{number}", consent=Consent(40, ship_home=True)
        )
    cells[0].on_hand = 2 * (ORDERS - 2)
    counter.shop.solver.script = die
    counter.shop.deps.duals.replace(DUALS)
    deps = replace(counter.shop.deps, still_sourcer=still_sourcer)
    begun = await reallocation.begin_reallocation(
        deps, commands.Reallocate(request_id=request_id())
    )
    return await operations.wait_operation(deps, begun.operation_id, timeout_s=10)


async def kept_of(counter: Counter, done: Operation) -> bytes:
    packed = await counter.shop.store.operation_file(done.operation_id, PLANNED_ALONE)
    assert packed is not None
    return zlib.decompress(packed)


async def test_what_was_planned_one_by_one_is_planned_again_to_the_byte(counter: Counter) -> None:
    done = await planned_alone(counter)
    assert done.report is not None
    assert done.report.step == "GREEDY"
    assert 0 < done.report.moved_count <= ORDERS - 2
    assert done.report.race_lost_count == 0
    await counter.assert_books_agree()
    assert await counter.shop.store.operation_file(done.operation_id, CERTIFICATE) is None
    content = await kept_of(counter, done)
    # The ledger went on meanwhile: the record has all that it takes.
    assert await asyncio.to_thread(greedy_differences, content) == []


async def test_another_outcome_than_recorded_is_told_and_no_record_is_refused(
    counter: Counter,
) -> None:
    content = await kept_of(counter, await planned_alone(counter))
    record = msgspec.msgpack.decode(content, type=GreedyRecord)
    assert record.order_count == ORDERS
    [(first,), *_] = record.components
    fewer = replace(record, order_count=1)
    other = replace(first, groups=(replace(first.groups[0], ready_by_ms=1),))
    for changed in (fewer, replace(record, components=((other,), *record.components[1:]))):
        assert await asyncio.to_thread(greedy_differences, msgspec.msgpack.encode(changed)) != []
    for broken in (b"no record", content[:-9]):
        with pytest.raises(RecordError):
            greedy_differences(broken)


async def test_what_is_free_is_what_the_limits_leave_beside_what_orders_hold(
    counter: Counter,
) -> None:
    content = await kept_of(counter, await planned_alone(counter))
    request = msgspec.msgpack.decode(content, type=GreedyRecord).request
    free = request.free()
    assert free["east", "bread"] == 2 * (ORDERS - 2)
    assert free["hub", "bread"] == 50 - 2 * ORDERS
    assert ("west", "bread") not in free
    assert request.duals is not None
    assert request.duals.stock == DUALS.stock[1:]
    assert request.duals.labor == DUALS.labor
