"""The order of acts, once for all mutations of orders.

    intent row -> ledger -> result transaction (state, events, stored response) -> reply

A mutation that touches the ledger begins with its intent. If it fails half-way, the intent stays
and is sent again: by a retry, by the next mutation of the order, by the reconcile job, or after a
restart before anything is served. If the ledger refused the first act for lack of room, nothing
has happened and the intent is taken back. A mutation without ledger act is its result transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final, Generic, TypeVar

import msgspec

from bopis.domain import errors
from bopis.domain.commands import Request
from bopis.domain.errors import (
    BopisError,
    Exhausted,
    NotPromisable,
    OrderNotFound,
    RequestIdReused,
)
from bopis.domain.ids import act_id
from bopis.domain.ledger import ActDone, Command, Insufficient, Refused
from bopis.domain.order import Order
from bopis.domain.records import Intent, StoredResponse, WriteSet
from bopis.domain.results import ErrorAnswer
from bopis.failpoints import failpoint
from bopis.service.deadline import check_deadline
from bopis.service.dependencies import Dependencies

Asked = TypeVar("Asked", bound=Request)
Answer = TypeVar("Answer")

_ENCODER: Final = msgspec.json.Encoder()
_NOTHING: Final = WriteSet()
_ERRORS: Final = {error.reason: error for error in errors.ALL_ERRORS}


class LedgerDisagrees(RuntimeError):  # noqa: N818 (it says what happened)
    """The ledger refused what the order store says is held: the two do not agree."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Answer]):
    """What a mutation wants written and answered. With `error` the answer is that error; it is
    stored like any other answer (a wrong pickup code costs a try, once).
    """

    value: Answer | None
    writes: WriteSet = _NOTHING
    error: BopisError | None = None


@dataclass(slots=True)
class Work(Generic[Asked]):
    """One mutation while it runs, under the lock of its order (and of `others`, for a move).

    `acted`: the ledger has seen a part of it, so it can only be finished. `undo` is what takes the
    intent's own writes back. `shelves`: locks that it keeps until its result is written.
    """

    deps: Dependencies
    command: Asked
    order_id: str
    fingerprint: str
    now_ms: int
    point: str
    others: tuple[str, ...] = ()
    intent: Intent | None = None
    resumed: bool = False
    acted: bool = False
    undo: WriteSet = field(default_factory=WriteSet)
    shelves: AsyncExitStack = field(default_factory=AsyncExitStack)
    holds_limits: bool = False

    async def order(self) -> Order:
        """The order of the command. Raises OrderNotFound, also for another tenant's."""
        found = await self.deps.store.order(self.order_id)
        if found is None or found.tenant != self.command.tenant:
            raise OrderNotFound(f"no order {self.order_id}")
        return found

    async def hold_shelves(self, node_id: str, skus: Iterable[str]) -> None:
        """Keeps what is picked and on hand of these SKUs in step until the result is written.

        Goods that leave are gone from the ledger a moment before they are gone from the order
        store; who needs both counts waits for that.
        """
        names = (f"\x00shelf/{node_id}/{sku}" for sku in skus)
        await self.shelves.enter_async_context(self.deps.locks.hold_all(names))

    async def hold_limits(self, name: str) -> None:
        """Keeps what is counted for the limits of days as it is until the result is written; taken
        after all other locks.
        """
        if not self.holds_limits:
            self.holds_limits = True
            await self.shelves.enter_async_context(self.deps.locks.hold(name))

    async def begin(self, *, facts: object = None, writes: WriteSet = _NOTHING) -> None:
        """Writes the intent, with what else belongs to it; nothing if this is a resumption.

        Raises DeadlinePassed: from here on the mutation is finished whoever waits.
        """
        if self.resumed:
            return
        check_deadline()
        intent = Intent(
            key=self.command.key,
            order_id=self.order_id,
            fingerprint=self.fingerprint,
            command=_ENCODER.encode(self.command),
            facts=_ENCODER.encode(facts),
            created_ms=self.now_ms,
        )
        await self.deps.store.commit(replace(writes, open_intent=intent))
        self.intent = intent
        failpoint(f"{self.point}.after_intent")

    def facts(self, kind: type[Answer]) -> Answer:
        """What `begin` noted, also in a resumption."""
        if self.intent is None:
            raise LedgerDisagrees("facts are noted by begin")
        return msgspec.json.decode(self.intent.facts, type=kind)

    async def act(
        self, name: str, commands: Sequence[Command], *, may_lack: bool = False
    ) -> ActDone:
        """One ledger act of this mutation, the same in every retry.

        Raises LedgerDisagrees if the ledger refuses any of it, for too little too unless it
        `may_lack`.
        """
        request_id = act_id(self.order_id, f"{self.command.rpc}/{name}", self.command.request_id)
        done = await self.deps.ledger.act(commands, request_id=request_id)
        self.acted = True
        for command, outcome in zip(commands, done.outcomes, strict=True):
            lacks = isinstance(outcome, Insufficient) and not may_lack
            if lacks or isinstance(outcome, Refused):
                raise LedgerDisagrees(f"{self.order_id}: {command} came to {outcome}")
        return done


Run = Callable[[Work[Asked]], Awaitable[Outcome[Answer]]]


async def mutate(
    deps: Dependencies,
    command: Asked,
    *,
    order_id: str,
    point: str,
    answer: type[Answer],
    run: Run[Asked, Answer],
) -> Answer:
    """Runs one mutation of one order to its end, even if the caller goes away meanwhile.

    A repeat of the request gets the first answer. Raises RequestIdReused for another body under
    the same id, DeadlinePassed if it waited too long to begin, and what `run` raises.
    """
    work = Work(
        deps=deps,
        command=command,
        order_id=order_id,
        fingerprint=fingerprint(command),
        now_ms=0,
        point=point,
    )
    task = asyncio.ensure_future(_locked(work, answer, run))
    deps.running.add(task)
    task.add_done_callback(lambda ended: _forget(deps, ended))
    return await asyncio.shield(task)


async def drain(deps: Dependencies) -> None:
    """Waits until every mutation that runs has ended."""
    while deps.running:
        await asyncio.wait(tuple(deps.running))


def fingerprint(command: Request) -> str:
    """Tells bodies apart: a digest of the command without what identifies the request."""
    body = msgspec.to_builtins(replace(command, request_id="", tenant=""))
    for name in command.added:
        if not body[name]:
            del body[name]
    body = _ENCODER.encode(body)
    return blake2b(body, digest_size=16).hexdigest()


async def _locked(work: Work[Asked], answer: type[Answer], run: Run[Asked, Answer]) -> Answer:
    deps = work.deps
    async with deps.locks.hold(work.order_id):
        check_deadline()
        work.now_ms = deps.clock.wall_ms()
        stored = await deps.store.response(work.command.key)
        if stored is not None:
            return _repeat(work, stored, answer)
        unfinished = deps.unfinished.get(work.order_id)
        if unfinished is not None and unfinished.key == work.command.key:
            if unfinished.fingerprint != work.fingerprint:
                raise _reused()
            work.intent, work.resumed = unfinished, True
        elif unfinished is not None:
            await deps.resume(deps, unfinished)
            check_deadline()
        return await conclude(work, run)


async def conclude(work: Work[Asked], run: Run[Asked, Answer]) -> Answer:
    """Runs the mutation and its result transaction; the caller holds the lock."""
    async with work.shelves:
        return await _conclude(work, run)


async def _conclude(work: Work[Asked], run: Run[Asked, Answer]) -> Answer:
    deps, key = work.deps, work.command.key
    try:
        outcome = await run(work)
        body: object = outcome.value
        if outcome.error is not None:
            error = outcome.error
            body = ErrorAnswer(error.reason, error.message, dict(error.metadata))
        response = StoredResponse(
            key=key,
            fingerprint=work.fingerprint,
            body=_ENCODER.encode(body),
            stored_ms=work.now_ms,
            is_error=outcome.error is not None,
        )
        writes = replace(
            outcome.writes,
            response=response,
            close_intent=None if work.intent is None else key,
        )
        changes = await deps.store.commit(writes)
    except BaseException as failure:
        await _failed(work, failure)
        raise
    failpoint(f"{work.point}.after_result")
    if work.intent is not None:
        _finished(work)
    deps.feed.publish(changes)
    if outcome.error is not None:
        raise outcome.error
    if outcome.value is None:
        raise LedgerDisagrees("a mutation answers with a value or an error")
    return outcome.value


async def _failed(work: Work[Any], failure: BaseException) -> None:
    """Takes the intent back if nothing has happened; else it stays to be finished."""
    if work.intent is None:
        return
    deps = work.deps
    no_room = isinstance(failure, Exhausted) and not work.resumed
    if not work.acted and (no_room or isinstance(failure, NotPromisable)):
        try:
            await deps.store.commit(replace(work.undo, close_intent=work.command.key))
        except BopisError:
            _unfinished(work, work.intent)
        else:
            _finished(work)
    else:
        _unfinished(work, work.intent)


def _unfinished(work: Work[Any], intent: Intent) -> None:
    for order_id in (work.order_id, *work.others):
        work.deps.unfinished[order_id] = intent


def _finished(work: Work[Any]) -> None:
    for order_id in (work.order_id, *work.others):
        work.deps.unfinished.pop(order_id, None)


def _repeat(work: Work[Any], stored: StoredResponse, answer: type[Answer]) -> Answer:
    if stored.fingerprint != work.fingerprint:
        raise _reused()
    if stored.is_error:
        error = msgspec.json.decode(stored.body, type=ErrorAnswer)
        raise _ERRORS[error.reason](error.message, metadata=error.metadata)
    return msgspec.json.decode(stored.body, type=answer)


def _reused() -> RequestIdReused:
    return RequestIdReused("the request_id was used with another body", field="request_id")


def _forget(deps: Dependencies, task: "asyncio.Future[Any]") -> None:
    deps.running.discard(task)
    # The caller has gone if nobody takes the exception; its retry will meet it again.
    if not task.cancelled():
        task.exception()
