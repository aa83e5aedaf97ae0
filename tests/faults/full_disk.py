"""Row: the disk is full. The folder lies on a small file system in memory; a file fills it up."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc

from bopis.testing.client import Client, error_of, eventually, new_uuid
from bopis.testing.server import serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e import small_town
from tests.e2e.command_line import bopis
from tests.e2e.small_town import CALL_S, cell
from tests.faults.row import NotHereError, Seen, Trial

DISK_BYTES: Final = 320 << 20
"""Three segments of 64 MiB fit, and the order store."""
BATCHES_MAX: Final = 4_000
RELEASES: Final = 20


def full_disk(trial: Trial) -> Seen:
    """Fills the disk, then the segment in use, until no promise is made any more."""
    with (
        small_disk(trial.folder) as disk,
        serving(trial.folder, options=small_town.CLOCK) as server,
        server.channel() as channel,
    ):
        client = Client(channel)
        small_town.bring_in(client, on_hand={("east", "apple"): 1_000})
        held = [reserve(client) for _ in range(RELEASES)]
        ballast = disk / "ballast"
        batches = _fill(client, ballast)
        for reservation_id in held:
            request = inventory.ReleaseReservationRequest(
                request_id=new_uuid(), reservation_id=reservation_id
            )
            client.inventory.ReleaseReservation(request, timeout=CALL_S)
        _count_one_more(client)
        units = cell(client, "east", "apple")
        assert (units.on_hand, units.held) == (1_001, 0), units
        ballast.unlink()
        again = eventually(lambda: _reserve_or_none(client))
        assert cell(client, "east", "apple").held == 1
        assert server.terminate() == 0
        done = bopis("verify", str(server.data))
        assert done.returncode == 0, done.stderr
    return Seen(
        1,
        f"after {batches} batches promises are refused (DISK_FULL); reads, {RELEASES} releases and"
        f" a fact go on; with room again {again[:8]} is held by the same process",
    )


def _fill(client: Client, ballast: Path) -> int:
    """Batches that were journaled until the service said that the disk is full."""
    request = inventory.BatchReserveRequest()
    for _ in range(1_000):
        item = request.items.add(reservation_id=str(uuid.uuid4()))
        for _ in range(30):
            item.lines.add(node_id="east", sku="apple", quantity=1_000_000)
    for number in range(BATCHES_MAX):
        if number == 1:
            take_all_room(ballast)
        request.request_id = new_uuid()  # None is ever granted, so the items' ids stay free.
        try:
            client.inventory.BatchReserve(request, timeout=CALL_S)
        except grpc.RpcError as error:
            assert error_of(error).reason == "DISK_FULL", error
            return number
    raise AssertionError("the disk never got full")


def take_all_room(ballast: Path) -> None:
    """Writes a file until the disk has no room for another block."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4_096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def reserve(client: Client) -> str:
    """Holds a unit for an hour; its reservation id."""
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.ttl.seconds = 3_600
    request.lines.add(node_id="east", sku="apple", quantity=1)
    answer = client.inventory.Reserve(request, timeout=CALL_S)
    return str(answer.reservation.reservation_id)


def _reserve_or_none(client: Client) -> str | None:
    try:
        return reserve(client)
    except grpc.RpcError as error:
        assert error_of(error).reason == "DISK_FULL", error
        return None


def _count_one_more(client: Client) -> None:
    request = stock.AdjustStockRequest(
        request_id=new_uuid(),
        node_id="east",
        sku="apple",
        on_hand_delta=1,
        reason=stock.AdjustStockRequest.REASON_RECEIVED,
    )
    client.stock.AdjustStock(request, timeout=CALL_S)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mounted as the data folder. Raises NotHereError."""
    place = folder / "data"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    done = subprocess.run(words, capture_output=True, check=False, text=True)
    if done.returncode:
        raise NotHereError(f"no file system of a chosen size here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
