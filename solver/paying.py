"""Which of the moves are made: those that gain, with those that make room for them; where not all
may be, those that gain most.

An order may make room at a loss for another that gains more. Neither is chosen without the other,
so what is chosen gains as a whole. A part of it need not: where only some of it can still be made
later, that may be what makes room, at a loss.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from solver.holding import Counts
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
    idle = (act for act in range(len(moves)) if sum(gains[o] for o in moves[act]) <= 0)
    made = _Undoing(moves, changes, free).without(idle, lambda _: True)
    # They may be grouped otherwise now.
    return that_save(made, changes, gains, free=free) if made != moves else made


def that_hold(
    moves: Sequence[Sequence[int]],
    changes: Mapping[int, Change],
    gains: Mapping[int, int],
    more: Mapping[int, Counts],
    *,
    free: Sequence[int],
    allowed: tuple[int | None, int | None],
    must: Set[int] = frozenset(),
) -> list[list[int]]:
    """The atomic moves without those that make more late, or leave more, than `allowed` (so many
    more orders and lines than before any move; None: any), those that gain least first; and without
    those that gain nothing and are not needed for that: as far as the others can do without them.
    Of the orders in `must` none is kept from moving.
    """
    late_max, unfilled_max = allowed
    if late_max is None and unfilled_max is None:
        return [list(act) for act in moves]
    of_acts = [sum((more[order] for order in act), Counts()) for act in moves]
    of_act_gain = [sum(gains[order] for order in act) for act in moves]
    total = sum(of_acts, Counts())

    def is_over(counts: Counts) -> tuple[bool, bool]:
        return (
            late_max is not None and counts.late > late_max,
            unfilled_max is not None and counts.unfilled > unfilled_max,
        )

    def goes(act: int) -> bool:
        nonlocal total
        if not must.isdisjoint(moves[act]):
            return False
        own, (is_late, is_left) = of_acts[act], is_over(total)
        # Rather late than left.
        breaks = (is_left and own.unfilled > 0) or (is_late and own.late > 0 and own.unfilled >= 0)
        after_late, after_left = is_over(total - own)
        needed = (after_late and own.late < 0) or (after_left and own.unfilled < 0)
        if breaks or (of_act_gain[act] <= 0 and not needed):
            total -= own
            return True
        return False

    by_gain = sorted(range(len(moves)), key=lambda act: of_act_gain[act])
    return _Undoing(moves, changes, free).without(by_gain, goes)


class _Undoing:
    """Moves of which some are not made after all."""

    def __init__(
        self,
        moves: Sequence[Sequence[int]],
        changes: Mapping[int, Change],
        free: Sequence[int],
    ) -> None:
        self.moves, self.changes, self.free = moves, changes, free
        self.acts = [
            _together(number, [changes[o] for o in act]) for number, act in enumerate(moves)
        ]

    def without(self, some: Iterable[int], goes: Callable[[int], bool]) -> list[list[int]]:
        """The moves without those of some that go, if what others make of it has room; in an order
        in which they can be applied. `goes` is asked of those that can.
        """
        left = list(self.free)
        for act in self.acts:
            for row, amount in act.net.items():
                left[row] -= amount
        kept, asked = set(range(len(self.moves))), list(some)
        count = 0
        while count != len(kept):  # One that is undone may make room for the undoing of another.
            count = len(kept)
            for number in asked:
                # Undone it takes again what it gave back.
                net = self.acts[number].net
                fits = all(left[row] + amount >= 0 for row, amount in net.items())
                if number in kept and fits and goes(number):
                    kept.discard(number)
                    for row, amount in net.items():
                        left[row] += amount
        all_moves = [list(act) for act in self.moves]
        if len(kept) == len(all_moves):
            return all_moves
        orders = [order for number in sorted(kept) for order in self.moves[number]]
        made = components([self.changes[order] for order in orders], self.free)
        return made if sum(map(len, made)) == len(orders) else all_moves


def _together(number: int, changes: Sequence[Change]) -> Change:
    net: Counter[int] = Counter()
    for change in changes:
        net.update(change.net)
    kept = {row: amount for row, amount in net.items() if amount}
    return Change(number, kept, sum(change.lines for change in changes))
