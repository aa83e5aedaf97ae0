"""Naive sourcers whose stock and labor stand still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bopis.domain.greedy import GreedyRequest
from bopis.domain.ledger import Command, RegisterItems, RegisterNodes
from bopis.testing.clock import FakeClock
from bopis.testing.ledger_memory import MemoryLedger
from bopis.testing.sourcer_naive import NaiveSourcer


@asynccontextmanager
async def still_naive_sourcer(request: GreedyRequest) -> AsyncIterator[NaiveSourcer]:
    """Implements `bopis.ports.StillSourcers` over a ledger of its own."""
    ledger = MemoryLedger(FakeClock(request.problem.now_ms))
    sourcer = NaiveSourcer(ledger)
    sourcer.load_policy(request.policy)
    sourcer.load_items(request.items)
    sourcer.load_network(request.nodes, version=1)
    commands: list[Command] = [
        RegisterNodes(tuple(one.node.node_id for one in request.nodes)),
        RegisterItems(tuple(one.sku for one in request.items)),
        *request.facts(),
    ]
    await ledger.act(commands, request_id="filled")
    yield sourcer
