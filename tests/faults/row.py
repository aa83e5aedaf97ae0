"""A row of the fault table: what is done to the service, what must come of it, what came of it."""

import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

Choice = TypeVar("Choice")


class NotHereError(Exception):
    """This machine does not allow the fault; the message says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a row runs with: a folder of its own, and how much is asked of it."""

    folder: Path
    quick: bool
    seed: int

    def choose(self, *, quick: Choice, full: Choice) -> Choice:
        """By how long the run may take."""
        return quick if self.quick else full

    def dice(self) -> random.Random:
        """The same for the same seed."""
        return random.Random(self.seed)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a fault: how often it was injected, and in words."""

    injections: int
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `run` raises AssertionError when something else than `expected` comes of it, and
    NotHereError.
    """

    name: str
    fault: str
    expected: str
    run: Callable[[Trial], Seen]


@dataclass(frozen=True, slots=True)
class Result:
    """A row that ran, or why it did not."""

    name: str
    fault: str
    expected: str
    status: Literal["ok", "FAILED", "skipped"]
    injections: int
    seen: str
    seconds: float

    def as_words(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def run_row(row: Row, *, quick: bool, seed: int, keep: bool = False) -> Result:
    """Runs a row in a folder that is gone afterwards, unless it failed and `keep` is asked for."""
    folder = Path(tempfile.mkdtemp(prefix=f"bopis-{row.name}-"))
    started = time.monotonic()
    status: Literal["ok", "FAILED", "skipped"] = "ok"
    try:
        seen = row.run(Trial(folder, quick, seed))
    except NotHereError as reason:
        status, seen = "skipped", Seen(0, str(reason))
    except Exception as error:  # noqa: BLE001 (whatever it is, the row has failed)
        status, seen = "FAILED", Seen(0, _words_of(error))
    seconds = round(time.monotonic() - started, 1)
    if not (keep and status == "FAILED"):
        shutil.rmtree(folder, ignore_errors=True)
    return Result(row.name, row.fault, row.expected, status, seen.injections, seen.words, seconds)


def _words_of(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
