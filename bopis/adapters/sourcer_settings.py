"""Which network, policy, catalog and dual prices the native sourcer's choices were made under."""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from bopis.domain.duals import DualCharges
from bopis.domain.network import Item
from bopis.domain.sourcing import Ask, MadeOf, Setting

WORLDS_MAX: Final = 64
"""Last worlds known: a choice is told within moments of the load that came after it."""


class Settings:
    """Remembers what was loaded, by the number that the load gave."""

    def __init__(self, journal_id: str) -> None:
        self._journal_id = journal_id
        self._network: Setting | None = None
        self._policy: Setting | None = None
        self._worlds: OrderedDict[int, tuple[Setting, Setting]] = OrderedDict()
        self._duals: OrderedDict[int, Setting] = OrderedDict()
        self._items: dict[str, tuple[Item, int]] = {}

    def put_network(self, number: int, content: bytes) -> None:
        """A network was loaded."""
        self._network = setting_of(content)
        self._note(number)

    def put_policy(self, number: int, content: bytes) -> None:
        """A policy was loaded."""
        self._policy = setting_of(content)
        self._note(number)

    def put_items(self, number: int, items: Iterable[Item]) -> None:
        """Items were loaded."""
        for item in items:
            known = self._items.get(item.sku)
            if known is None or known[0] != item:
                self._items[item.sku] = (item, number)
        self._note(number)

    def put_duals(self, version: int, content: bytes) -> None:
        """Dual prices were loaded."""
        self._duals[version] = setting_of(content)
        while len(self._duals) > WORLDS_MAX:
            self._duals.popitem(last=False)

    def made_of(
        self, ask: Ask, *, sequence: int | None, world: int, duals: DualCharges | None
    ) -> MadeOf | None:
        """What a choice in a world was made of; None: it is not known any more."""
        known = self._last_before(world)
        priced = None if duals is None else self._duals.get(duals.version)
        if known is None or (duals is not None and priced is None):
            return None
        skus = dict.fromkeys(line.sku for line in ask.lines)
        items = [self._items[sku] for sku in skus if sku in self._items]
        changed = any(since > world for _, since in items)
        return MadeOf(
            journal_id=self._journal_id,
            sequence=None if changed else sequence,
            network=known[0],
            policy=known[1],
            duals=priced,
            items=tuple(item for item, _ in items),
        )

    def _last_before(self, world: int) -> tuple[Setting, Setting] | None:
        numbers = [number for number in self._worlds if number <= world]
        return self._worlds[max(numbers)] if numbers else None

    def _note(self, number: int) -> None:
        if self._network is None or self._policy is None:
            return
        self._worlds[number] = (self._network, self._policy)
        while len(self._worlds) > WORLDS_MAX:
            self._worlds.popitem(last=False)


def setting_of(content: bytes) -> Setting:
    """A setting under the digest of its bytes."""
    return Setting(blake2b(content, digest_size=16).hexdigest(), content)
