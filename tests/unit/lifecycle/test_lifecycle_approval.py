"""Moves that a re-allocation proposed, approved later: made whole, refused, or made already."""

from dataclasses import replace
from typing import Any

import pytest

from bopis.domain import commands
from bopis.domain.errors import FieldInvalid, OperationNotFound, RequestIdReused, TokenInvalid
from bopis.domain.ledger import CellKey
from bopis.domain.moves import ApplyReport, RefusedMove, RefusedReason, saving_micro
from bopis.domain.network import Method
from bopis.domain.planner import Override
from bopis.domain.reallocation import OrderMove, ReallocationProblem, ReallocationProposal
from bopis.service import approval, operations, policies
from bopis.testing.counter import Counter, request_id
from tests.unit.lifecycle.test_lifecycle_reallocation import (
    run_reallocation,
    swap,
    two_orders_on_the_last_units,
)

CHEAPER_MICRO = 3_000_000


def each_to_the_hub(problem: ReallocationProblem) -> ReallocationProposal:
    """Every order to the hub, alone, and cheaper by the same."""

    def moved(order: Any) -> OrderMove:
        groups = tuple(replace(one, node_id="hub") for one in order.groups)
        first = order.cost.terms[0]
        less = replace(first, amount_micro=first.amount_micro - CHEAPER_MICRO)
        cost = replace(order.cost, terms=(less, *order.cost.terms[1:]))
        return OrderMove(order.ask.order_id, groups, order.unfilled, cost)

    before = sum(order.cost.total_micro for order in problem.orders)
    components = tuple((moved(order),) for order in problem.orders)
    after = before - CHEAPER_MICRO * len(components)
    return ReallocationProposal(components, before, after, after, 1)


async def three_proposed(counter: Counter) -> str:
    """Three orders of apples at the east, proposed to move; the operation."""
    for number in (1, 2, 3):
        await counter.create(("apple", number), order_id=f"apples-{number}")
    counter.shop.solver.script = each_to_the_hub
    return (await run_reallocation(counter, dry_run=True)).operation_id


async def apply(
    counter: Counter, operation_id: str, *move_ids: int, request: str = ""
) -> ApplyReport:
    command = commands.ApplyReallocation(
        request_id=request or request_id(), operation_id=operation_id, move_ids=move_ids
    )
    begun = await approval.begin_apply(counter.shop.deps, command)
    done = await operations.wait_operation(counter.shop.deps, begun.operation_id, timeout_s=10)
    assert done.applied is not None, done.error_message
    return done.applied


async def nodes(counter: Counter) -> list[str]:
    orders = [await counter.order(f"apples-{number}") for number in (1, 2, 3)]
    return [order.fulfillment_orders[-1].node_id for order in orders]


async def test_a_dry_run_leaves_its_moves_to_be_read_in_pages(counter: Counter) -> None:
    operation = await three_proposed(counter)
    first = await approval.list_moves(counter.shop.deps, operation, page_size=2)
    rest = await approval.list_moves(
        counter.shop.deps, operation, page_size=2, page_token=first.next_page_token
    )
    assert (first.first_id, rest.first_id, rest.next_page_token) == (1, 3, "")
    assert (first.total_count, first.total_micro) == (3, 3 * CHEAPER_MICRO)
    for move in (*first.moves, *rest.moves):
        assert saving_micro(move) == CHEAPER_MICRO
        assert [group.node_id for one in move for group in one.before.groups] == ["east"]
        assert [group.node_id for one in move for group in one.after.groups] == ["hub"]
    with pytest.raises(TokenInvalid):
        await approval.list_moves(counter.shop.deps, operation, page_token="x")


async def test_only_the_moves_that_a_planner_approves_are_made(counter: Counter) -> None:
    operation = await three_proposed(counter)
    done = await apply(counter, operation, 2)
    assert (done.moved_count, done.moved_order_count, done.refused_count) == (1, 1, 0)
    assert done.saving_micro == CHEAPER_MICRO
    assert await nodes(counter) == ["east", "hub", "east"]
    await counter.assert_books_agree()


async def test_a_move_is_made_once_however_often_it_is_approved(counter: Counter) -> None:
    operation = await three_proposed(counter)
    await apply(counter, operation, 1)
    version = (await counter.order("apples-1")).version
    done = await apply(counter, operation)
    assert (done.moved_count, done.made_before_count, done.refused_count) == (3, 1, 0)
    assert (await counter.order("apples-1")).version == version
    request = request_id()
    first = await apply(counter, operation, request=request)
    assert await apply(counter, operation, request=request) == first
    with pytest.raises(RequestIdReused):
        await apply(counter, operation, 1, request=request)
    await counter.assert_books_agree()


async def test_a_move_of_an_order_that_changed_since_is_refused_and_told(counter: Counter) -> None:
    operation = await three_proposed(counter)
    await counter.claim("apples-2/1")
    done = await apply(counter, operation)
    assert done.moved_count == 2
    assert done.refused == (RefusedMove(2, RefusedReason.ORDER_CHANGED, "apples-2"),)
    assert await nodes(counter) == ["hub", "east", "hub"]
    await counter.assert_books_agree()


async def test_a_move_whose_units_are_gone_is_refused_whole(counter: Counter) -> None:
    operation = await three_proposed(counter)
    counter.shop.ledger._cell(CellKey("hub", "apple")).on_hand = 4
    done = await apply(counter, operation)
    # One and two apples fit, three more do not.
    assert done.refused == (RefusedMove(3, RefusedReason.ROOM_TAKEN),)
    assert await nodes(counter) == ["hub", "hub", "east"]
    # When there is room again it is made.
    counter.shop.ledger._cell(CellKey("hub", "apple")).on_hand = 10
    assert (await apply(counter, operation, 3)).moved_count == 1
    await counter.assert_books_agree()


async def forbid(counter: Counter, node_id: str, *, order_id: str = "", sku: str = "") -> Override:
    command = commands.ForbidNode(
        request_id=request_id(),
        planner_id="ann",
        why="a test",
        node_id=node_id,
        order_id=order_id,
        sku=sku,
    )
    return await policies.forbid_node(counter.shop.deps, command)


async def test_a_move_against_what_planners_decided_since_is_refused(counter: Counter) -> None:
    operation = await three_proposed(counter)
    deps = counter.shop.deps
    forbidden = await forbid(counter, "hub", order_id="apples-1")
    pin = commands.PinOrder(
        request_id=request_id(),
        planner_id="ann",
        why="a test",
        order_id="apples-3",
        method=Method.SHIP,
    )
    await policies.pin_order(deps, pin)
    # Of no concern to these moves.
    await forbid(counter, "west", order_id="apples-2")
    await forbid(counter, "hub", sku="bread")
    done = await apply(counter, operation)
    assert done.refused == (
        RefusedMove(1, RefusedReason.RULES_CHANGED, "apples-1"),
        RefusedMove(3, RefusedReason.RULES_CHANGED, "apples-3"),
    )
    assert await nodes(counter) == ["east", "hub", "east"]
    await counter.assert_books_agree()
    # Once the planner ends it, the move is made.
    end = commands.EndOverride(
        request_id=request_id(), planner_id="ann", override_id=forbidden.override_id
    )
    await policies.end_override(deps, end)
    assert (await apply(counter, operation, 1)).moved_count == 1
    # A SKU that is forbidden is so to every order; what was made before counts as made.
    await forbid(counter, "hub", sku="apple")
    done = await apply(counter, operation)
    assert (done.moved_count, done.refused_count) == (2, 1)


async def test_a_move_proposed_under_another_policy_is_refused(counter: Counter) -> None:
    operation = await three_proposed(counter)
    board = counter.shop.deps.board
    before = board.live
    board.put_live(replace(before, version="another"))
    done = await apply(counter, operation, 2)
    assert done.refused == (RefusedMove(2, RefusedReason.RULES_CHANGED),)
    assert await nodes(counter) == ["east", "east", "east"]
    board.put_live(before)
    assert (await apply(counter, operation, 2)).moved_count == 1


async def test_orders_that_swap_are_moved_both_or_refused_both(counter: Counter) -> None:
    await two_orders_on_the_last_units(counter)
    counter.shop.solver.script = swap
    operation = (await run_reallocation(counter, dry_run=True)).operation_id
    await counter.claim("two/1")
    done = await apply(counter, operation)
    assert (done.moved_count, done.refused_count) == (0, 1)
    assert done.refused[0].order_id == "two"
    assert (await counter.order("one")).fulfillment_orders[0].node_id == "east"
    await counter.assert_books_agree()


async def test_a_move_that_there_is_not_and_an_operation_without_moves_are_refused(
    counter: Counter,
) -> None:
    operation = await three_proposed(counter)
    with pytest.raises(FieldInvalid) as refused:
        await apply(counter, operation, 1, 4)
    assert refused.value.field == "move_ids[1]"
    with pytest.raises(OperationNotFound):
        await apply(counter, request_id())
    with pytest.raises(OperationNotFound):
        await approval.read_certificate(counter.shop.deps, request_id())
    assert await approval.read_certificate(counter.shop.deps, operation) == b"certificate"


async def test_an_approval_that_is_cancelled_stops_between_moves(counter: Counter) -> None:
    operation = await three_proposed(counter)
    deps = counter.shop.deps
    command = commands.ApplyReallocation(request_id=request_id(), operation_id=operation)
    begun = await approval.begin_apply(deps, command)
    await operations.cancel_operation(deps, begun.operation_id)
    done = await operations.wait_operation(deps, begun.operation_id, timeout_s=10)
    assert done.error_reason == "OPERATION_CANCELLED"
    assert await nodes(counter) == ["east", "east", "east"]
    await counter.assert_books_agree()


async def test_the_moves_of_the_last_reallocations_are_kept_only(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "KEPT_MAX", 2)
    first = await three_proposed(counter)
    for _ in range(2):
        last = (await run_reallocation(counter, dry_run=True)).operation_id
    assert (await approval.list_moves(counter.shop.deps, last)).total_count == 3
    with pytest.raises(OperationNotFound, match="nothing is kept of operation"):
        await approval.list_moves(counter.shop.deps, first)


async def test_a_repeat_gets_its_operation_though_the_moves_are_gone(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "KEPT_MAX", 1)
    operation = await three_proposed(counter)
    request = request_id()
    first = await apply(counter, operation, 2, request=request)
    await run_reallocation(counter, dry_run=True)
    with pytest.raises(OperationNotFound):
        await apply(counter, operation, 2)
    assert await apply(counter, operation, 2, request=request) == first
    with pytest.raises(RequestIdReused):
        await apply(counter, operation, 3, request=request)
