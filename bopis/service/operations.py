"""Long operations: one at a time, begun once per request_id, waited for, cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from bopis.domain.commands import Request
from bopis.domain.errors import (
    BopisError,
    OperationCancelled,
    OperationNotFound,
    Overloaded,
    RequestIdReused,
)
from bopis.domain.ids import derived_uuid
from bopis.domain.records import Operation, OperationStage
from bopis.service.acts import fingerprint
from bopis.service.deadline import begin_call
from bopis.service.dependencies import Dependencies

RUNNING_RETRY_MS: Final = 1_000
PAGE_DEFAULT: Final = 100
PAGE_MAX: Final = 1_000

Run = Callable[[Operation], Awaitable[Operation]]
"""Does the work of an operation and gives it back with its report."""

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)


async def begin_operation(deps: Dependencies, command: Request, run: Run) -> Operation:
    """Starts an operation; a repeat of the request gets the first one.

    Raises RequestIdReused, Overloaded (one runs already).
    """
    known = await begun_before(deps, command)
    if known is not None:
        return known
    operation_id, digest = _id_of(command), fingerprint(command)
    now = deps.operations
    if now.running_id:
        raise Overloaded("a re-allocation runs already", retry_after_ms=RUNNING_RETRY_MS)
    now.running_id, now.is_cancelled, now.solve, now.moves = operation_id, False, None, (0, 0)
    operation = Operation(operation_id, digest, OperationStage.READING, 0, deps.clock.wall_ms())
    try:
        await deps.store.put_operation(operation)
    except BaseException:
        now.running_id = ""
        raise
    task = asyncio.ensure_future(_run(deps, operation, run))
    deps.running.add(task)
    task.add_done_callback(deps.running.discard)
    return operation


async def begun_before(deps: Dependencies, command: Request) -> Operation | None:
    """The operation that this request started already, if any. Raises RequestIdReused."""
    known = await deps.store.operation(_id_of(command))
    if known is not None and known.fingerprint != fingerprint(command):
        raise RequestIdReused("the request_id was used with another body")
    return known


async def get_operation(deps: Dependencies, operation_id: str) -> Operation:
    """One operation. One that a stop of the process cut off is done, with an error.

    Raises OperationNotFound.
    """
    found = await deps.store.operation(operation_id)
    if found is None:
        raise OperationNotFound(f"no operation {operation_id}")
    return _as_it_stands(deps, found)


async def list_operations(
    deps: Dependencies, *, page_size: int, page_token: str
) -> tuple[tuple[Operation, ...], str]:
    """A page of operations by id, and the token of the next; an id is a token."""
    limit = min(page_size or PAGE_DEFAULT, PAGE_MAX)
    found = await deps.store.operations(after=page_token, limit=limit + 1)
    following = found[limit - 1].operation_id if len(found) > limit else ""
    return tuple(_as_it_stands(deps, one) for one in found[:limit]), following


def _id_of(command: Request) -> str:
    return derived_uuid("operation", command.tenant, command.key.request_id)


def _as_it_stands(deps: Dependencies, found: Operation) -> Operation:
    running = deps.operations.running_id == found.operation_id
    if running and found.stage is OperationStage.DONE:
        # Written, but the next one is not admitted yet; who sees this one done may start that.
        return replace(
            found,
            stage=OperationStage.MOVING,
            report=None,
            applied=None,
            error_reason="",
            error_message="",
        )
    if not running and found.stage is not OperationStage.DONE:
        return replace(
            found,
            stage=OperationStage.DONE,
            error_reason="NOT_SERVING",
            error_message="the service stopped before the operation was done",
        )
    return found


async def wait_operation(deps: Dependencies, operation_id: str, *, timeout_s: float) -> Operation:
    """The operation once it is done, or as it is after real seconds. Raises OperationNotFound."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                changed = deps.operations.changed
                found = await get_operation(deps, operation_id)
                if found.stage is OperationStage.DONE:
                    return found
                await changed.wait()
    except TimeoutError:
        return await get_operation(deps, operation_id)


async def cancel_operation(deps: Dependencies, operation_id: str) -> None:
    """Stops an operation: at once where it optimizes, after the move under way where it moves. One
    that is done stays as it is. Raises OperationNotFound.
    """
    found = await get_operation(deps, operation_id)
    now = deps.operations
    if found.stage is OperationStage.DONE or now.running_id != operation_id:
        return
    now.is_cancelled = True
    if now.interruptible is not None:
        now.interruptible.cancel()


def check_cancelled(deps: Dependencies, *, so_far: str = "nothing was moved") -> None:
    """Raises OperationCancelled if somebody wants the operation that runs to stop."""
    if deps.operations.is_cancelled:
        raise OperationCancelled(f"cancelled: {so_far}")


async def interruptibly(deps: Dependencies, work: Awaitable[_Result]) -> _Result:
    """Waits for what can be cut off at any moment. Raises OperationCancelled if it is."""
    task: asyncio.Future[_Result] = asyncio.ensure_future(work)
    deps.operations.interruptible = task
    try:
        return await task
    except asyncio.CancelledError:
        check_cancelled(deps)
        raise
    finally:
        deps.operations.interruptible = None


async def advance(
    deps: Dependencies, operation: Operation, stage: OperationStage, considered: int
) -> None:
    """Writes how far an operation is. Raises OperationCancelled."""
    check_cancelled(deps)
    await deps.store.put_operation(replace(operation, stage=stage, considered_count=considered))
    _wake(deps)


async def _run(deps: Dependencies, operation: Operation, run: Run) -> None:
    begin_call(None)  # The operation outlives the call that started it.
    try:
        done = await run(operation)
    except OperationCancelled as error:
        _log.info("operation.cancelled", message=error.message)
        done = _failed(operation, error)
    except BopisError as error:
        _log.warning("operation.failed", reason=error.reason, message=error.message)
        done = _failed(operation, error)
    except Exception:  # noqa: BLE001 (the operation must end, whatever it was)
        _log.exception("operation.failed")
        done = replace(operation, error_reason="NOT_SERVING", error_message="the operation failed")
    try:
        await deps.store.put_operation(replace(done, stage=OperationStage.DONE))
    finally:
        deps.operations.running_id = ""
        _wake(deps)


def _failed(operation: Operation, error: BopisError) -> Operation:
    return replace(operation, error_reason=error.reason, error_message=error.message)


def _wake(deps: Dependencies) -> None:
    """Wakes who waits; the next wait has an event of its own."""
    deps.operations.changed.set()
    deps.operations.changed = asyncio.Event()
