"""The last changes of pick tasks by node, for whoever watches; bounded whatever happens."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from bopis.domain.errors import TooManyStreams
from bopis.domain.records import TaskChange

RECENT_MAX: Final = 256
"""Changes kept in memory per node; older ones are read from the store."""

WATCHERS_MAX: Final = 10_000
STREAMS_RETRY_MS: Final = 1_000


@dataclass(slots=True)
class _NodeFeed:
    recent: deque[TaskChange] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    complete_after: int | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class TaskFeed:
    """What was written last, by node. Readers pull at their own pace: no buffer grows."""

    def __init__(self) -> None:
        self._nodes: dict[str, _NodeFeed] = {}
        self._watchers = 0

    def publish(self, changes: Iterable[TaskChange]) -> None:
        """Takes over changes, in the order of their commit, and wakes who waits for them."""
        for change in changes:
            feed = self._nodes.setdefault(change.task.node_id, _NodeFeed())
            if feed.complete_after is None:
                feed.complete_after = change.sequence - 1
            if len(feed.recent) == RECENT_MAX:
                feed.complete_after = feed.recent[0].sequence
            feed.recent.append(change)
            feed.changed.set()

    def after(self, node_id: str, sequence: int, limit: int) -> list[TaskChange] | None:
        """Changes after a sequence, each task's last one only; None: older than what is kept."""
        feed = self._nodes.get(node_id)
        if feed is None or feed.complete_after is None or sequence < feed.complete_after:
            return None
        last: dict[str, TaskChange] = {}
        for change in feed.recent:
            if change.sequence > sequence:
                last.pop(change.task.pick_task_id, None)
                last[change.task.pick_task_id] = change
        return list(last.values())[:limit]

    def newest(self, node_id: str) -> int | None:
        """The sequence of the node's last change, if there was one in this process."""
        feed = self._nodes.get(node_id)
        return feed.recent[-1].sequence if feed is not None and feed.recent else None

    async def wait(self, node_id: str, after_sequence: int, timeout_s: float) -> bool:
        """Waits for a change after a sequence; False: there was none in time (real seconds)."""
        feed = self._nodes.setdefault(node_id, _NodeFeed())
        if feed.recent and feed.recent[-1].sequence > after_sequence:
            return True
        feed.changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await feed.changed.wait()
        except TimeoutError:
            return False
        return True

    def enter(self) -> None:
        """Counts a watcher in. Raises TooManyStreams."""
        if self._watchers >= WATCHERS_MAX:
            raise TooManyStreams(
                f"{WATCHERS_MAX} streams are open", retry_after_ms=STREAMS_RETRY_MS
            )
        self._watchers += 1

    def leave(self) -> None:
        """Counts a watcher out."""
        self._watchers -= 1
