"""What the use cases are given."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bopis.domain.comparison import Comparison
from bopis.domain.day_limits import DayLimit
from bopis.domain.planner import Override, PolicyVersion, with_forbids
from bopis.domain.policy import Policy
from bopis.domain.reallocation import SolveProgress
from bopis.domain.records import Intent
from bopis.ports import (
    Clock,
    DualStore,
    Forecaster,
    Ids,
    Ledger,
    OrderStore,
    ReallocationSolver,
    Sourcer,
    StillSourcers,
)
from bopis.service.directory import Directory, Locks
from bopis.service.feed import TaskFeed


@dataclass(slots=True)
class Operations:
    """Long operations of this process: the one that runs, how far it is, whether it shall stop, and
    a wake-up for who waits for it.

    `interruptible` is what can be cut off at any moment. `started_s` is the loop's time.
    """

    running_id: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_cancelled: bool = False
    interruptible: asyncio.Future[Any] | None = None
    solve: SolveProgress | None = None
    started_s: float = 0.0
    time_limit_ms: int = 0
    moves: tuple[int, int] = (0, 0)
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A policy that plans beside the live one, who set it and why, and what came of it so far."""

    policy: Policy
    request_id: str
    fingerprint: str
    planner_id: str
    why: str
    since_ms: int
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class KnownLimits:
    """The limits of days of one policy over one version of the network."""

    policy: Policy
    network_version: int
    limits: tuple[DayLimit, ...]


@dataclass(slots=True)
class PolicyBoard:
    """The policy that is live, its versions by name, and what planners decided beside it.

    `in_force` is the live policy with the planners' forbids of SKUs; `sequence` numbers the changes
    of overrides.
    """

    live: Policy
    versions: dict[str, PolicyVersion] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    sequence: int = 0
    shadow: Shadow | None = None
    in_force: Policy = field(init=False)
    known_limits: tuple[KnownLimits, ...] = ()
    _by_order: dict[str, dict[str, Override]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.in_force = self.live

    def put_live(self, policy: Policy) -> None:
        """Another policy is live."""
        self.live = policy
        self.in_force = with_forbids(policy, self.overrides.values())

    def put_overrides(self, overrides: Iterable[Override], *, now_ms: int) -> None:
        """Overrides are made, or ended; those that ended, or came to their own end by now, bind
        nobody any more and are not looked at.
        """
        for one in overrides:
            self.sequence = max(self.sequence, one.set_sequence, one.ended_sequence)
            self.overrides[one.override_id] = one
            if one.order_id:
                self._by_order.setdefault(one.order_id, {})[one.override_id] = one
        for one in tuple(self.overrides.values()):
            if not one.holds(now_ms):
                self._drop(one)
        self.in_force = with_forbids(self.live, self.overrides.values())

    def of_order(self, order_id: str) -> tuple[Override, ...]:
        """The overrides of one order."""
        return tuple(self._by_order.get(order_id, {}).values())

    def _drop(self, override: Override) -> None:
        self.overrides.pop(override.override_id, None)
        of_order = self._by_order.get(override.order_id, {})
        of_order.pop(override.override_id, None)
        if not of_order:
            self._by_order.pop(override.order_id, None)


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
    still_sourcer: StillSourcers
    store: OrderStore
    solver: ReallocationSolver
    duals: DualStore
    forecaster: Forecaster
    board: PolicyBoard
    code_key: bytes
    quote_key: bytes
    resume: Callable[["Dependencies", Intent], Awaitable[None]]
    directory: Directory = field(default_factory=Directory)
    locks: Locks = field(default_factory=Locks)
    feed: TaskFeed = field(default_factory=TaskFeed)
    unfinished: dict[str, Intent] = field(default_factory=dict)
    operations: Operations = field(default_factory=Operations)
    running: set[asyncio.Future[Any]] = field(default_factory=set)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.board.in_force
