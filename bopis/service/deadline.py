"""Until when the answer of the call in hand is worth anything.

The deadline travels with the task, like the call itself: use cases that wait (for a lock, behind
another mutation) look at it before they write or touch the ledger. Jobs have none.
"""

import time
from contextvars import ContextVar
from typing import Final

from bopis.domain.errors import DeadlinePassed

_ENDS_S: Final[ContextVar[float | None]] = ContextVar("call_ends_s", default=None)


def begin_call(remaining_s: float | None) -> None:
    """Notes the deadline of the call that this task serves; None: it has none."""
    _ENDS_S.set(None if remaining_s is None else time.monotonic() + remaining_s)


def check_deadline() -> None:
    """Raises DeadlinePassed when it is too late to begin anything."""
    ends_s = _ENDS_S.get()
    if ends_s is not None and time.monotonic() >= ends_s:
        raise DeadlinePassed("the deadline passed before the call touched anything")
