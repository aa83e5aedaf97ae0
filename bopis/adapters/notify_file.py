"""Notifications into a file that a person can look at: one JSON object per line, flushed.

What was written is known by event id, across restarts: a repeat writes nothing. A line cut off by a
crash is cut away when the file is opened; its event comes again.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bopis.domain.notification import Notification


class FileNotifier:
    """Appends to `<data>/notifications.jsonl`; readable by its owner only, for it has codes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._sent: set[str] = set()
        self._turn = asyncio.Lock()
        self._recover(path)

    def _recover(self, path: Path) -> None:
        read = good = 0
        with path.open("rb") as file:
            for line in file:
                read += len(line)
                event_id = _event_id(line)
                if event_id is not None:
                    self._sent.add(event_id)
                    good = read
        os.ftruncate(self._file, good)

    async def send(self, notifications: Sequence[Notification]) -> None:
        """Appends what is new, with one flush. Raises OSError; then nothing counts as sent."""
        async with self._turn:
            new = {one.event_id: one for one in notifications if one.event_id not in self._sent}
            if not new:
                return
            text = "".join(json.dumps(_line(one)) + "\n" for one in new.values())
            await asyncio.to_thread(self._append, text.encode())
            self._sent.update(new)

    def _append(self, data: bytes) -> None:
        end = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(f"only {written} of {len(data)} bytes were written")
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, end)
            raise

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def _line(one: Notification) -> dict[str, Any]:
    fields = {name: getattr(one, name) for name in Notification.__slots__}
    return {name: value for name, value in fields.items() if value not in ("", 0)}


def _event_id(line: bytes) -> str | None:
    """The event id of a whole line; None for one that was cut off."""
    if not line.endswith(b"\n"):
        return None
    try:
        event_id = json.loads(line)["event_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return event_id if isinstance(event_id, str) else None
