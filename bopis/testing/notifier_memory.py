"""Notifications in a list."""

from collections.abc import Sequence

from bopis.domain.notification import Notification


class MemoryNotifier:
    """Implements `bopis.ports.Notifier`; `failures` makes the next sends fail."""

    def __init__(self) -> None:
        self.sent: dict[str, Notification] = {}
        self.failures = 0

    async def send(self, notifications: Sequence[Notification]) -> None:
        """See the port."""
        if self.failures:
            self.failures -= 1
            raise OSError("the notifier was told to fail")
        for one in notifications:
            self.sent.setdefault(one.event_id, one)
