"""The worker process: `python -m solver.worker` reads one problem and writes one result.

Frames in both directions: 4 bytes length (big endian), then one msgpack map with field names. The
values are those of `bopis.domain` as msgspec encodes dataclasses (maps of their fields, enums as
their values), so a caller can hand them to `msgspec.msgpack.Encoder` as they are; this package
reads them by field name and imports nothing of bopis.

Request, one frame on stdin::

    {"type": "solve",
     "nodes":   [NetworkNode, ...],      # {node: {node_id, kind, place{latitude, longitude}, ...,
                                         #   pick_lines_per_hour}, windows: [{start_s, seconds}]}
     "items":   [Item, ...],             # {sku, unit_price_micro, weight_g}
     "policy":  Policy,                  # {card: CostCard, unit_weight_g, lead_time_ms, ...}
     "problem": ReallocationProblem,     # {now_ms, orders: [OpenOrder], stock: [StockLimit],
                                         #   labor: [LaborLimit], time_limit_ms, seed,
                                         #   stock_prices, labor_prices: of an earlier solve,
                                         #   shipping: [StockLimit], groups: [GroupLimit],
                                         #   moves_max: of orders that move,
                                         #   late_max, unfilled_max: orders, lines; null: any,
                                         #   is_charged: plans pay the prices for what they take}
     "record": Record,                   # optional: of an earlier result, to do the same again
     "certificate": str}                 # optional: where to write one (solver/certificate.py)

Each `OpenOrder` is `{ask, groups, unfilled, cost, stay_micro}` with the plan in force and what a
move must gain. `stock` and `labor` are what these orders may use, what they hold included; limits
that are zero may be left out. `shipping` and `groups` may be left out where they cannot bind: units
of `stock` that may be shipped, and groups that a node may have ready in one of its days.

Answer, frames on stdout: any number of ::

    {"type": "progress",
     "stage": "READING" | "PRICING" | "CONSTRUCTION" | "SEARCH" | "POOL" | "RELINK" | "PARTS"
         | "CHECKING",
     "orders": int, "bound_micro": int, "cost_micro": int, "elapsed_ms": int}

then exactly one of ::

    {"type": "result",
     "components": [[OrderMove, ...], ...],   # {order_id, groups, unfilled, cost{terms}}
     "cost_before_micro": int, "cost_planned_micro": int, "bound_micro": int,
     "kept_breach_micro": int, "repriced_micro": int,     # solver/solve.py
     "solve_time_ms": int, "considered": int,
     "stopped": int,                          # orders whose search the work limit stopped
     "stage": str,                            # which step found the plans
     "record": {"threads": int,               # with it, the same request gives the same again
                "work": [[step, planned, made], ...],
                "chosen": [[mip, [column, ...]], ...]},
     "prices": {"stock": [{node_id, sku, price_micro: of a unit}, ...],    # what is not 0
                "labor": [{node_id, window_start_s, price_micro: of a second}, ...]}}
    {"type": "failed", "why": str}

Instead of "solve", "prices" asks for prices alone (solver/refresh.py)::

    {"type": "prices", "nodes", "items", "policy",
     "problem": PriceProblem}            # {now_ms, orders, samples: [[Ask, ...], ...], stock,
                                         #   labor, time_limit_ms, stock_prices, labor_prices}

and is answered with progress, and then ::

    {"type": "prices", "prices": {"stock": ..., "labor": ...}, "passes": [int, ...],
     "solve_time_ms": int}

`components`, `groups`, `unfilled` and `cost` have the fields of `ReallocationProposal`, `OrderMove`
and below, so `msgspec.convert(answer, ReallocationProposal, strict=False)` works on the result
(further fields are ignored). Each component is one atomic move of at most 512 reservation lines;
components are in an order in which they can be applied one after the other. A component that would
be larger, or whose gain does not pay, is left out, and its cost with it: `cost_planned_micro` is
the cost of all orders when exactly the components are applied. What the plan in force fills, the
new plan fills: a promised line is never left for the sake of others.

The process sets its scheduling class to idle (nice 19 where that is refused), but for the argument
`--foreground`. It ignores SIGINT, and exits when its stdin closes before the result is out. Exit
code 0 after a result, 1 after a failure.
"""

import argparse
import gc
import os
import signal
import stat
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec

from solver import certificate
from solver.pace import Record, RecordError
from solver.problem import Request
from solver.refresh import PriceRequest, price
from solver.rows import ProblemError
from solver.solve import CheckError, Progress, Result, solve

FRAME_MAX: Final = 1 << 30
"""Bytes of one frame."""
_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a request asks for: a solve, or prices alone; and beside its result."""

    type: Literal["solve", "prices"] = "solve"
    certificate: str | None = None
    record: Record | None = None


class FrameError(ValueError):
    """What came is no request."""


_ERRORS: Final = (FrameError, msgspec.DecodeError, ProblemError, RecordError, CheckError, OSError)


def read_frame(stream: BinaryIO) -> bytes:
    """One frame. Raises FrameError if the stream ends before it, or it is too large."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise FrameError("the input ended before a frame")
    (length,) = _LENGTH.unpack(head)
    if length > FRAME_MAX:
        raise FrameError(f"a frame of {length} bytes")
    body = stream.read(length)
    if len(body) < length:
        raise FrameError("the input ended within a frame")
    return body


def write_frame(stream: BinaryIO, message: dict[str, Any]) -> None:
    """One message as a frame."""
    body = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def answer_of(result: Result) -> dict[str, Any]:
    """The result frame."""
    components = [
        [
            {
                "order_id": move.order_id,
                "groups": move.plan.groups,
                "unfilled": move.plan.unfilled,
                "cost": move.plan.cost,
            }
            for move in component
        ]
        for component in result.components
    ]
    return {
        "type": "result",
        "components": components,
        "cost_before_micro": result.cost_before_micro,
        "cost_planned_micro": result.cost_planned_micro,
        "bound_micro": result.bound_micro,
        "kept_breach_micro": result.kept_breach_micro,
        "repriced_micro": result.repriced_micro,
        "solve_time_ms": result.solve_time_ms,
        "considered": result.considered,
        "stopped": result.stopped,
        "stage": result.stage,
        "record": asdict(result.record),
        "prices": {"stock": result.stock_prices, "labor": result.labor_prices},
    }


def _price(frame: bytes, report: Callable[[Progress], None]) -> dict[str, Any]:
    """The answer to a request for prices."""
    found = price(msgspec.msgpack.decode(frame, type=PriceRequest), report=report)
    return {
        "type": "prices",
        "prices": {"stock": found.stock, "labor": found.labor},
        "passes": found.passes,
        "solve_time_ms": found.solve_time_ms,
    }


def run(
    source: BinaryIO,
    sink: BinaryIO,
    *,
    on_read: Callable[[], None] = lambda: None,
    on_answer: Callable[[], None] = lambda: None,
) -> int:
    """Reads a request, solves it, writes the answer; the exit code. `on_read` is called when the
    request is in, `on_answer` before the last frame goes out.
    """

    def report(progress: Progress) -> None:
        write_frame(sink, {"type": "progress", **asdict(progress)})

    try:
        frame = read_frame(source)
        wish = msgspec.msgpack.decode(frame, type=_Wish)
        if wish.type == "prices":
            on_read()
            answer = _price(frame, report)
            on_answer()
            write_frame(sink, answer)
            return 0
        request = msgspec.msgpack.decode(frame, type=Request)
        on_read()
        # What was read stays: the collector need not walk through it again and again.
        gc.freeze()
        result = solve(request, report=report, record=wish.record)
        if wish.certificate is not None:
            certificate.write(Path(wish.certificate), certificate.certificate_of(request, result))
    except _ERRORS as error:
        on_answer()
        write_frame(sink, {"type": "failed", "why": f"{type(error).__name__}: {error}"})
        return 1
    on_answer()
    write_frame(sink, answer_of(result))
    return 0


def be_idle() -> None:
    """Lets everything else on the machine go first."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (OSError, AttributeError):
        with suppress(OSError):
            os.nice(19)


def _watch(descriptor: int, answered: threading.Event) -> None:
    """Ends the process when the caller's end of the pipe closes before the answer is out."""
    with suppress(OSError):
        while os.read(descriptor, 4096):
            pass
    if not answered.is_set():
        os._exit(2)


def main() -> int:
    """The process."""
    parser = argparse.ArgumentParser(prog="solver.worker")
    parser.add_argument("--foreground", action="store_true", help="not in the idle class")
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not asked.foreground:
        be_idle()
    # What a library prints must not get between the frames: it goes to stderr.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source = sys.stdin.buffer
    mode = os.fstat(source.fileno()).st_mode
    is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    answered = threading.Event()

    def watch() -> None:
        if is_pipe:
            watched = (source.fileno(), answered)
            threading.Thread(target=_watch, args=watched, daemon=True).start()

    with sink:
        return run(source, sink, on_read=watch, on_answer=answered.set)


if __name__ == "__main__":
    sys.exit(main())
