"""The guide's script runs as printed, in a process of its own, against a served folder."""

import subprocess
import sys
from pathlib import Path

from bopis.testing.server import serving

SCRIPT = Path(__file__).parents[2] / "docs" / "guides" / "first_order.py"


def test_the_guides_first_order_reaches_the_customers_hand(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        notifications = server.data / "notifications.jsonl"
        for _ in range(2):  # It says that it can be run again.
            ran = subprocess.run(
                [sys.executable, str(SCRIPT), server.address, str(notifications)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr + server.log_tail()
            assert ran.stdout.splitlines()[-1].endswith("STATE_COMPLETED")
        assert server.terminate() == 0
