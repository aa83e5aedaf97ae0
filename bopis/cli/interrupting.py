"""Ctrl-C, heard where it does no harm."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def interruptions() -> Iterator[threading.Event]:
    """Set by Ctrl-C, which raises nothing the first time: an exception could come where nobody
    passes it on, in an import or a callback.
    """
    told = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield told
        return

    def tell(_number: int, _frame: object) -> None:
        told.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, tell)
    try:
        yield told
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """What is done within is done whole: the first Ctrl-C comes after it, as KeyboardInterrupt; a
    second one at once.
    """
    with interruptions() as is_interrupted:
        yield
    if is_interrupted.is_set():
        raise KeyboardInterrupt
