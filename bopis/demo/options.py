"""What a demo run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of one run.

    `scenario` None: a small generated one. `speed`: simulated seconds per real second while orders
    come in; None: as fast as the service is known to follow. `orders`: at most so many, thinned out
    evenly over the day. `quiet`: no live progress (with `--json`). `keep`: a folder to run in and
    to leave behind; None: a temporary one. `kills`: so many times the service is killed with
    SIGKILL while orders come in.
    """

    scenario: Path | None = None
    speed: float | None = None
    orders: int | None = None
    seed: int = 1
    quiet: bool = False
    keep: Path | None = None
    kills: int = 0
