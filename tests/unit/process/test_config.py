"""Settings, the policy they name, logs, and the clock of a folder."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from bopis.adapters.clock_native import has_scaled_clock, scaled_clock
from bopis.config import SettingsError, policy_text, settings_of
from bopis.domain.errors import FieldInvalid
from bopis.domain.policy import parse_policy
from bopis.telemetry import configure_logs

ORIGIN = datetime(2026, 3, 3, 8, tzinfo=UTC)
ORIGIN_MS = 1_772_524_800_000


def test_what_is_not_given_comes_from_the_environment_then_from_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOPIS_PORT", "9000")
    monkeypatch.setenv("BOPIS_DRAIN_S", "3")
    settings = settings_of({"data_folder": tmp_path, "port": 9001})
    assert (settings.port, settings.drain_s, settings.max_streams) == (9001, 3.0, 4_096)


def test_every_setting_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        settings_of({"data_folder": tmp_path, "port": -1, "time_scale": 0, "policy_level": "x"})
    assert {name for name, _ in raised.value.complaints} == {"port", "time_scale", "policy_level"}
    with pytest.raises(SettingsError, match="data_folder"):
        settings_of({})


def test_the_shipped_policy_loads_at_every_level(tmp_path: Path) -> None:
    prices = []
    for level in ("low", "base", "high"):
        settings = settings_of({"data_folder": tmp_path, "policy_level": level})
        policy = parse_policy(policy_text(settings.policy_file), level=settings.policy_level)
        prices.append(policy.card.ship_package_micro)
    assert prices == sorted(prices)
    assert len(set(prices)) == 3


def test_a_policy_file_that_lacks_a_key_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('version = "1"\n')
    settings = settings_of({"data_folder": tmp_path, "policy_file": path})
    with pytest.raises(FieldInvalid) as raised:
        parse_policy(policy_text(settings.policy_file), level=settings.policy_level)
    assert raised.value.field


def test_a_folder_keeps_its_time_and_another_scale_counts_from_now(tmp_path: Path) -> None:
    assert not has_scaled_clock(tmp_path)
    slow = scaled_clock(tmp_path, origin=ORIGIN, scale=1.0)
    assert has_scaled_clock(tmp_path)
    assert 0 <= slow.wall_ms() - ORIGIN_MS < 60_000
    again = scaled_clock(tmp_path, origin=datetime(2000, 1, 1, tzinfo=UTC), scale=None)
    assert again.wall_ms() >= slow.wall_ms() - 1
    before = again.wall_ms()
    fast = scaled_clock(tmp_path, origin=ORIGIN, scale=1_000.0)
    jump = fast.wall_ms() - before
    assert 0 <= jump < 3_600_000
    # The file keeps whole milliseconds: a thousand of this time.
    shown = fast.wall_ms()
    assert scaled_clock(tmp_path, origin=None, scale=None).wall_ms() >= shown - 1_000


def test_secrets_do_not_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        configure_logs("info")
        structlog.get_logger("x").info("order.ready", order_id="o", pickup_code="123456")
        line = json.loads(capsys.readouterr().err)
    finally:
        structlog.reset_defaults()
    assert line["order_id"] == "o"
    assert "123456" not in json.dumps(line)
