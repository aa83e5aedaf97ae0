"""Re-evaluation: which open orders may move, and what a move must gain."""

from dataclasses import dataclass
from typing import Final

from bopis.domain.network import Method
from bopis.domain.order import Order
from bopis.domain.policy import HOUR_MS

STAY_LEAST_MICRO: Final = 10_000
"""What any move must gain (micro-units): for less nobody's plan is changed."""
STAY_FAR_MICRO: Final = 20_000
STAY_NEAR_MICRO: Final = 1_000_000
"""What a move must gain that nobody asked for: far from the picking, and as it begins."""
STAY_FROM_MS: Final = 2 * HOUR_MS
"""It grows within this time before the picking."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an order moves: what it must gain (micro-units), and the one store where it may
    be collected; None: any that the customer agrees to.
    """

    stay_micro: int
    pickup_only_at: str | None = None


def stay_micro(left_ms: int) -> int:
    """What moving an order must gain whose picking begins in `left_ms`."""
    near_ms = min(max(0, STAY_FROM_MS - left_ms), STAY_FROM_MS)
    return STAY_FAR_MICRO + (STAY_NEAR_MICRO - STAY_FAR_MICRO) * near_ms // STAY_FROM_MS


def rolling_terms(order: Order, *, now_ms: int, freeze_ms: int) -> Terms | None:
    """On what terms re-evaluation moves an order; None: not at all, its picking begins within
    `freeze_ms`. The store where the customer was told to collect stays.
    """
    starts = [group.window_start_ms for group in order.fulfillment_orders]
    left_ms = min(starts, default=now_ms) - now_ms
    if left_ms < freeze_ms:
        return None
    told = [group.node_id for group in order.fulfillment_orders if group.method is Method.PICKUP]
    only = told[0] if told else order.customer_node_id or None
    return Terms(stay_micro(left_ms), only if order.method is Method.PICKUP else None)
