"""Durable rates beside Redis and PostgreSQL: our rounds and theirs alternate.

The ratio is the median of the rounds' ratios, in lines of orders per second on both sides. A peer
is asked in the shape in which it does most of them, which is found first.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.ledger import postgres_peer, redis_peer
from bench.ledger.figures import Line, finished, unmeasured
from bench.ledger.native import FOLDER, Native
from bench.ledger.peer import Peer, PeerRound, Shape, UnavailableError, tried

OURS: Final = ("durable_batched", "durable_hot_cell")
TUNING_S: Final = 1.0
OVER: Final = "hot_cell_over_uniform"
OVER_OF: Final = ("memory_hot_cell", "memory_uniform")


@dataclass(frozen=True, slots=True)
class Race:
    """A figure of ours against a peer in one of these shapes."""

    figure: str
    ours: str
    peer: str
    shapes: Sequence[Shape]


RACES: Final = (
    Race("durable_vs_redis_pipelined", "durable_batched", "redis", redis_peer.PIPELINED),
    Race("durable_vs_redis_unpipelined", "durable_batched", "redis", redis_peer.UNPIPELINED),
    Race("durable_vs_postgres_uniform", "durable_batched", "postgres", postgres_peer.UNIFORM),
    Race("durable_vs_postgres_hot_row", "durable_hot_cell", "postgres", postgres_peer.HOT_ROW),
    Race("durable_vs_postgres_set_based", "durable_batched", "postgres", postgres_peer.SET_BASED),
)
SERVERS: Final[dict[str, Callable[..., AbstractContextManager[Peer]]]] = {
    "redis": redis_peer.serving,
    "postgres": postgres_peer.serving,
}


@dataclass(frozen=True, slots=True)
class Raced:
    """What the rounds of a race came to, ours beside theirs."""

    shapes: dict[Shape, float]
    """Operations a second of the peer when its best shape was looked for."""
    rounds: list[tuple[Line, PeerRound]] = field(default_factory=list)

    @property
    def best(self) -> Shape:
        """The shape that the rounds are measured in."""
        return next(iter(self.shapes))

    def line(self, race: Race, peer: Peer) -> Line:
        """The figure."""
        ratios = [ours["value"] / theirs.operations_per_second for ours, theirs in self.rounds]
        acts = [ours["acts_per_second"] / theirs.orders_per_second for ours, theirs in self.rounds]
        middle = median_line([ours for ours, _ in self.rounds])
        theirs = [theirs for _, theirs in self.rounds]
        return finished(
            middle
            | {
                "figure": race.figure,
                "mode": "durable, ours embedded (library), the peer a server on a local socket",
                "peer": peer.name,
                "peer_value": round(
                    statistics.median(each.operations_per_second for each in theirs)
                ),
                "ratio": round(statistics.median(ratios), 1),
                "ratios": [round(ratio, 1) for ratio in ratios],
                "acts_over_orders": round(statistics.median(acts), 1),
                "peer_shape": str(self.best),
                "peer_tried": {str(shape): round(rate) for shape, rate in self.shapes.items()},
                "peer_p50_us": statistics.median(each.p50_us for each in theirs),
                "peer_p99_us": statistics.median(each.p99_us for each in theirs),
                "rounds": len(ratios),
            }
        )


def median_line(lines: Sequence[Line]) -> Line:
    """Of an even number the lower middle one: a round that was really measured."""
    ordered = sorted(lines, key=lambda line: float(line["value"]))
    return ordered[(len(ordered) - 1) // 2]


@contextmanager
def _peer(name: str, *, cells: int) -> Iterator[Peer]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=FOLDER, prefix=f"{name}-") as folder,
        SERVERS[name](Path(folder), cells=cells) as peer,
    ):
        yield peer


def measure(
    native: Native,
    wanted: Sequence[str],
    *,
    cells: int,
    rounds: int,
    seconds: float,
) -> list[Line]:
    """The wanted figures of `OURS` and `RACES`, and what became of those that were impossible."""
    races = [race for race in RACES if race.figure in wanted]
    names = [name for name in OURS if name in wanted or any(race.ours == name for race in races)]
    lines: list[Line] = []
    with ExitStack() as stack:
        peers: dict[str, Peer] = {}
        missing: dict[str, str] = {}
        for name in dict.fromkeys(race.peer for race in races):
            native.note(f"starting {name}")
            try:
                peers[name] = stack.enter_context(_peer(name, cells=cells))
            except UnavailableError as error:
                missing[name] = str(error)
        raced: dict[Race, Raced] = {}
        for race in (race for race in races if race.peer in peers):
            native.note(f"{race.figure}: looking for the peer's best shape")
            raced[race] = Raced(tried(peers[race.peer], race.shapes, seconds=TUNING_S))
        sessions = {
            name: stack.enter_context(native.session(name, seconds=seconds)) for name in names
        }
        alone: dict[str, list[Line]] = {name: [] for name in names}
        for number in range(1, rounds + 1):
            for name, session in sessions.items():
                native.note(f"round {number} of {rounds}: {name}")
                alone[name].append(session.round())
            for race, so_far in raced.items():
                native.note(f"round {number} of {rounds}: {race.figure}")
                theirs = peers[race.peer].round(so_far.best, seconds=seconds)
                so_far.rounds.append((alone[race.ours][-1], theirs))
        lines += [
            finished(median_line(alone[name]) | {"rounds": rounds})
            for name in names
            if name in wanted
        ]
        for race in races:
            if race.peer in missing:
                lines.append(_impossible(race, missing[race.peer]))
            else:
                lines.append(raced[race].line(race, peers[race.peer]))
    return lines


def _impossible(race: Race, reason: str) -> Line:
    return unmeasured(race.figure, unit="ops/s", mode="durable", reason=reason)


def hot_over_uniform(lines: Sequence[Line]) -> Line | None:
    """How much faster the one hot cell is than any, in memory; PostgreSQL's in the same run."""
    found = {line["figure"]: line for line in lines}
    ours = _over(found, *OVER_OF, "value")
    if ours is None:
        return None
    line: Line = {"figure": OVER, "value": round(ours, 2), "unit": "x"}
    line |= {"mode": "memory, one core, library", "size": found["memory_hot_cell"]["size"]}
    races = ("durable_vs_postgres_hot_row", "durable_vs_postgres_uniform")
    theirs = _over(found, *races, "peer_value")
    if theirs is not None:
        line |= {
            "peer": "PostgreSQL, hot row over uniform",
            "peer_value": round(theirs, 2),
            "ratio": round(ours / theirs, 1),
        }
    return finished(line)


def _over(found: dict[str, Line], first: str, second: str, field_name: str) -> float | None:
    values = [found.get(name, {}).get(field_name) for name in (first, second)]
    return float(values[0] / values[1]) if values[0] and values[1] else None
