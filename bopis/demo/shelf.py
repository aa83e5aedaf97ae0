"""The demo's physical world: what lies on each shelf, and what waits in totes.

Units leave a shelf only by an associate's hand, at a till, or as a loss; no ledger is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bopis.demo.client_log import read_logs


class Shelves:
    """Sellable units by (node, SKU), damaged units beside them, and totes by fulfillment order."""

    def __init__(self, stock: Mapping[tuple[str, str], int]) -> None:
        self._shelf = Counter(stock)
        self._damaged: Counter[tuple[str, str]] = Counter()
        self._totes: dict[str, dict[int, tuple[str, str, int]]] = {}

    def there(self, node_id: str, sku: str) -> int:
        """Sellable units on the shelf."""
        return self._shelf[node_id, sku]

    def sell(self, node_id: str, sku: str, wanted: int) -> int:
        """Takes up to `wanted` units to the till; returns how many there were."""
        sold = min(wanted, self._shelf[node_id, sku])
        self._shelf[node_id, sku] -= sold
        return sold

    def lose(self, node_id: str, sku: str, quantity: int, *, damaged: bool) -> None:
        """Takes units off the shelf for good. Raises ValueError for more than are there."""
        if quantity > self._shelf[node_id, sku]:
            raise ValueError(f"{quantity} units of {sku} lost at {node_id}, fewer are there")
        self._shelf[node_id, sku] -= quantity
        if damaged:
            self._damaged[node_id, sku] += quantity

    def find(self, node_id: str, sku: str, quantity: int, *, damaged: bool) -> None:
        """Undoes a loss that nobody came to report."""
        self._shelf[node_id, sku] += quantity
        if damaged:
            self._damaged[node_id, sku] -= quantity

    def pick(self, group: str, line_number: int, *, node_id: str, sku: str, quantity: int) -> None:
        """Moves a line into the group's tote. Raises ValueError for more than is there."""
        if quantity > self._shelf[node_id, sku]:
            raise ValueError(f"{quantity} units of {sku} picked at {node_id}, fewer are there")
        self._shelf[node_id, sku] -= quantity
        self._totes.setdefault(group, {})[line_number] = (node_id, sku, quantity)

    def put_back(self, group: str, line_number: int) -> bool:
        """Moves a line from the tote to its shelf; False if the tote does not hold it."""
        line = self._totes.get(group, {}).pop(line_number, None)
        if line is None:
            return False
        self._shelf[line[0], line[1]] += line[2]
        return True

    def tote(self, group: str) -> dict[int, tuple[str, str, int]]:
        """Line number -> (node, SKU, quantity) of what waits for this group."""
        return dict(self._totes.get(group, {}))

    def send_off(self, group: str) -> dict[int, tuple[str, str, int]]:
        """The tote leaves the node; returns what was in it."""
        return self._totes.pop(group, {})

    def on_hand(self) -> Counter[tuple[str, str]]:
        """Units physically at each node: shelf, damaged and totes."""
        total = self._shelf + self._damaged
        for tote in self._totes.values():
            for node_id, sku, quantity in tote.values():
                total[node_id, sku] += quantity
        return total


def physical_stock(logs: Path) -> Counter[tuple[str, str]]:
    """Units at each node at the end, from the clients' logs: the shelves and totes that the stores
    left behind, without what customers took home.
    """
    total: Counter[tuple[str, str]] = Counter()
    for record in read_logs(logs):
        if record["kind"] == "shelves":
            for node_id, sku, quantity in record["units"]:
                total[node_id, sku] += quantity
        elif record.get("how") == "handed_over":
            for node_id, sku, quantity in record["lines"].values():
                total[node_id, sku] -= quantity
    return total
