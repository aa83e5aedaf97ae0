"""The optimizer's process, seen from the service."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bopis.adapters import solver_process


def test_a_process_that_died_before_it_was_asked_is_told_from_a_bug() -> None:
    def closed(_frame: bytes) -> None:
        raise RuntimeError("the handler is closed")

    process = SimpleNamespace(stdin=SimpleNamespace(write=closed), stdout=SimpleNamespace())
    converse = getattr(solver_process, "_converse")  # noqa: B009 (private, and the place of it)
    with pytest.raises(BrokenPipeError):
        asyncio.run(converse(cast("Any", process), b"frame", None))
