"""Protocols of everything outside: what the services ask for, and adapters give.

Every method may raise `NotServing` (stopped or starting) and `Overloaded` (queue full). Values are
in `bopis.domain`; adapters convert at their own border. Contract tests run each port over all its
adapters (tests/contract).
"""

from bopis.ports.bus import Bus, BusHandler, Notifier
from bopis.ports.clock import Clock, Ids
from bopis.ports.ledger import Ledger, LedgerFeed, Snapshots
from bopis.ports.solver import Forecaster, ReallocationSolver
from bopis.ports.sourcer import DualStore, Sourcer, StillSourcers
from bopis.ports.store import OrderStore

__all__ = [
    "Bus",
    "BusHandler",
    "Clock",
    "DualStore",
    "Forecaster",
    "Ids",
    "Ledger",
    "LedgerFeed",
    "Notifier",
    "OrderStore",
    "ReallocationSolver",
    "Snapshots",
    "Sourcer",
    "StillSourcers",
]
