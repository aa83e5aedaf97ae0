"""A naive ledger: dictionaries and loops, nothing else. The real one is checked against its rules.

With a file it is durable too: each act is appended and flushed before it is answered, and replayed
when the file is opened again. That is for crash tests without the native module.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from bopis.domain import ledger as values
from bopis.domain.errors import NodeNotFound, RequestIdReused, SkuNotFound
from bopis.domain.ledger import (
    ActDone,
    CellChanged,
    CellKey,
    CellsRead,
    CellsSet,
    CellView,
    Command,
    Insufficient,
    Moved,
    Outcome,
    Refusal,
    Refused,
    Registered,
    Reservation,
    ReservationLine,
    ReservationNow,
    ReservationsFound,
    ReservationState,
    Shortage,
)
from bopis.ports import Clock

_COMMANDS: Final[dict[str, type[Command]]] = {
    kind.__name__: kind
    for kind in (
        values.RegisterNodes,
        values.RegisterItems,
        values.SetCapacity,
        values.Adjust,
        values.SetOnHand,
        values.Hold,
        values.Commit,
        values.Release,
        values.Consume,
        values.Move,
    )
}
_LIVE: Final = (ReservationState.HELD, ReservationState.COMMITTED)


@dataclass(slots=True)
class _Live:
    state: ReservationState
    remaining: dict[CellKey, int]
    deadline_ms: int
    priority: int
    order_id: str


@dataclass(slots=True)
class _Cell:
    on_hand: int = 0
    unavailable: int = 0
    safety_stock: int = 0


@dataclass(slots=True)
class _Books:
    """Everything the ledger knows; counters of promises are summed up when asked."""

    nodes: set[str] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    cells: dict[CellKey, _Cell] = field(default_factory=dict)
    reservations: dict[str, _Live] = field(default_factory=dict)
    answers: dict[str, tuple[str, tuple[Outcome, ...]]] = field(default_factory=dict)
    sequence: int = 0


class MemoryLedger:
    """Implements `bopis.ports.Ledger`, slowly and plainly."""

    def __init__(self, clock: Clock, *, path: Path | None = None) -> None:
        self._clock = clock
        self._books = _Books()
        self._file: int | None = None
        if path is not None:
            self._replay(path)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _replay(self, path: Path) -> None:
        if not path.exists():
            return
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            record = json.loads(line)
            commands = [msgspec.convert(body, _COMMANDS[kind]) for kind, body in record["commands"]]
            self._decide(commands, record["request_id"], record["now_ms"])

    async def act(self, commands: Sequence[Command], *, request_id: str) -> ActDone:
        """See the port."""
        now_ms = self._clock.wall_ms()
        if request_id not in self._books.answers and self._file is not None:
            record = {
                "request_id": request_id,
                "now_ms": now_ms,
                "commands": [(type(one).__name__, one) for one in commands],
            }
            self._check_names(commands)
            os.write(self._file, msgspec.json.encode(record) + b"\n")
            os.fdatasync(self._file)
        outcomes = self._decide(commands, request_id, now_ms)
        return ActDone(self._books.sequence, now_ms, outcomes)

    def _decide(
        self, commands: Sequence[Command], request_id: str, now_ms: int
    ) -> tuple[Outcome, ...]:
        body = repr(list(commands))
        known = self._books.answers.get(request_id)
        if known is not None:
            if known[0] != body:
                raise RequestIdReused("the request_id was used with another body")
            return known[1]
        self._check_names(commands)
        self.expire_due(now_ms)
        outcomes = tuple(self._apply(one, now_ms) for one in commands)
        self._books.sequence += 1
        self._books.answers[request_id] = (body, outcomes)
        return outcomes

    def expire_due(self, now_ms: int) -> None:
        """Ends the holds whose deadline passed."""
        for live in self._books.reservations.values():
            if live.state is ReservationState.HELD and live.deadline_ms <= now_ms:
                live.state = ReservationState.EXPIRED
                live.remaining.clear()

    def _check_names(self, commands: Sequence[Command]) -> None:
        """Raises NodeNotFound, SkuNotFound for names that no earlier command registered."""
        nodes, skus = set(self._books.nodes), set(self._books.skus)
        for one in commands:
            match one:
                case values.RegisterNodes(node_ids):
                    nodes.update(node_ids)
                case values.RegisterItems(more):
                    skus.update(more)
                case (
                    values.Adjust(node_id=node_id, sku=sku)
                    | values.SetOnHand(node_id=node_id, sku=sku)
                ):
                    self._check(CellKey(node_id, sku), nodes, skus)
                case values.SetCapacity(node_id=node_id):
                    self._check(CellKey(node_id), nodes, skus)
                case values.Hold(lines=lines):
                    for line in lines:
                        self._check(line.cell, nodes, skus)
                case values.Move(moves=moves):
                    for move in moves:
                        for line in move.lines:
                            self._check(line.cell, nodes, skus)
                case _:
                    continue

    @staticmethod
    def _check(cell: CellKey, nodes: set[str], skus: set[str]) -> None:
        if cell.node_id not in nodes:
            raise NodeNotFound(f"no node {cell.node_id}")
        if cell.sku is not None and cell.sku not in skus:
            raise SkuNotFound(f"no SKU {cell.sku}")

    def _apply(self, command: Command, now_ms: int) -> Outcome:
        books = self._books
        match command:
            case values.RegisterNodes(node_ids):
                books.nodes.update(node_ids)
                return Registered()
            case values.RegisterItems(skus):
                books.skus.update(skus)
                return Registered()
            case values.SetCapacity(node_id, windows):
                keys = [CellKey(node_id, None, window.start_s) for window in windows]
                for key, window in zip(keys, windows, strict=True):
                    cell = self._cell(key)
                    cell.on_hand = window.seconds
                    if window.closed is not None:
                        cell.safety_stock = values.CLOSED_BUFFER if window.closed else 0
                return CellsSet(tuple(self.view(key) for key in keys))
            case values.SetOnHand(node_id, sku, on_hand):
                self._cell(CellKey(node_id, sku)).on_hand = on_hand
                return CellChanged(self.view(CellKey(node_id, sku)))
            case values.Adjust():
                return self._adjust(command)
            case values.Hold():
                return self._hold(command, now_ms)
            case values.Commit(reservation_id):
                return self._commit(reservation_id)
            case values.Release(reservation_id, lines):
                return self._end(reservation_id, lines, ReservationState.RELEASED)
            case values.Consume(reservation_id, lines):
                return self._end(reservation_id, lines, ReservationState.CONSUMED)
            case values.Move():
                return self._move(command)

    def _adjust(self, command: values.Adjust) -> Outcome:
        cell = self._cell(CellKey(command.node_id, command.sku))
        if cell.unavailable + command.unavailable_delta < 0:
            return Refused(Refusal.QUANTITY_OUT_OF_RANGE)
        cell.on_hand += command.on_hand_delta
        cell.unavailable += command.unavailable_delta
        return CellChanged(self.view(CellKey(command.node_id, command.sku)))

    def _hold(self, command: values.Hold, now_ms: int) -> Outcome:
        known = self._books.reservations.get(command.reservation_id)
        if known is not None:
            return ReservationNow(self._now(command.reservation_id, known))
        wanted = _summed(command.lines)
        short = self._shortages(command.lines, {})
        if short:
            return Insufficient(short)
        deadline_ms = now_ms + command.ttl_ms
        live = _Live(ReservationState.HELD, wanted, deadline_ms, command.priority, command.order_id)
        self._books.reservations[command.reservation_id] = live
        return ReservationNow(self._now(command.reservation_id, live))

    def _commit(self, reservation_id: str) -> Outcome:
        live = self._books.reservations.get(reservation_id)
        if live is None:
            return Refused(Refusal.RESERVATION_NOT_FOUND)
        if live.state is ReservationState.EXPIRED:
            return Refused(Refusal.RESERVATION_EXPIRED)
        if live.state is ReservationState.COMMITTED:
            return Refused(Refusal.ALREADY_COMMITTED)
        if live.state is not ReservationState.HELD:
            return Refused(Refusal.RESERVATION_ENDED)
        live.state = ReservationState.COMMITTED
        return ReservationNow(self._now(reservation_id, live))

    def _end(
        self,
        reservation_id: str,
        lines: tuple[ReservationLine, ...] | None,
        end: ReservationState,
    ) -> Outcome:
        """Release or consume: all that remains, or a part."""
        live = self._books.reservations.get(reservation_id)
        if live is None:
            return Refused(Refusal.RESERVATION_NOT_FOUND)
        if live.state is ReservationState.EXPIRED:
            return Refused(Refusal.RESERVATION_EXPIRED)
        if live.state not in _LIVE:
            return Refused(Refusal.RESERVATION_ENDED)
        if end is ReservationState.CONSUMED and live.state is ReservationState.HELD:
            return Refused(Refusal.NOT_COMMITTED)
        part = dict(live.remaining) if lines is None else _summed(lines)
        if any(live.remaining.get(key, 0) < quantity for key, quantity in part.items()):
            return Refused(Refusal.LINE_NOT_HELD)
        for key, quantity in part.items():
            live.remaining[key] -= quantity
            if not live.remaining[key]:
                del live.remaining[key]
            if end is ReservationState.CONSUMED:
                self._cell(key).on_hand -= quantity
        if not live.remaining:
            live.state = end
        return ReservationNow(self._now(reservation_id, live))

    def _move(self, command: values.Move) -> Outcome:
        live: list[_Live] = []
        for move in command.moves:
            found = self._books.reservations.get(move.reservation_id)
            if found is None:
                return Refused(Refusal.RESERVATION_NOT_FOUND)
            if found.state not in _LIVE:
                return Refused(Refusal.RESERVATION_ENDED)
            live.append(found)
        own: dict[CellKey, int] = {}
        for one in live:
            for key, quantity in one.remaining.items():
                own[key] = own.get(key, 0) + quantity
        short = self._shortages([line for move in command.moves for line in move.lines], own)
        if short:
            return Insufficient(short)
        for one, move in zip(live, command.moves, strict=True):
            one.remaining = _summed(move.lines)
        return Moved(
            tuple(
                self._now(move.reservation_id, one)
                for move, one in zip(command.moves, live, strict=True)
            )
        )

    def _shortages(
        self, lines: Sequence[ReservationLine], own: dict[CellKey, int]
    ) -> tuple[Shortage, ...]:
        """Cells that lack for what the lines ask beyond what the same act gives back (`own`).

        A cell of which no more is asked than given back lacks nothing, however low its ATP.
        """
        cells = [line.cell for line in lines]
        short: list[Shortage] = []
        for key, quantity in _summed(lines).items():
            net, atp = quantity - own.get(key, 0), self.view(key).atp
            if net > 0 and atp < net:
                short.append(Shortage(cells.index(key), key, net, max(0, atp)))
        return tuple(short)

    def _cell(self, key: CellKey) -> _Cell:
        return self._books.cells.setdefault(key, _Cell())

    @staticmethod
    def _now(reservation_id: str, live: _Live) -> Reservation:
        return Reservation(
            reservation_id=reservation_id,
            state=live.state,
            lines=tuple(
                ReservationLine(key.node_id, quantity, key.sku, key.window_start_s)
                for key, quantity in live.remaining.items()
            ),
            expire_wall_ms=live.deadline_ms if live.state is ReservationState.HELD else 0,
            priority=live.priority,
        )

    def view(self, key: CellKey) -> CellView:
        """The counters of one cell now."""
        held = committed = 0
        for live in self._books.reservations.values():
            quantity = live.remaining.get(key, 0)
            if live.state is ReservationState.HELD:
                held += quantity
            elif live.state is ReservationState.COMMITTED:
                committed += quantity
        cell = self._books.cells.get(key, _Cell())
        return CellView(cell.on_hand, held, committed, cell.unavailable, cell.safety_stock)

    def cells(self) -> dict[CellKey, CellView]:
        """Every cell that was ever set."""
        return {key: self.view(key) for key in self._books.cells}

    async def reservation(self, reservation_id: str) -> Reservation | None:
        """See the port."""
        self.expire_due(self._clock.wall_ms())
        live = self._books.reservations.get(reservation_id)
        return None if live is None else self._now(reservation_id, live)

    async def reservations_of_order(self, order_id: str) -> ReservationsFound:
        """See the port."""
        return self._found(lambda live: live.order_id == order_id)

    async def reservations_of_cell(self, cell: CellKey) -> ReservationsFound:
        """See the port."""
        line = ReservationLine(cell.node_id, 1, cell.sku, cell.window_start_s)
        self._check_names([values.Hold("", "", (line,), 1)])
        return self._found(lambda live: live.state in _LIVE and cell in live.remaining)

    def _found(self, wanted: Callable[[_Live], bool]) -> ReservationsFound:
        self.expire_due(self._clock.wall_ms())
        found = sorted(one for one, live in self._books.reservations.items() if wanted(live))
        views = tuple(self._now(one, self._books.reservations[one]) for one in found)
        return ReservationsFound(self._books.sequence, views, len(views))

    async def read(self, cells: Sequence[CellKey]) -> CellsRead:
        """See the port."""
        self.expire_due(self._clock.wall_ms())
        views = tuple(self.view(replace(key)) for key in cells)
        return CellsRead(self._books.sequence, self._clock.wall_ms(), views)

    async def read_atp(self, node_ids: Sequence[str], items: Sequence[CellKey]) -> Sequence[int]:
        """See the port."""
        return [self.atp(replace(item, node_id=node_id)) for node_id in node_ids for item in items]

    def atp(self, key: CellKey) -> int:
        """ATP of one cell now."""
        self.expire_due(self._clock.wall_ms())
        return self.view(key).atp


def _summed(lines: Sequence[ReservationLine]) -> dict[CellKey, int]:
    units: dict[CellKey, int] = {}
    for line in lines:
        units[line.cell] = units.get(line.cell, 0) + line.quantity
    return units
