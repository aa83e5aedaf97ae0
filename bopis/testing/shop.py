"""A small chain of stores over the fakes: what most tests of the services begin with."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from bopis.adapters.bus_local import LocalBus
from bopis.adapters.duals_memory import MemoryDuals
from bopis.adapters.forecast_history import HistoryForecaster
from bopis.adapters.ids_random import RandomIds
from bopis.adapters.store_sql import SqlOrderStore, open_store
from bopis.domain.ledger import SetOnHand
from bopis.domain.network import Item, Node, NodeKind, Place
from bopis.domain.policy import Policy, parse_policy
from bopis.service.assembly import assemble, bring_up
from bopis.service.catalog import import_items
from bopis.service.dependencies import Dependencies
from bopis.service.notifying import notifying_handler
from bopis.service.stores import import_stores
from bopis.testing.clock import FakeClock
from bopis.testing.ledger_memory import MemoryLedger
from bopis.testing.notifier_memory import MemoryNotifier
from bopis.testing.solver_scripted import ScriptedSolver
from bopis.testing.sourcer_naive import NaiveSourcer
from bopis.testing.sourcer_still import still_naive_sourcer

MONDAY_10_UTC_MS: Final = 1_780_308_000_000
"""2026-06-01 10:00 UTC, a Monday: 06:00 in New York."""

CODE_KEY: Final = bytes(range(32))
QUOTE_KEY: Final = bytes(range(32, 64))
PRICE_MICRO: Final = 10_000_000


def _node(node_id: str, kind: NodeKind, latitude: float, longitude: float) -> Node:
    return Node(
        node_id=node_id,
        kind=kind,
        place=Place(latitude, longitude),
        time_zone="Etc/UTC",
        open_minute=8 * 60,
        close_minute=20 * 60,
        pick_lines_per_hour=30,
    )


NODES: Final = (
    _node("east", NodeKind.STORE, 40.00, -74.00),
    _node("west", NodeKind.STORE, 40.00, -74.10),
    _node("hub", NodeKind.WAREHOUSE, 41.00, -75.00),
)
ITEMS: Final = tuple(
    Item(sku, f"Item {sku}", PRICE_MICRO, "USD", 400) for sku in ("apple", "bread", "candle")
)
ON_HAND: Final = {
    ("east", "apple"): 10,
    ("east", "bread"): 5,
    ("west", "apple"): 10,
    ("west", "bread"): 2,
    ("hub", "apple"): 50,
    ("hub", "bread"): 50,
    ("hub", "candle"): 50,
}
AT_EAST: Final = Place(40.001, -74.001)


@dataclass(slots=True)
class Shop:
    """The services over fakes: a clock to set, a naive ledger and sourcer, SQLite in a folder."""

    clock: FakeClock
    ledger: MemoryLedger
    solver: ScriptedSolver
    store: SqlOrderStore
    bus: LocalBus
    notifier: MemoryNotifier
    deps: Dependencies

    def close(self) -> None:
        """Closes the store."""
        self.store.close()


def default_policy_text() -> str:
    """The policy file that ships."""
    return files("bopis.policy").joinpath("default.toml").read_text()


def default_policy() -> Policy:
    """The policy that ships."""
    return parse_policy(default_policy_text())


async def open_shop(folder: Path, *, now_ms: int = MONDAY_10_UTC_MS) -> Shop:
    """A shop with its network, catalog and stock; what an earlier one left in the folder is
    brought up again (the ledger too: its file is there).
    """
    clock = FakeClock(now_ms)
    ledger = MemoryLedger(clock, path=folder / "ledger.jsonl")
    store = open_store(f"sqlite:///{folder / 'orders.db'}")
    solver, bus, notifier = ScriptedSolver(), LocalBus(), MemoryNotifier()
    policy = default_policy()
    deps = assemble(
        clock=clock,
        ids=RandomIds(),
        ledger=ledger,
        sourcer=NaiveSourcer(ledger),
        still_sourcer=still_naive_sourcer,
        store=store,
        solver=solver,
        duals=MemoryDuals(),
        forecaster=HistoryForecaster(store),
        policy=policy,
        code_key=CODE_KEY,
        quote_key=QUOTE_KEY,
    )
    bus.subscribe("notify", notifying_handler(notifier, code_key=CODE_KEY, policy=policy))
    await bring_up(deps, policy_text=default_policy_text())
    return Shop(clock, ledger, solver, store, bus, notifier, deps)


async def stock_shop(shop: Shop) -> None:
    """Imports the chain, the catalog and the stock."""
    await import_stores(shop.deps, NODES)
    await import_items(shop.deps, ITEMS)
    facts = [SetOnHand(node_id, sku, units) for (node_id, sku), units in ON_HAND.items()]
    await shop.ledger.act(facts, request_id=shop.deps.ids.new_uuid())
