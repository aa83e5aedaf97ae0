"""Named places where a crash test lets the process die: between every pair of steps of an act.

`BOPIS_FAILPOINT=name` kills the process (SIGKILL, as a crash would) when it comes to the place the
first time, `name@3` when it comes there the third time. Without the variable nothing happens.
"""

import os
import signal
from typing import Final

VARIABLE: Final = "BOPIS_FAILPOINT"

FAILPOINTS: Final = (
    "create_order.before_intent",
    "create_order.after_intent",
    "create_order.after_hold",
    "create_order.after_commit",
    "create_order.after_result",
    "cancel_order.after_intent",
    "cancel_order.after_ledger",
    "cancel_order.after_result",
    "short_pick.after_intent",
    "short_pick.after_ledger",
    "short_pick.after_hold",
    "short_pick.after_commit",
    "short_pick.after_result",
    "hand_over.after_intent",
    "hand_over.after_ledger",
    "hand_over.after_result",
    "ship.after_intent",
    "ship.after_ledger",
    "ship.after_result",
    "expire.before_result",
    "expire.after_result",
    "restock.after_intent",
    "restock.after_ledger",
    "restock.after_result",
    "move.after_intent",
    "move.after_ledger",
    "move.after_result",
    "set_capacity.after_ledger",
    "set_capacity.after_result",
    "set_policy.after_version",
    "override.after_store",
    "relay.after_publish",
)
"""Every place, by the name that the code uses."""

_hits: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Dies here if the environment says so."""
    armed = os.environ.get(VARIABLE)
    if armed is None:
        return
    wanted, _, count = armed.partition("@")
    if wanted != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] >= int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
