"""Ctrl-C that comes while something is being done whole."""

import contextlib
import os
import signal
from collections.abc import Callable

import pytest

from bopis.cli.interrupting import interruptions, whole


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_what_is_done_whole_is_done_before_the_interruption() -> None:
    done: list[str] = []

    def told_and_counted() -> None:
        with whole():
            done.append("quiet")
        with whole():
            done.append("told")
            ctrl_c()
            done.append("counted")
        done.append("more")

    with pytest.raises(KeyboardInterrupt):
        told_and_counted()
    assert done == ["quiet", "told", "counted"]


def nothing() -> None:
    """What is done after it."""


def failed() -> None:
    raise ValueError


@pytest.mark.parametrize("end", [nothing, failed])
def test_afterwards_it_interrupts_as_before(end: Callable[[], None]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(ValueError), interruptions():
        end()
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()
