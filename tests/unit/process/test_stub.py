"""The hand-written stub of the native module says what the module has."""

import subprocess
import sys

import pytest


@pytest.mark.needs_services
def test_the_stub_and_the_native_module_agree() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "bopis._allocator_rs"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
