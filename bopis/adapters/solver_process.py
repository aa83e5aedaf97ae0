"""The batch optimizer in a process of its own, in the idle scheduling class unless told otherwise.

One process per problem: `python -m solver.worker` reads one frame on stdin and answers with frames
on stdout (solver/worker.py states them). It ends by itself when its pipe closes, so none outlives
this process; one that hangs or does not answer in time is killed.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from bopis.adapters.process_signs import QUIET_S, let_die, until_quiet
from bopis.domain.errors import NotServing
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.reallocation import (
    FoundPrices,
    PriceProblem,
    ReallocationProblem,
    ReallocationProposal,
    SolveProgress,
    SolveRecord,
    SolveWatcher,
)

LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 1 << 30
WORKER: Final = (sys.executable, "-m", "solver.worker")
FOREGROUND_WORKER: Final = (*WORKER, "--foreground")
"""One that takes its share of the processors: for a command that only waits for it."""
SLACK_S: Final = 15.0
"""Beside its time limit: to start, read the problem, check and write the answer."""
SLACK_SHARE: Final = 0.25
"""More of it, as a share of the time limit."""
PRICE_SLACK_S: Final = 45.0
"""More of it, for prices, which nobody waits for."""
ORDER_S: Final = 0.002
"""More of it, for each order."""
EXIT_S: Final = 1.0
"""How long a process that closed its pipes is waited for, to say how it ended."""

_log = structlog.get_logger(__name__)


class ProcessGone(NotServing):
    """The optimizer's process died or was killed because it hung: another one may do it."""


class _Failed(msgspec.Struct, frozen=True):
    why: str = ""


class _Priced(msgspec.Struct, frozen=True):
    prices: FoundPrices


class _Kind(msgspec.Struct, frozen=True):
    type: str


class _Progress(msgspec.Struct, frozen=True):
    stage: str
    bound_micro: int
    cost_micro: int
    elapsed_ms: int


@dataclass(slots=True)
class _Heard:
    """What came from the process so far, in bytes."""

    size: int = 0

    async def read(self, stdout: asyncio.StreamReader, length: int) -> bytes:
        """So many bytes; they count as they come. Raises IncompleteReadError."""
        parts: list[bytes] = []
        missing = length
        while missing:
            part = await stdout.read(missing)
            if not part:
                raise asyncio.IncompleteReadError(b"".join(parts), length)
            parts.append(part)
            missing -= len(part)
            self.size += len(part)
        return b"".join(parts)


_kind_decoder: Final = msgspec.msgpack.Decoder(_Kind)
_progress_decoder: Final = msgspec.msgpack.Decoder(_Progress)
_failed_decoder: Final = msgspec.msgpack.Decoder(_Failed)
_proposal_decoder: Final = msgspec.msgpack.Decoder(ReallocationProposal, strict=False)
_priced_decoder: Final = msgspec.msgpack.Decoder(_Priced)


class ProcessSolver:
    """Implements `bopis.ports.ReallocationSolver`. A process that hangs (process_signs.py) is
    killed soon after, one that is at work when it has not answered within its time limit and
    `slack_s` more (and a little for each order); the next problem gets another.
    """

    def __init__(self, *, slack_s: float = SLACK_S, command: Sequence[str] = WORKER) -> None:
        self._slack_s = slack_s
        self._command = command

    async def solve(
        self,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
        watcher: SolveWatcher | None = None,
    ) -> ReallocationProposal:
        """See the port. Raises NotServing if the process fails, dies, hangs or takes too long."""
        with tempfile.TemporaryDirectory(prefix="bopis-solve-") as folder:
            certificate = Path(folder) / "certificate"
            request = _request("solve", problem, nodes=nodes, items=items, policy=policy)
            if watcher is not None:
                request["certificate"] = str(certificate)
            frame = await asyncio.to_thread(_frame, request)
            slack_s = ORDER_S * len(problem.orders)
            answer = await self._ask(frame, problem.time_limit_ms, slack_s, watcher)
            if watcher is not None:
                proof = await asyncio.to_thread(certificate.read_bytes)
                watcher.recorded(SolveRecord(proof, answer))
        return _proposal_decoder.decode(answer)

    async def price(
        self,
        problem: PriceProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
    ) -> FoundPrices:
        """See the port. Raises NotServing as `solve` does."""
        request = _request("prices", problem, nodes=nodes, items=items, policy=policy)
        frame = await asyncio.to_thread(_frame, request)
        answer = await self._ask(frame, problem.time_limit_ms, PRICE_SLACK_S, None)
        return _priced_decoder.decode(answer).prices

    async def _ask(
        self, frame: bytes, time_limit_ms: int, slack_s: float, watcher: SolveWatcher | None
    ) -> bytes:
        """The answer of a process of its own, which is gone when this returns."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C is for who asked: it ends with its input.
            )
        except OSError as error:
            raise NotServing(f"the optimizer cannot be started: {error.strerror}") from error
        limit_s = time_limit_ms / 1_000 * (1 + SLACK_SHARE) + self._slack_s + slack_s
        try:
            async with asyncio.timeout(limit_s):
                return await _unless_it_hangs(process, frame, watcher)
        except TimeoutError:
            raise NotServing(f"the optimizer did not answer within {limit_s:.0f} s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            how = await _how_it_ended(process)
            raise ProcessGone(f"the optimizer's process died ({how})") from error
        finally:
            await _end(process)


def _request(
    kind: str,
    problem: ReallocationProblem | PriceProblem,
    *,
    nodes: Sequence[NetworkNode],
    items: Sequence[Item],
    policy: Policy,
) -> dict[str, Any]:
    return {"type": kind, "nodes": nodes, "items": items, "policy": policy, "problem": problem}


def _frame(message: dict[str, Any]) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


async def _unless_it_hangs(
    process: asyncio.subprocess.Process, frame: bytes, watcher: SolveWatcher | None
) -> bytes:
    """The result frame, as long as the process is at work."""
    heard = _Heard()
    talk = asyncio.create_task(_converse(process, frame, watcher, heard))
    quiet = asyncio.create_task(until_quiet(process.pid, heard=lambda: heard.size))
    try:
        await asyncio.wait((talk, quiet), return_when=asyncio.FIRST_COMPLETED)
        if talk.done():
            return talk.result()
        quiet.result()  # A look that failed says nothing of the process.
        _log.error("optimizer.hangs", pid=process.pid)
        raise ProcessGone(f"the optimizer hangs: it did nothing for {QUIET_S:.0f} s")
    finally:
        talk.cancel()
        quiet.cancel()
        await asyncio.gather(talk, quiet, return_exceptions=True)


async def _converse(
    process: asyncio.subprocess.Process,
    frame: bytes,
    watcher: SolveWatcher | None,
    heard: _Heard,
) -> bytes:
    """The result frame."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise NotServing("the optimizer's process has no pipes")
    try:
        stdin.write(frame)
    except RuntimeError as error:  # What uvloop raises where the process is gone already.
        raise BrokenPipeError(str(error)) from error
    await stdin.drain()
    while True:
        length = int.from_bytes(await heard.read(stdout, LENGTH_BYTES), "big")
        if length > FRAME_BYTES_MAX:
            raise NotServing(f"the optimizer's answer has {length} bytes")
        body = await heard.read(stdout, length)
        match _kind_decoder.decode(body).type:
            case "result" | "prices":
                return body
            case "failed":
                why = _failed_decoder.decode(body).why
                raise NotServing(f"the optimizer failed: {why}")
            case _:
                _tell(watcher, _progress_decoder.decode(body))


def _tell(watcher: SolveWatcher | None, told: _Progress) -> None:
    if watcher is not None:
        progress = SolveProgress(told.stage, told.bound_micro, told.cost_micro, told.elapsed_ms)
        watcher.progressed(progress)


async def _how_it_ended(process: asyncio.subprocess.Process) -> str:
    """Exit code or signal of a process that closed its pipes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(EXIT_S):
            code = await process.wait()
            return f"signal {-code}" if code < 0 else f"exit code {code}"
    return "it closed its pipes"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Whatever it does: it holds nothing that would have to be put down first."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # Not process.kill(): that looks whether it has ended first, and takes the news from the
            # event loop, which complains of an unknown child then.
            os.kill(process.pid, signal.SIGKILL)
            let_die(process.pid)
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
