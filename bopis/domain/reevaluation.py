"""Re-evaluation: which open orders may move, and what a move must gain."""

from typing import Final

from bopis.domain.policy import HOUR_MS

STAY_FAR_MICRO: Final = 20_000
STAY_NEAR_MICRO: Final = 1_000_000
"""What a move must gain at least (micro-units): far from the picking, and as it begins."""
STAY_FROM_MS: Final = 2 * HOUR_MS
"""It grows within this time before the picking."""


def stay_micro(left_ms: int) -> int:
    """What moving an order must gain whose picking begins in `left_ms`."""
    near_ms = min(max(0, STAY_FROM_MS - left_ms), STAY_FROM_MS)
    return STAY_FAR_MICRO + (STAY_NEAR_MICRO - STAY_FAR_MICRO) * near_ms // STAY_FROM_MS
