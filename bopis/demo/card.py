"""The cost card and rules that both sides of the comparison are scored by.

Read from the policy file by this module alone, so that the scorer shares no code with the service.
Money is integer micro-units.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import resources
from typing import Any, Literal

MICROS = 1_000_000
HALF_EARTH_KM = 20_016
Level = Literal["low", "base", "high"]


@dataclass(frozen=True, slots=True)
class TransferRules:
    """Who sends to stores and how fast; prices per source and per km."""

    kinds: frozenset[str]
    reach_m: int
    handling_s: int
    km_per_h: int
    receive_line_s: int
    per_source: int
    per_km: int


@dataclass(frozen=True, slots=True)
class Card:
    """Prices (micro-units; per km, per kg, per line as named) and rules of the policy."""

    ship_package: int
    ship_km: int
    ship_kg: int
    pick: int
    extra_group: int
    other_store_km: int
    pickup_shipped: int
    late_hour: int
    unfilled_percent: int
    unfilled_goodwill: int
    unfilled_floor: int
    unit_weight_g: int
    ship_when_out_of_reach: bool
    promise_h: int
    reach_m: int
    consent_other_store_m: int
    consent_ship_home: bool
    late_windows_max_h: int
    span_windows_max: int
    pickup_kept_h: int
    transfers: TransferRules | None = None


def load_card(level: Level = "base", *, with_transfers: bool = False) -> Card:
    """The card of the committed default policy at one of its three levels; `with_transfers`: as if
    it switched them on.
    """
    text = resources.files("bopis.policy").joinpath("default.toml").read_text(encoding="utf-8")
    policy = tomllib.loads(text, parse_float=Decimal)
    card = card_from(policy, level=level)
    if not with_transfers:
        return card
    rules = _transfers(policy, level)
    # The dearest way to fill one line may then be to move it.
    parcel = card.ship_package + card.ship_km * HALF_EARTH_KM + card.pickup_shipped
    moved = rules.per_source + rules.per_km * rules.reach_m // 1000
    floor = card.unfilled_floor + max(0, moved - parcel)
    return replace(card, transfers=rules, unfilled_floor=floor)


def _transfers(policy: dict[str, Any], level: Level) -> TransferRules:
    section = policy["transfers"]
    return TransferRules(
        kinds=frozenset(section["from_kinds"]),
        reach_m=int(section["reach_km"]) * 1000,
        handling_s=int(section["handling_min"]) * 60,
        km_per_h=int(section["km_per_h"]),
        receive_line_s=int(section["receive_line_s"]),
        per_source=int(Decimal(policy["cost"]["transfer"][level]) * MICROS),
        per_km=int(Decimal(policy["cost"]["transfer_km"][level]) * MICROS),
    )


def card_from(policy: dict[str, Any], *, level: Level = "base") -> Card:
    """The card of a parsed policy. Raises KeyError for a policy without one of its entries."""

    def money(name: str) -> int:
        return int(Decimal(policy["cost"][name][level]) * MICROS)

    kilometers = policy["consent"]["other_store_km"]
    card = {
        name: money(name)
        for name in (
            "ship_package",
            "ship_km",
            "ship_kg",
            "pick",
            "extra_group",
            "other_store_km",
            "pickup_shipped",
            "late_hour",
            "unfilled_goodwill",
        )
    }
    late_windows_max_h = int(policy["labor"]["late_windows_max_h"])
    # The dearest way to fill one line: shipped alone over half the earth, as late as allowed.
    dearest = (
        card["ship_package"]
        + card["ship_km"] * HALF_EARTH_KM
        + card["pick"]
        + card["extra_group"]
        + card["pickup_shipped"]
        + card["late_hour"] * late_windows_max_h
    )
    return Card(
        **card,
        unfilled_percent=int(policy["cost"]["unfilled_percent"][level]),
        unfilled_floor=dearest,
        unit_weight_g=int(policy["shipping"]["unit_weight_g"]),
        ship_when_out_of_reach=bool(policy["shipping"]["when_out_of_reach"]),
        promise_h=int(policy["orders"]["promise_h"]),
        reach_m=int(policy["pickup"]["reach_km"]) * 1000,
        consent_other_store_m=int(kilometers) * 1000,
        consent_ship_home=bool(policy["consent"]["ship_home"]),
        late_windows_max_h=late_windows_max_h,
        span_windows_max=int(policy["labor"]["span_windows_max"]),
        pickup_kept_h=int(policy["pickup"]["kept_h"]),
        transfers=None,
    )
