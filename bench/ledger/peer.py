"""What a peer is: a server of its own that does the same work, measured beside ours."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

ON_HAND: Final = 1_000_000
"""Units in each cell of a peer: ample."""
TTL_S: Final = 86_400
ORDER_LINES: Final = 3
"""Lines of an order where it has several: the mean of our workload."""
GRANTED_SHARE_MIN: Final = 0.99
START_S: Final = 60


class UnavailableError(Exception):
    """The peer cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a peer is asked: so many lines of so many orders per call, by so many clients."""

    name: str
    lines: int
    clients: int
    depth: int = 1
    orders: int = 1

    def __str__(self) -> str:
        orders = "" if self.orders == 1 else f"{self.orders} orders with "
        text = f"{self.name}: {orders}{self.lines} lines a call, {self.clients} clients"
        return text if self.depth == 1 else f"{text}, {self.depth} calls in a pipeline"


@dataclass(frozen=True, slots=True)
class PeerRound:
    """One round: calls answered per second, and the latency of a call."""

    shape: Shape
    calls_per_second: float
    p50_us: float
    p99_us: float

    @property
    def operations_per_second(self) -> float:
        """Lines of orders, as ours are counted."""
        return self.calls_per_second * self.shape.lines

    @property
    def orders_per_second(self) -> float:
        """What one request_id is for."""
        return self.calls_per_second * self.shape.orders


class Peer(Protocol):
    """A running server."""

    @property
    def name(self) -> str:
        """With its version."""

    def round(self, shape: Shape, *, seconds: float) -> PeerRound:
        """Measures and checks what the server did. Raises RuntimeError if it was wrong."""


def tried(peer: Peer, shapes: Sequence[Shape], *, seconds: float) -> dict[Shape, float]:
    """Operations a second in each shape, best first."""
    rates = {shape: peer.round(shape, seconds=seconds).operations_per_second for shape in shapes}
    return dict(sorted(rates.items(), key=lambda tried: -tried[1]))


def check_units(name: str, shape: Shape, *, calls: int, granted: int, units: int) -> None:
    """Each granted order took one unit a line, and nearly all were granted."""
    lines = shape.lines // shape.orders
    if units != granted * lines:
        raise RuntimeError(f"{name}: {granted} orders of {lines} lines took {units} units")
    asked = calls * shape.orders
    if not asked * GRANTED_SHARE_MIN <= granted <= asked:
        raise RuntimeError(f"{name}: {granted} of {asked} orders were granted")


def find(program: str, *folders: Path) -> str:
    """The program on PATH or in one of the folders. Raises UnavailableError."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    found = shutil.which(program, path=path)
    if found is None:
        raise UnavailableError(f"{program} is not installed")
    return found


@contextmanager
def socket_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="bopis-bench-") as folder:
        yield Path(folder)


def wait(is_done: Callable[[], bool]) -> None:
    """Until it is. Raises UnavailableError after a while."""
    deadline = time.monotonic() + START_S
    while not is_done():
        if time.monotonic() > deadline:
            raise UnavailableError(f"the server did not start within {START_S} s")
        time.sleep(0.05)


def quantile(values: Sequence[float], share: float) -> float:
    """Of at least two values."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]
