"""The tables, as migrations from the first one on. An applied migration is never edited."""

import json
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from bopis.domain.errors import NotServing

Migration = Callable[[sa.Connection], None]

_BIG = sa.BigInteger()
# SQLite numbers rows by itself only for INTEGER PRIMARY KEY.
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text_key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, _BIG, nullable=False)


def _document(name: str = "document") -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, _SERIAL, primary_key=True, autoincrement=True)


def _request_tables(metadata: sa.MetaData) -> None:
    """Intents and responses, by request."""
    sa.Table(
        "intents",
        metadata,
        _serial("sequence"),
        _text("tenant"),
        _text("rpc"),
        _text("request_id"),
        _text("order_id"),
        _text("fingerprint"),
        _document("command"),
        _document("facts"),
        _number("created_ms"),
        sa.UniqueConstraint("tenant", "rpc", "request_id"),
    )
    sa.Table(
        "responses",
        metadata,
        _text_key("tenant"),
        _text_key("rpc"),
        _text_key("request_id"),
        _text("fingerprint"),
        _document("body"),
        _number("stored_ms"),
        _number("is_error"),
        sa.Index("responses_by_age", "stored_ms"),
    )


def _order_tables(metadata: sa.MetaData) -> None:
    """Orders with what is looked up of them, tasks, codes."""
    sa.Table(
        "orders",
        metadata,
        _serial("creation"),
        sa.Column("order_id", sa.Text(), nullable=False, unique=True),
        _text("state"),
        _number("promise_ms"),
        _number("version"),
        _document(),
        sa.Index("orders_by_state", "state", "creation"),
        sa.Index("orders_by_promise", "state", "promise_ms"),
    )
    sa.Table(
        "fulfillment_orders",
        metadata,
        _text_key("fulfillment_order_id"),
        _text("order_id"),
        _text("node_id"),
        _text("state"),
        _number("holds_goods"),
        _number("pickup_expire_ms"),
        sa.Index("fulfillment_orders_by_order", "order_id"),
        sa.Index("fulfillment_orders_by_goods", "node_id", "holds_goods"),
        sa.Index("fulfillment_orders_by_expiry", "state", "pickup_expire_ms"),
    )
    sa.Table(
        "pick_tasks",
        metadata,
        _text_key("pick_task_id"),
        _text("node_id"),
        _number("is_open"),
        _number("ready_by_ms"),
        _number("change_sequence"),
        _document(),
        sa.Index("pick_tasks_by_change", "node_id", "change_sequence", unique=True),
        sa.Index("pick_tasks_by_promise", "node_id", "is_open", "ready_by_ms", "pick_task_id"),
    )
    sa.Table(
        "pickup_codes",
        metadata,
        _text_key("fulfillment_order_id"),
        _text("code_hash"),
        _number("tries_used"),
    )


def _event_tables(metadata: sa.MetaData) -> None:
    """The outbox and what could not be delivered."""
    for name, last in (("outbox", _number("next_try_ms")), ("dead_letters", _text("error"))):
        sa.Table(
            name,
            metadata,
            _serial("sequence"),
            sa.Column("event_id", sa.Text(), nullable=False, unique=True),
            _text("type"),
            _text("order_id"),
            _number("time_ms"),
            _text("fulfillment_order_id"),
            _number("line_number"),
            _document("data"),
            _number("tries"),
            last,
            sa.Index(f"{name}_by_order", "order_id", "sequence"),
        )


def _directory_tables(metadata: sa.MetaData) -> None:
    """Network, catalog, long operations."""
    sa.Table("nodes", metadata, _text_key("node_id"), _document())
    sa.Table("items", metadata, _text_key("sku"), _document())
    sa.Table("operations", metadata, _text_key("operation_id"), _document())
    sa.Table(
        "labor_horizons", metadata, _text_key("node_id"), _text("hours"), _number("opened_until_s")
    )


def _first(connection: sa.Connection) -> None:
    metadata = sa.MetaData()
    _request_tables(metadata)
    _order_tables(metadata)
    _event_tables(metadata)
    _directory_tables(metadata)
    metadata.create_all(connection)


def _second(connection: sa.Connection) -> None:
    """How far feeds were read."""
    metadata = sa.MetaData()
    sa.Table(
        "feed_positions", metadata, _text_key("feed"), _text("journal_id"), _number("sequence")
    )
    metadata.create_all(connection)


def _third(connection: sa.Connection) -> None:
    """Policies and what planners decided; when groups get ready, and how they leave."""
    metadata = sa.MetaData()
    sa.Table("policy_versions", metadata, _text_key("version"), _number("number"), _document())
    sa.Table("overrides", metadata, _text_key("override_id"), _document())
    metadata.create_all(connection)
    for column in ("method TEXT NOT NULL DEFAULT ''", "ready_by_ms BIGINT NOT NULL DEFAULT 0"):
        connection.execute(sa.text(f"ALTER TABLE fulfillment_orders ADD COLUMN {column}"))
    connection.execute(
        sa.text("CREATE INDEX fulfillment_orders_by_ready ON fulfillment_orders (ready_by_ms)")
    )
    fill = sa.text(
        "UPDATE fulfillment_orders SET method = :method, ready_by_ms = :ready_by_ms"
        " WHERE fulfillment_order_id = :id"
    )
    last = 0
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT creation, document FROM orders WHERE creation > :last"
                " ORDER BY creation LIMIT 1000"
            ),
            {"last": last},
        ).all()
        if not rows:
            return
        last = rows[-1].creation
        groups = [
            {
                "id": group["fulfillment_order_id"],
                "method": group["method"],
                "ready_by_ms": group["ready_by_ms"],
            }
            for row in rows
            for group in json.loads(row.document).get("fulfillment_orders", ())
        ]
        if groups:
            connection.execute(fill, groups)


def _fourth(connection: sa.Connection) -> None:
    """What long operations found; what choices of plans were made of."""
    metadata = sa.MetaData()
    sa.Table(
        "operation_files",
        metadata,
        _serial("sequence"),
        _text("operation_id"),
        _text("name"),
        _document("content"),
        sa.UniqueConstraint("operation_id", "name"),
    )
    sa.Table(
        "decisions",
        metadata,
        _text_key("order_id"),
        sa.Column("attempt", _BIG, primary_key=True),
        _number("made_ms"),
        _text("network"),
        _text("policy"),
        _text("duals"),
        _document(),
        sa.Index("decisions_by_time", "made_ms"),
    )
    sa.Table("settings", metadata, _text_key("digest"), _number("last_ms"), _document("content"))
    metadata.create_all(connection)


MIGRATIONS: Final[tuple[Migration, ...]] = (_first, _second, _third, _fourth)


def migrate(connection: sa.Connection) -> int:
    """Applies what is missing, in one transaction of the caller; the number of the last one.

    Raises NotServing if the database was written by a newer release.
    """
    applied_table = sa.Table(
        "applied_migrations", sa.MetaData(), sa.Column("number", sa.Integer(), primary_key=True)
    )
    applied_table.create(connection, checkfirst=True)
    applied = set(connection.scalars(sa.select(applied_table.c.number)))
    if applied and max(applied) > len(MIGRATIONS):
        raise NotServing("the order store was written by a newer release")
    for number, migration in enumerate(MIGRATIONS, start=1):
        if number not in applied:
            migration(connection)
            connection.execute(applied_table.insert().values(number=number))
    return len(MIGRATIONS)
