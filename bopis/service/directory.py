"""The network and the catalog as this process knows them, and the locks of its orders."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bopis.domain.network import Item, Node
from bopis.domain.records import LaborHorizon


@dataclass(slots=True)
class Directory:
    """Nodes, items and labor horizons by id; `network_version` ascends with each load."""

    nodes: dict[str, Node] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    horizons: dict[str, LaborHorizon] = field(default_factory=dict)
    network_version: int = 0


@dataclass(slots=True)
class _Held:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class OrderLocks:
    """One lock per order in use: mutations of one order run one after the other."""

    def __init__(self) -> None:
        self._locks: dict[str, _Held] = {}

    @asynccontextmanager
    async def hold(self, order_id: str) -> AsyncIterator[None]:
        """Holds the lock of one order."""
        held = self._locks.setdefault(order_id, _Held())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if held.users == 0:
                self._locks.pop(order_id, None)

    @asynccontextmanager
    async def hold_all(self, order_ids: Iterable[str]) -> AsyncIterator[None]:
        """Holds the locks of several orders, taken in one order everywhere: no deadlock."""
        async with AsyncExitStack() as stack:
            for order_id in sorted(set(order_ids)):
                await stack.enter_async_context(self.hold(order_id))
            yield

    def __len__(self) -> int:
        return len(self._locks)
