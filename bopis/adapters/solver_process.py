"""The batch optimizer in a process of its own, which puts itself into the idle scheduling class.

One process per problem: `python -m solver.worker` reads one frame on stdin and answers with frames
on stdout (solver/worker.py states them). It ends by itself when its pipe closes, so none outlives
this process.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import structlog

from bopis.domain.errors import NotServing
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.reallocation import (
    FoundPrices,
    PriceProblem,
    ReallocationProblem,
    ReallocationProposal,
)

LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 1 << 30
START_S: Final = 60.0
"""Beside its time limit: to start, read the problem, check and write the answer."""
END_S: Final = 5.0

_log = structlog.get_logger(__name__)


class _Failed(msgspec.Struct, frozen=True):
    why: str = ""


class _Priced(msgspec.Struct, frozen=True):
    prices: FoundPrices


class _Kind(msgspec.Struct, frozen=True):
    type: str


_kind_decoder: Final = msgspec.msgpack.Decoder(_Kind)
_failed_decoder: Final = msgspec.msgpack.Decoder(_Failed)
_proposal_decoder: Final = msgspec.msgpack.Decoder(ReallocationProposal, strict=False)
_priced_decoder: Final = msgspec.msgpack.Decoder(_Priced)


class ProcessSolver:
    """Implements `bopis.ports.ReallocationSolver`."""

    async def solve(
        self,
        problem: ReallocationProblem,
        *,
        nodes: Sequence[NetworkNode],
        items: Sequence[Item],
        policy: Policy,
    ) -> ReallocationProposal:
        """See the port. Raises NotServing if the process fails, dies or takes far too long."""
        request = _request("solve", problem, nodes=nodes, items=items, policy=policy)
        return _proposal_decoder.decode(await _answer(request, problem.time_limit_ms))

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
        return _priced_decoder.decode(await _answer(request, problem.time_limit_ms)).prices


def _request(
    kind: str,
    problem: ReallocationProblem | PriceProblem,
    *,
    nodes: Sequence[NetworkNode],
    items: Sequence[Item],
    policy: Policy,
) -> dict[str, Any]:
    return {"type": kind, "nodes": nodes, "items": items, "policy": policy, "problem": problem}


async def _answer(request: dict[str, Any], time_limit_ms: int) -> bytes:
    """Asks a process of its own; the body of its last frame."""
    frame = await asyncio.to_thread(_frame, request)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "solver.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    limit_s = time_limit_ms / 1_000 * 2 + START_S
    try:
        async with asyncio.timeout(limit_s):
            return await _converse(process, frame)
    except TimeoutError:
        raise NotServing(f"the optimizer did not answer within {limit_s:.0f} s") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise NotServing(f"the optimizer's process died: {error}") from error
    finally:
        await _end(process)


def _frame(message: dict[str, Any]) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


async def _converse(process: asyncio.subprocess.Process, frame: bytes) -> bytes:
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise NotServing("the optimizer's process has no pipes")
    stdin.write(frame)
    await stdin.drain()
    while True:
        length = int.from_bytes(await stdout.readexactly(LENGTH_BYTES), "big")
        if length > FRAME_BYTES_MAX:
            raise NotServing(f"the optimizer's answer has {length} bytes")
        body = await stdout.readexactly(length)
        match _kind_decoder.decode(body).type:
            case "result" | "prices":
                return body
            case "failed":
                why = _failed_decoder.decode(body).why
                raise NotServing(f"the optimizer failed: {why}")
            case _:
                _log.debug("solver.progress", **msgspec.msgpack.decode(body))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closes its pipe and waits; kills it if that is not enough."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await process.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
