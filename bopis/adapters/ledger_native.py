"""The ledger port over the native engine."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, assert_never

import msgspec

from bopis._allocator_rs import Engine
from bopis.adapters.native_calls import Completion, NativeCalls, NativeFaultError
from bopis.domain import ledger
from bopis.domain.ledger import (
    ActDone,
    CellKey,
    CellsRead,
    CellView,
    Command,
    Outcome,
    Refusal,
    Reservation,
    ReservationsFound,
)

READ_CELLS_MAX: Final = 4_096
"""Cells that one read gives at one position."""

_TAGS: Final[Mapping[type[Command], str]] = MappingProxyType(
    {
        ledger.RegisterNodes: "register_nodes",
        ledger.RegisterItems: "register_items",
        ledger.SetCapacity: "set_capacity",
        ledger.Adjust: "adjust",
        ledger.SetOnHand: "set_on_hand",
        ledger.Hold: "hold",
        ledger.Commit: "commit",
        ledger.Release: "release",
        ledger.Consume: "consume",
        ledger.Move: "move",
    }
)
_REASONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "REASON_RECEIVED": 1,
        "REASON_CORRECTION": 2,
        "REASON_DAMAGED": 3,
        "REASON_SHRINKAGE": 4,
        "REASON_RETURNED": 5,
    }
)
"""AdjustStockRequest.Reason by name."""


class _Registered(msgspec.Struct, frozen=True, tag="registered"):
    pass


class _CellsSet(msgspec.Struct, frozen=True, tag="cells_set"):
    cells: tuple[CellView, ...]


class _CellChanged(msgspec.Struct, frozen=True, tag="cell_changed"):
    cell: CellView


class _ReservationNow(msgspec.Struct, frozen=True, tag="reservation_now"):
    reservation: Reservation


class _Moved(msgspec.Struct, frozen=True, tag="moved"):
    reservations: tuple[Reservation, ...]


class _Shortage(msgspec.Struct, frozen=True):
    line_index: int
    node_id: str
    sku: str | None
    window_start_s: int | None
    requested: int
    available: int


class _Insufficient(msgspec.Struct, frozen=True, tag="insufficient"):
    shortages: list[_Shortage]


class _Refused(msgspec.Struct, frozen=True, tag="refused"):
    refusal: Refusal


_Outcome = (
    _Registered | _CellsSet | _CellChanged | _ReservationNow | _Moved | _Insufficient | _Refused
)


class _Done(msgspec.Struct, frozen=True, tag="done"):
    outcomes: list[_Outcome]


class _Read(msgspec.Struct, frozen=True, tag="read"):
    reservation: Reservation | None


class _Found(msgspec.Struct, frozen=True, tag="found"):
    reservations: tuple[Reservation, ...]
    count: int


_found_decoder = msgspec.msgpack.Decoder(_Found)
_done_decoder = msgspec.msgpack.Decoder(_Done)
_read_decoder = msgspec.msgpack.Decoder(_Read)
_cells_decoder = msgspec.msgpack.Decoder(CellsRead)
_atp_decoder = msgspec.msgpack.Decoder(list[int])


class NativeLedger:
    """`bopis.ports.Ledger` over the engine in this process."""

    def __init__(self, engine: Engine, calls: NativeCalls) -> None:
        self._engine = engine
        self._calls = calls

    async def act(self, commands: Sequence[Command], *, request_id: str) -> ActDone:
        """See the port."""
        completion = await self._calls.call(
            self._engine.submit,
            {"request_id": request_id, "commands": [_wire(command) for command in commands]},
        )
        return _act_done(completion)

    async def reservation(self, reservation_id: str) -> Reservation | None:
        """See the port."""
        completion = await self._calls.call(
            self._engine.read_reservations, {"reservation_id": reservation_id}
        )
        return _read_decoder.decode(completion.result).reservation

    async def reservations_of_order(self, order_id: str) -> ReservationsFound:
        """See the port."""
        return await self._search({"order_id": order_id})

    async def reservations_of_cell(self, cell: CellKey) -> ReservationsFound:
        """See the port."""
        return await self._search({"cell": cell})

    async def _search(self, ask: dict[str, Any]) -> ReservationsFound:
        completion = await self._calls.call(self._engine.search_reservations, ask)
        found = _found_decoder.decode(completion.result)
        return ReservationsFound(completion.sequence, found.reservations, found.count)

    async def read(self, cells: Sequence[CellKey]) -> CellsRead:
        """See the port. Raises ValueError for more than READ_CELLS_MAX cells."""
        if len(cells) > READ_CELLS_MAX:
            raise ValueError(f"{len(cells)} cells; one read gives at most {READ_CELLS_MAX}")
        return _cells_decoder.decode(self._engine.read(msgspec.msgpack.encode(cells)))

    async def read_atp(self, node_ids: Sequence[str], items: Sequence[CellKey]) -> Sequence[int]:
        """See the port."""
        ask = {
            "node_ids": node_ids,
            "items": [{"sku": item.sku, "window_start_s": item.window_start_s} for item in items],
        }
        return _atp_decoder.decode(self._engine.read_atp(msgspec.msgpack.encode(ask)))


def _wire(command: Command) -> dict[str, Any]:
    fields = {name: getattr(command, name) for name in command.__slots__}
    if isinstance(command, ledger.Adjust):
        fields["reason"] = _REASONS[command.reason]
    return {"type": _TAGS[type(command)], **fields}


def _act_done(completion: Completion) -> ActDone:
    try:
        done = _done_decoder.decode(completion.result)
    except msgspec.ValidationError as error:
        raise NativeFaultError(str(error)) from error
    return ActDone(
        sequence=completion.sequence,
        wall_ms=completion.wall_ms,
        outcomes=tuple(_outcome(outcome) for outcome in done.outcomes),
    )


def _outcome(outcome: _Outcome) -> Outcome:
    match outcome:
        case _Registered():
            return ledger.Registered()
        case _CellsSet():
            return ledger.CellsSet(outcome.cells)
        case _CellChanged():
            return ledger.CellChanged(outcome.cell)
        case _ReservationNow():
            return ledger.ReservationNow(outcome.reservation)
        case _Moved():
            return ledger.Moved(outcome.reservations)
        case _Insufficient():
            return ledger.Insufficient(
                tuple(
                    ledger.Shortage(
                        line_index=shortage.line_index,
                        cell=CellKey(shortage.node_id, shortage.sku, shortage.window_start_s),
                        requested=shortage.requested,
                        available=shortage.available,
                    )
                    for shortage in outcome.shortages
                )
            )
        case _Refused():
            return ledger.Refused(outcome.refusal)
    assert_never(outcome)
