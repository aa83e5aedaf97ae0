"""A second ledger, naive and independent: decides every journal record again from its command.

It knows what clients of InventoryService and StockService do to cells and reservations, commands
of one cell each; anything else is an AttributeError.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from tests.faults.journal_words import (
    COUNTERS,
    Cell,
    Hold,
    ModelError,
    Words,
    cell_of,
    refused,
    summed,
    words_of,
)


@dataclass(slots=True)
class Model:
    cells: dict[Cell, dict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
    )
    reservations: dict[str, Hold] = field(default_factory=dict)
    deadlines: list[tuple[int, str]] = field(default_factory=list)
    now_ms: int = 0

    def take(self, record: Words) -> list[Words]:
        """The outcomes of a record's commands. Raises ModelError."""
        if record["now_ms"] < self.now_ms:
            raise ModelError("time went back")
        self.now_ms = record["now_ms"]
        if record["type"] == "expire":
            self._expire(record["reservation_id"])
            return []
        return [getattr(self, "_" + one["type"])(one) for one in record["commands"]]

    def atp(self, cell: Cell) -> int:
        on_hand, *taken = (self.cells[cell][name] for name in COUNTERS)
        return on_hand - sum(taken)

    def view(self, reservation_id: str) -> Words:
        hold = self.reservations[reservation_id]
        lines = [words_of(cell) | {"quantity": units} for cell, units in hold.lines.items()]
        words = {"type": "reservation", "reservation_id": reservation_id, "state": hold.state}
        return words | {"deadline_ms": hold.deadline_ms, "priority": hold.priority, "lines": lines}

    def _expire(self, reservation_id: str) -> None:
        if not self.reservations[reservation_id].is_due(self.now_ms):
            raise ModelError(f"{reservation_id} expired and was not due")
        self._become(reservation_id, "EXPIRED", {})

    def _add(self, lines: dict[Cell, int], state: str, sign: int) -> None:
        for cell, quantity in lines.items():
            self.cells[cell][state.lower()] += sign * quantity

    def _become(
        self, reservation_id: str, state: str, lines: dict[Cell, int] | None = None
    ) -> None:
        hold = self.reservations[reservation_id]
        self._add(hold.lines, hold.state, -1)
        hold.state, hold.lines = state, hold.lines if lines is None else lines
        self._add(hold.lines, hold.state, 1)

    def _any_due(self) -> bool:
        """A hold that a shortage should have swept."""
        while self.deadlines:
            deadline_ms, reservation_id = self.deadlines[0]
            hold = self.reservations[reservation_id]
            if hold.state == "HELD" and hold.deadline_ms == deadline_ms:
                return hold.is_due(self.now_ms)
            heapq.heappop(self.deadlines)
        return False

    def _short(self, asked: dict[Cell, int], lines: list[Words]) -> Words | None:
        lacking = []
        for cell, quantity in asked.items():
            available = max(0, self.atp(cell))
            if quantity > available:
                index = [cell_of(line) for line in lines].index(cell)
                counts = {"line_index": index, "requested": quantity, "available": available}
                lacking.append(words_of(cell) | counts)
        if lacking and self._any_due():
            raise ModelError("refused for stock that a due hold still had")
        return {"type": "insufficient", "shortages": lacking} if lacking else None

    def _refusal(self, reservation_id: str, *, held_only: bool) -> Words | None:
        hold = self.reservations.get(reservation_id)
        if hold is None:
            return refused("reservation_not_found")
        if hold.is_due(self.now_ms):
            raise ModelError(f"{reservation_id} was due and had not expired")
        why = {"EXPIRED": "reservation_expired", "RELEASED": "reservation_ended"}.get(hold.state)
        if held_only and hold.state == "COMMITTED":
            why = "already_committed"
        return refused(why) if why else None

    def _keep(self, reservation_id: str, hold: Hold) -> Words:
        self.reservations[reservation_id] = hold
        heapq.heappush(self.deadlines, (hold.deadline_ms, reservation_id))
        return self.view(reservation_id)

    def _hold(self, one: Words) -> Words:
        lines = summed(one["lines"])
        if short := self._short(lines, one["lines"]):
            return short
        self._add(lines, "HELD", 1)
        hold = Hold("HELD", self.now_ms + one["ttl_ms"], one["priority"], dict(lines))
        return self._keep(one["reservation_id"], hold)

    def _extend(self, one: Words) -> Words:
        if why := self._refusal(one["reservation_id"], held_only=True):
            return why
        hold = self.reservations[one["reservation_id"]]
        hold.deadline_ms = self.now_ms + one["ttl_ms"]
        return self._keep(one["reservation_id"], hold)

    def _commit(self, one: Words) -> Words:
        if why := self._refusal(one["reservation_id"], held_only=True):
            return why
        self._become(one["reservation_id"], "COMMITTED")
        return self.view(one["reservation_id"])

    def _release(self, one: Words) -> Words:
        if why := self._refusal(one["reservation_id"], held_only=False):
            return why
        self._become(one["reservation_id"], "RELEASED", {})
        return self.view(one["reservation_id"])

    def _move(self, one: Words) -> Words:
        found = [self._refusal(move["reservation_id"], held_only=False) for move in one["moves"]]
        order = ("reservation_not_found", "reservation_expired", "reservation_ended")
        reasons = [why["why"] for why in found if why]
        if reasons:
            return refused(min(reasons, key=order.index))
        lines = [line for move in one["moves"] for line in move["lines"]]
        net = summed(lines)
        for move in one["moves"]:
            for cell, quantity in self.reservations[move["reservation_id"]].lines.items():
                if cell in net:
                    net[cell] -= quantity
        if short := self._short({cell: units for cell, units in net.items() if units > 0}, lines):
            return short
        for move in one["moves"]:
            state = self.reservations[move["reservation_id"]].state
            self._become(move["reservation_id"], state, dict(summed(move["lines"])))
        views = [self.view(move["reservation_id"]) for move in one["moves"]]
        for view in views:
            del view["type"]
        return {"type": "moved", "reservations": views}

    def _changed(self, cell: Cell, **deltas: int) -> Words:
        counters = self.cells[cell]
        if counters["unavailable"] + deltas.get("unavailable", 0) < 0:
            return refused("quantity_out_of_range")
        for name, delta in deltas.items():
            counters[name] += delta
        return {"type": "cell", **counters}

    def _adjust(self, one: Words) -> Words:
        deltas = {"on_hand": one["on_hand_delta"], "unavailable": one["unavailable_delta"]}
        return self._changed(cell_of(one), **deltas)

    def _set_on_hand(self, one: Words) -> Words:
        cell = cell_of(one)
        return self._changed(cell, on_hand=one["on_hand"] - self.cells[cell]["on_hand"])

    def _compare_and_set(self, one: Words) -> Words:
        if self.cells[cell_of(one)]["on_hand"] != one["expected"]:
            return refused("not_as_expected")
        return self._set_on_hand(one)

    def _set_safety_stock(self, one: Words) -> Words:
        delta = one["safety_stock"] - self.cells[cell_of(one)]["safety_stock"]
        return self._changed(cell_of(one), safety_stock=delta)

    def _transfer(self, one: Words) -> Words:
        left = dict(self._changed(cell_of(one), on_hand=-one["quantity"]))
        come = self._changed((one["to_node_id"], cell_of(one)[1]), on_hand=one["quantity"])
        del left["type"], come["type"]
        return {"type": "transferred", "from": left, "to": come}
