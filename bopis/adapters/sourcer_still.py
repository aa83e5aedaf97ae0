"""Sourcers whose stock and labor stand still: the native promiser over an engine in memory."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from uuid import UUID

from bopis._allocator_rs import Clock, Engine
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.adapters.sourcer_native import NativeSourcer
from bopis.domain.greedy import GreedyRequest
from bopis.domain.ledger import Command, RegisterItems, RegisterNodes
from bopis.domain.network import NetworkNode

COMMANDS_PER_ACT: Final = 1_000
REQUESTS_MAX: Final = 1_000_000

_T = TypeVar("_T")


@asynccontextmanager
async def still_sourcer(request: GreedyRequest) -> AsyncIterator[NativeSourcer]:
    """Implements `bopis.ports.StillSourcers`."""
    engine = Engine.open(None, Clock.system(), REQUESTS_MAX)
    engine.start_time()
    calls = NativeCalls(engine, asyncio.get_running_loop())
    sourcer = NativeSourcer(engine, calls)
    try:
        sourcer.load_policy(request.policy)
        sourcer.load_items(request.items)
        sourcer.load_network(request.nodes, version=1)
        # Many: not on the event loop.
        facts = await asyncio.to_thread(request.facts)
        ledger = NativeLedger(engine, calls)
        ids = itertools.count(1)
        # The catalog need not list all that is in stock.
        skus = {one.sku for one in request.items} | {one.sku for one in request.problem.stock}
        for commands in acts(request.nodes, sorted(skus), facts):
            await ledger.act(commands, request_id=str(UUID(int=next(ids))))
        if request.duals is not None:
            sourcer.load_duals(request.duals)
        yield sourcer
    finally:
        await asyncio.to_thread(_stop, sourcer, engine)
        calls.close()


def acts(
    nodes: Sequence[NetworkNode], skus: Sequence[str], facts: Sequence[Command]
) -> list[Sequence[Command]]:
    """What fills an empty ledger, act by act: names first, then facts."""
    names: list[Command] = [RegisterNodes(tuple(one.node.node_id for one in nodes))]
    names += [RegisterItems(tuple(some)) for some in _parts(skus, COMMANDS_PER_ACT)]
    return [*([name] for name in names), *_parts(facts, COMMANDS_PER_ACT)]


def _stop(sourcer: NativeSourcer, engine: Engine) -> None:
    sourcer.stop()
    engine.drain()


def _parts(whole: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]
