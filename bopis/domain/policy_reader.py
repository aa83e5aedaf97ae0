"""Reads a policy's keys by dotted path, and collects every complaint before it says no."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from bopis.domain.errors import FieldsInvalid

COMPLAINTS_MAX: Final = 100
"""A file with more mistakes than this is another kind of file."""

_MISSING: Final = object()


@dataclass(slots=True)
class Reader:
    """The keys of a TOML document. Remembers which were read, so that a misspelt one is found.

    A key that is missing or wrong gives a stand-in, so that reading goes on to the next mistake;
    `finish` raises them all. Elements of an array of tables have the path `name[index].key`.
    """

    root: Mapping[str, Any]
    complaints: list[tuple[str, str]] = field(default_factory=list)
    _values: dict[str, Any] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._flatten(self.root, "")

    def _flatten(self, table: Mapping[str, Any], prefix: str) -> None:
        for key, value in table.items():
            path = f"{prefix}{key}"
            if isinstance(value, Mapping):
                self._flatten(value, f"{path}.")
            elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
                self._counts[path] = len(value)
                for index, element in enumerate(value):
                    self._flatten(element, f"{path}[{index}].")
            else:
                self._values[path] = value

    def complain(self, path: str, words: str) -> None:
        """Notes a mistake at a key."""
        self.complaints.append((path, words))

    def _value(self, path: str, default: Any) -> Any:
        """The value; the default, or a complaint and None, where it is missing."""
        self._read.add(path)
        value = self._values.get(path, _MISSING)
        if value is not _MISSING:
            return value
        if default is _MISSING:
            self.complain(path, f"the policy lacks {path}")
            return None
        return default

    def has(self, path: str) -> bool:
        """Whether the key is there."""
        return path in self._values

    def count(self, path: str) -> int:
        """Elements of an array of tables."""
        if self._values.get(path) == []:
            self._read.add(path)
        return self._counts.get(path, 0)

    def names(self, path: str) -> tuple[str, ...]:
        """Names of the tables in a table, in the order of the file."""
        table = self.root.get(path, {})
        return tuple(table) if isinstance(table, Mapping) else ()

    def text(self, path: str, default: Any = _MISSING) -> str:
        """A text that is not empty."""
        value = self._value(path, default)
        if not self.has(path):
            return value or ""
        if not isinstance(value, str) or not value:
            self.complain(path, f"{path} must be a text")
            return ""
        return value

    def texts(self, path: str) -> tuple[str, ...]:
        """A list of texts; none where the key is missing."""
        value = self._value(path, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.complain(path, f"{path} must be a list of texts")
            return ()
        return tuple(value)

    def choice(self, path: str, words: Iterable[str], default: Any = _MISSING) -> str:
        """One of some words."""
        value, known = self.text(path, default), tuple(words)
        if value and value not in known:
            self.complain(path, f"{path} must be one of {', '.join(known)}")
            return ""
        return value

    def flag(self, path: str, default: Any = _MISSING) -> bool:
        """True or false."""
        value = self._value(path, default)
        if not isinstance(value, bool):
            if value is not None:
                self.complain(path, f"{path} must be true or false")
            return False
        return value

    def integer(self, path: str, low: int, high: int, default: Any = _MISSING) -> int:
        """A whole number in a range."""
        value = self._value(path, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            if value is not None:
                self.complain(path, f"{path} must be a whole number, {low} to {high}")
            return low
        return value

    def integer_or_none(self, path: str, low: int, high: int) -> int | None:
        """A whole number in a range, if the key is there."""
        return self.integer(path, low, high) if self.has(path) else None

    def scaled(self, path: str, scale: int, most: int) -> int:
        """A number from 0 to `most`, times `scale`; it must come out whole."""
        value = self._value(path, _MISSING)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            self.complain(path, f"{path} must be a number")
            return 0
        scaled = Decimal(value) * scale
        if not scaled.is_finite() or not 0 <= scaled <= most * scale or scaled != int(scaled):
            self.complain(path, f"{path} must be 0 to {most:,} and a multiple of 1/{scale}")
            return 0
        return int(scaled)

    def finish(self) -> None:
        """Raises FieldsInvalid with every complaint; `reason` is for people and read by nobody."""
        for path in self._values:
            if path not in self._read and not _is_for_people(path):
                self.complain(path, f"the policy has no key {path}")
        if self.complaints:
            raise FieldsInvalid(tuple(dict.fromkeys(self.complaints))[:COMPLAINTS_MAX])


def _is_for_people(path: str) -> bool:
    key = path.rpartition(".")[2]
    return key == "reason" or key.endswith("_reason")
