"""The network and the catalog as this process knows them, and the locks of its use cases."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bopis.domain.network import Item, Node
from bopis.domain.records import LaborHorizon


@dataclass(slots=True)
class Directory:
    """Nodes, items and labor horizons by id; `network_version` ascends with each load.

    `currency` is that of every price in the catalog; empty while it has none.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    horizons: dict[str, LaborHorizon] = field(default_factory=dict)
    network_version: int = 0
    currency: str = ""

    def put_items(self, items: Iterable[Item]) -> None:
        """Adds or replaces items."""
        for item in items:
            self.items[item.sku] = item
            self.currency = self.currency or item.currency


@dataclass(slots=True)
class _Held:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Locks:
    """One lock per name in use. Orders are locked by their id: mutations of one order run one after
    the other. Other names begin with NUL, which no id holds, and are taken after the orders'.
    """

    def __init__(self) -> None:
        self._locks: dict[str, _Held] = {}

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Holds one lock."""
        held = self._locks.setdefault(name, _Held())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if held.users == 0:
                self._locks.pop(name, None)

    @asynccontextmanager
    async def hold_all(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Holds several locks, taken in one order everywhere: no deadlock."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self.hold(name))
            yield

    def __len__(self) -> int:
        return len(self._locks)
