"""The instance `stock-50x200`: 50 nodes with 200 SKUs each, and what its counters must be.

The counters are kept here from the acts that were sent, without any code of the ledger.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from bench.native import SyncEngine, numbered_uuid, outcomes

NODES: Final = 50
SKUS: Final = 200
ON_HAND: Final = 1_000_000
LINES: Final = 3
TTL_MS: Final = 3_600_000
SEED: Final = 20_261_123

STATE_AFTER: Final = {
    "hold": "HELD",
    "commit": "COMMITTED",
    "release": "RELEASED",
    "consume": "CONSUMED",
}
STEPS: Final = {
    "hold": (),
    "commit": ("hold",),
    "release": ("hold",),
    "consume": ("hold", "commit"),
}
"""What a reservation went through before the verb."""

Cell = tuple[str, str]


class Stock:
    """The instance in an engine."""

    def __init__(self, engine: SyncEngine) -> None:
        self.engine = engine
        self.cells: list[Cell] = [
            (f"node-{node}", f"sku-{sku}") for node in range(NODES) for sku in range(SKUS)
        ]
        self._random = random.Random(SEED)
        self._made = 0
        self._lines: dict[str, tuple[Cell, ...]] = {}
        self._states: dict[str, str] = {}
        engine.act(
            {"type": "register_nodes", "node_ids": [f"node-{node}" for node in range(NODES)]},
            {"type": "register_items", "skus": [f"sku-{sku}" for sku in range(SKUS)]},
        )
        stocked = [
            {"type": "set_on_hand", "node_id": node, "sku": sku, "on_hand": ON_HAND}
            for node, sku in self.cells
        ]
        engine.act_all(stocked)

    def batch(self, verb: str, *, count: int) -> tuple[list[str], bytes]:
        """New reservations that went through the steps before `verb`, and the payload that does
        `verb` to each, one act a reservation.
        """
        ids = [numbered_uuid(0xCA, self._made + number) for number in range(count)]
        self._made += count
        for reservation_id in ids:
            self._lines[reservation_id] = tuple(self._random.sample(self.cells, LINES))
        for step in STEPS[verb]:
            payload = self._payload(step, ids)
            self.note(step, ids, self.engine.run(payload, count=count))
        return ids, self._payload(verb, ids)

    def note(self, verb: str, ids: Sequence[str], answers: Sequence[bytes]) -> None:
        """Checks that each of these reservations came to the verb's state; remembers it."""
        seen = {}
        for outcome in outcomes(answers):
            assert outcome["type"] == "reservation_now", outcome
            reservation = outcome["reservation"]
            seen[reservation["reservation_id"]] = reservation["state"]
            if verb in ("hold", "commit"):
                held = {(line["node_id"], line["sku"]) for line in reservation["lines"]}
                assert held == set(self._lines[reservation["reservation_id"]])
        assert seen == dict.fromkeys(ids, STATE_AFTER[verb])
        self._states.update(seen)

    def check(self) -> None:
        """Every counter of every cell is what the acts come to."""
        held: Counter[Cell] = Counter()
        committed: Counter[Cell] = Counter()
        consumed: Counter[Cell] = Counter()
        by_state = {"HELD": held, "COMMITTED": committed, "CONSUMED": consumed}
        for reservation_id, state in self._states.items():
            if state in by_state:
                by_state[state].update(self._lines[reservation_id])
        views = self.engine.read(self.asks())
        for cell, view in zip(self.cells, views, strict=True):
            assert view == {
                "on_hand": ON_HAND - consumed[cell],
                "held": held[cell],
                "committed": committed[cell],
                "unavailable": 0,
                "safety_stock": 0,
            }, cell

    def asks(self) -> list[dict[str, Any]]:
        """All cells, as a read asks for them."""
        return [{"node_id": node, "sku": sku} for node, sku in self.cells]

    def _payload(self, verb: str, ids: Sequence[str]) -> bytes:
        return self.engine.payload([[command] for command in self._commands(verb, ids)])

    def _commands(self, verb: str, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for reservation_id in ids:
            command: dict[str, Any] = {"type": verb, "reservation_id": reservation_id}
            if verb == "hold":
                command |= {
                    "order_id": reservation_id,
                    "ttl_ms": TTL_MS,
                    "priority": 0,
                    "lines": [
                        {"node_id": node, "sku": sku, "quantity": 1}
                        for node, sku in self._lines[reservation_id]
                    ],
                }
            yield command
