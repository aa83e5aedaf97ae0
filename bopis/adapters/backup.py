"""Copies of a data folder, order store and journal together, made while the service runs.

| moment | what is done |
| --- | --- |
| before | no snapshot is built any more; the journal is read to its end, so that the moment |
| | itself is short |
| the cut | while no transaction of the order store can commit, a snapshot of it is begun, and the |
| | end of the journal's last whole frame and the other files' sizes are noted |
| after | the snapshot, the journal and the files are copied and flushed, `backup.json` last |

A service that loses its power at the moment of the cut leaves the same: every intent is written
before its act on the ledger and every result after it, so the copy holds no result without its act
and no act without its intent. What the journal holds beyond the results, reconciliation finishes at
the first start, as after any crash.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from bopis.adapters.journal_native import JournalEnd, Reached

MANIFEST: Final = "backup.json"
FORMAT: Final = 1
SNAPSHOTS: Final = "snapshots"
LOCK_WAIT_S: Final = 30.0
"""How long the cut waits for the order store's writer."""

SNAPSHOTS_WAIT_S: Final = 600.0
"""How long a snapshot that is being built is waited for."""

_STEP: Final = 1 << 20


class BackupError(Exception):
    """A backup that cannot be made or restored, in words."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a data folder is made of, by names relative to it: the ledger's folder, the order
    store's file, and the files that stand beside them (only ever appended to, or never changed).
    """

    ledger: str
    orders: str
    beside: Sequence[str]


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; `sequence` is the journal's last record in it."""

    format: int
    journal_id: str
    sequence: int
    files: dict[str, CopiedFile]


@dataclass(frozen=True, slots=True)
class _Open:
    """A file as it stood at the cut."""

    name: str
    file: IO[bytes]
    bytes: int


def back_up(folder: Path, to: Path, *, parts: Parts) -> Manifest:
    """Copies a data folder to a new one, whether a service runs on it or not.

    Raises BackupError, DivergenceError for a damaged journal, sqlite3.Error, OSError.
    """
    _make_empty(to)
    files: dict[str, CopiedFile] = {}
    with ExitStack() as stack:
        held_up = stack.enter_context(ExitStack())
        held_up.enter_context(_no_snapshots(folder / parts.ledger))
        end = JournalEnd(folder / parts.ledger)
        end.reached()
        snapshot = stack.enter_context(closing(_connect(folder / parts.orders)))
        with _no_commits(folder / parts.orders):
            snapshot.execute("BEGIN")
            snapshot.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reached = end.reached()
            opened = list(_open_files(folder, parts, reached, stack))
        # What is open can be copied, even when it is retired meanwhile.
        held_up.close()
        _copy_orders(snapshot, to / parts.orders)
        files[parts.orders] = _described(to / parts.orders)
        for one in opened:
            files[one.name] = _copy(one.file, to / one.name, one.bytes)
    manifest = Manifest(FORMAT, reached.journal_id, reached.sequence, files)
    _write_manifest(manifest, to)
    return manifest


def restore(backup: Path, folder: Path, *, parts: Parts) -> Manifest:
    """Makes a data folder from a backup, whole or not at all.

    Raises BackupError: no backup, an incomplete or a changed one, a folder that is not empty;
    OSError.
    """
    manifest = _read_manifest(backup)
    _make_empty(folder)
    aside = folder.with_name(folder.name + ".aside")
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir(mode=0o700)
    try:
        _bring_back(backup, manifest, aside, parts)
    except BaseException:
        shutil.rmtree(aside)
        raise
    folder.rmdir()
    aside.rename(folder)
    _flush_folder(folder.parent)
    return manifest


def _bring_back(backup: Path, manifest: Manifest, aside: Path, parts: Parts) -> None:
    for name, expected in manifest.files.items():
        try:
            with (backup / name).open("rb") as source:
                found = _copy(source, aside / name, expected.bytes)
        except FileNotFoundError:
            raise BackupError(f"{backup}: {name} is missing") from None
        if found != expected:
            raise BackupError(f"{backup}: {name} is not as it was written")
    reached = JournalEnd(aside / parts.ledger).reached()
    if (reached.journal_id, reached.sequence) != (manifest.journal_id, manifest.sequence):
        raise BackupError(f"{backup}: the journal ends at record {reached.sequence}")


def _make_empty(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty")


def _connect(orders: Path) -> sqlite3.Connection:
    if not orders.is_file():
        raise BackupError(f"there is no {orders}")
    # Not read-only: a write-ahead log can be read only by who may take part in it.
    return sqlite3.connect(
        f"{orders.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=LOCK_WAIT_S,
    )


@contextmanager
def _no_commits(orders: Path) -> Iterator[None]:
    """Keeps every writer of the order store waiting."""
    with closing(_connect(orders)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def _open_files(folder: Path, parts: Parts, reached: Reached, stack: ExitStack) -> Iterator[_Open]:
    """Opened while they are surely there: a segment may be retired before it is copied."""
    for number, (name, size) in enumerate(reached.segments, start=1):
        path = Path(parts.ledger, "journal", name)
        file = stack.enter_context((folder / path).open("rb"))
        is_last = number == len(reached.segments)
        # Only the last one may end with its last frame: a start makes that one whole again.
        yield _Open(str(path), file, size if is_last else os.fstat(file.fileno()).st_size)
    snapshots = (folder / parts.ledger / SNAPSHOTS).glob("snapshot-*.bopis")
    for name in (*(str(path.relative_to(folder)) for path in sorted(snapshots)), *parts.beside):
        if (folder / name).is_file():
            file = stack.enter_context((folder / name).open("rb"))
            yield _Open(name, file, os.fstat(file.fileno()).st_size)


@contextmanager
def _no_snapshots(ledger: Path) -> Iterator[None]:
    """Keeps snapshots from being built, and segments from being retired."""
    lock = ledger / SNAPSHOTS / "lock"
    if not ledger.is_dir():
        raise BackupError(f"there is no {ledger}")
    lock.parent.mkdir(mode=0o700, exist_ok=True)
    with lock.open("ab") as file:
        until = time.monotonic() + SNAPSHOTS_WAIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise BackupError("a snapshot is being built; try again later") from None
                time.sleep(0.05)
        yield


def _copy_orders(snapshot: sqlite3.Connection, to: Path) -> None:
    with closing(sqlite3.connect(to)) as copy:
        snapshot.backup(copy)
        [verdict] = copy.execute("PRAGMA quick_check").fetchone()
        if verdict != "ok":
            raise BackupError(f"the order store is damaged: {verdict}")
    to.chmod(0o600)
    with to.open("rb+") as file:
        os.fsync(file.fileno())


def _copy(source: IO[bytes], to: Path, size: int) -> CopiedFile:
    """Copies the first `size` bytes, and flushes them."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    left = size
    private = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(private, "wb") as file:
        while left and (part := source.read(min(left, _STEP))):
            digest.update(part)
            file.write(part)
            left -= len(part)
        file.flush()
        os.fsync(file.fileno())
    _flush_folder(to.parent)
    return CopiedFile(size - left, digest.hexdigest())


def _described(path: Path) -> CopiedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return CopiedFile(path.stat().st_size, digest.hexdigest())


def _write_manifest(manifest: Manifest, to: Path) -> None:
    aside = to / f"{MANIFEST}.aside"
    with aside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(to / MANIFEST)
    _flush_folder(to)
    _flush_folder(to.parent)


def _read_manifest(backup: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BackupError(f"{backup} holds no finished backup: no {MANIFEST}") from None
    except msgspec.DecodeError as error:
        raise BackupError(f"{backup}: {MANIFEST} is not as it was written: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{backup} has format {manifest.format}; this program reads {FORMAT}")
    for name in manifest.files:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BackupError(f"{backup}: {name} lies outside")
    return manifest


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
