"""Rows: a journal cut at every byte, and with a flipped bit in every sector.

What must be found is computed from the bytes alone (segment_layout.py). Each case is decided by
the native `verify`, and samples of each kind by a real start of the service.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bopis._allocator_rs import DivergenceError, verify
from bopis.testing.client import Client, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from tests.e2e import small_town
from tests.e2e.command_line import dumped
from tests.faults.journal_words import Words
from tests.faults.row import Seen, Trial
from tests.faults.segment_layout import BLOCK, Frame, frames_of, shrunk, with_version

SECTOR: Final = 512
SEGMENT: Final = "segment-00000000000000000001.journal"
CALLS: Final = 12


@dataclass(frozen=True, slots=True)
class Recorded:
    """A small journal: the folder it came from, its segment, frames and records."""

    data: Path
    segment: bytes
    frames: list[Frame]
    records: list[Words]

    def copy_to(self, folder: Path) -> Path:
        """The data folder as a crash left it, with the shrunk segment alone; the segment's path."""
        shutil.copytree(self.data, folder, ignore=shutil.ignore_patterns("*.journal"))
        path = folder / "ledger/journal" / SEGMENT
        path.write_bytes(self.segment)
        return path


def _record(folder: Path) -> Recorded:
    """Serves a town, makes some calls, and kills the server before it seals the last of them."""
    folder.mkdir()
    with serving(folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client)
            for number in range(CALLS):
                request = inventory.ReserveRequest(request_id=new_uuid())
                request.ttl.seconds = 3_600
                request.lines.add(node_id="east", sku="apple", quantity=1 + number % 3)
                client.inventory.Reserve(request, timeout=small_town.CALL_S)
        server.kill()
        segment = shrunk((server.data / "ledger/journal" / SEGMENT).read_bytes())
        return Recorded(server.data, segment, frames_of(segment), dumped(server.data))


def truncated(trial: Trial) -> Seen:
    """The file ends at each byte from its first frame on."""
    recorded = _record(trial.folder / "origin")
    path = recorded.copy_to(trial.folder / "cut")
    used = recorded.frames[-1].end
    sizes = _sizes(recorded, step=trial.choose(quick=499, full=1))
    for size in sizes:
        os.truncate(path, size)
        found = msgspec.msgpack.decode(verify(path.parents[1]))["sequence"]
        expected = _left(recorded, size)
        assert found == expected, f"cut at byte {size}: {found} records, {expected} are whole"
    dice = trial.dice()
    starts = trial.choose(quick=1, full=8)
    for number in range(starts):
        size = dice.randrange(BLOCK, used)
        path = recorded.copy_to(trial.folder / f"start-{number}/data")
        os.truncate(path, size)
        _assert_starts(trial.folder / f"start-{number}/data", recorded, _left(recorded, size))
    return Seen(
        len(sizes) + starts,
        f"{used - BLOCK} bytes of {len(recorded.frames)} frames: cut at {len(sizes)} places,"
        f" each time the whole frames before it are kept; {starts} of them started and served",
    )


def _sizes(recorded: Recorded, *, step: int) -> list[int]:
    """Descending. Within padding one place is like the other: every 64th is enough."""
    sizes = set()
    for frame in recorded.frames:
        content = frame.offset + len(recorded.segment[frame.offset : frame.end].rstrip(b"\0"))
        sizes |= {*range(frame.offset, content + 2, step), *range(content, frame.end, 64 * step)}
    return sorted(sizes, reverse=True)


def _left(recorded: Recorded, size: int) -> int:
    """Records of the frames that are whole although the file ends there: what is missing reads as
    zeros.
    """
    left = 0
    for frame in recorded.frames:
        if any(recorded.segment[max(size, frame.offset) : frame.end]):
            break
        left += frame.count
    return left


def flipped(trial: Trial) -> Seen:
    """One bit of each sector is another one."""
    recorded = _record(trial.folder / "origin")
    path = recorded.copy_to(trial.folder / "flip")
    dice = trial.dice()
    cases = [
        (sector + dice.randrange(SECTOR), 1 << dice.randrange(8))
        for sector in range(0, len(recorded.segment), SECTOR)
        for _ in range(trial.choose(quick=1, full=8))
    ]
    refused = 0
    for at, bit in cases:
        _flip(path, at, bit)
        damaged, left = _meant(recorded, at)
        refused += damaged is not None
        try:
            found = msgspec.msgpack.decode(verify(path.parents[1]))["sequence"]
        except DivergenceError as error:
            place = f"{SEGMENT} is damaged at byte {damaged}:"
            assert place in str(error), f"byte {at}: {error}"
        else:
            assert damaged is None, f"byte {at} of a sealed part was passed over"
            assert found == left, f"byte {at}: {found} records, {left} are whole"
        _flip(path, at, bit)
    starts = trial.choose(quick=1, full=10)
    for number, (at, bit) in enumerate(dice.sample(cases, starts)):
        path = recorded.copy_to(trial.folder / f"start-{number}/data")
        _flip(path, at, bit)
        damaged, left = _meant(recorded, at)
        _assert_starts(trial.folder / f"start-{number}/data", recorded, left, damaged=damaged)
    return Seen(
        len(cases) + starts,
        f"{len(recorded.segment) // SECTOR} sectors, {len(cases)} flips: {refused} refused with the"
        f" offset, {len(cases) - refused} in or behind the last frame cut; {starts} by a start",
    )


def newer(trial: Trial) -> Seen:
    """A later program wrote the folder; this one must leave it alone."""
    recorded = _record(trial.folder / "origin")
    versions = trial.choose(quick=(2,), full=(2, 3, 2**32 - 1))
    for version in versions:
        data = trial.folder / f"version-{version}/data"
        path = recorded.copy_to(data)
        path.write_bytes(with_version(recorded.segment, version))
        before = path.read_bytes()
        server = ServerProcess(data.parent, small_town.CLOCK)
        try:
            server.start()
        except AssertionError:
            assert f"has format version {version};" in server.log_tail()
        else:
            server.kill()
            raise AssertionError(f"a journal of version {version} was served")
        assert path.read_bytes() == before, "it was changed"
    return Seen(len(versions), f"versions {versions}: refused by name, no byte changed")


def _flip(path: Path, at: int, bit: int) -> None:
    with path.open("rb+") as file:
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ bit]))


def _meant(recorded: Recorded, at: int) -> tuple[int | None, int]:
    """Where damage must be named if that byte is another (None: it is a torn tail), and how many
    records are left then.
    """
    if at < BLOCK:
        return 0, 0
    *sealed, last = recorded.frames
    for frame in sealed:
        if frame.offset <= at < frame.end:
            return frame.offset, 0
    before = sum(frame.count for frame in sealed)
    return None, before + (last.count if at >= last.end else 0)


def _assert_starts(
    data: Path, recorded: Recorded, left: int, *, damaged: int | None = None
) -> None:
    """A real start serves what is whole, or refuses and names the place."""
    server = ServerProcess(data.parent, small_town.CLOCK)
    try:
        server.start()
    except AssertionError as refusal:
        assert damaged is not None, refusal
        assert f"is damaged at byte {damaged}:" in server.log_tail()
        return
    code = server.terminate()
    assert damaged is None, f"damage at byte {damaged} was served"
    assert code == 0
    assert dumped(server.data)[:left] == recorded.records[:left]
