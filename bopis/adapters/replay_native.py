"""Decisions of a data folder made again: read from the order store, decided natively."""

import asyncio
import difflib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from bopis._allocator_rs import DivergenceError, NativeError, decide_again
from bopis.adapters.sourcer_still import still_sourcer
from bopis.adapters.store_sql.decisions import read_decisions, read_setting
from bopis.adapters.store_sql.files import operation_file
from bopis.domain.decision import Choice, DecisionRecord
from bopis.domain.greedy import GreedyRecord
from bopis.domain.reallocation import OrderMove
from bopis.service.greedy import greedy_moves

SETTINGS: Final = ("network", "policy", "duals")
_UNREADABLE: Final = (zlib.error, msgspec.DecodeError)


@dataclass(frozen=True, slots=True)
class MadeAgain:
    """A decision of an order: what was recorded and what comes now, as JSON; `now` None: it cannot
    be made again, and `why`; `is_damaged`: because what it is made of cannot be read.
    """

    attempt: int
    sequence: int | None
    recorded: bytes
    now: bytes | None
    why: str = ""
    is_damaged: bool = False


class RecordError(Exception):
    """What is kept of a decision or operation cannot be read; the message says why."""


@contextmanager
def reading(store: Path) -> Iterator[sa.Connection]:
    """The order store of a folder, for reading, beside the service too.

    Raises OSError if it cannot be read.
    """
    engine = sa.create_engine(f"sqlite:///file:{store.resolve()}?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            yield connection
    except sa.exc.DatabaseError as error:
        raise OSError(f"{store}: {error.orig}") from error
    finally:
        engine.dispose()


def order_again(connection: sa.Connection, ledger: Path, order_id: str) -> Iterator[MadeAgain]:
    """The decisions of an order, by attempt, each made again. Raises RecordError."""
    try:
        records = read_decisions(connection, order_id)
    except _UNREADABLE as error:
        raise RecordError(str(error)) from error
    for attempt, record in records.items():
        recorded = msgspec.json.encode(record.choice)
        now, why, is_damaged = None, "", False
        try:
            now = _now(connection, ledger, record)
        except (NativeError, LookupError, *_UNREADABLE) as error:
            why = str(error.args[0] if error.args else error)
            is_damaged = isinstance(error, (DivergenceError, *_UNREADABLE))
        yield MadeAgain(attempt, record.sequence, recorded, now, why, is_damaged)


def _now(connection: sa.Connection, ledger: Path, record: DecisionRecord) -> bytes:
    """Raises LookupError if something that it was made of is not known, NativeError."""
    if record.sequence is None:
        raise LookupError("counters or the catalog changed while it was made")
    payload = {
        "journal_id": record.journal_id,
        "sequence": record.sequence,
        "items": record.items,
        "ask": record.ask,
        "quote": record.quote,
        "quote_lost": record.choice.quote_lost,
    }
    for name, digest in zip(SETTINGS, (record.network, record.policy, record.duals), strict=True):
        content = read_setting(connection, digest) if digest else None
        if digest and content is None:
            raise LookupError(f"its {name} is not kept any more")
        payload[name] = None if content is None else msgspec.Raw(content)
    answer = decide_again(ledger, msgspec.msgpack.encode(payload))
    return msgspec.json.encode(msgspec.msgpack.decode(answer, type=Choice))


def greedy_differences(content: bytes) -> list[str]:
    """What planning a recorded batch order by order gives differently by now, in words. Raises
    RecordError.
    """
    try:
        record = msgspec.msgpack.decode(content, type=GreedyRecord)
    except msgspec.DecodeError as error:
        raise RecordError(str(error)) from error
    moves = asyncio.run(_greedy_again(record))
    before, now = (
        [msgspec.json.encode(move).decode() for move in some]
        for some in ([move for part in record.components for move in part], moves)
    )
    return list(difflib.unified_diff(before, now, "recorded", "now", lineterm="", n=0))


async def _greedy_again(record: GreedyRecord) -> list[OrderMove]:
    async with still_sourcer(record.request) as sourcer:
        moves, _ = await greedy_moves(
            sourcer, record.request.problem, lambda number, _: number < record.order_count
        )
    return moves


def operation_files(
    connection: sa.Connection, operation_id: str, *names: str
) -> dict[str, bytes | None]:
    """What is kept of an operation, by name. Raises RecordError."""
    packed = {name: operation_file(connection, operation_id, name) for name in names}
    try:
        return {
            name: None if content is None else zlib.decompress(content)
            for name, content in packed.items()
        }
    except zlib.error as error:
        raise RecordError(str(error)) from error
