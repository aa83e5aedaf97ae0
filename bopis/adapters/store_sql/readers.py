"""Reading: statements and row conversion, each a function of a connection."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from bopis.adapters.store_sql import codec
from bopis.adapters.store_sql.statement import Statement
from bopis.adapters.store_sql.writes import LAST_SEQUENCE
from bopis.domain.day_limits import DueGroups
from bopis.domain.errors import TokenInvalid
from bopis.domain.events import OrderEvent
from bopis.domain.ids import RequestKey
from bopis.domain.ledger_events import LedgerPosition
from bopis.domain.network import Method
from bopis.domain.order import Order, OrderState
from bopis.domain.pick_task import PickTask
from bopis.domain.planner import PolicyVersion
from bopis.domain.records import Intent, OutboxRow, PickupCode, StoredResponse, TaskChange

_ORDER: Final = Statement("SELECT document FROM orders WHERE order_id = :order_id")
_ORDERS: Final = sa.text(
    "SELECT creation, document FROM orders WHERE creation > :after ORDER BY creation LIMIT :limit"
)
_ORDERS_IN_STATE: Final = sa.text(
    "SELECT creation, document FROM orders WHERE state = :state AND creation > :after"
    " ORDER BY creation LIMIT :limit"
)
_OPEN_ALLOCATIONS: Final = sa.text(
    "SELECT order_id FROM orders WHERE state = 'CONFIRMED' ORDER BY promise_ms, creation"
    " LIMIT :limit"
)
_RESPONSE: Final = Statement(
    "SELECT fingerprint, body, stored_ms, is_error FROM responses"
    " WHERE tenant = :tenant AND rpc = :rpc AND request_id = :request_id"
)
_LEDGER_POSITION: Final = Statement(
    "SELECT journal_id, sequence FROM feed_positions WHERE feed = 'ledger'"
)
_INTENTS: Final = (
    "SELECT tenant, rpc, request_id, order_id, fingerprint, command, facts, created_ms FROM intents"
)
_INTENT: Final = sa.text(
    f"{_INTENTS} WHERE tenant = :tenant AND rpc = :rpc AND request_id = :request_id"
)
_OPEN_INTENTS: Final = sa.text(f"{_INTENTS} ORDER BY sequence")
_CODE: Final = Statement(
    "SELECT code_hash, tries_used FROM pickup_codes WHERE fulfillment_order_id = :id"
)
_TASK: Final = Statement("SELECT document FROM pick_tasks WHERE pick_task_id = :id")
_OPEN_TASKS: Final = sa.text(
    "SELECT ready_by_ms, pick_task_id, document FROM pick_tasks"
    " WHERE node_id = :node_id AND is_open = 1 AND (ready_by_ms > :ready_by_ms"
    " OR (ready_by_ms = :ready_by_ms AND pick_task_id > :id))"
    " ORDER BY ready_by_ms, pick_task_id LIMIT :limit"
)
_CHANGES: Final = sa.text(
    "SELECT change_sequence, document FROM pick_tasks"
    " WHERE node_id = :node_id AND change_sequence > :after ORDER BY change_sequence LIMIT :limit"
)
_GOODS: Final = sa.text(
    "SELECT o.document FROM fulfillment_orders f JOIN orders o ON o.order_id = f.order_id"
    " WHERE f.node_id = :node_id AND f.holds_goods = 1 GROUP BY o.order_id, o.document"
)
_DUE: Final = sa.text(
    "SELECT fulfillment_order_id FROM fulfillment_orders"
    " WHERE state = 'READY_FOR_PICKUP' AND pickup_expire_ms <= :now_ms"
    " ORDER BY pickup_expire_ms LIMIT :limit"
)
_DUE_GROUPS: Final = sa.text(
    "SELECT node_id, method, ready_by_ms, count(*) AS groups FROM fulfillment_orders"
    " WHERE ready_by_ms > :after_ms AND state <> 'CANCELLED' GROUP BY node_id, method, ready_by_ms"
)
_OUTBOX: Final = sa.text(
    "SELECT sequence, event_id, type, order_id, time_ms, fulfillment_order_id, line_number, data,"
    " tries FROM outbox WHERE next_try_ms <= :now_ms AND NOT EXISTS (SELECT 1 FROM outbox earlier"
    " WHERE earlier.order_id = outbox.order_id AND earlier.sequence < outbox.sequence"
    " AND earlier.next_try_ms > :now_ms) ORDER BY sequence LIMIT :limit"
)

Params = dict[str, Any]

_OPERATIONS: Final = sa.text(
    "SELECT document FROM operations WHERE operation_id > :after ORDER BY operation_id LIMIT :limit"
)


def cursor(*parts: object) -> str:
    """An opaque page cursor."""
    joined = "\x1f".join(str(part) for part in parts)
    return base64.urlsafe_b64encode(joined.encode()).decode()


def cursor_parts(text: str, count: int) -> list[str]:
    """What a cursor holds. Raises TokenInvalid."""
    try:
        parts = (
            base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode().split("\x1f")
        )
    except (binascii.Error, UnicodeError) as error:
        raise TokenInvalid("the page token is not one of ours", field="page_token") from error
    if len(parts) != count or not _is_number(parts[0]):
        raise TokenInvalid("the page token is not one of ours", field="page_token")
    return parts


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def order(connection: sa.Connection, order_id: str) -> Order | None:
    """One order."""
    row = _ORDER.first(connection, {"order_id": order_id})
    return None if row is None else codec.ORDER.decode(row[0])


def orders(
    connection: sa.Connection, state: OrderState | None, after: str, limit: int
) -> tuple[tuple[Order, ...], str]:
    """A page of orders and the cursor of the next."""
    params: Params = {"after": int(cursor_parts(after, 1)[0]) if after else 0, "limit": limit + 1}
    statement = _ORDERS
    if state is not None:
        statement, params = _ORDERS_IN_STATE, {**params, "state": state.value}
    rows = connection.execute(statement, params).all()
    page = rows[:limit]
    following = cursor(page[-1].creation) if len(rows) > limit else ""
    return tuple(codec.ORDER.decode(row.document) for row in page), following


def open_allocations(connection: sa.Connection, limit: int) -> tuple[str, ...]:
    """Ids of CONFIRMED orders, earliest promise first."""
    return tuple(connection.execute(_OPEN_ALLOCATIONS, {"limit": limit}).scalars())


def response(connection: sa.Connection, key: RequestKey) -> StoredResponse | None:
    """The first answer to a request."""
    row = _RESPONSE.first(connection, _key_params(key))
    if row is None:
        return None
    fingerprint, body, stored_ms, is_error = row
    return StoredResponse(key, fingerprint, body, stored_ms, bool(is_error))


def intent(connection: sa.Connection, key: RequestKey) -> Intent | None:
    """An open intent."""
    row = connection.execute(_INTENT, _key_params(key)).one_or_none()
    return None if row is None else _intent(row)


def open_intents(connection: sa.Connection) -> tuple[Intent, ...]:
    """All open intents, oldest first."""
    return tuple(_intent(row) for row in connection.execute(_OPEN_INTENTS))


def pickup_code(connection: sa.Connection, fulfillment_order_id: str) -> PickupCode | None:
    """A code's hash and tries."""
    row = _CODE.first(connection, {"id": fulfillment_order_id})
    return None if row is None else PickupCode(fulfillment_order_id, *row)


def pick_task(connection: sa.Connection, pick_task_id: str) -> PickTask | None:
    """One task."""
    row = _TASK.first(connection, {"id": pick_task_id})
    return None if row is None else codec.PICK_TASK.decode(row[0])


def open_tasks(
    connection: sa.Connection, node_id: str, after: str, limit: int
) -> tuple[tuple[PickTask, ...], str]:
    """A page of a node's open tasks and the cursor of the next."""
    ready_by, last_id = cursor_parts(after, 2) if after else ("-1", "")
    rows = connection.execute(
        _OPEN_TASKS,
        {"node_id": node_id, "ready_by_ms": int(ready_by), "id": last_id, "limit": limit + 1},
    ).all()
    page = rows[:limit]
    following = cursor(page[-1].ready_by_ms, page[-1].pick_task_id) if len(rows) > limit else ""
    return tuple(codec.PICK_TASK.decode(row.document) for row in page), following


def task_changes(
    connection: sa.Connection, node_id: str, after_sequence: int, limit: int
) -> tuple[TaskChange, ...]:
    """A node's changed tasks, by sequence."""
    rows = connection.execute(
        _CHANGES, {"node_id": node_id, "after": after_sequence, "limit": limit}
    )
    return tuple(
        TaskChange(row.change_sequence, codec.PICK_TASK.decode(row.document)) for row in rows
    )


def task_sequence(connection: sa.Connection, node_id: str) -> int:
    """The sequence of a node's last change."""
    return int(connection.execute(LAST_SEQUENCE, {"node_id": node_id}).scalar_one())


def goods_off_shelf(connection: sa.Connection, node_id: str, sku: str) -> int:
    """Units picked at a node that have not left or gone back."""
    units = 0
    for document in connection.execute(_GOODS, {"node_id": node_id}).scalars():
        for group in codec.ORDER.decode(document).fulfillment_orders:
            if group.node_id == node_id and group.holds_goods:
                units += sum(line.picked_quantity for line in group.lines if line.sku == sku)
    return units


def due_pickups(connection: sa.Connection, now_ms: int, limit: int) -> tuple[str, ...]:
    """Fulfillment orders whose pickup expired."""
    return tuple(connection.execute(_DUE, {"now_ms": now_ms, "limit": limit}).scalars())


def due_groups(connection: sa.Connection, after_ms: int) -> tuple[DueGroups, ...]:
    """Groups by node, method and ready time."""
    return tuple(
        DueGroups(row.node_id, Method(row.method), row.ready_by_ms, row.groups)
        for row in connection.execute(_DUE_GROUPS, {"after_ms": after_ms})
    )


def policy_versions(connection: sa.Connection) -> tuple[PolicyVersion, ...]:
    """All versions, the live one last."""
    rows = connection.execute(sa.text("SELECT document FROM policy_versions ORDER BY number"))
    return tuple(codec.POLICY_VERSION.decode(document) for document in rows.scalars())


def ledger_position(connection: sa.Connection) -> LedgerPosition | None:
    """How far the ledger's feed was read."""
    row = _LEDGER_POSITION.first(connection, {})
    return None if row is None else LedgerPosition(row[0], row[1])


def outbox(connection: sa.Connection, now_ms: int, limit: int) -> tuple[OutboxRow, ...]:
    """Events to be published now."""
    rows = connection.execute(_OUTBOX, {"now_ms": now_ms, "limit": limit})
    return tuple(
        OutboxRow(
            row.sequence,
            OrderEvent(
                row.event_id,
                row.type,
                row.order_id,
                row.time_ms,
                row.fulfillment_order_id,
                row.line_number,
            ),
            row.data,
            row.tries,
        )
        for row in rows
    )


def documents(connection: sa.Connection, table: str, key: str) -> Sequence[bytes]:
    """All documents of a table of ours, by key."""
    statement = sa.text(f"SELECT document FROM {table} ORDER BY {key}")  # noqa: S608 (our names)
    return connection.execute(statement).scalars().all()


def document(connection: sa.Connection, table: str, key: str, value: str) -> bytes | None:
    """One document of a table of ours."""
    statement = sa.text(f"SELECT document FROM {table} WHERE {key} = :value")  # noqa: S608
    found: bytes | None = connection.execute(statement, {"value": value}).scalar_one_or_none()
    return found


def operations(connection: sa.Connection, after: str, limit: int) -> Sequence[bytes]:
    """Documents of long operations by id."""
    return connection.execute(_OPERATIONS, {"after": after, "limit": limit}).scalars().all()


def _key_params(key: RequestKey) -> Params:
    return {"tenant": key.tenant, "rpc": key.rpc, "request_id": key.request_id}


def _intent(row: sa.Row[Any]) -> Intent:
    return Intent(
        RequestKey(row.tenant, row.rpc, row.request_id),
        row.order_id,
        row.fingerprint,
        row.command,
        row.facts,
        row.created_ms,
    )
