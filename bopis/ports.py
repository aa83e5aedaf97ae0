"""Protocols of everything outside: what the services ask for, and adapters give.

Every method may raise `NotServing` (stopped or starting) and `Overloaded` (queue full). Values are
in `bopis.domain`; adapters convert at their own border. Contract tests run each port over all its
adapters (tests/contract).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from bopis.domain.day_limits import DueGroups
from bopis.domain.duals import Duals
from bopis.domain.events import Envelope
from bopis.domain.explanation import Explained, PlannedOrder, Resource, Wanted, Worth
from bopis.domain.forecast import Sample
from bopis.domain.ids import RequestKey
from bopis.domain.ledger import (
    ActDone,
    CellKey,
    CellsRead,
    Command,
    Reservation,
    ReservationLine,
    ReservationsFound,
)
from bopis.domain.ledger_events import LedgerEvent, LedgerNews, LedgerPosition
from bopis.domain.network import Item, NetworkNode, Node
from bopis.domain.notification import Notification
from bopis.domain.order import Order, OrderState
from bopis.domain.pick_task import PickTask
from bopis.domain.planner import Override, PolicyVersion
from bopis.domain.policy import Policy
from bopis.domain.reallocation import (
    FoundPrices,
    PriceProblem,
    ReallocationProblem,
    ReallocationProposal,
    SolveWatcher,
)
from bopis.domain.records import (
    Intent,
    LaborHorizon,
    Operation,
    OutboxRow,
    PickupCode,
    StoredResponse,
    TaskChange,
    WriteSet,
)
from bopis.domain.sourcing import Ask, PlaceAsk, Placement, Plan


class Clock(Protocol):
    """The one clock; in a demo it runs scaled."""

    def wall_ms(self) -> int:
        """Unix ms of now."""
        ...


class Ids(Protocol):
    """Ids that nothing determines."""

    def new_uuid(self) -> str:
        """A random UUID in canonical form."""
        ...


class Ledger(Protocol):
    """Quantities and reservations."""

    async def act(self, commands: Sequence[Command], *, request_id: str) -> ActDone:
        """Applies commands together; durable when it returns. One outcome per command, in order.

        One effect per request_id (UUID): a repeat returns the first outcomes. Names of cells must
        have been registered. Refusals and shortages are outcomes. Raises RequestIdReused (same
        id, other commands), RequestWindowFull, NodeNotFound, SkuNotFound, QuantityOutOfRange.
        """
        ...

    async def reservation(self, reservation_id: str) -> Reservation | None:
        """A reservation as it stands, reading own writes; None if there is none (any more)."""
        ...

    async def reservations_of_order(self, order_id: str) -> ReservationsFound:
        """Those held for an order, ended ones as long as they are kept, reading own writes."""
        ...

    async def reservations_of_cell(self, cell: CellKey) -> ReservationsFound:
        """The live ones with a line of a cell, reading own writes. Raises NodeNotFound,
        SkuNotFound.
        """
        ...

    async def read(self, cells: Sequence[CellKey]) -> CellsRead:
        """At most 4,096 cells, all at one position; cells and names never seen read as zeros."""
        ...

    async def read_atp(self, node_ids: Sequence[str], items: Sequence[CellKey]) -> Sequence[int]:
        """ATP of every item (its `node_id` is ignored) at every node, node-major. Any number of
        cells, each exact at some moment of the call; names never seen read as 0.
        """
        ...


class LedgerFeed(Protocol):
    """What happened in the ledger, from any position on."""

    def journal_id(self) -> str:
        """Which journal the positions are of."""
        ...

    def position(self) -> int:
        """The last record that reads see."""
        ...

    async def news(self, after: int) -> LedgerNews:
        """What happened after a record, a part of it: at least one record, if there is any."""
        ...


class Snapshots(Protocol):
    """The ledger's state in files, from which the next start goes on."""

    def backlog(self) -> int:
        """How many full segments of the journal no snapshot holds. Reads files."""
        ...

    async def build(self) -> bool:
        """Builds the next one; whether that succeeded. Cancelled, it is ended and harms nothing."""
        ...


class Sourcer(Protocol):
    """Chooses who fulfills what: the kernel under current stock and dual prices."""

    def load_network(self, nodes: Sequence[NetworkNode], *, version: int) -> None:
        """Replaces the network and its windows. Later calls see it; versions ascend."""
        ...

    def load_items(self, items: Sequence[Item]) -> None:
        """Adds or replaces items."""
        ...

    def load_policy(self, policy: Policy) -> None:
        """Replaces the policy."""
        ...

    def load_duals(self, duals: Duals) -> None:
        """Replaces all dual prices at once, unless a later version is loaded."""
        ...

    async def place(self, place_ask: PlaceAsk) -> Placement:
        """Chooses the best plan and holds it, as one native call that retries a lost race with
        fresh stock. Lines without any plan, unknown SKUs among them, come back as unfilled with
        their reason. The reservation is HELD; its lines are those of the plan's groups: units
        summed per node and SKU, labor per node and hour. A quote is kept while it is possible; if
        it is not, the answer says why. Raises ReservationTakenError.
        """
        ...

    async def plan(
        self,
        ask: Ask,
        *,
        k: int,
        policy: Policy | None = None,
        own: Sequence[ReservationLine] = (),
    ) -> Sequence[Plan]:
        """The best k plans (at least one) under the stock of now, cheapest first; holds nothing.

        `policy`: another one than is loaded. `own`: what the order holds itself, free to it.
        """
        ...

    async def explain(self, order: PlannedOrder, wanted: Wanted) -> Explained:
        """Why an order is planned as it is, on one reading of the stock, with what it holds free to
        it; every plan is the kernel's. Holds nothing.
        """
        ...

    async def worth(
        self, orders: Sequence[PlannedOrder], resources: Sequence[Resource]
    ) -> Sequence[Worth | None]:
        """What one more, or one fewer, of each resource is worth to orders that nobody picks yet,
        by solving them anew one after the other. None: the work that one call may take did not
        suffice. Holds nothing.
        """
        ...


class DualStore(Protocol):
    """The dual prices in force."""

    def current(self) -> Duals | None:
        """The last ones; None: there are none."""
        ...

    def replace(self, duals: Duals) -> None:
        """Keeps these instead."""
        ...


class OrderStore(Protocol):
    """Orders, tasks, intents, responses, outbox, network and catalog. One process owns it."""

    async def commit(self, writes: WriteSet) -> tuple[TaskChange, ...]:
        """Writes all or nothing; durable when it returns. Gives the changes of tasks, in order.

        Raises StaleEtag if an order is not at its expected version, OrderExists if a new one is
        there, RequestIdReused if the response or intent of the key exists.
        """
        ...

    async def order(self, order_id: str) -> Order | None:
        """One order."""
        ...

    async def orders(
        self, *, state: OrderState | None, after: str, limit: int
    ) -> tuple[tuple[Order, ...], str]:
        """Orders by creation, oldest first, from the cursor `after` (empty: from the beginning);
        the cursor of the next page, empty if there is none. Raises TokenInvalid.
        """
        ...

    async def open_allocations(self, limit: int) -> tuple[str, ...]:
        """Ids of CONFIRMED orders, earliest promise first."""
        ...

    async def response(self, key: RequestKey) -> StoredResponse | None:
        """The first answer to a request."""
        ...

    async def intent(self, key: RequestKey) -> Intent | None:
        """An open intent."""
        ...

    async def open_intents(self) -> tuple[Intent, ...]:
        """All open intents, oldest first."""
        ...

    async def pickup_code(self, fulfillment_order_id: str) -> PickupCode | None:
        """The code's hash and tries."""
        ...

    async def pick_task(self, pick_task_id: str) -> PickTask | None:
        """One task."""
        ...

    async def open_tasks(
        self, node_id: str, *, after: str, limit: int
    ) -> tuple[tuple[PickTask, ...], str]:
        """A node's open and claimed tasks by time left to the promise; cursors as in `orders`."""
        ...

    async def task_changes(
        self, node_id: str, *, after_sequence: int, limit: int
    ) -> tuple[TaskChange, ...]:
        """Tasks of a node whose last change comes after a sequence, by sequence: each task once,
        as it is now.
        """
        ...

    async def task_sequence(self, node_id: str) -> int:
        """The sequence of the node's last change; 0: none."""
        ...

    async def goods_off_shelf(self, node_id: str, sku: str) -> int:
        """Units of a SKU that groups at a node have picked and that have not left or gone back."""
        ...

    async def due_pickups(self, now_ms: int, limit: int) -> tuple[str, ...]:
        """Fulfillment orders READY_FOR_PICKUP whose pickup expired, earliest first."""
        ...

    async def due_groups(self, after_ms: int) -> tuple[DueGroups, ...]:
        """Groups that were not cancelled and get ready later than a time, counted by node, method
        and time.
        """
        ...

    async def outbox(self, limit: int, *, now_ms: int) -> tuple[OutboxRow, ...]:
        """Events to be published, oldest first: at most one prefix per order, none that waits for
        its next try (`now_ms` is real time) or behind one that waits.
        """
        ...

    async def outbox_done(
        self,
        published: Sequence[int],
        *,
        failed: Sequence[tuple[int, int, str]] = (),
        dead: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Takes published rows out by sequence; `failed`: (sequence, real Unix ms of the next try,
        error); `dead`: (sequence, error), moved to the dead letters.
        """
        ...

    async def put_ledger_events(
        self, events: Sequence[LedgerEvent], *, position: LedgerPosition
    ) -> None:
        """Writes events into the outbox together with how far the ledger's feed was read."""
        ...

    async def ledger_position(self) -> LedgerPosition | None:
        """How far the ledger's feed was read; None: never."""
        ...

    async def forget_responses(self, before_ms: int, limit: int) -> int:
        """Deletes responses stored before a time; how many it deleted."""
        ...

    async def forget_decisions(self, before_ms: int, limit: int) -> int:
        """Deletes decisions made before a time, with what no other refers to; how many."""
        ...

    async def put_nodes(self, nodes: Sequence[Node]) -> None:
        """Creates or replaces nodes."""

    async def nodes(self) -> tuple[Node, ...]:
        """All nodes by id."""

    async def put_horizons(self, horizons: Sequence[LaborHorizon]) -> None:
        """Creates or replaces labor horizons."""
        ...

    async def horizons(self) -> tuple[LaborHorizon, ...]:
        """All labor horizons."""
        ...

    async def put_items(self, items: Sequence[Item]) -> None:
        """Creates or replaces items."""
        ...

    async def items(self) -> tuple[Item, ...]:
        """All items by SKU."""
        ...

    async def put_policy_version(self, version: PolicyVersion) -> None:
        """Adds a version of the policy, or replaces the one of its name; it is the live one."""
        ...

    async def policy_versions(self) -> tuple[PolicyVersion, ...]:
        """All versions, the live one last."""
        ...

    async def put_override(self, override: Override) -> None:
        """Creates or replaces a planner's override."""
        ...

    async def overrides(self) -> tuple[Override, ...]:
        """All overrides, ended ones too, by id."""
        ...

    async def put_operation(self, operation: Operation) -> None:
        """Creates or replaces a long operation."""
        ...

    async def operation(self, operation_id: str) -> Operation | None:
        """One long operation."""

    async def operations(self, *, after: str, limit: int) -> tuple[Operation, ...]:
        """Long operations by id, those behind `after`."""
        ...

    async def put_operation_files(
        self, operation_id: str, files: Mapping[str, bytes], *, keep: int
    ) -> None:
        """Writes what an operation found, by name; only the last `keep` operations keep theirs."""
        ...

    async def operation_file(self, operation_id: str, name: str) -> bytes | None:
        """What an operation found under a name."""
        ...


BusHandler = Callable[[Sequence[Envelope]], Awaitable[Sequence[Exception | None]]]
"""Takes a batch; one result per event, in order: None, or why it failed."""


class Bus(Protocol):
    """Where events go."""

    def subscribe(self, name: str, handler: BusHandler) -> None:
        """Adds a consumer. Consumers dedupe by event id: delivery is at least once."""

    async def publish(self, events: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Delivers a batch, in order; one result per event: None, or the first failure."""


class Notifier(Protocol):
    """Tells customers."""

    async def send(self, notifications: Sequence[Notification]) -> None:
        """Sends a batch, each event_id once whatever is repeated. Raises OSError if it cannot."""


class ReallocationSolver(Protocol):
    """The batch optimizer, in a process of its own."""

    async def solve(
        self,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
        watcher: SolveWatcher | None = None,
    ) -> ReallocationProposal:
        """Proposes moves within about the problem's time limit. `items` are those of the orders.
        Cancelled, it stops within a second.

        Raises NotServing if its process died, failed or did not answer in time.
        """

    async def price(
        self,
        problem: PriceProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
    ) -> FoundPrices:
        """Prices within the problem's time limit: the mean over its samples. Solves that run at the
        same time do not wait for each other. Raises NotServing if its process died.
        """


class Forecaster(Protocol):
    """Draws orders that may come."""

    async def samples(self, *, now_ms: int, until_ms: int) -> Sequence[Sample]:
        """Samples of orders placed after `now_ms`, until `until_ms` (Unix ms), from what was placed
        by `now_ms` alone; the same call gives the same samples.
        """
