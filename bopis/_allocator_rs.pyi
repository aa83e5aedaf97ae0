"""The native module. Payloads are msgpack maps with field names; allocator_rs/src/dto.rs is their
definition, bopis/adapters/*_native.py their other end.
"""

from os import PathLike
from typing import final

__all__ = [
    "BatchKernel",
    "Clock",
    "DiskFullError",
    "DivergenceError",
    "Door",
    "DoorError",
    "Engine",
    "NativeError",
    "OpenError",
    "OperatingSystemError",
    "OverloadedError",
    "PayloadError",
    "Promiser",
    "StoppedError",
    "verify",
]

class NativeError(Exception):
    """What went wrong on the native side."""

class PayloadError(NativeError):
    """A payload is not of the stated shape."""

class OpenError(NativeError):
    """The data folder cannot be opened: locked, damaged, newer, unreadable."""

class DivergenceError(NativeError):
    """The journal does not verify; the message names where."""

class DoorError(NativeError):
    """The door cannot listen, or its options make no sense."""

class OverloadedError(NativeError):
    """The queue is full; try again."""

class DiskFullError(NativeError):
    """The disk is full: no new promises for now."""

class StoppedError(NativeError):
    """The engine is draining or stopped."""

class OperatingSystemError(NativeError):
    """The operating system refused something."""

@final
class Clock:
    """The one clock of both sides."""

    @staticmethod
    def system() -> Clock: ...
    @staticmethod
    def scaled(origin_ms: int, scale: float, path: str | PathLike[str] | None = None) -> Clock: ...
    def wall_ms(self) -> int: ...

@final
class Engine:
    """One writer thread around ledger and journal."""

    @staticmethod
    def open(
        directory: str | PathLike[str] | None, clock: Clock, request_window_max: int
    ) -> Engine: ...
    def start_time(self) -> None: ...
    def wake_fd(self) -> int: ...
    def submit(self, payload: bytes) -> None: ...
    def read_reservations(self, payload: bytes) -> None: ...
    def search_reservations(self, payload: bytes) -> None: ...
    def copy_atp(self, known: int) -> tuple[bytes, bytes, bytes, int]: ...
    def events(self, after: int, wanted: int, notable: bool) -> bytes | None: ...
    def events_of_journal(
        self, directory: str | PathLike[str], after: int, wanted: int, notable: bool
    ) -> bytes: ...
    def completions(self) -> bytes: ...
    def read(self, payload: bytes) -> bytes: ...
    def read_atp(self, payload: bytes) -> bytes: ...
    def position(self) -> int: ...
    def journal_id(self) -> str: ...
    def wall_ms(self) -> int: ...
    def failure(self) -> str | None: ...
    def drain(self) -> bytes: ...

@final
class Promiser:
    """Plan + hold, on a thread of its own."""

    def __new__(cls, engine: Engine) -> Promiser: ...
    def load_network(self, payload: bytes) -> None: ...
    def load_items(self, payload: bytes) -> None: ...
    def load_policy(self, payload: bytes) -> None: ...
    def place(self, payload: bytes) -> None: ...
    def plan(self, payload: bytes) -> bytes: ...
    def stop(self) -> None: ...

@final
class BatchKernel:
    """Many orders under dual prices, for the optimizer; solver/kernel.py is the other end."""

    def __new__(cls, payload: bytes) -> BatchKernel: ...
    def price(self, payload: bytes) -> bytes: ...

@final
class Door:
    """The one gRPC address, on loopback."""

    @staticmethod
    def start(engine: Engine, options: bytes, descriptor_set: bytes) -> Door: ...
    def port(self) -> int: ...
    def set_serving(self, serving: bool) -> None: ...
    def begin_drain(self) -> None: ...
    def stop(self, deadline_ms: int) -> bool: ...

def verify(directory: str | PathLike[str]) -> bytes: ...
