"""What may come: orders that are expected, as a forecaster draws them."""

from dataclasses import dataclass

from bopis.domain.network import Method, Place
from bopis.domain.sourcing import Consent


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """One line; quantity in base units."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ExpectedOrder:
    """An order that may be placed at `placed_ms` (Unix ms), promised for `promise_ms`."""

    placed_ms: int
    promise_ms: int
    method: Method
    place: Place
    lines: tuple[ExpectedLine, ...]
    consent: Consent


Sample = tuple[ExpectedOrder, ...]
"""One way that the hours to come may go, by placing time."""
