"""The one writer: a thread that commits what waits together (group commit).

Each unit runs under a savepoint, so that one that fails takes nothing with it and fails nobody
else. Answers go out after the commit is durable, in one wake-up of the loop per batch.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from bopis.domain.errors import NotServing, Overloaded

Result = TypeVar("Result")
Unit = Callable[[sa.Connection], Any]

QUEUE_MAX: Final = 4_096
BATCH_MAX: Final = 256
OVERLOAD_RETRY_MS: Final = 50


@dataclass(slots=True)
class _Waiting:
    unit: Unit
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs units in its own thread, in the order they came."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="order-store-writer", daemon=True)
        self._thread.start()

    async def run(self, unit: Callable[[sa.Connection], Result]) -> Result:
        """Runs a unit in a transaction; its result once that is durable.

        Raises what the unit raised (then it changed nothing), Overloaded, NotServing.
        """
        if self._stopped:
            raise NotServing("the order store is stopped")
        if self._queue.qsize() >= QUEUE_MAX:
            raise Overloaded("the order store's queue is full", retry_after_ms=OVERLOAD_RETRY_MS)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Waiting(unit, loop, future))
        return await future

    def stop(self) -> None:
        """Finishes what waits, then ends the thread."""
        if not self._stopped:
            self._stopped = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while True:
                batch, last = self._take()
                if batch:
                    self._commit(connection, batch)
                    _answer(batch)
                if last:
                    return

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Waits for one unit, then takes what else is there."""
        batch: list[_Waiting] = []
        first = self._queue.get()
        if first is None:
            return batch, True
        batch.append(first)
        while len(batch) < BATCH_MAX:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return batch, True
            batch.append(more)
        return batch, False

    def _commit(self, connection: sa.Connection, batch: list[_Waiting]) -> None:
        try:
            with connection.begin():
                for waiting in batch:
                    _apply(connection, waiting)
        except Exception as error:  # noqa: BLE001 (every waiting caller gets it)
            for waiting in batch:
                waiting.error = _unavailable(error)


def _apply(connection: sa.Connection, waiting: _Waiting) -> None:
    # The driver's own cursor: these run twice per unit and have nothing to bind.
    cursor = connection.connection.cursor()
    cursor.execute("SAVEPOINT unit")
    try:
        waiting.result = waiting.unit(connection)
    except Exception as error:  # noqa: BLE001 (the unit's own caller gets it)
        waiting.error = error
        cursor.execute("ROLLBACK TO SAVEPOINT unit")
    cursor.execute("RELEASE SAVEPOINT unit")
    cursor.close()


def _unavailable(error: Exception) -> NotServing:
    failure = NotServing(f"the order store could not commit: {type(error).__name__}")
    failure.__cause__ = error
    return failure


def _answer(batch: list[_Waiting]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in batch:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, answered in by_loop.items():
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, answered)


def _settle(answered: list[_Waiting]) -> None:
    for waiting in answered:
        if waiting.future.done():
            continue
        if waiting.error is not None:
            waiting.future.set_exception(waiting.error)
        else:
            waiting.future.set_result(waiting.result)
