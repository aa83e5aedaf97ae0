"""The order store: one writer thread, readers beside it, a bounded cache of documents."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from bopis.adapters.store_sql import codec, readers
from bopis.adapters.store_sql.decisions import forget_decisions
from bopis.adapters.store_sql.engines import open_engine
from bopis.adapters.store_sql.files import operation_file, put_operation_files
from bopis.adapters.store_sql.migrations import migrate
from bopis.adapters.store_sql.writer import Writer
from bopis.adapters.store_sql.writes import TaskSequences, apply_writes, put_ledger_events
from bopis.domain.day_limits import DueGroups
from bopis.domain.errors import NotServing
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

CACHE_MAX: Final = 8_192
"""Orders and tasks kept decoded: the ones that are being worked on."""

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
_Read = TypeVar("_Read")

_PUT_HORIZON: Final = sa.text(
    "INSERT INTO labor_horizons (node_id, hours, opened_until_s)"
    " VALUES (:node_id, :hours, :opened_until_s) ON CONFLICT (node_id) DO UPDATE SET"
    " hours = excluded.hours, opened_until_s = excluded.opened_until_s"
)
_PUT_POLICY: Final = sa.text(
    "INSERT INTO policy_versions (version, number, document) VALUES (:version, :number, :document)"
    " ON CONFLICT (version) DO UPDATE SET number = excluded.number, document = excluded.document"
)
_HORIZONS: Final = sa.text(
    "SELECT node_id, hours, opened_until_s FROM labor_horizons ORDER BY node_id"
)
_FORGET: Final = sa.text(
    "DELETE FROM responses WHERE (tenant, rpc, request_id) IN (SELECT tenant, rpc, request_id"
    " FROM responses WHERE stored_ms < :before_ms ORDER BY stored_ms LIMIT :limit)"
)
_PUBLISHED: Final = sa.text("DELETE FROM outbox WHERE sequence = :sequence")
_FAILED: Final = sa.text(
    "UPDATE outbox SET tries = tries + 1, next_try_ms = :next_try_ms WHERE sequence = :sequence"
)
_BURY: Final = sa.text(
    "INSERT INTO dead_letters (event_id, type, order_id, time_ms, fulfillment_order_id,"
    " line_number, data, tries, error) SELECT event_id, type, order_id, time_ms,"
    " fulfillment_order_id, line_number, data, tries + 1, :error FROM outbox"
    " WHERE sequence = :sequence"
)


class _Cache(Generic[_Key, _Value]):
    """Least recently used first out."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, key: _Key) -> _Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: _Key, value: _Value) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def drop(self, key: _Key) -> None:
        self._values.pop(key, None)


class SqlOrderStore:
    """Implements `bopis.ports.OrderStore` over SQLAlchemy Core.

    On SQLite reads run where they are asked for: a cached page takes microseconds, a thread more.
    Over a network they go to a thread.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with engine.connect() as connection, connection.begin():
            migrate(connection)
        self._writer = Writer(engine)
        self._reader = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._reading = threading.Lock()
        self._inline = engine.dialect.name == "sqlite"
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._sequences = TaskSequences()
        self._orders: _Cache[str, Order] = _Cache(CACHE_MAX)
        self._tasks: _Cache[str, PickTask] = _Cache(CACHE_MAX)

    def close(self) -> None:
        """Finishes what waits and closes."""
        self._writer.stop()
        self._reader.close()
        self._engine.dispose()

    async def _read(self, read: Callable[..., _Read], *args: object) -> _Read:
        """Raises NotServing when the database fails: its disk, its file, its network."""
        try:
            if self._inline:
                return read(self._reader, *args)
            return await asyncio.to_thread(self._read_locked, read, args)
        except (self._driver_error, sa.exc.DBAPIError) as error:
            words = f"the order store could not be read: {type(error).__name__}"
            raise NotServing(words) from error

    def _read_locked(self, read: Callable[..., _Read], args: Sequence[object]) -> _Read:
        with self._reading:
            return read(self._reader, *args)

    async def _execute(self, statement: sa.TextClause, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            await self._writer.run(lambda connection: connection.execute(statement, rows).rowcount)

    async def commit(self, writes: WriteSet) -> tuple[TaskChange, ...]:
        """Writes all or nothing; see the port."""
        before = tuple(
            self._known_before(write.order.order_id, write.expected_version)
            for write in writes.orders
        )
        try:
            changes = await self._writer.run(
                lambda connection: apply_writes(
                    connection, writes, before=before, sequences=self._sequences
                )
            )
        except BaseException:
            # Also when the caller was cancelled: the writer may still commit it.
            for write in writes.orders:
                self._orders.drop(write.order.order_id)
            for task in writes.pick_tasks:
                self._tasks.drop(task.pick_task_id)
            raise
        for write in writes.orders:
            self._orders.put(write.order.order_id, write.order)
        for change in changes:
            self._tasks.put(change.task.pick_task_id, change.task)
        if writes.drop_order:
            self._orders.drop(writes.drop_order)
        return changes

    def _known_before(self, order_id: str, version: int) -> Order | None:
        cached = self._orders.get(order_id)
        return cached if cached is not None and cached.version == version else None

    async def order(self, order_id: str) -> Order | None:
        """One order."""
        cached = self._orders.get(order_id)
        if cached is not None:
            return cached
        found = await self._read(readers.order, order_id)
        if found is not None and self._inline:
            self._orders.put(order_id, found)
        return found

    async def orders(
        self, *, state: OrderState | None, after: str, limit: int
    ) -> tuple[tuple[Order, ...], str]:
        """A page of orders."""
        return await self._read(readers.orders, state, after, limit)

    async def open_allocations(self, limit: int) -> tuple[str, ...]:
        """Ids of CONFIRMED orders, earliest promise first."""
        return await self._read(readers.open_allocations, limit)

    async def response(self, key: RequestKey) -> StoredResponse | None:
        """The first answer to a request."""
        return await self._read(readers.response, key)

    async def intent(self, key: RequestKey) -> Intent | None:
        """An open intent."""
        return await self._read(readers.intent, key)

    async def open_intents(self) -> tuple[Intent, ...]:
        """All open intents, oldest first."""
        return await self._read(readers.open_intents)

    async def pickup_code(self, fulfillment_order_id: str) -> PickupCode | None:
        """The code's hash and tries."""
        return await self._read(readers.pickup_code, fulfillment_order_id)

    async def pick_task(self, pick_task_id: str) -> PickTask | None:
        """One task."""
        cached = self._tasks.get(pick_task_id)
        if cached is not None:
            return cached
        found = await self._read(readers.pick_task, pick_task_id)
        if found is not None and self._inline:
            self._tasks.put(pick_task_id, found)
        return found

    async def open_tasks(
        self, node_id: str, *, after: str, limit: int
    ) -> tuple[tuple[PickTask, ...], str]:
        """A page of a node's open tasks."""
        return await self._read(readers.open_tasks, node_id, after, limit)

    async def task_changes(
        self, node_id: str, *, after_sequence: int, limit: int
    ) -> tuple[TaskChange, ...]:
        """A node's changed tasks, by sequence."""
        return await self._read(readers.task_changes, node_id, after_sequence, limit)

    async def task_sequence(self, node_id: str) -> int:
        """The sequence of the node's last change."""
        return await self._read(readers.task_sequence, node_id)

    async def goods_off_shelf(self, node_id: str, sku: str) -> int:
        """Units picked at a node that have not left or gone back."""
        return await self._read(readers.goods_off_shelf, node_id, sku)

    async def due_pickups(self, now_ms: int, limit: int) -> tuple[str, ...]:
        """Fulfillment orders whose pickup expired."""
        return await self._read(readers.due_pickups, now_ms, limit)

    async def due_groups(self, after_ms: int) -> tuple[DueGroups, ...]:
        """Groups by node, method and ready time."""
        return await self._read(readers.due_groups, after_ms)

    async def outbox(self, limit: int, *, now_ms: int) -> tuple[OutboxRow, ...]:
        """Events to be published now."""
        return await self._read(readers.outbox, now_ms, limit)

    async def outbox_done(
        self,
        published: Sequence[int],
        *,
        failed: Sequence[tuple[int, int, str]] = (),
        dead: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Takes events out, plans their next try, or buries them."""
        gone = [{"sequence": one} for one in (*published, *(one for one, _ in dead))]
        retried = [{"sequence": one, "next_try_ms": next_try} for one, next_try, _ in failed]
        buried = [{"sequence": one, "error": error} for one, error in dead]

        def unit(connection: sa.Connection) -> None:
            for statement, rows in ((_BURY, buried), (_PUBLISHED, gone), (_FAILED, retried)):
                if rows:
                    connection.execute(statement, rows)

        await self._writer.run(unit)

    async def put_ledger_events(
        self, events: Sequence[LedgerEvent], *, position: LedgerPosition
    ) -> None:
        """Writes events and position together."""
        await self._writer.run(lambda connection: put_ledger_events(connection, events, position))

    async def ledger_position(self) -> LedgerPosition | None:
        """How far the ledger's feed was read."""
        return await self._read(readers.ledger_position)

    async def forget_responses(self, before_ms: int, limit: int) -> int:
        """Deletes old responses."""
        params = {"before_ms": before_ms, "limit": limit}
        return await self._writer.run(
            lambda connection: connection.execute(_FORGET, params).rowcount
        )

    async def forget_decisions(self, before_ms: int, limit: int) -> int:
        """Deletes decisions made before a time."""
        return await self._writer.run(
            lambda connection: forget_decisions(connection, before_ms, limit)
        )

    async def put_nodes(self, nodes: Sequence[Node]) -> None:
        """Creates or replaces nodes."""
        rows = [{"key": node.node_id, "document": codec.encode(node)} for node in nodes]
        await self._execute(_put("nodes", "node_id"), rows)

    async def nodes(self) -> tuple[Node, ...]:
        """All nodes by id."""
        found = await self._read(readers.documents, "nodes", "node_id")
        return tuple(codec.NODE.decode(document) for document in found)

    async def put_horizons(self, horizons: Sequence[LaborHorizon]) -> None:
        """Creates or replaces labor horizons."""
        rows = [
            {"node_id": one.node_id, "hours": one.hours, "opened_until_s": one.opened_until_s}
            for one in horizons
        ]
        await self._execute(_PUT_HORIZON, rows)

    async def horizons(self) -> tuple[LaborHorizon, ...]:
        """All labor horizons."""

        def read(connection: sa.Connection) -> tuple[LaborHorizon, ...]:
            return tuple(LaborHorizon(*row) for row in connection.execute(_HORIZONS))

        return await self._read(read)

    async def put_items(self, items: Sequence[Item]) -> None:
        """Creates or replaces items."""
        rows = [{"key": item.sku, "document": codec.encode(item)} for item in items]
        await self._execute(_put("items", "sku"), rows)

    async def items(self) -> tuple[Item, ...]:
        """All items by SKU."""
        found = await self._read(readers.documents, "items", "sku")
        return tuple(codec.ITEM.decode(document) for document in found)

    async def put_policy_version(self, version: PolicyVersion) -> None:
        """Adds a version; the one of the greatest number is live."""
        row = {
            "version": version.version,
            "number": version.number,
            "document": codec.encode(version),
        }
        await self._execute(_PUT_POLICY, [row])

    async def policy_versions(self) -> tuple[PolicyVersion, ...]:
        """All versions, the live one last."""
        return await self._read(readers.policy_versions)

    async def put_override(self, override: Override) -> None:
        """Creates or replaces an override."""
        row = {"key": override.override_id, "document": codec.encode(override)}
        await self._execute(_put("overrides", "override_id"), [row])

    async def overrides(self) -> tuple[Override, ...]:
        """All overrides by id."""
        found = await self._read(readers.documents, "overrides", "override_id")
        return tuple(codec.OVERRIDE.decode(document) for document in found)

    async def put_operation(self, operation: Operation) -> None:
        """Creates or replaces a long operation."""
        row = {"key": operation.operation_id, "document": codec.encode(operation)}
        await self._execute(_put("operations", "operation_id"), [row])

    async def operation(self, operation_id: str) -> Operation | None:
        """One long operation."""
        found = await self._read(readers.document, "operations", "operation_id", operation_id)
        return None if found is None else codec.OPERATION.decode(found)

    async def operations(self, *, after: str, limit: int) -> tuple[Operation, ...]:
        """Long operations by id."""
        found = await self._read(readers.operations, after, limit)
        return tuple(codec.OPERATION.decode(document) for document in found)

    async def put_operation_files(
        self, operation_id: str, files: Mapping[str, bytes], *, keep: int
    ) -> None:
        """Writes what an operation found, and forgets what earlier ones did."""
        await self._writer.run(
            lambda connection: put_operation_files(connection, operation_id, files, keep=keep)
        )

    async def operation_file(self, operation_id: str, name: str) -> bytes | None:
        """What an operation found under a name."""
        return await self._read(operation_file, operation_id, name)


def _put(table: str, key: str) -> sa.TextClause:
    return sa.text(
        f"INSERT INTO {table} ({key}, document) VALUES (:key, :document)"  # noqa: S608 (our names)
        f" ON CONFLICT ({key}) DO UPDATE SET document = excluded.document"
    )


def open_store(url: str) -> SqlOrderStore:
    """Opens (and, where needed, makes or migrates) the order store that a SQLAlchemy URL names,
    for example `sqlite:////data/orders.db`. Raises NotServing for a newer release's database.
    """
    return SqlOrderStore(open_engine(url))
