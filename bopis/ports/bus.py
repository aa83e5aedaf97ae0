"""What is told to others: events and messages."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bopis.domain.events import Envelope
from bopis.domain.notification import Notification

BusHandler = Callable[[Sequence[Envelope]], Awaitable[Sequence[Exception | None]]]
"""Takes a batch; one result per event, in order: None, or why it failed."""


class Bus(Protocol):
    """Where events go."""

    def subscribe(self, name: str, handler: BusHandler) -> None:
        """Adds a consumer. Consumers dedupe by event id: delivery is at least once."""

    async def publish(self, events: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Delivers a batch, in order; one result per event: None, or the first failure."""


class Notifier(Protocol):
    """Tells customers."""

    async def send(self, notifications: Sequence[Notification]) -> None:
        """Sends a batch, each event_id once whatever is repeated. Raises OSError if it cannot."""
