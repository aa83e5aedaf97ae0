"""Random ids."""

from uuid import uuid4


class RandomIds:
    """Implements `bopis.ports.Ids`."""

    def new_uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(uuid4())
