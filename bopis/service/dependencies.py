"""What the use cases are given."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bopis.domain.policy import Policy
from bopis.domain.records import Intent
from bopis.ports import (
    Clock,
    DualStore,
    Ids,
    Ledger,
    OrderStore,
    ReallocationSolver,
    Sourcer,
)
from bopis.service.directory import Directory, Locks
from bopis.service.feed import TaskFeed


@dataclass(slots=True)
class Operations:
    """Long operations of this process: the one that runs, and a wake-up for who waits for it."""

    running_id: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything outside, and what the process keeps in memory beside it.

    `resume` sends an open intent again (`reconcile.resume`); the caller holds the locks of its
    orders. `unfinished` has, by order, the intents that failed half-way in this process: nothing
    else happens to an order before its own is finished.
    """

    clock: Clock
    ids: Ids
    ledger: Ledger
    sourcer: Sourcer
    store: OrderStore
    solver: ReallocationSolver
    duals: DualStore
    policy: Policy
    code_key: bytes
    quote_key: bytes
    resume: Callable[["Dependencies", Intent], Awaitable[None]]
    directory: Directory = field(default_factory=Directory)
    locks: Locks = field(default_factory=Locks)
    feed: TaskFeed = field(default_factory=TaskFeed)
    unfinished: dict[str, Intent] = field(default_factory=dict)
    operations: Operations = field(default_factory=Operations)
    running: set[asyncio.Future[Any]] = field(default_factory=set)
