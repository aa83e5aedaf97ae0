from importlib.resources import files

import pytest

from bopis.domain.errors import ALL_ERRORS, FieldInvalid
from bopis.domain.pickup import code_hash, code_matches, pickup_code
from bopis.domain.policy import CardLevel, parse_policy
from bopis.v1 import common_pb2

TEXT = files("bopis.policy").joinpath("default.toml").read_text()


def test_the_default_policy_reads_at_every_level_and_costs_ascend() -> None:
    cards = [parse_policy(TEXT, level=level).card for level in CardLevel]
    for name in cards[0].__slots__:
        low, base, high = (getattr(card, name) for card in cards)
        assert low <= base <= high, name


def test_the_default_policy_has_the_cost_card_of_the_design() -> None:
    card = parse_policy(TEXT).card
    assert card.ship_package_micro == 7_000_000
    assert card.ship_km_micro == 3_000
    assert card.pick_line_micro == 500_000
    assert card.unfilled_share_bp == 4_500
    assert card.opportunity_last_bp == 3_000


def test_every_value_of_the_default_policy_has_its_reason() -> None:
    assert TEXT.count("reason = ") == TEXT.count("[cost.") + 23


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("hold_ttl_min = 15", "", "orders.hold_ttl_min"),
        ("hold_ttl_min = 15", "hold_ttl_min = 0", "orders.hold_ttl_min"),
        ("hold_ttl_min = 15", 'hold_ttl_min = "15"', "orders.hold_ttl_min"),
        ("code_tries = 5", "code_tries = 5\ncode_trys = 5", "pickup.code_trys"),
        ("ship_home = true", "ship_home = 1", "consent.ship_home"),
        ("high = 0.70", "high = -0.70", "cost.pick.high"),
        ("base = 0.50", "base = 0.0000001", "cost.pick.base"),
        ('version = "2026-11"', "version = 7", "version"),
        ("[shipping]", "[shipping", "policy"),
    ],
)
def test_a_policy_with_a_mistake_is_refused_by_the_path_of_the_key(
    before: str, after: str, path: str
) -> None:
    assert before in TEXT
    with pytest.raises(FieldInvalid) as refused:
        parse_policy(TEXT.replace(before, after, 1))
    assert refused.value.field == path


def test_a_pickup_code_is_six_digits_that_key_order_and_staging_determine() -> None:
    key, other = bytes(32), bytes([1]) * 32
    codes = {
        pickup_code(key, "o/1", 1, 6),
        pickup_code(key, "o/1", 2, 6),
        pickup_code(key, "o/2", 1, 6),
        pickup_code(other, "o/1", 1, 6),
    }
    assert len(codes) == 4
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert pickup_code(key, "o/1", 1, 6) == pickup_code(key, "o/1", 1, 6)


def test_a_code_matches_only_the_hash_of_its_own_staging() -> None:
    key = bytes(32)
    code = pickup_code(key, "o/1", 1, 6)
    stored = code_hash(key, "o/1", 1, code)
    assert code not in stored
    assert code_matches(key, "o/1", 1, code, stored)
    assert not code_matches(key, "o/1", 2, code, stored)
    assert not code_matches(key, "o/1", 1, code + "0", stored)
    assert not code_matches(bytes([1]) * 32, "o/1", 1, code, stored)


def test_every_error_has_a_reason_that_the_api_knows() -> None:
    reasons = [error.reason for error in ALL_ERRORS]
    assert len(set(reasons)) == len(reasons)
    for reason in reasons:
        assert f"ERROR_REASON_{reason}" in set(common_pb2.ErrorReason.keys())
