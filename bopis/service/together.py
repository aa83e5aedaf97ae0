"""Which moves of a re-allocation go together, where a planner approves only some of them.

| a move | goes with |
| --- | --- |
| that takes what is not free now | the moves before it that give that back |
| that costs more than it saves | the moves after it that lack what it gives back |

Nobody waits for moves that are made already, or cannot be made any more: what the first gave back
is free by now.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bopis.domain.errors import FieldInvalid
from bopis.domain.ledger import CellKey
from bopis.domain.moves import ProposedMove, ProposedMoves, ProposedPlan, saving_micro
from bopis.domain.order import Order
from bopis.service.deadline import check_deadline
from bopis.service.dependencies import Dependencies

NAMED_MAX: Final = 50
"""Moves that a message names."""


@dataclass(frozen=True, slots=True)
class _Open:
    """Moves that can be made, by number, with what they take by cell (below 0: give back); and what
    is free of the cells now.
    """

    nets: Mapping[int, Mapping[CellKey, int]]
    savings: Mapping[int, int]
    free: Mapping[CellKey, int]


async def check_together(deps: Dependencies, kept: ProposedMoves, chosen: Collection[int]) -> None:
    """Raises FieldInvalid if approved moves (by number, from 1) go together with others that are
    not approved; it names them. Raises DeadlinePassed.
    """
    alone = await _open_moves(deps, kept, chosen)
    if _fit(alone) and not any(saving < 0 for saving in alone.savings.values()):
        return
    known = await _open_moves(deps, kept, range(1, len(kept.moves) + 1))
    together = set(chosen)
    first = ""
    while (found := _missing(known, together)) is not None:
        words, others = found
        first = first or words
        together.update(others)
    if first:
        also = _named(sorted(together.difference(chosen)))
        raise FieldInvalid(f"{first}: approve {also} as well", field="move_ids")


def _missing(known: _Open, chosen: Collection[int]) -> tuple[str, list[int]] | None:
    """The first approved move that goes together with others, in words; and these."""
    left = Counter(known.free)
    mine = {number: net for number, net in known.nets.items() if number in chosen}
    others = {number: net for number, net in known.nets.items() if number not in chosen}
    for number, net in mine.items():
        lacking = _lacking(net, left)
        givers = [
            other
            for other, gives in others.items()
            if other < number and any(gives.get(cell, 0) < 0 for cell in lacking)
        ]
        if givers:
            return f"move {number} needs what {_named(givers)} would give back", givers
        if not lacking:
            left.subtract(net)
    for number, net in mine.items():
        given = {cell for cell, amount in net.items() if amount < 0}
        gainers = [
            other
            for other, takes in known.nets.items()
            if other > number and given.intersection(_lacking(takes, known.free))
        ]
        if known.savings[number] < 0 and gainers and not set(gainers) & set(chosen):
            return f"move {number} costs, and only makes room for {_named(gainers)}", gainers
    return None


def _fit(known: _Open) -> bool:
    """Whether there is room for all, one after the other."""
    left = Counter(known.free)
    for net in known.nets.values():
        if _lacking(net, left):
            return False
        left.subtract(net)
    return True


def _lacking(net: Mapping[CellKey, int], left: Mapping[CellKey, int]) -> list[CellKey]:
    """The cells that have less left than a move takes."""
    return [cell for cell, amount in net.items() if amount > max(0, left.get(cell, 0))]


def _named(numbers: Sequence[int]) -> str:
    listed = ", ".join(str(number) for number in numbers[:NAMED_MAX])
    more = len(numbers) - NAMED_MAX
    noun = "move" if len(numbers) == 1 else "moves"
    return f"{noun} {listed}" + (f" and {more} more" if more > 0 else "")


async def _open_moves(deps: Dependencies, kept: ProposedMoves, numbers: Iterable[int]) -> _Open:
    """Those of these moves that can be made."""
    nets: dict[int, Mapping[CellKey, int]] = {}
    for number in sorted(numbers):
        check_deadline()
        net = await _net(deps, kept.moves[number - 1])
        if net is not None:
            nets[number] = net
    savings = {number: saving_micro(kept.moves[number - 1]) for number in nets}
    return _Open(nets, savings, await _free(deps, {cell for net in nets.values() for cell in net}))


async def _net(deps: Dependencies, move: Iterable[ProposedMove]) -> Mapping[CellKey, int] | None:
    """What a move takes beyond what its orders hold; None: it is made, or cannot be any more."""
    net: Counter[CellKey] = Counter()
    for one in move:
        order = await deps.store.order(one.order_id)
        if order is None or order.version != one.version:
            return None
        net.update(_takes(order, one.after))
        net.subtract(_takes(order, one.before))
    return {cell: amount for cell, amount in net.items() if amount}


def _takes(order: Order, plan: ProposedPlan) -> Counter[CellKey]:
    lines = {line.line_number: line for line in order.lines}
    taken: Counter[CellKey] = Counter()
    for group in plan.groups:
        for number in group.line_numbers:
            taken[CellKey(group.node_id, lines[number].sku)] += lines[number].quantity
        for share in group.labor:
            cell = CellKey(group.node_id, window_start_s=share.window_start_s)
            taken[cell] += share.seconds
    return taken


async def _free(deps: Dependencies, cells: Iterable[CellKey]) -> Mapping[CellKey, int]:
    """What is free of cells now."""
    by_node: dict[str, list[CellKey]] = {}
    for cell in cells:
        by_node.setdefault(cell.node_id, []).append(cell)
    free: dict[CellKey, int] = {}
    for node_id, of_node in by_node.items():
        found = await deps.ledger.read_atp([node_id], of_node)
        free |= dict(zip(of_node, found, strict=True))
    return free
