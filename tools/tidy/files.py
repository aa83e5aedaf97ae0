"""Which files the tidiness checks look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Written by programs or by others; held to their rules, not to ours.
NOT_OURS = ("bopis/v1/", "protos/google/", "LICENSE", "docs/reference/api.md")


def tracked_files(root: Path = ROOT) -> list[str]:
    """Paths that git tracks and that exist, relative to `root`, with `/`."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=True
    )
    return [path for path in listed.stdout.split("\0") if path and (root / path).is_file()]


def our_files(*suffixes: str, root: Path = ROOT) -> list[str]:
    """Tracked files that people write here, with one of `suffixes` (all, if none is given)."""
    return [
        path
        for path in tracked_files(root)
        if not path.startswith(NOT_OURS) and (not suffixes or path.endswith(suffixes))
    ]


def text_of(path: str, *, root: Path = ROOT) -> str | None:
    """The file's text; None if it is not UTF-8."""
    try:
        return (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
