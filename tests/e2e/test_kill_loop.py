"""kill -9 of the server at random moments under load.

After each restart nothing acknowledged is lost, and the clients' retries have one effect.
`BOPIS_KILL_ROUNDS` (6 by default; 30 is the campaign) and `BOPIS_KILL_SEED` choose the run.
"""

import os

import pytest

from tests.e2e.crash_campaign import run_kills

pytestmark = pytest.mark.needs_services()

ROUNDS = int(os.environ.get("BOPIS_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("BOPIS_KILL_SEED", "20261123"))


def test_nothing_acknowledged_is_lost_and_retries_have_one_effect(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    busy, load = run_kills(tmp_path_factory.mktemp("kills"), rounds=ROUNDS, seed=SEED)
    print(
        f"kill loop: seed {SEED}, {ROUNDS} kills, {busy} with calls in flight, "
        f"{len(load.acknowledged)} calls acknowledged, {load.retries} retries, "
        f"{len(load.expected.orders)} orders, {len(load.expected.reservations)} reservations"
    )
    assert busy * 2 >= ROUNDS
