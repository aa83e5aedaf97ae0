"""The order store in SQL: SQLite, or PostgreSQL by URL.

engines (opening), migrations (tables), writer (group commit), writes (one write set) with
its statements, readers,
codec (documents), store (the port).
"""

from bopis.adapters.store_sql.store import SqlOrderStore, open_store

__all__ = ["SqlOrderStore", "open_store"]
