"""The service's own way to place orders, over an engine in memory, call by call: for what-if days.

Each order is planned and held by the native promiser, as `CreateOrder` has it done; stock and labor
are those of an engine of its own, which is empty before and gone afterwards.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from bopis._allocator_rs import Clock, Engine
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.adapters.sourcer_native import NativeSourcer
from bopis.adapters.sourcer_still import acts
from bopis.domain.ledger import CapacityWindow, Command, SetCapacity, SetOnHand
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.sourcing import Ask, PlaceAsk, Plan

REQUESTS_MAX: Final = 1_000_000
HOLD_TTL_MS: Final = 86_400_000
"""Longer than any day is played."""


class NativePlacing:
    """An engine in memory with the stock and labor of a morning. `close` it in the end."""

    def __init__(
        self,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
        stock: Mapping[tuple[str, str], int],
    ) -> None:
        self._ids = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._engine = Engine.open(None, Clock.system(), REQUESTS_MAX)
        self._engine.start_time()
        self._calls = NativeCalls(self._engine, self._loop)
        self._ledger = NativeLedger(self._engine, self._calls)
        self._sourcer = NativeSourcer(self._engine, self._calls)
        self._sourcer.load_policy(policy)
        self._sourcer.load_items(items)
        self._sourcer.load_network(nodes, version=1)
        self._loop.run_until_complete(self._fill(nodes, items, stock))

    async def _fill(
        self,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        stock: Mapping[tuple[str, str], int],
    ) -> None:
        facts: list[Command] = [SetOnHand(*cell, units) for cell, units in stock.items()]
        for one in nodes:
            windows = tuple(CapacityWindow(w.start_s, w.seconds) for w in one.windows)
            if windows:
                facts.append(SetCapacity(one.node.node_id, windows))
        for commands in acts(nodes, [item.sku for item in items], facts):
            await self._ledger.act(commands, request_id=self._new_id())

    def _new_id(self) -> str:
        return str(UUID(int=next(self._ids)))

    def place(self, ask: Ask) -> Plan:
        """The best plan by the policy, what last units are worth included; it is held."""
        asked = PlaceAsk(ask, self._new_id(), self._new_id(), HOLD_TTL_MS)
        return self._loop.run_until_complete(self._sourcer.place(asked)).plan

    def close(self) -> None:
        """Stops the engine's threads."""
        self._sourcer.stop()
        self._engine.drain()
        self._calls.close()
        self._loop.close()
