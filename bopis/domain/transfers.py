"""Transfers: lines picked at one node and moved to the store where they are collected."""

from dataclasses import dataclass
from typing import Final

from bopis.domain.network import NodeKind
from bopis.domain.policy_reader import Reader

MICRO: Final = 1_000_000
MINUTE_S: Final = 60
PRICE_MAX: Final = 1_000_000
REACH_MAX_KM: Final = 20_016


@dataclass(frozen=True, slots=True)
class Transfers:
    """Who sends to stores, how long it takes, and what it costs.

    Nodes of `from_kinds` send to stores up to `reach_km` away. Lines arrive `handling_s` and the
    way at `km_per_h` after the end of their picking. Receiving takes `receive_line_s` labor
    seconds a line at the store. A source costs `source_micro`, a km `km_micro`.
    """

    from_kinds: tuple[NodeKind, ...]
    reach_km: int
    handling_s: int
    km_per_h: int
    receive_line_s: int
    source_micro: int
    km_micro: int


def read_transfers(reader: Reader, *, level: str, what_if: bool) -> Transfers | None:
    """The section `transfers` and its prices; mistakes go to the reader. None: they are off.

    `what_if`: they are on, whatever the policy says. A policy may lack the section: off.
    """
    on = reader.flag("transfers.enabled", default=False)
    if not (what_if or reader.has("transfers.enabled")):
        return None
    if on and not what_if:
        words = "transfers.enabled: no service carries transfers out yet; see what they would be"
        reader.complain("transfers.enabled", f"{words} worth with bopis simulate")
    kinds = reader.texts("transfers.from_kinds")
    for kind in kinds:
        if kind not in tuple(NodeKind):
            known = ", ".join(NodeKind)
            reader.complain(
                "transfers.from_kinds", f"transfers.from_kinds: {kind} is none of {known}"
            )
    for name in ("transfer", "transfer_km"):
        for column in ("low", "base", "high"):
            reader.scaled(f"cost.{name}.{column}", MICRO, PRICE_MAX)
    transfers = Transfers(
        from_kinds=tuple(NodeKind(kind) for kind in kinds if kind in tuple(NodeKind)),
        reach_km=reader.integer("transfers.reach_km", 1, REACH_MAX_KM),
        handling_s=reader.integer("transfers.handling_min", 0, 10_080) * MINUTE_S,
        km_per_h=reader.integer("transfers.km_per_h", 1, 1_000),
        receive_line_s=reader.integer("transfers.receive_line_s", 1, 3_600),
        source_micro=reader.scaled(f"cost.transfer.{level}", MICRO, PRICE_MAX),
        km_micro=reader.scaled(f"cost.transfer_km.{level}", MICRO, PRICE_MAX),
    )
    return transfers if what_if else None
