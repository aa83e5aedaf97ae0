"""The event bus inside this process."""

from collections.abc import Sequence

from bopis.domain.events import Envelope
from bopis.ports import BusHandler


class LocalBus:
    """Hands every batch to every subscriber, one after the other."""

    def __init__(self) -> None:
        self._handlers: dict[str, BusHandler] = {}

    def subscribe(self, name: str, handler: BusHandler) -> None:
        """Adds a consumer. Raises ValueError if the name is taken."""
        if name in self._handlers:
            raise ValueError(f"{name} has subscribed already")
        self._handlers[name] = handler

    async def publish(self, events: Sequence[Envelope]) -> Sequence[Exception | None]:
        """One result per event: None, or the first failure. A consumer that raises fails all."""
        results: list[Exception | None] = [None] * len(events)
        for handler in tuple(self._handlers.values()):
            try:
                outcomes = await handler(events)
            except Exception as error:  # noqa: BLE001 (the relay retries, then buries)
                outcomes = [error] * len(events)
            results = [before or now for before, now in zip(results, outcomes, strict=True)]
        return results
