"""Orders and all that is kept beside them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bopis.domain.day_limits import DueGroups
from bopis.domain.ids import RequestKey
from bopis.domain.ledger_events import LedgerEvent, LedgerPosition
from bopis.domain.network import Item, Node
from bopis.domain.order import Order, OrderState
from bopis.domain.pick_task import PickTask
from bopis.domain.planner import Override, PolicyVersion
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
