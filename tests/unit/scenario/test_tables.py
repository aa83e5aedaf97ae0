"""Tables as Parquet: the same scenario as from CSV, and errors that name file, row and column."""

from pathlib import Path
from random import Random

import duckdb
import pytest

from bopis.scenario.loader import load_labor, load_scenario
from bopis.scenario.rows import ScenarioError
from bopis.scenario.tables import TableError, write_table
from tests.unit.scenario.test_scenario_loader import FILES, write

ROUNDS = 150


def put(folder: Path, name: str, query: str) -> None:
    """The rows of a query as a Parquet table."""
    duckdb.sql(query).write_parquet(str(folder / f"{name}.parquet"))


def as_parquet(source: Path, target: Path, *names: str) -> Path:
    """Some tables of a folder as Parquet, with the types that a program would give them."""
    target.mkdir(exist_ok=True)
    for file in source.glob("*.csv"):
        if file.stem in names:
            put(target, file.stem, f"FROM read_csv('{file}', header = true)")
        else:
            (target / file.name).write_bytes(file.read_bytes())
    return target


NAMES = tuple(name.removesuffix(".csv") for name in FILES)


def test_a_scenario_in_parquet_is_the_one_in_csv(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    csv = write(tmp_path / "one")
    expected = load_scenario(csv)
    mixed = load_scenario(as_parquet(csv, tmp_path / "mixed", "orders", "on_hand"))
    whole = load_scenario(as_parquet(csv, tmp_path / "whole", *NAMES))
    for found in (mixed, whole):
        assert (found.nodes, found.skus, found.orders) == (
            expected.nodes,
            expected.skus,
            expected.orders,
        )
        assert found.on_hand == expected.on_hand


def test_a_wrong_value_in_parquet_is_named_with_file_row_and_column(tmp_path: Path) -> None:
    folder = as_parquet(write(tmp_path), tmp_path / "parquet", *NAMES)
    values = "FROM (VALUES ('S1', 'A', 5), ('S1', 'B', -3)) AS t(node_id, sku, quantity)"
    put(folder, "on_hand", values)
    with pytest.raises(ScenarioError, match=r"on_hand\.parquet:2: quantity -3 is not within 0"):
        load_scenario(folder)
    put(folder, "on_hand", "SELECT 1 AS node_id")
    with pytest.raises(ScenarioError, match=r"on_hand\.parquet:1: no column sku, quantity"):
        load_scenario(folder)


def test_a_table_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    folder = as_parquet(write(tmp_path), tmp_path / "parquet", "orders")
    (folder / "orders.csv").write_text("", encoding="utf-8")
    with pytest.raises(ScenarioError, match="which one is meant"):
        load_scenario(folder)


def test_labor_is_read_by_node_and_full_hour(tmp_path: Path) -> None:
    table = tmp_path / "labor.csv"
    assert load_labor(tmp_path, {"S1"}) is None
    table.write_text("node_id,window_start,seconds\nS1,2026-03-03T10:00:00-05:00,1800\n")
    assert load_labor(tmp_path, {"S1"}) == {("S1", 1_772_550_000): 1_800}
    for row, said in (
        ("S2,2026-03-03T10:00:00Z,1", "labor.csv:2: node_id 'S2' is not among the nodes"),
        ("S1,2026-03-03T10:30:00Z,1", "is no full hour"),
        ("S1,2026-03-03T10:00:00,1", "names no offset"),
        ("S1,2026-03-03T10:00:00Z,-1", "seconds -1 is not within"),
        ("S1,2026-03-03T10:00:00Z,1\nS1,2026-03-03T11:00:00+01:00,1", "comes twice"),
    ):
        table.write_text(f"node_id,window_start,seconds\n{row}\n")
        with pytest.raises(ScenarioError, match=said):
            load_labor(tmp_path, {"S1"})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_written_table_holds_what_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"it's a table{suffix}"
    rows = [("o'1", 1, 0.25, "2026-03-03T10:00:00Z"), ('o"2,\n', 2, "", "")]
    columns = (("id", "VARCHAR"), ("n", "INTEGER"), ("x", "DOUBLE"), ("ready", "TIMESTAMPTZ"))
    write_table(path, columns, rows)
    read = "read_csv" if suffix == ".csv" else "read_parquet"
    statement = f"SELECT id, n, x, epoch(ready) FROM {read}(?)"  # noqa: S608
    found = duckdb.execute(statement, [str(path)]).fetchall()
    assert found == [("o'1", 1, 0.25, 1_772_532_000.0), ('o"2,\n', 2, None, None)]
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="a name that ends with"):
        write_table(tmp_path / "x.txt", (("id", "VARCHAR"),), [])


def test_without_the_package_parquet_is_refused_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(TableError, match=r"pip install 'bopis\[analytics\]'"):
        write_table(tmp_path / "x.parquet", (("id", "VARCHAR"),), [])


def damaged(content: bytes, dice: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randint(0, 3):
            case 0:
                del changed[at:]
            case 1 if at < len(changed):
                changed[at] ^= 1 << dice.randint(0, 7)
            case 2:
                changed[at:at] = dice.randbytes(dice.randint(1, 9))
            case _:
                changed[at:at] = changed[: dice.randint(0, len(changed))]
    return bytes(changed[:100_000])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_damaged_tables_are_read_or_refused_and_nothing_else(tmp_path: Path, kind: str) -> None:
    folder = write(tmp_path)
    if kind == "parquet":
        folder = as_parquet(write(tmp_path), tmp_path / "parquet", *NAMES)
    whole = {name: (folder / f"{name}.{kind}").read_bytes() for name in NAMES}
    refused = 0
    for seed in range(ROUNDS):
        dice = Random(seed)
        name = dice.choice(NAMES)
        (folder / f"{name}.{kind}").write_bytes(damaged(whole[name], dice))
        try:
            load_scenario(folder)
        except ScenarioError as error:
            refused += 1
            assert str(error).startswith(str(folder)), f"seed {seed}: {error}"
        finally:
            (folder / f"{name}.{kind}").write_bytes(whole[name])
    assert refused > ROUNDS / 2
