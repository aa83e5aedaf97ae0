"""What tests may ask of the machine.

`needs_data`: the folder of scenarios ($BOPIS_DATA, else ../shared/data); skipped without it.
`needs_services("node", ...)`: the native module and these programs on PATH; skipped without them,
or failed with BOPIS_REQUIRE_SERVICES=1: a run that must prove everything skips nothing silently.
"""

import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

# A shell lets what it starts in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    return Path(os.environ.get("BOPIS_DATA") or ROOT.parent / "shared/data")


def missing_services(programs: tuple[str, ...]) -> list[str]:
    missing = [program for program in programs if shutil.which(program) is None]
    if find_spec("bopis._allocator_rs") is None:
        missing.append("the native module (make setup)")
    return missing


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_data") and not data_folder().is_dir():
        pytest.skip("there is no folder of scenarios: set BOPIS_DATA")
    marker = item.get_closest_marker("needs_services")
    if marker:
        missing = missing_services(marker.args)
        if missing and os.environ.get("BOPIS_REQUIRE_SERVICES") == "1":
            pytest.fail(f"BOPIS_REQUIRE_SERVICES=1, but these are missing: {', '.join(missing)}")
        if missing:
            pytest.skip(f"missing: {', '.join(missing)}")
