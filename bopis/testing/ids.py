"""Ids that a seed determines."""

from bopis.domain.ids import derived_uuid


class CountingIds:
    """Implements `bopis.ports.Ids`; the same seed gives the same ids."""

    def __init__(self, seed: str = "test") -> None:
        self._seed = seed
        self._count = 0

    def new_uuid(self) -> str:
        """The next id."""
        self._count += 1
        return derived_uuid("counted", self._seed, str(self._count))
