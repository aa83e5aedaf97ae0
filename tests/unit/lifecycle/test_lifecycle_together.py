"""Moves of a re-allocation that go together, when a planner approves only some of them."""

from dataclasses import replace

import pytest

from bopis.domain.cost import CostBreakdown
from bopis.domain.errors import FieldInvalid
from bopis.domain.ledger import CellKey
from bopis.domain.reallocation import (
    OpenOrder,
    OrderMove,
    ReallocationProblem,
    ReallocationProposal,
)
from bopis.testing.counter import Counter
from tests.unit.lifecycle.test_lifecycle_approval import apply
from tests.unit.lifecycle.test_lifecycle_reallocation import (
    run_reallocation,
    two_orders_on_the_last_units,
)

GAIN_MICRO = 5_000_000
LOSS_MICRO = 1_000_000


def dearer(cost: CostBreakdown, by: int) -> CostBreakdown:
    first = cost.terms[0]
    changed = replace(first, amount_micro=first.amount_micro + by)
    return replace(cost, terms=(changed, *cost.terms[1:]))


def make_room(problem: ReallocationProblem) -> ReallocationProposal:
    """ "one" leaves the east, which costs; so "two" can go there, which saves more."""
    one, two = problem.orders

    def moved(order: OpenOrder, node_id: str, by: int) -> OrderMove:
        group = replace(order.groups[0], node_id=node_id)
        return OrderMove(order.ask.order_id, (group,), (), dearer(order.cost, by))

    before = one.cost.total_micro + two.cost.total_micro
    after = before + LOSS_MICRO - GAIN_MICRO
    moves = (moved(one, "hub", LOSS_MICRO),), (moved(two, "east", -GAIN_MICRO),)
    return ReallocationProposal(moves, before, after, after, 1)


async def proposed(counter: Counter) -> str:
    await two_orders_on_the_last_units(counter)
    counter.shop.solver.script = make_room
    return (await run_reallocation(counter, dry_run=True)).operation_id


async def node_of(counter: Counter, order_id: str) -> str:
    return (await counter.order(order_id)).fulfillment_orders[-1].node_id


async def test_a_move_is_not_approved_without_the_one_that_makes_room_for_it(
    counter: Counter,
) -> None:
    operation = await proposed(counter)
    with pytest.raises(FieldInvalid) as refused:
        await apply(counter, operation, 2)
    assert refused.value.field == "move_ids"
    assert (
        "move 2 needs what move 1 would give back: approve move 1 as well" in refused.value.message
    )
    assert await node_of(counter, "two") == "west"
    assert not counter.shop.deps.operations.running_id


async def test_a_move_that_only_costs_is_not_approved_without_those_that_gain_by_it(
    counter: Counter,
) -> None:
    operation = await proposed(counter)
    with pytest.raises(FieldInvalid) as refused:
        await apply(counter, operation, 1)
    assert "only makes room for move 2: approve move 2 as well" in refused.value.message
    assert await node_of(counter, "one") == "east"


async def test_moves_that_go_together_are_made_when_all_are_approved(counter: Counter) -> None:
    operation = await proposed(counter)
    done = await apply(counter, operation, 1, 2)
    assert (done.moved_count, done.refused_count) == (2, 0)
    assert done.saving_micro == GAIN_MICRO - LOSS_MICRO
    # What is made already makes room too.
    assert (await apply(counter, operation, 2)).moved_count == 1
    assert [await node_of(counter, one) for one in ("one", "two")] == ["hub", "east"]
    await counter.assert_books_agree()


async def test_a_move_goes_alone_once_there_is_room_for_it(counter: Counter) -> None:
    operation = await proposed(counter)
    counter.shop.ledger._cell(CellKey("east", "bread")).on_hand = 10
    done = await apply(counter, operation, 2)
    assert (done.moved_count, done.refused_count) == (1, 0)


async def test_a_move_is_tried_alone_where_the_one_that_it_needs_cannot_be_made_any_more(
    counter: Counter,
) -> None:
    operation = await proposed(counter)
    await counter.claim("one/1")
    done = await apply(counter, operation, 2)
    assert (done.moved_count, done.refused_count) == (0, 1)
