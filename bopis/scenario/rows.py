"""Rows of a table whose every error names the file and the line (of Parquet: the row)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from bopis.scenario.tables import PARQUET, TableError, parquet_rows

MICROS = 1_000_000
ID_LENGTH_MAX = 64
YEARS = range(1970, 9000)


class ScenarioError(ValueError):
    """A scenario breaks the format; the text names the file and the line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its place; each reader raises ScenarioError, which names that place."""

    path: Path
    line: int
    values: dict[str, str]

    def error(self, text: str) -> ScenarioError:
        """The error to raise about this row."""
        return ScenarioError(f"{self.path}:{self.line}: {text}")

    def text(self, column: str) -> str:
        """A text, may be empty."""
        return self.values[column].strip()

    def identifier(self, column: str) -> str:
        """An id: 1 to 64 printable ASCII characters, no space at either end."""
        value = self.values[column]
        valid = value.isascii() and value.isprintable() and value == value.strip()
        if not value or len(value) > ID_LENGTH_MAX or not valid:
            raise self.error(
                f"{column} {value!r} is no id (1 to {ID_LENGTH_MAX} printable ASCII characters)"
            )
        return value

    def integer(self, column: str, *, least: int, most: int) -> int:
        """An integer within bounds."""
        text = self.text(column)
        try:
            value = int(text)
        except ValueError:
            raise self.error(f"{column} {text!r} is no integer") from None
        if not least <= value <= most:
            raise self.error(f"{column} {value} is not within {least} to {most}")
        return value

    def optional_integer(self, column: str, *, least: int, most: int) -> int | None:
        """An integer within bounds, or None where the field is empty."""
        return self.integer(column, least=least, most=most) if self.text(column) else None

    def degrees(self, column: str, *, limit: float) -> float:
        """Degrees within plus or minus `limit`."""
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"{column} {text!r} is no number") from None
        if not -limit <= value <= limit:
            raise self.error(f"{column} {text} is not within -{limit:g} to {limit:g} degrees")
        return value

    def money(self, column: str) -> int:
        """A decimal amount as micro-units."""
        text = self.text(column)
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise self.error(f"{column} {text!r} is no amount") from None
        if not value.is_finite() or value < 0 or value > 10**9:
            raise self.error(f"{column} {text} is not within 0 to 1000000000")
        return int((value * MICROS).to_integral_value())

    def instant(self, column: str) -> datetime:
        """An ISO 8601 instant with an offset, in UTC."""
        text = self.text(column)
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise self.error(f"{column} {text!r} is no ISO 8601 instant") from None
        if value.tzinfo is None:
            raise self.error(f"{column} {text!r} names no offset from UTC (end it with Z)")
        if value.year not in YEARS:
            raise self.error(f"{column} {text!r} is not between {YEARS.start} and {YEARS.stop - 1}")
        return value.astimezone(UTC)


def read_rows(path: Path, columns: list[str]) -> Iterator[Row]:
    """The rows of a CSV or Parquet file that has at least these columns. Raises ScenarioError."""
    return _parquet(path, columns) if path.suffix == PARQUET else _csv(path, columns)


def _parquet(path: Path, columns: list[str]) -> Iterator[Row]:
    try:
        names, rows = parquet_rows(path)
        _check_columns(path, names, columns)
        for number, values in enumerate(rows, start=1):
            yield Row(path, number, dict(zip(names, values, strict=True)))
    except TableError as error:
        raise ScenarioError(str(error)) from None


def _check_columns(path: Path, names: Sequence[str], columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in names]
    if missing:
        raise ScenarioError(f"{path}:1: no column {', '.join(missing)}")


def _csv(path: Path, columns: list[str]) -> Iterator[Row]:
    try:
        file = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    with file:
        reader = csv.DictReader(file, strict=True)
        try:
            _check_columns(path, reader.fieldnames or [], columns)
            for values in reader:
                row = Row(path, reader.line_num, values)
                if None in values or None in values.values():
                    raise row.error(f"{len(reader.fieldnames or [])} fields expected")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise ScenarioError(f"{path}:{reader.line_num + 1}: {error}") from None
