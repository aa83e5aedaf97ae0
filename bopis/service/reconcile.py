"""Sending open intents again: after a crash before anything is served, and after failures."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog

from bopis.domain import commands
from bopis.domain.errors import NotPromisable, Overloaded
from bopis.domain.records import Intent
from bopis.service.acts import Outcome, Work, conclude
from bopis.service.dependencies import Dependencies
from bopis.service.moving import run_move, work_of
from bopis.service.ordering import run_cancel, run_create
from bopis.service.picking import run_confirm
from bopis.service.pickup import run_hand_over
from bopis.service.shipping import run_ship
from bopis.service.shortpick import run_short_pick

MOVING_RETRY_MS: Final = 200

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Resumable:
    command: type[commands.Request]
    point: str
    run: Callable[[Work[Any]], Awaitable[Outcome[Any]]]


_RESUMABLE: Final[Mapping[str, _Resumable]] = MappingProxyType(
    {
        one.command.rpc: one
        for one in (
            _Resumable(commands.CreateOrder, "create_order", run_create),
            _Resumable(commands.CancelOrder, "cancel_order", run_cancel),
            _Resumable(commands.ReportShortPick, "short_pick", run_short_pick),
            _Resumable(commands.ConfirmPick, "restock", run_confirm),
            _Resumable(commands.ConfirmShipment, "ship", run_ship),
            _Resumable(commands.HandOver, "hand_over", run_hand_over),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Intents that were finished, and those that could not be."""

    finished: int
    failed: int


async def resume(deps: Dependencies, intent: Intent) -> None:
    """Finishes an intent of one order; the caller holds its lock.

    Raises Overloaded for a move of several orders, whose locks the caller does not hold: the
    reconcile job finishes it.
    """
    if intent.key.rpc == commands.MoveOrders.rpc:
        raise Overloaded("the order is being moved", retry_after_ms=MOVING_RETRY_MS)
    resumable = _RESUMABLE[intent.key.rpc]
    command = msgspec.json.decode(intent.command, type=resumable.command)
    work = Work(
        deps=deps,
        command=command,
        order_id=intent.order_id,
        fingerprint=intent.fingerprint,
        now_ms=deps.clock.wall_ms(),
        point=resumable.point,
        intent=intent,
        resumed=True,
    )
    try:
        await conclude(work, resumable.run)
    except NotPromisable:
        # The order came to nothing and is gone; whoever asked gets this answer when asking again.
        _log.info("reconcile.not_promisable", order_id=intent.order_id)


async def _resume_move(deps: Dependencies, intent: Intent) -> None:
    command = msgspec.json.decode(intent.command, type=commands.MoveOrders)
    async with deps.locks.hold_all(one.order_id for one in command.moves):
        if await deps.store.intent(intent.key) is None:
            return
        work = work_of(deps, command)
        work.intent, work.resumed = intent, True
        await conclude(work, run_move)


async def _resume_locked(deps: Dependencies, intent: Intent) -> None:
    if intent.key.rpc == commands.MoveOrders.rpc:
        await _resume_move(deps, intent)
        return
    async with deps.locks.hold(intent.order_id):
        # A retry or another mutation of the order may have finished it meanwhile.
        if await deps.store.intent(intent.key) is not None:
            await resume(deps, intent)


async def reconcile_all(deps: Dependencies) -> Reconciled:
    """After a start, before anything is served: every intent that the last process left open."""
    return await _reconcile(deps, await deps.store.open_intents())


async def reconcile_unfinished(deps: Dependencies) -> Reconciled:
    """While serving: intents that failed half-way in this process."""
    intents = {intent.key: intent for intent in deps.unfinished.values()}
    return await _reconcile(deps, tuple(intents.values()))


async def _reconcile(deps: Dependencies, intents: tuple[Intent, ...]) -> Reconciled:
    finished = failed = 0
    for intent in intents:
        try:
            await _resume_locked(deps, intent)
            finished += 1
        except Exception:  # noqa: BLE001 (one must not keep the others from being finished)
            failed += 1
            _log.exception("reconcile.failed", rpc=intent.key.rpc, order_id=intent.order_id)
    return Reconciled(finished, failed)
