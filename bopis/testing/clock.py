"""A clock to set."""


class FakeClock:
    """Implements `bopis.ports.Clock`; stands still until it is moved."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def wall_ms(self) -> int:
        """Unix ms of now."""
        return self.now_ms

    def advance(self, by_ms: int) -> None:
        """Goes on by some ms; never back."""
        if by_ms < 0:
            raise ValueError("a clock does not go back")
        self.now_ms += by_ms
