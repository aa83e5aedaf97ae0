"""The log that each client writes itself: one JSON object per acknowledged act.

It is the only evidence that the oversold checker uses beside the imported stock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bopis.demo.oversold import LogEntry

KINDS = frozenset({"promise", "release", "sale", "loss", "left"})
Lines = Mapping[int, tuple[str, str, int]]


class ClientLog:
    """Appends to one file; `sent` and `acknowledged` are monotonic seconds of this machine."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, kind: str, sent: float, acknowledged: float, **fields: Any) -> None:
        """Writes one act. `lines` maps line numbers to (node_id, sku, quantity)."""
        record = {"kind": kind, "sent": sent, "acknowledged": acknowledged, **fields}
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        """Hands what was written to the system."""
        self._file.flush()


def read_logs(directory: Path) -> Iterator[dict[str, Any]]:
    """Every act in every log of the folder."""
    for path in sorted(directory.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


def entry_of(record: Mapping[str, Any]) -> LogEntry | None:
    """The checker's entry of a logged act; None for acts that change neither stock nor promise."""
    if record["kind"] not in KINDS:
        return None
    lines = record.get("lines", {})
    return LogEntry(
        kind=record["kind"],
        sent=record["sent"],
        acknowledged=record["acknowledged"],
        order_id=record.get("order_id", ""),
        lines={int(number): (what[0], what[1], what[2]) for number, what in lines.items()},
        node_id=record.get("node_id", ""),
        sku=record.get("sku", ""),
        quantity=record.get("quantity", 0),
        asked=record.get("asked"),
    )
