"""tools/setup.sh says what to install where the system lacks something."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tools.tidy.files import ROOT

TOOLS = (
    "bash",
    "env",
    "dirname",
    "cut",
    "cat",
    "mkdir",
    "rm",
    "sha256sum",
    "grep",
    "sort",
    "head",
    "uname",
)
NO_PYTHON = "#!/usr/bin/env bash\nexit 1\n"
# Says that it is Python 3.12 and has no ensurepip.
PYTHON_WITHOUT_VENV = """#!/usr/bin/env bash
case "$*" in
    *ensurepip*) exit 1 ;;
    *"version_info[0]"*) echo 3.12 ;;
esac
"""


@pytest.fixture
def bare_clone(tmp_path: Path) -> Path:
    """A folder with the script and a `bin` with nothing but the usual tools and no Python."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup.sh", tmp_path / "tools/setup.sh")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"{tool} is needed to test the set-up"
        (tmp_path / "bin" / tool).symlink_to(found)
    for name in ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15))):
        write_program(tmp_path / "bin" / name, text=NO_PYTHON)
    return tmp_path


def write_program(path: Path, *, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def set_up(clone: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(clone / "tools/setup.sh")],
        env={"PATH": str(clone / "bin"), "HOME": str(clone)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_setup_without_python_names_what_to_install(bare_clone: Path) -> None:
    done = set_up(bare_clone)
    assert done.returncode != 0
    assert "no Python 3.11 or newer" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_setup_without_venv_names_the_package(bare_clone: Path) -> None:
    write_program(bare_clone / "bin/python3", text=PYTHON_WITHOUT_VENV)
    done = set_up(bare_clone)
    assert done.returncode != 0
    assert "comes without venv" in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert "python3.12-venv" in done.stderr
    assert not (bare_clone / ".venv").exists()


def test_setup_changes_nothing_the_second_time() -> None:
    stamp = ROOT / ".venv/.stamps/packages"
    if not stamp.exists():
        pytest.skip("this environment was not made by tools/setup.sh")
    before = stamp.stat().st_mtime_ns
    done = subprocess.run(
        [str(ROOT / "tools/setup.sh"), "exec", "cargo", "--version"],
        env={**os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cargo 1.")
    assert done.stderr == ""
    assert stamp.stat().st_mtime_ns == before
