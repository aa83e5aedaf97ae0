"""The dual prices in force, in this process: they are made anew within minutes of a start."""

from bopis.domain.duals import Duals


class MemoryDuals:
    """Implements `bopis.ports.DualStore`."""

    def __init__(self) -> None:
        self._current: Duals | None = None

    def current(self) -> Duals | None:
        """See the port."""
        return self._current

    def replace(self, duals: Duals) -> None:
        """See the port."""
        self._current = duals
