"""The optimizer's process, seen from the service."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
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
        asyncio.run(converse(cast("Any", process), b"frame", None, None))


def test_whoever_ends_a_process_does_not_take_the_news_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    end = getattr(solver_process, "_end")  # noqa: B009 (private, and the place of it)

    async def begin_and_end() -> int | None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "import sys; sys.stdin.read()"), stdin=asyncio.subprocess.PIPE
        )
        # Where it looks before it kills, a child that ends just then is unknown to the event loop.
        monkeypatch.setattr(subprocess.Popen, "poll", lambda child: looked.append(child.pid))
        await end(process)
        return process.returncode

    assert asyncio.run(begin_and_end()) == -signal.SIGKILL
    assert looked == []
