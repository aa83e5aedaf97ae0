"""The face of the native journal reader: records as plain maps, and how far a journal goes.

Reading takes no lock and changes nothing; a service may run on the folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from bopis._allocator_rs import JournalReader, Progress, rebuild, verify

BATCH: Final = 4_096
"""Records fetched at once."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a journal goes: its last whole record, and the segments up to the end of its frame as
    (file name, bytes).
    """

    journal_id: str
    sequence: int
    segments: tuple[tuple[str, int], ...]


def records(ledger: Path) -> Iterator[dict[str, Any]]:
    """All records of a ledger's journal; of one that is written right now, all that are sealed.

    Raises DivergenceError naming the place of damage, OpenError.
    """
    reader = JournalReader(ledger)
    is_served = reader.is_served()
    while batch := _batch(reader, proven=is_served):
        yield from batch
    if not is_served:
        reader.check_end()


def growing_records(ledger: Path) -> Iterator[list[dict[str, Any]]]:
    """The sealed records of a journal batch by batch, without end: an empty batch says that there
    is nothing more for now.

    Raises DivergenceError, OpenError.
    """
    reader = JournalReader(ledger)
    while True:
        yield _batch(reader, proven=True)


def verify_ledger(ledger: Path, progress: Progress | None = None) -> dict[str, str | int]:
    """Decides the whole journal of a stopped service again: journal id, last sequence, records and
    state hash. Never writes.

    Raises DivergenceError naming where the journal disagrees, FileNotFoundError.
    """
    report: dict[str, str | int] = msgspec.msgpack.decode(verify(_there(ledger), progress))
    return report


def rebuild_ledger(ledger: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Makes the counters of a stopped service anew: journal id, last sequence, state hash, whether
    the last orderly stop left that (None: nothing to compare with), cells. Never writes.

    Raises DivergenceError, FileNotFoundError.
    """
    report: dict[str, Any] = msgspec.msgpack.decode(rebuild(_there(ledger), progress))
    return report


def _there(ledger: Path) -> Path:
    if not ledger.is_dir():
        raise FileNotFoundError(f"there is no ledger in {ledger.parent}")
    return ledger


def as_line(record: dict[str, Any]) -> bytes:
    """A record as one line of JSON."""
    return msgspec.json.encode(record) + b"\n"


def _batch(reader: JournalReader, *, proven: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.msgpack.decode(reader.read(BATCH, proven))
    return found


class JournalEnd:
    """Where a journal ends, asked again and again: the first time takes a reading of all of it."""

    def __init__(self, ledger: Path) -> None:
        self._reader = JournalReader(ledger)

    def reached(self) -> Reached:
        """The last whole frame that is visible now. Raises DivergenceError, OpenError."""
        found = msgspec.msgpack.decode(self._reader.skip_to_end(), type=Reached | None)
        return found or Reached("", 0, ())
