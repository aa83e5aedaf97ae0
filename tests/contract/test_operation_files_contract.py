"""What every order store must do with long operations: pages of them, and what they found."""

from pathlib import Path

from bopis.adapters.store_sql import SqlOrderStore
from bopis.domain.records import Operation, OperationStage
from tests.contract.test_order_store_contract import store  # noqa: F401 (the fixture)


async def test_operations_are_read_in_pages_by_id(store: SqlOrderStore) -> None:  # noqa: F811
    for name in ("b", "d", "a", "c"):
        await store.put_operation(Operation(name, "f", OperationStage.DONE, 0, 1))
    assert [one.operation_id for one in await store.operations(after="", limit=3)] == [
        "a",
        "b",
        "c",
    ]
    assert [one.operation_id for one in await store.operations(after="c", limit=3)] == ["d"]


async def test_only_the_last_operations_keep_what_they_found(
    store: SqlOrderStore,  # noqa: F811
    tmp_path: Path,
) -> None:
    for name in ("one", "two", "three"):
        await store.put_operation_files(name, {"x": name.encode(), "y": b"\0" * 100_000}, keep=2)
    assert await store.operation_file("one", "x") is None
    assert await store.operation_file("two", "x") == b"two"
    assert await store.operation_file("three", "y") == b"\0" * 100_000
    assert await store.operation_file("three", "z") is None
    await store.put_operation_files("two", {"x": b"again"}, keep=2)
    assert await store.operation_file("two", "x") == b"again"
    assert await store.operation_file("three", "x") == b"three"
