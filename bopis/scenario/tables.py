"""Tables in files: CSV, or Parquet where the package duckdb is installed (`bopis[analytics]`)."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

CSV: Final = ".csv"
PARQUET: Final = ".parquet"
BATCH: Final = 10_000
"""Rows of a Parquet file that are in memory at a time."""
WHOLE_NUMBERS: Final = ".0"
"""How numbers end that a column of floats holds instead of integers, because some were missing."""


class TableError(ValueError):
    """A file is no table, or none of the kind that its name says; the text names it."""


def table_file(directory: Path, name: str) -> Path:
    """The file of a table in a folder: `name.csv` or `name.parquet`. Raises TableError if both are
    there.
    """
    files = [directory / f"{name}{suffix}" for suffix in (CSV, PARQUET)]
    there = [file for file in files if file.exists()]
    if len(there) > 1:
        raise TableError(f"{there[1]}: {there[0].name} is there too; which one is meant?")
    return there[0] if there else files[0]


def parquet_rows(path: Path) -> tuple[list[str], Iterator[tuple[str, ...]]]:
    """Column names and rows of a Parquet file, all as texts; nothing is an empty text.

    Raises TableError, also while rows are read.
    """
    connection = _duckdb(path)
    kinds = "DESCRIBE SELECT * FROM read_parquet(?)"
    described = _run(connection, path, kinds, [str(path)]).fetchall()
    names = [str(row[0]) for row in described]
    floats = [str(row[1]) in ("DOUBLE", "FLOAT") for row in described]
    texts = "SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?)"
    found = _run(connection, path, texts, [str(path)])
    return names, _texts(connection, found, floats, path)


def _texts(
    connection: duckdb.DuckDBPyConnection,
    found: duckdb.DuckDBPyConnection,
    floats: Sequence[bool],
    path: Path,
) -> Iterator[tuple[str, ...]]:
    import duckdb

    with connection:
        while True:
            try:
                rows = found.fetchmany(BATCH)
            except duckdb.Error as error:
                raise TableError(f"{path}: {_first_line(error)}") from None
            if not rows:
                return
            for row in rows:
                yield tuple(map(_text, row, floats))


def _text(value: str | None, is_float: bool) -> str:
    if value is None:
        return ""
    return value.removesuffix(WHOLE_NUMBERS) if is_float else value


def write_table(
    path: Path, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]]
) -> None:
    """Writes a table of named columns, each with its type in SQL; the file's name says how. It is
    there whole or not at all. Raises TableError, OSError.
    """
    if path.suffix not in (CSV, PARQUET):
        raise TableError(f"{path}: a name that ends with {CSV} or {PARQUET} is needed")
    partial = path.with_name(f"{path.name}.partial")
    if path.suffix == CSV:
        _write_csv(partial, columns, rows)
    else:
        connection = _duckdb(path)
        with connection, tempfile.TemporaryDirectory(prefix="bopis-table-") as folder:
            aside = Path(folder) / "table.csv"
            _write_csv(aside, columns, rows)
            kinds = ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in columns)
            read = f"read_csv({_quoted(str(aside))}, header = true, columns = {{{kinds}}})"
            copy = f"COPY (SELECT * FROM {read}) TO {_quoted(str(partial))} (FORMAT parquet)"  # noqa: S608
            _run(connection, path, copy, [])
    partial.replace(path)


def _write_csv(
    path: Path, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]]
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([name for name, _ in columns])
        writer.writerows(rows)


def _duckdb(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        import duckdb
    except ImportError:
        raise TableError(f"{path}: Parquet needs: pip install 'bopis[analytics]'") from None
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _run(
    connection: duckdb.DuckDBPyConnection, path: Path, statement: str, given: list[Any]
) -> duckdb.DuckDBPyConnection:
    import duckdb

    try:
        return connection.execute(statement, given)
    except (duckdb.Error, UnicodeError) as error:
        raise TableError(f"{path}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
