"""A process that does nothing is told from one that others leave no processor time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bopis.adapters import solver_process
from bopis.adapters.process_signs import LOOK_S, is_at_work, let_die, until_quiet
from bopis.adapters.solver_process import ProcessSolver
from bopis.domain.errors import NotServing
from bopis.domain.reallocation import ReallocationProblem
from bopis.testing.shop import default_policy

WORKS = "print(flush=True)\nwhile True: pass"
WAITS = (
    "import threading\nprint(flush=True)\nthreading.Lock().acquire() and threading.Event().wait()"
)
QUIET_S = 4 * LOOK_S
LONG_S = 2 * QUIET_S
LIMIT_S = 60.0
ENDS = 200


@contextmanager
def running(program: str) -> Iterator[int]:
    """A process that has come to where it is to be."""
    words = (sys.executable, "-c", program)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def is_quiet_within(pid: int, seconds: float, *, said: list[int] | None = None) -> bool:
    async def look() -> bool:
        def heard() -> int:
            if said is not None:
                said[0] += 1
            return 0 if said is None else said[0]

        try:
            async with asyncio.timeout(seconds):
                await until_quiet(pid, heard=heard, quiet_s=QUIET_S)
        except TimeoutError:
            return False
        return True

    return asyncio.run(look())


def test_a_stopped_process_is_quiet() -> None:
    with running(WORKS) as pid:
        os.kill(pid, signal.SIGSTOP)
        assert is_quiet_within(pid, LIMIT_S)


def test_a_process_whose_threads_wait_for_ever_is_quiet() -> None:
    with running(WAITS) as pid:
        assert is_quiet_within(pid, LIMIT_S)


def test_a_process_that_says_something_is_not_quiet() -> None:
    with running(WAITS) as pid:
        assert not is_quiet_within(pid, LONG_S, said=[0])


def test_a_process_that_gets_nothing_beside_others_is_not_quiet() -> None:
    processor = min(os.sched_getaffinity(0))
    with running(WORKS) as hog, running(WORKS) as another, running(WORKS) as starved:
        os.sched_setscheduler(starved, os.SCHED_IDLE, os.sched_param(0))
        for pid in (hog, another, starved):
            os.sched_setaffinity(pid, {processor})
        assert not is_quiet_within(starved, LONG_S)
        assert is_at_work(starved)


def test_nobody_is_quiet_of_whom_nothing_is_known() -> None:
    with running(WAITS) as pid:
        pass
    assert not is_quiet_within(pid, LONG_S)


@contextmanager
def ending() -> Iterator[tuple[subprocess.Popen[bytes], threading.Thread]]:
    """A process that ends soon, and what waits for it: then it is gone, whoever looks at it."""
    with subprocess.Popen(("sleep", "0.005")) as process:
        end = threading.Thread(target=process.wait)
        end.start()
        yield process, end


def test_a_process_that_ends_while_it_is_looked_at_counts_as_at_work() -> None:
    for _ in range(ENDS):
        with ending() as (process, end):
            while end.is_alive():
                is_at_work(process.pid)
            assert is_at_work(process.pid)


def test_a_process_that_ends_while_it_is_let_die_is_no_error() -> None:
    for _ in range(ENDS):
        with ending() as (process, end):
            while end.is_alive():
                let_die(process.pid)
            assert process.returncode == 0, "it ended by itself"


def solved_by(program: str, *, slack_s: float) -> str:
    """Why a solver that runs this program does not answer within a minute."""
    solver = ProcessSolver(slack_s=slack_s, command=(sys.executable, "-c", program))
    problem = ReallocationProblem(0, (), (), (), time_limit_ms=round(1_000 * LIMIT_S))
    with pytest.raises(NotServing) as refused:
        asyncio.run(solver.solve(problem, nodes=(), items=(), policy=default_policy()))
    return refused.value.message


@pytest.mark.parametrize(
    "program",
    [
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import sys, time\nsys.stdin.buffer.read(10)\ntime.sleep(600)",
    ],
    ids=["stopped", "waiting"],
)
def test_a_solver_that_hangs_is_given_up_long_before_its_time_limit(program: str) -> None:
    began = time.monotonic()
    why = solved_by(program, slack_s=solver_process.SLACK_S)
    assert time.monotonic() - began < LIMIT_S / 2
    assert "hangs" in why


def test_a_solver_that_is_at_work_has_its_time_limit_and_more() -> None:
    # Longer than one that hangs has.
    began = time.monotonic()
    why = solved_by("while True: pass", slack_s=4.0 - 1.25 * LIMIT_S)
    assert time.monotonic() - began >= 4.0
    assert "did not answer within 4 s" in why
