"""The policy: cost card and defaults, validated, in the units that the code computes with.

The file (`bopis/policy/default.toml`) speaks to people: money in whole units of the catalog's
currency, shares in percent, each with its reason. Here money is micro-units and time is ms.
"""

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bopis.domain.errors import FieldInvalid
from bopis.domain.policy_reader import Reader
from bopis.domain.rules import KM_MAX, Rules, Tier, read_rules, read_tiers
from bopis.domain.sourcing import Consent
from bopis.domain.transfers import Transfers, read_transfers

TEXT_MAX: Final = 1_000_000
"""Characters of a policy file."""

MICRO: Final = 1_000_000
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000


COST_MAX_MICRO: Final = 1 << 42
"""The greatest single cost that the planner counts with."""
_COST_MAX: Final = f"{COST_MAX_MICRO // MICRO:,}"
PRICE_MAX: Final = 1_000_000
"""The greatest number in the cost card."""


class CardLevel(StrEnum):
    """Which column of the cost card applies; every claim holds at all three."""

    LOW = "low"
    BASE = "base"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class CostCard:
    """Prices of the terms, in micro-units of the catalog's currency; shares in basis points."""

    ship_package_micro: int
    ship_km_micro: int
    ship_kg_micro: int
    pick_line_micro: int
    extra_group_micro: int
    other_store_km_micro: int
    pickup_shipped_micro: int
    late_hour_micro: int
    promise_broken_micro: int
    unfilled_share_bp: int
    unfilled_goodwill_micro: int
    opportunity_last_bp: int
    opportunity_next_two_bp: int
    opportunity_cap_micro: int
    opportunity_block_micro: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that can be set. `version` names the text that it was read from."""

    version: str
    card: CostCard
    unit_weight_g: int
    hold_ttl_ms: int
    quote_ttl_ms: int
    lead_time_ms: int
    promise_ms: int
    pickup_kept_ms: int
    code_digits: int
    code_tries: int
    pickup_reach_km: int
    consent: Consent
    ship_when_out_of_reach: bool
    refuse_unknown_skus: bool
    late_windows_max_h: int
    span_windows_max: int
    labor_horizon_days: int
    opportunity_beside_duals: bool
    rules: Rules = field(default_factory=Rules)
    tiers: tuple[Tier, ...] = ()
    transfers: Transfers | None = None


def parse_policy(
    text: str, *, level: CardLevel = CardLevel.BASE, with_transfers: bool = False
) -> Policy:
    """Reads a policy file. `with_transfers`: as if it switched them on, which no service carries
    out; a policy that does so itself is refused without.

    Raises FieldsInvalid naming every key that is missing, unknown, out of range or of the wrong
    type; FieldInvalid where the text is no TOML.
    """
    if len(text) > TEXT_MAX:
        raise FieldInvalid(f"a policy has at most {TEXT_MAX:,} characters", field="policy")
    try:
        root = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise FieldInvalid(f"the policy is no TOML: {error}", field="policy") from error
    reader = Reader(root)
    card = _cost_card(reader, level)
    policy = Policy(
        version=f"{reader.text('version')}/{level.value}",
        card=card,
        unit_weight_g=reader.integer("shipping.unit_weight_g", 1, 1_000_000),
        hold_ttl_ms=reader.integer("orders.hold_ttl_min", 1, 1440) * MINUTE_MS,
        quote_ttl_ms=reader.integer("orders.quote_ttl_min", 1, 1440) * MINUTE_MS,
        lead_time_ms=reader.integer("orders.lead_time_min", 0, 10_080) * MINUTE_MS,
        promise_ms=reader.integer("orders.promise_h", 1, 720) * HOUR_MS,
        pickup_kept_ms=reader.integer("pickup.kept_h", 1, 2160) * HOUR_MS,
        code_digits=reader.integer("pickup.code_digits", 4, 12),
        code_tries=reader.integer("pickup.code_tries", 1, 100),
        pickup_reach_km=reader.integer("pickup.reach_km", 1, 20_000),
        consent=Consent(
            other_store_km=reader.integer("consent.other_store_km", 0, 1_000),
            ship_home=reader.flag("consent.ship_home"),
        ),
        ship_when_out_of_reach=reader.flag("shipping.when_out_of_reach"),
        refuse_unknown_skus=reader.flag("orders.refuse_unknown_skus"),
        late_windows_max_h=reader.integer("labor.late_windows_max_h", 0, 720),
        span_windows_max=reader.integer("labor.span_windows_max", 1, 3),
        labor_horizon_days=reader.integer("labor.horizon_days", 1, 60),
        opportunity_beside_duals=reader.flag("duals.opportunity_beside"),
        rules=read_rules(reader),
        tiers=read_tiers(reader),
        transfers=read_transfers(reader, level=level.value, what_if=with_transfers),
    )
    _check_sums(reader, policy, level)
    reader.finish()
    return policy


def _check_sums(reader: Reader, policy: Policy, level: CardLevel) -> None:
    """What the planner adds up must fit into its greatest single cost."""
    card = policy.card
    parcel = card.ship_package_micro + card.ship_km_micro * KM_MAX + card.pickup_shipped_micro
    if parcel > COST_MAX_MICRO:
        path = f"cost.ship_km.{level.value}"
        reader.complain(path, f"{path}: a parcel over half the earth costs more than {_COST_MAX}")
    if card.other_store_km_micro * 1_000 > COST_MAX_MICRO:
        path = f"cost.other_store_km.{level.value}"
        reader.complain(path, f"{path}: another store may cost more than {_COST_MAX}")
    sent = policy.transfers
    if sent is not None and sent.source_micro + sent.km_micro * sent.reach_km > COST_MAX_MICRO:
        path = f"cost.transfer_km.{level.value}"
        reader.complain(path, f"{path}: a transfer may cost more than {_COST_MAX}")
    weight = max((tier.weight_percent for tier in policy.tiers), default=100)
    late = card.promise_broken_micro + card.late_hour_micro * (policy.late_windows_max_h + 1)
    if late * weight // 100 > COST_MAX_MICRO:
        path = f"cost.late_hour.{level.value}"
        reader.complain(path, f"{path}: the latest order would cost more than {_COST_MAX}")


def _cost_card(reader: Reader, level: CardLevel) -> CostCard:
    def money(name: str) -> int:
        return reader.scaled(f"cost.{name}.{level.value}", MICRO, PRICE_MAX)

    def share(name: str) -> int:
        return reader.scaled(f"cost.{name}.{level.value}", 100, PRICE_MAX)

    card = CostCard(
        ship_package_micro=money("ship_package"),
        ship_km_micro=money("ship_km"),
        ship_kg_micro=money("ship_kg"),
        pick_line_micro=money("pick"),
        extra_group_micro=money("extra_group"),
        other_store_km_micro=money("other_store_km"),
        pickup_shipped_micro=money("pickup_shipped"),
        late_hour_micro=money("late_hour"),
        promise_broken_micro=money("promise_broken"),
        unfilled_share_bp=share("unfilled_percent"),
        unfilled_goodwill_micro=money("unfilled_goodwill"),
        opportunity_last_bp=share("opportunity_last_percent"),
        opportunity_next_two_bp=share("opportunity_next_two_percent"),
        opportunity_cap_micro=money("opportunity_cap"),
        opportunity_block_micro=money("opportunity_block"),
    )
    for other in CardLevel:
        for name in _CARD_KEYS:
            reader.scaled(f"cost.{name}.{other.value}", MICRO, PRICE_MAX)
    return card


_CARD_KEYS: Final = (
    "ship_package",
    "ship_km",
    "ship_kg",
    "pick",
    "extra_group",
    "other_store_km",
    "pickup_shipped",
    "late_hour",
    "promise_broken",
    "unfilled_percent",
    "unfilled_goodwill",
    "opportunity_last_percent",
    "opportunity_next_two_percent",
    "opportunity_cap",
    "opportunity_block",
)
