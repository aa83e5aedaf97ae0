"""Opening the database: SQLite in WAL with full flushes, or whatever else the URL names."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import NullPool


def open_engine(url: str) -> sa.Engine:
    """An engine whose connections are opened one by one: the writer's and the readers'.

    SQLite: WAL, so that readers never wait for the writer; synchronous=FULL, because NORMAL loses
    acknowledged orders at a power cut. Transactions are begun as IMMEDIATE: a writer that starts as
    a reader can fail half-way.
    """
    engine = sa.create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling begins late and commits before DDL: switched off.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    cursor.execute("PRAGMA cache_size=-32768")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A reader holds nothing: each of its statements sees what is committed then.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
