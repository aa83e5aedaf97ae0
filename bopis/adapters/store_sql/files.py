"""What long operations found: a few large texts of bytes each, of the last operations only."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

_PUT: Final = sa.text(
    "INSERT INTO operation_files (operation_id, name, content)"
    " VALUES (:operation_id, :name, :content)"
    " ON CONFLICT (operation_id, name) DO UPDATE SET content = excluded.content"
)
_FORGET: Final = sa.text(
    "DELETE FROM operation_files WHERE operation_id NOT IN (SELECT operation_id FROM ("
    "SELECT operation_id, MAX(sequence) AS last FROM operation_files GROUP BY operation_id"
    " ORDER BY last DESC LIMIT :keep) AS kept)"
)
_READ: Final = sa.text(
    "SELECT content FROM operation_files WHERE operation_id = :operation_id AND name = :name"
)


def put_operation_files(
    connection: sa.Connection, operation_id: str, files: Mapping[str, bytes], *, keep: int
) -> None:
    """Writes files of an operation; of operations only the last `keep` have files then."""
    rows = [
        {"operation_id": operation_id, "name": name, "content": content}
        for name, content in files.items()
    ]
    if rows:
        connection.execute(_PUT, rows)
    connection.execute(_FORGET, {"keep": keep})


def operation_file(connection: sa.Connection, operation_id: str, name: str) -> bytes | None:
    """One of them."""
    asked = {"operation_id": operation_id, "name": name}
    found: bytes | None = connection.execute(_READ, asked).scalar_one_or_none()
    return found
