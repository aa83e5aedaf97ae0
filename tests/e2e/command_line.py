"""`bopis ...` as people run it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def bopis(*words: str, temporary: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs the command line to its end."""
    environment = dict(os.environ)
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    return subprocess.run(
        [sys.executable, "-m", "bopis.cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def json_lines(text: str) -> list[dict[str, Any]]:
    """One object per line."""
    return [json.loads(line) for line in text.splitlines()]


def dumped(data_folder: Path, *words: str) -> list[dict[str, Any]]:
    """The records that `bopis journal dump` prints. Raises AssertionError if it fails."""
    done = bopis("journal", "dump", str(data_folder), *words)
    assert done.returncode == 0, done.stderr
    return json_lines(done.stdout)
