"""Moves that a re-allocation proposed: kept, read by a planner, and made when they are approved."""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from bopis.domain.commands import ApplyReallocation
from bopis.domain.cost import without_opportunity
from bopis.domain.errors import FieldInvalid, OperationNotFound, TokenInvalid
from bopis.domain.greedy import GreedyRecord
from bopis.domain.moves import (
    ApplyReport,
    ProposedMove,
    ProposedMoves,
    ProposedPlan,
    RefusedMove,
    RefusedReason,
    saving_micro,
)
from bopis.domain.order import BatchMark, Order
from bopis.domain.reallocation import (
    OrderMove,
    ReallocationProblem,
    ReallocationProposal,
    SolveRecord,
)
from bopis.domain.records import Operation, OperationStage
from bopis.service.dependencies import Dependencies
from bopis.service.moving import is_against_planners, is_planned_so, move_orders
from bopis.service.operations import (
    advance,
    begin_operation,
    begun_before,
    check_cancelled,
    get_operation,
)
from bopis.service.together import check_together

KEPT_MAX: Final = 32
"""Re-allocations whose moves and records are kept: the last ones."""
REFUSED_TOLD_MAX: Final = 1_000
PAGE_DEFAULT: Final = 100
MOVES: Final = "moves"
CERTIFICATE: Final = "certificate"
ANSWER: Final = "answer"
PLANNED_ALONE: Final = "greedy"
"""Names of what is kept: JSON of ProposedMoves; the two parts of a SolveRecord, or a GreedyRecord,
msgpack; compressed.
"""
LEVEL: Final = 1
"""Of the compression."""


@dataclass(frozen=True, slots=True)
class MovePage:
    """Some moves, with the number of the first; `total_micro` is what all save."""

    moves: tuple[tuple[ProposedMove, ...], ...]
    first_id: int
    next_page_token: str
    total_count: int
    total_micro: int
    currency: str


def proposed_moves(
    orders: Sequence[Order],
    problem: ReallocationProblem,
    proposal: ReallocationProposal,
    *,
    policy_version: str,
) -> ProposedMoves:
    """What is proposed, beside what was in force when it was read."""
    by_id = {order.order_id: order for order in orders}
    before = {order.ask.order_id: order for order in problem.orders}

    def moved(one: OrderMove) -> ProposedMove:
        was = before[one.order_id]
        return ProposedMove(
            order_id=one.order_id,
            version=by_id[one.order_id].version,
            before=ProposedPlan(was.groups, was.unfilled, without_opportunity(was.cost)),
            after=ProposedPlan(one.groups, one.unfilled, without_opportunity(one.cost)),
        )

    return ProposedMoves(
        currency=next((order.currency for order in orders if order.currency), ""),
        moves=tuple(tuple(moved(one) for one in component) for component in proposal.components),
        cost_planned_micro=proposal.told_planned_micro,
        bound_micro=proposal.told_bound_micro,
        policy_version=policy_version,
    )


async def keep_found(
    deps: Dependencies,
    operation_id: str,
    moves: ProposedMoves,
    record: SolveRecord | GreedyRecord | None,
) -> None:
    """Keeps what a re-allocation found, before anything moves."""
    packed = await asyncio.to_thread(_packed, moves, record)
    await deps.store.put_operation_files(operation_id, packed, keep=KEPT_MAX)


def _packed(moves: ProposedMoves, record: SolveRecord | GreedyRecord | None) -> dict[str, bytes]:
    """Megabytes: not on the event loop."""
    files = {MOVES: msgspec.json.encode(moves)}
    if isinstance(record, GreedyRecord):
        files[PLANNED_ALONE] = msgspec.msgpack.encode(record)
    elif record is not None:
        files |= {CERTIFICATE: record.certificate, ANSWER: record.answer}
    return {name: zlib.compress(content, LEVEL) for name, content in files.items()}


async def read_moves(deps: Dependencies, operation_id: str) -> ProposedMoves:
    """The moves of a re-allocation. Raises OperationNotFound."""
    content = await _read(deps, operation_id, MOVES)
    return await asyncio.to_thread(msgspec.json.decode, content, type=ProposedMoves)


async def read_certificate(deps: Dependencies, operation_id: str) -> bytes:
    """The certificate of a re-allocation. Raises OperationNotFound."""
    return await _read(deps, operation_id, CERTIFICATE)


async def _read(deps: Dependencies, operation_id: str, name: str) -> bytes:
    packed = await deps.store.operation_file(operation_id, name)
    if packed is None:
        await get_operation(deps, operation_id)
        raise OperationNotFound(
            f"nothing is kept of operation {operation_id}: no {name}", field="operation"
        )
    return await asyncio.to_thread(zlib.decompress, packed)


async def list_moves(
    deps: Dependencies, operation_id: str, *, page_size: int = 0, page_token: str = ""
) -> MovePage:
    """A page of moves. Raises OperationNotFound, TokenInvalid."""
    kept = await read_moves(deps, operation_id)
    first = 0
    if page_token:
        if not (page_token.isascii() and page_token.isdigit() and len(page_token) < 9):
            raise TokenInvalid("the page token is not one of ours", field="page_token")
        first = int(page_token)
    last = first + (page_size or PAGE_DEFAULT)
    return MovePage(
        moves=kept.moves[first:last],
        first_id=first + 1,
        next_page_token=str(last) if last < len(kept.moves) else "",
        total_count=len(kept.moves),
        total_micro=sum(saving_micro(move) for move in kept.moves),
        currency=kept.currency,
    )


async def begin_apply(deps: Dependencies, command: ApplyReallocation) -> Operation:
    """Starts to make approved moves; a repeat of the request gets the first operation.

    Raises RequestIdReused, Overloaded, OperationNotFound, FieldInvalid (no such move, or one
    without those that it goes together with).
    """
    known = await begun_before(deps, command)
    if known is not None:
        return known
    kept = await read_moves(deps, command.operation_id)
    for index, move_id in enumerate(command.move_ids):
        if move_id > len(kept.moves):
            field = f"move_ids[{index}]"
            raise FieldInvalid(f"there are {len(kept.moves)} moves, no {move_id}", field=field)
    chosen = sorted(set(command.move_ids)) or range(1, len(kept.moves) + 1)
    if command.move_ids:
        await check_together(deps, kept, chosen)

    async def run(operation: Operation) -> Operation:
        considered = sum(len(kept.moves[number - 1]) for number in chosen)
        await advance(deps, operation, OperationStage.MOVING, considered)
        batch = BatchMark(command.operation_id, kept.cost_planned_micro, kept.bound_micro)
        report = await _apply(deps, kept, chosen, batch, operation.operation_id)
        return replace(operation, considered_count=considered, applied=report)

    return await begin_operation(deps, command, run)


async def _apply(
    deps: Dependencies,
    kept: ProposedMoves,
    chosen: Sequence[int],
    batch: BatchMark,
    operation_id: str,
) -> ApplyReport:
    moved: list[tuple[ProposedMove, ...]] = []
    refused: list[RefusedMove] = []
    made_before = 0
    for number, move_id in enumerate(chosen):
        deps.operations.moves = (number, len(chosen))
        so_far = f"{len(moved)} of {len(chosen)} moves were made before"
        check_cancelled(deps, so_far=so_far)
        move = kept.moves[move_id - 1]
        if await _is_made(deps, move):
            made_before += 1
            moved.append(move)
            continue
        refusal = await _make(deps, move_id, kept, batch, operation_id)
        if refusal is None:
            moved.append(move)
        else:
            refused.append(refusal)
    return ApplyReport(
        moved_count=len(moved),
        moved_order_count=sum(len(move) for move in moved),
        saving_micro=sum(saving_micro(move) for move in moved),
        refused_count=len(refused),
        refused=tuple(refused[:REFUSED_TOLD_MAX]),
        currency=kept.currency,
        made_before_count=made_before,
    )


async def _is_made(deps: Dependencies, move: Sequence[ProposedMove]) -> bool:
    """Whether all its orders have changed since, and do by now what it wants."""
    for one in move:
        order = await deps.store.order(one.order_id)
        is_changed = order is not None and order.version != one.version
        if order is None or not is_changed or not is_planned_so(order, one.after.groups):
            return False
    return True


async def _make(
    deps: Dependencies,
    move_id: int,
    kept: ProposedMoves,
    batch: BatchMark,
    operation_id: str,
) -> RefusedMove | None:
    """Makes a move, whole or not at all; None: it is made."""
    move = kept.moves[move_id - 1]
    orders: list[Order] = []
    changed = ""
    for one in move:
        order = await deps.store.order(one.order_id)
        if order is not None and order.version == one.version:
            orders.append(order)
        elif order is None or not is_planned_so(order, one.after.groups):
            changed = changed or one.order_id
    if len(orders) < len(move):
        order_id = changed or next(one.order_id for one in move)
        return RefusedMove(move_id, RefusedReason.ORDER_CHANGED, order_id)
    if kept.policy_version != deps.policy.version:
        return RefusedMove(move_id, RefusedReason.RULES_CHANGED)
    moves = [
        OrderMove(one.order_id, one.after.groups, one.after.unfilled, one.after.cost)
        for one in move
    ]
    if await move_orders(
        deps,
        orders,
        moves,
        batch=batch,
        asked_by=operation_id,
        policy_version=kept.policy_version,
    ):
        return None
    return await _why_lost(deps, move_id, kept)


async def _why_lost(deps: Dependencies, move_id: int, kept: ProposedMoves) -> RefusedMove:
    """Why a move was not made though its orders were as they had been read."""
    move = kept.moves[move_id - 1]
    for one in move:
        order = await deps.store.order(one.order_id)
        if order is None or order.version != one.version:
            return RefusedMove(move_id, RefusedReason.ORDER_CHANGED, one.order_id)
        if is_against_planners(deps, order, one.after.groups):
            return RefusedMove(move_id, RefusedReason.RULES_CHANGED, one.order_id)
    if kept.policy_version != deps.policy.version:
        return RefusedMove(move_id, RefusedReason.RULES_CHANGED)
    return RefusedMove(move_id, RefusedReason.ROOM_TAKEN)
