"""Which of the moves are made: those that gain, with those that make room for them; where not all
may be, those that gain most.

An order may make room at a loss for another that gains more. Neither is chosen without the other,
so what is chosen gains as a whole. A part of it need not: where only some of it can still be made
later, that may be what makes room, at a loss.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from solver.moves import Change, closure, components


def that_pay(
    moves: Sequence[Sequence[int]],
    changes: Mapping[int, Change],
    gains: Mapping[int, int],
    *,
    free: Sequence[int],
    moves_max: int,
) -> list[list[int]]:
    """Of atomic moves (order numbers) those worth making, at most so many orders, in an order in
    which they can be applied. `gains`: micro-units by order, what a move must gain taken off.
    """
    acts = {
        number: _together(number, [changes[o] for o in act]) for number, act in enumerate(moves)
    }
    gain = [sum(gains[order] for order in act) for act in moves]
    # A bundle is made act by act, so its size as a whole is no limit.
    small = {number: Change(number, act.net, 0) for number, act in acts.items()}
    bundles = [closure(act, small, free) for act in small.values()]
    worth = [
        (sum(gain[one] for one in bundle) / sum(len(moves[one]) for one in bundle), bundle)
        for bundle in bundles
        if bundle
    ]
    taken: set[int] = set()
    left, count = list(free), 0
    for value, bundle in sorted(worth, key=lambda one: (-one[0], one[1])):
        new = [one for one in bundle if one not in taken]
        size = sum(len(moves[one]) for one in new)
        if not new or value <= 0 or sum(gain[one] for one in new) <= 0 or count + size > moves_max:
            continue
        net = _together(0, [acts[one] for one in new]).net
        if any(amount > left[row] for row, amount in net.items() if amount > 0):
            continue
        for row, amount in net.items():
            left[row] -= amount
        taken.update(new)
        count += size
    made = components([acts[one] for one in sorted(taken)], free)
    if sum(gain[one] for group in made for one in group) <= 0:
        return []
    return [[order for one in group for order in moves[one]] for group in made]


def that_save(
    moves: Sequence[Sequence[int]],
    changes: Mapping[int, Change],
    gains: Mapping[int, int],
    *,
    free: Sequence[int],
) -> list[list[int]]:
    """The atomic moves without those that gain nothing and that no other needs, in an order in
    which they can be applied.
    """
    left = list(free)
    acts = [_together(number, [changes[o] for o in act]) for number, act in enumerate(moves)]
    for act in acts:
        for row, amount in act.net.items():
            left[row] -= amount
    kept = set(range(len(moves)))
    idle = [act for act in acts if sum(gains[order] for order in moves[act.order]) <= 0]
    count = 0
    while count != len(kept):  # One that is undone may make room for the undoing of another.
        count = len(kept)
        for act in idle:
            # Undone it takes again what it gave back.
            fits = all(left[row] + amount >= 0 for row, amount in act.net.items())
            if act.order in kept and fits:
                kept.discard(act.order)
                for row, amount in act.net.items():
                    left[row] += amount
    if len(kept) == len(moves):
        return [list(act) for act in moves]
    made = components([changes[order] for one in sorted(kept) for order in moves[one]], free)
    if sum(len(group) for group in made) < sum(len(moves[one]) for one in kept):
        return [list(act) for act in moves]
    return that_save(made, changes, gains, free=free)  # They may be grouped otherwise now.


def _together(number: int, changes: Sequence[Change]) -> Change:
    net: Counter[int] = Counter()
    for change in changes:
        net.update(change.net)
    kept = {row: amount for row, amount in net.items() if amount}
    return Change(number, kept, sum(change.lines for change in changes))
