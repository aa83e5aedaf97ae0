"""Applying one write set on a connection: statements written once, for SQLite and PostgreSQL."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from bopis.adapters.store_sql.codec import encode, event_data
from bopis.adapters.store_sql.decisions import put_decisions
from bopis.adapters.store_sql.statement import Statement
from bopis.domain.errors import OrderExists, RequestIdReused, StaleEtag
from bopis.domain.events import OrderEvent
from bopis.domain.fulfillment import FulfillmentOrder
from bopis.domain.ledger_events import LedgerEvent, LedgerPosition
from bopis.domain.order import Order
from bopis.domain.pick_task import OPEN_STATES, PickTask
from bopis.domain.records import Intent, OrderWrite, StoredResponse, TaskChange, WriteSet

_INSERT_ORDER: Final = Statement(
    "INSERT INTO orders (order_id, state, promise_ms, version, document)"
    " VALUES (:order_id, :state, :promise_ms, :version, :document)"
    " ON CONFLICT (order_id) DO NOTHING"
)
_UPDATE_ORDER: Final = Statement(
    "UPDATE orders SET state = :state, promise_ms = :promise_ms, version = :version,"
    " document = :document WHERE order_id = :order_id AND version = :expected"
)
_DROP_ORDER: Final = Statement(
    "DELETE FROM orders WHERE order_id = :order_id AND state = 'PENDING'"
)
_PUT_GROUP: Final = Statement(
    "INSERT INTO fulfillment_orders"
    " (fulfillment_order_id, order_id, node_id, state, holds_goods, pickup_expire_ms, method,"
    " ready_by_ms) VALUES (:id, :order_id, :node_id, :state, :holds_goods, :pickup_expire_ms,"
    " :method, :ready_by_ms)"
    " ON CONFLICT (fulfillment_order_id) DO UPDATE SET state = excluded.state,"
    " holds_goods = excluded.holds_goods, pickup_expire_ms = excluded.pickup_expire_ms"
)
_DROP_GROUP: Final = Statement("DELETE FROM fulfillment_orders WHERE fulfillment_order_id = :id")
_GROUPS_OF_ORDER: Final = sa.text(
    "SELECT fulfillment_order_id FROM fulfillment_orders WHERE order_id = :order_id"
)
_PUT_TASK: Final = Statement(
    "INSERT INTO pick_tasks"
    " (pick_task_id, node_id, is_open, ready_by_ms, change_sequence, document)"
    " VALUES (:id, :node_id, :is_open, :ready_by_ms, :sequence, :document)"
    " ON CONFLICT (pick_task_id) DO UPDATE SET is_open = excluded.is_open,"
    " ready_by_ms = excluded.ready_by_ms, change_sequence = excluded.change_sequence,"
    " document = excluded.document"
)
LAST_SEQUENCE: Final = sa.text(
    "SELECT coalesce(max(change_sequence), 0) FROM pick_tasks WHERE node_id = :node_id"
)
_INSERT_EVENT: Final = Statement(
    "INSERT INTO outbox (event_id, type, order_id, time_ms, fulfillment_order_id, line_number,"
    " data, tries, next_try_ms) VALUES (:event_id, :type, :order_id, :time_ms,"
    " :fulfillment_order_id, :line_number, :data, 0, 0)"
)
_PUT_POSITION: Final = Statement(
    "INSERT INTO feed_positions (feed, journal_id, sequence)"
    " VALUES ('ledger', :journal_id, :sequence) ON CONFLICT (feed)"
    " DO UPDATE SET journal_id = excluded.journal_id, sequence = excluded.sequence"
)
_PUT_CODE: Final = Statement(
    "INSERT INTO pickup_codes (fulfillment_order_id, code_hash, tries_used)"
    " VALUES (:id, :code_hash, :tries_used) ON CONFLICT (fulfillment_order_id)"
    " DO UPDATE SET code_hash = excluded.code_hash, tries_used = excluded.tries_used"
)
_INSERT_INTENT: Final = Statement(
    "INSERT INTO intents"
    " (tenant, rpc, request_id, order_id, fingerprint, command, facts, created_ms)"
    " VALUES (:tenant, :rpc, :request_id, :order_id, :fingerprint, :command, :facts, :created_ms)"
    " ON CONFLICT (tenant, rpc, request_id) DO NOTHING"
)
_DELETE_INTENT: Final = Statement(
    "DELETE FROM intents WHERE tenant = :tenant AND rpc = :rpc AND request_id = :request_id"
)
_ANSWERED: Final = Statement(
    "SELECT 1 FROM responses WHERE tenant = :tenant AND rpc = :rpc AND request_id = :request_id"
)
_INTENDED: Final = Statement(
    "SELECT 1 FROM intents WHERE tenant = :tenant AND rpc = :rpc AND request_id = :request_id"
)
_INSERT_RESPONSE: Final = Statement(
    "INSERT INTO responses (tenant, rpc, request_id, fingerprint, body, stored_ms, is_error)"
    " VALUES (:tenant, :rpc, :request_id, :fingerprint, :body, :stored_ms, :is_error)"
    " ON CONFLICT (tenant, rpc, request_id) DO NOTHING"
)


class TaskSequences:
    """The last change sequence of each node; only the writer thread uses it.

    A unit that fails leaves a gap, which nobody minds: sequences ascend, they do not count.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, connection: sa.Connection, node_id: str) -> int:
        """The node's next sequence."""
        last = self._last.get(node_id)
        if last is None:
            last = int(connection.execute(LAST_SEQUENCE, {"node_id": node_id}).scalar_one())
        self._last[node_id] = last + 1
        return last + 1


def apply_writes(
    connection: sa.Connection,
    writes: WriteSet,
    *,
    before: Sequence[Order | None],
    sequences: TaskSequences,
) -> tuple[TaskChange, ...]:
    """Applies all of it; the caller's savepoint undoes a part.

    `before` has each written order as it was, where known: groups that did not change are not
    written. Raises StaleEtag, OrderExists, RequestIdReused.
    """
    if writes.close_intent is not None:
        key = writes.close_intent
        _DELETE_INTENT.run(
            connection, {"tenant": key.tenant, "rpc": key.rpc, "request_id": key.request_id}
        )
    _insert_request_rows(connection, writes)
    documents: dict[str, bytes] = {}
    for write, old in zip(writes.orders, before, strict=True):
        documents[write.order.order_id] = _put_order(connection, write, old)
    if writes.drop_order:
        _DROP_ORDER.run(connection, {"order_id": writes.drop_order})
    put_decisions(connection, writes.decisions)
    changes = _put_tasks(connection, writes.pick_tasks, sequences)
    _INSERT_EVENT.run_many(connection, [_event_row(one, documents) for one in writes.events])
    for code in writes.pickup_codes:
        _PUT_CODE.run(
            connection,
            {
                "id": code.fulfillment_order_id,
                "code_hash": code.code_hash,
                "tries_used": code.tries_used,
            },
        )
    return changes


def put_ledger_events(
    connection: sa.Connection, events: Sequence[LedgerEvent], position: LedgerPosition
) -> None:
    """Writes events of the ledger, and how far its feed was read."""
    rows = [_outbox_row(one.event, encode(one.data)) for one in events]
    _INSERT_EVENT.run_many(connection, rows)
    _PUT_POSITION.run(
        connection, {"journal_id": position.journal_id, "sequence": position.sequence}
    )


def _insert_request_rows(connection: sa.Connection, writes: WriteSet) -> None:
    taken = False
    if writes.open_intent is not None:
        row = _intent_row(writes.open_intent)
        answered = _ANSWERED.first(connection, row) is not None
        taken = answered or not _INSERT_INTENT.run(connection, row)
    if writes.response is not None:
        row = _response_row(writes.response)
        # Its own intent was closed before: one that is open is another mutation's.
        intended = _INTENDED.first(connection, row) is not None
        taken = taken or intended or not _INSERT_RESPONSE.run(connection, row)
    if taken:
        raise RequestIdReused("the request_id is in use", field="request_id")


def _intent_row(intent: Intent) -> dict[str, Any]:
    return {
        "tenant": intent.key.tenant,
        "rpc": intent.key.rpc,
        "request_id": intent.key.request_id,
        "order_id": intent.order_id,
        "fingerprint": intent.fingerprint,
        "command": intent.command,
        "facts": intent.facts,
        "created_ms": intent.created_ms,
    }


def _response_row(response: StoredResponse) -> dict[str, Any]:
    return {
        "tenant": response.key.tenant,
        "rpc": response.key.rpc,
        "request_id": response.key.request_id,
        "fingerprint": response.fingerprint,
        "body": response.body,
        "stored_ms": response.stored_ms,
        "is_error": int(response.is_error),
    }


def _put_order(connection: sa.Connection, write: OrderWrite, old: Order | None) -> bytes:
    order = write.order
    document = encode(order)
    row = {
        "order_id": order.order_id,
        "state": order.state.value,
        "promise_ms": order.promise_time_ms,
        "version": order.version,
        "document": document,
        "expected": write.expected_version,
    }
    if write.expected_version == 0:
        del row["expected"]
        if not _INSERT_ORDER.run(connection, row):
            raise OrderExists(f"order {order.order_id} exists")
    elif not _UPDATE_ORDER.run(connection, row):
        raise StaleEtag(f"order {order.order_id} is not at version {write.expected_version}")
    _put_groups(connection, order, old)
    return document


def _put_groups(connection: sa.Connection, order: Order, old: Order | None) -> None:
    if old is None and order.groups_made:
        rows = connection.execute(_GROUPS_OF_ORDER, {"order_id": order.order_id})
        known: dict[str, FulfillmentOrder | None] = dict.fromkeys(rows.scalars())
    else:
        groups = () if old is None else old.fulfillment_orders
        known = {group.fulfillment_order_id: group for group in groups}
    changed = [
        _group_row(group)
        for group in order.fulfillment_orders
        if known.pop(group.fulfillment_order_id, None) != group
    ]
    _PUT_GROUP.run_many(connection, changed)
    _DROP_GROUP.run_many(connection, [{"id": gone} for gone in known])


def _group_row(group: FulfillmentOrder) -> dict[str, Any]:
    return {
        "id": group.fulfillment_order_id,
        "order_id": group.order_id,
        "node_id": group.node_id,
        "state": group.state.value,
        "holds_goods": int(group.holds_goods),
        "pickup_expire_ms": group.pickup_expire_ms,
        "method": group.method.value,
        "ready_by_ms": group.ready_by_ms,
    }


def _put_tasks(
    connection: sa.Connection, tasks: Iterable[PickTask], sequences: TaskSequences
) -> tuple[TaskChange, ...]:
    changes = tuple(TaskChange(sequences.next(connection, task.node_id), task) for task in tasks)
    _PUT_TASK.run_many(
        connection,
        [
            {
                "id": change.task.pick_task_id,
                "node_id": change.task.node_id,
                "is_open": int(change.task.state in OPEN_STATES),
                "ready_by_ms": change.task.ready_by_ms,
                "sequence": change.sequence,
                "document": encode(change.task),
            }
            for change in changes
        ],
    )
    return changes


def _event_row(event: OrderEvent, documents: dict[str, bytes]) -> dict[str, Any]:
    return _outbox_row(event, event_data(event, documents[event.order_id]))


def _outbox_row(event: OrderEvent, data: bytes) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "type": event.type,
        "order_id": event.order_id,
        "time_ms": event.time_ms,
        "fulfillment_order_id": event.fulfillment_order_id,
        "line_number": event.line_number,
        "data": data,
    }
