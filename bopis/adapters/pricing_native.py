"""Plans under prices, by the native kernel: the face of the native module for what-if days."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bopis._allocator_rs import Allocation, BatchKernel
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.sourcing import Ask, Plan

WORK_LIMIT: Final = 10_000_000
"""Work units of the kernel for one order."""

_encode: Final = msgspec.msgpack.Encoder().encode


class _Column(msgspec.Struct, frozen=True):
    plan: Plan


class _Priced(msgspec.Struct, frozen=True):
    column: _Column


_decode: Final = msgspec.msgpack.Decoder(list[_Priced]).decode


class NativePricer:
    """Orders over one network: opens batches of them on given stock and labor."""

    def __init__(
        self, *, nodes: Sequence[NetworkNode], items: Sequence[Item], policy: Policy
    ) -> None:
        self._nodes = tuple(nodes)
        self._items = {item.sku: item for item in items}
        self._policy = msgspec.Raw(_encode(policy))
        self._network: tuple[tuple[int, int], msgspec.Raw] | None = None

    def open(
        self,
        asks: Sequence[Ask],
        *,
        hours: tuple[int, int],
        stock: Sequence[tuple[str, str, int]],
        labor: Sequence[tuple[str, int, int]],
        now_ms: int,
    ) -> "NativeBatch":
        """A batch on these rows: (node, SKU, units) and (node, start of the hour, seconds).

        `hours`: the first and the last hour (Unix seconds) that are looked at.
        """
        payload = self._batch(asks, hours=hours, stock=stock, labor=labor, now_ms=now_ms)
        return NativeBatch(BatchKernel(_encode(payload)))

    def ascend(
        self,
        asks: Sequence[Ask],
        *,
        hours: tuple[int, int],
        stock: Sequence[tuple[str, str, int]],
        labor: Sequence[tuple[str, int, int]],
        now_ms: int,
        start: Sequence[int],
        passes: int,
        softness: float,
    ) -> list[int]:
        """Prices by row (micro-units) for these orders, by the batch optimizer's dual ascent from
        `start` on; rows as in `open`. `softness` at first: a share of the usual one.
        """
        batch = self._batch(asks, hours=hours, stock=stock, labor=labor, now_ms=now_ms)
        orders = {"batch": batch, "in_force": [None] * len(asks), "threads": 1}
        allocation = Allocation.of_orders(_encode(orders))
        asked = {
            "start": start,
            "passes": passes,
            "softness": softness,
            "learning": True,
            "rounds": False,
        }
        allocation.ascend(_encode(asked), lambda *_: True)
        return allocation.prices()

    def _batch(
        self,
        asks: Sequence[Ask],
        *,
        hours: tuple[int, int],
        stock: Sequence[tuple[str, str, int]],
        labor: Sequence[tuple[str, int, int]],
        now_ms: int,
    ) -> dict[str, Any]:
        skus = {line.sku for ask in asks for line in ask.lines}
        return {
            "network": self._encoded_network(hours),
            "items": [self._items[sku] for sku in sorted(skus) if sku in self._items],
            "policy": self._policy,
            "asks": asks,
            "promised": [()] * len(asks),
            "now_ms": now_ms,
            "stock": stock,
            "labor": labor,
        }

    def _encoded_network(self, hours: tuple[int, int]) -> msgspec.Raw:
        """The nodes with their windows in these hours; orders of one hour share them."""
        if self._network is None or self._network[0] != hours:
            first_s, last_s = hours
            nodes = [
                NetworkNode(
                    one.node,
                    tuple(w for w in one.windows if first_s <= w.start_s <= last_s),
                )
                for one in self._nodes
            ]
            self._network = hours, msgspec.Raw(_encode({"version": 0, "nodes": nodes}))
        return self._network[1]


class NativeBatch:
    """Orders and rows, fixed; prices vary."""

    def __init__(self, kernel: BatchKernel) -> None:
        self._kernel = kernel

    def price(self, orders: Sequence[int], *, prices: Sequence[int]) -> list[Plan]:
        """The best plan of each named order; prices in micro-units by row, missing ones 0."""
        asked = {"orders": orders, "prices": prices, "work_limit": WORK_LIMIT}
        return [answer.column.plan for answer in _decode(self._kernel.price(_encode(asked)))]
