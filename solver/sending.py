"""Transfers as the batch problem names them: the fields of the values in `bopis.domain`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transfers:
    """Who sends to stores, how long it takes, and what it costs."""

    from_kinds: tuple[str, ...]
    reach_km: int
    handling_s: int
    km_per_h: int
    receive_line_s: int
    source_micro: int
    km_micro: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where and in which hour a transfer is received, and the labor seconds that it takes."""

    node_id: str
    window_start_s: int
    seconds: int
