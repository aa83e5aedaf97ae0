"""Time and ids."""

from typing import Protocol


class Clock(Protocol):
    """The one clock; in a demo it runs scaled."""

    def wall_ms(self) -> int:
        """Unix ms of now."""
        ...


class Ids(Protocol):
    """Ids that nothing determines."""

    def new_uuid(self) -> str:
        """A random UUID in canonical form."""
        ...
