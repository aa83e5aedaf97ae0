"""Quotes: an option of PromiseService as CreateOrder takes it up, and what became of it.

The token of a quote is signed in the door and read in `service/promise_tokens.py`. It tells lines
by their places in the basket's sorted order, so that an order of the same SKUs and quantities fits
whatever its own order and line numbers are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from bopis.domain.network import Method


@dataclass(frozen=True, slots=True)
class TokenGroup:
    """Lines that one node is to do, by their places in the sorted basket. Times are Unix ms."""

    node_id: str
    method: Method
    lines: tuple[int, ...]
    window_start_ms: int
    ready_by_ms: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What was quoted: who does what and when, its cost, and until when it is taken."""

    basket: str
    method: Method
    groups: tuple[TokenGroup, ...]
    ready_by_ms: int
    cost_micro: int
    currency: str
    policy_version: str
    expire_ms: int

    @property
    def pickup_node_id(self) -> str:
        """Where the customer collects; empty if all is shipped."""
        return next((one.node_id for one in self.groups if one.method is Method.PICKUP), "")


@dataclass(frozen=True, slots=True)
class BasketLine:
    """What makes a basket the same: SKU and quantity of each line."""

    line_number: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class QuotedGroup:
    """A quoted group in the line numbers of an order. Times are Unix ms."""

    node_id: str
    method: Method
    line_numbers: tuple[int, ...]
    window_start_ms: int
    ready_by_ms: int


@dataclass(frozen=True, slots=True)
class QuoteAsk:
    """What a placement is to keep if it can; `required`: else it places nothing."""

    groups: tuple[QuotedGroup, ...]
    required: bool = False


class QuoteFault(StrEnum):
    """Why a quote cannot be kept."""

    NO_STOCK = "NO_STOCK"
    NO_LABOR = "NO_LABOR"
    WINDOW_PAST = "WINDOW_PAST"
    NODE_NOT_ALLOWED = "NODE_NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class QuoteLost:
    """A quote that was not kept: why, and at which node."""

    reason: QuoteFault
    node_id: str


@dataclass(frozen=True, slots=True)
class QuotedPromise:
    """What became of the quote that an order was placed with; `lost` None: it was kept."""

    ready_by_ms: int
    cost_micro: int
    lost: QuoteLost | None = None


def basket_digest(lines: Sequence[BasketLine]) -> str:
    """SHA-256 of the sorted lines, in hexadecimal: length of the SKU in 4 bytes, the SKU, the
    quantity in 8 bytes, big-endian.
    """
    digest = sha256()
    for line in _in_order(lines):
        sku = line.sku.encode()
        digest.update(len(sku).to_bytes(4) + sku + line.quantity.to_bytes(8))
    return digest.hexdigest()


def quoted_groups(quote: Quote, lines: Sequence[BasketLine]) -> tuple[QuotedGroup, ...]:
    """The quote's groups in the line numbers of an order with the same basket."""
    numbers = [line.line_number for line in _in_order(lines)]
    return tuple(
        QuotedGroup(
            one.node_id,
            one.method,
            tuple(numbers[place] for place in one.lines),
            one.window_start_ms,
            one.ready_by_ms,
        )
        for one in quote.groups
    )


def _in_order(lines: Sequence[BasketLine]) -> list[BasketLine]:
    return sorted(lines, key=lambda line: (line.sku, line.quantity))
