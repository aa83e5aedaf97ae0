"""A ledger of a few dictionaries, for comparison: no journal, no time, no request ids.

A hold expires when the test says so. Lines keep the order in which their cells were first named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bopis.domain import ledger as values
from bopis.domain.ledger import (
    CellKey,
    CellView,
    Outcome,
    Refusal,
    ReservationLine,
    ReservationState,
)

Asked = dict[CellKey, int]
LIVE = (ReservationState.HELD, ReservationState.COMMITTED)
PRECEDENCE = [Refusal(f"RESERVATION_{end}") for end in ("NOT_FOUND", "EXPIRED", "ENDED")]


def summed(lines: Sequence[ReservationLine]) -> Asked:
    """Quantities by cell, in the order of first naming."""
    asked: Asked = {}
    for line in lines:
        asked[line.cell] = asked.get(line.cell, 0) + line.quantity
    return asked


@dataclass(slots=True)
class Kept:
    state: ReservationState
    left: Asked


@dataclass(slots=True)
class Model:
    """Counters that are facts, and reservations; everything else is computed when asked."""

    facts: dict[CellKey, CellView] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)

    def view(self, cell: CellKey) -> CellView:
        def promised(state: ReservationState) -> int:
            return sum(one.left.get(cell, 0) for one in self.kept.values() if one.state is state)

        held, committed = promised(ReservationState.HELD), promised(ReservationState.COMMITTED)
        return replace(self.facts.get(cell, CellView()), held=held, committed=committed)

    def reservation(self, reservation_id: str) -> values.Reservation | None:
        if reservation_id not in self.kept:
            return None
        kept = self.kept[reservation_id]
        lines = tuple(
            ReservationLine(cell.node_id, quantity, cell.sku, cell.window_start_s)
            for cell, quantity in kept.left.items()
        )
        return values.Reservation(reservation_id, kept.state, lines)

    def _now(self, reservation_id: str) -> values.Reservation:
        found = self.reservation(reservation_id)
        assert found is not None
        return found

    def adjust(self, cell: CellKey, on_hand: int, unavailable: int) -> Outcome:
        before = self.facts.get(cell, CellView())
        if before.unavailable + unavailable < 0:
            return values.Refused(Refusal.QUANTITY_OUT_OF_RANGE)
        on_hand, unavailable = before.on_hand + on_hand, before.unavailable + unavailable
        self.facts[cell] = replace(before, on_hand=on_hand, unavailable=unavailable)
        return values.CellChanged(self.view(cell))

    def _short(self, asked: Asked, lines: Sequence[ReservationLine]) -> values.Insufficient | None:
        first = [line.cell for line in lines].index
        shortages = tuple(
            values.Shortage(first(cell), cell, quantity, max(0, self.view(cell).atp))
            for cell, quantity in asked.items()
            if quantity > max(0, self.view(cell).atp)
        )
        return values.Insufficient(shortages) if shortages else None

    def hold(self, reservation_id: str, lines: Sequence[ReservationLine]) -> Outcome:
        if reservation_id not in self.kept:
            if short := self._short(summed(lines), lines):
                return short
            self.kept[reservation_id] = Kept(ReservationState.HELD, summed(lines))
        return values.ReservationNow(self._now(reservation_id))

    def _refusal(self, reservation_id: str) -> Refusal | None:
        kept = self.kept.get(reservation_id)
        if kept is None:
            return Refusal.RESERVATION_NOT_FOUND
        if kept.state is ReservationState.EXPIRED:
            return Refusal.RESERVATION_EXPIRED
        return None if kept.state in LIVE else Refusal.RESERVATION_ENDED

    def commit(self, reservation_id: str) -> Outcome:
        refusal = self._refusal(reservation_id)
        if refusal is None and self.kept[reservation_id].state is ReservationState.COMMITTED:
            refusal = Refusal.ALREADY_COMMITTED
        if refusal:
            return values.Refused(refusal)
        self.kept[reservation_id].state = ReservationState.COMMITTED
        return values.ReservationNow(self._now(reservation_id))

    def take(
        self, reservation_id: str, part: Sequence[ReservationLine] | None, end: ReservationState
    ) -> Outcome:
        refusal = self._refusal(reservation_id)
        is_consumed = end is ReservationState.CONSUMED
        if refusal is None and is_consumed:
            held = self.kept[reservation_id].state is ReservationState.HELD
            refusal = Refusal.NOT_COMMITTED if held else None
        if refusal:
            return values.Refused(refusal)
        kept = self.kept[reservation_id]
        taken = dict(kept.left) if part is None else summed(part)
        if any(quantity > kept.left.get(cell, 0) for cell, quantity in taken.items()):
            return values.Refused(Refusal.LINE_NOT_HELD)
        for cell, quantity in taken.items():
            kept.left[cell] -= quantity
            if is_consumed:
                self.adjust(cell, -quantity, 0)
        kept.left = {cell: quantity for cell, quantity in kept.left.items() if quantity}
        kept.state = kept.state if kept.left else end
        return values.ReservationNow(self._now(reservation_id))

    def move(self, command: values.Move) -> Outcome:
        refusals = {self._refusal(one.reservation_id) for one in command.moves}
        for refusal in PRECEDENCE:
            if refusal in refusals:
                return values.Refused(refusal)
        lines = [line for one in command.moves for line in one.lines]
        net = summed(lines)
        for one in command.moves:
            for cell, quantity in self.kept[one.reservation_id].left.items():
                if cell in net:
                    net[cell] -= quantity
        if short := self._short(net, lines):
            return short
        for one in command.moves:
            self.kept[one.reservation_id].left = summed(one.lines)
        return values.Moved(tuple(self._now(one.reservation_id) for one in command.moves))

    def expire(self, reservation_id: str) -> None:
        self.kept[reservation_id] = Kept(ReservationState.EXPIRED, {})
