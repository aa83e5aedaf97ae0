"""The order store when its file is no database any more, as after a fault of the disk."""

from pathlib import Path

import pytest

from bopis.adapters.store_sql import open_store
from bopis.domain.errors import NotServing
from bopis.domain.ids import RequestKey


async def test_a_read_of_a_lost_file_says_not_serving(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    store = open_store(f"sqlite:///{path}")
    key = RequestKey("", "CreateOrder", "6c1f0f4e-0000-4000-8000-000000000001")
    try:
        assert await store.forget_responses(0, 1) == 0
        assert await store.response(key) is None
        for file in (path, path.with_name("orders.db-wal")):
            file.write_bytes(b"\xff" * max(4_096, file.stat().st_size))
        with pytest.raises(NotServing, match="could not be read"):
            await store.order("never-seen-before")
    finally:
        store.close()
