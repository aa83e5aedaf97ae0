"""Redis: a Lua script checks the request's key and the quantities, decrements, sets the expiry.

| | |
| --- | --- |
| server | its own, AOF with `appendfsync always`, no rewrites or snapshots meanwhile |
| else | `BOPIS_BENCH_REDIS_URL`: an empty database of a server with the same durability |
| load | `redis-benchmark` with EVALSHA (C, one thread): any cell for each line |
| check | units gone = request keys x lines, over all cells, after each round |
"""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.ledger import peer
from bench.ledger.peer import ON_HAND, ORDER_LINES, TTL_S, PeerRound, Shape, UnavailableError

URL: Final = "BOPIS_BENCH_REDIS_URL"
CHUNK: Final = 100_000
PIPELINED: Final = tuple(
    Shape("EVALSHA", lines, clients, depth)
    for lines in (1, ORDER_LINES)
    for clients, depth in ((16, 100), (50, 100), (50, 500))
)
UNPIPELINED: Final = tuple(
    Shape("EVALSHA", lines, clients) for lines in (1, ORDER_LINES) for clients in (50, 200)
)

ONE_LINE: Final = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 2 end
if tonumber(redis.call('GET', KEYS[2])) < 1 then redis.call('DEL', KEYS[1]) return 0 end
redis.call('DECRBY', KEYS[2], 1)
return 1
"""
MANY_LINES: Final = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 2 end
for i = 2, #KEYS do
  if tonumber(redis.call('GET', KEYS[i])) < 1 then redis.call('DEL', KEYS[1]) return 0 end
end
for i = 2, #KEYS do redis.call('DECRBY', KEYS[i], 1) end
return 1
"""
FILL: Final = """
for i = ARGV[1], ARGV[2] do redis.call('SET', string.format('c:%012d', i), ARGV[3]) end
"""
LEFT: Final = """
local sum = 0
for i = ARGV[1], ARGV[2] do sum = sum + redis.call('GET', string.format('c:%012d', i)) end
return sum
"""


@dataclass(frozen=True, slots=True)
class Redis:
    """A server with stock in `cells` cells; `where` are the arguments that name it."""

    where: tuple[str, ...]
    cells: int
    rates: dict[Shape, float]
    """Calls a second that were seen: redis-benchmark wants a number of calls, not a time."""

    @property
    def name(self) -> str:
        """With its version."""
        version = next(
            line.partition(":")[2].strip()
            for line in self.ask("INFO", "server").splitlines()
            if line.startswith("redis_version:")
        )
        return f"Redis {version}, Lua, AOF always"

    def ask(self, *words: str) -> str:
        """One command through redis-cli. Raises RuntimeError for an error."""
        command = [peer.find("redis-cli"), "-e", *self.where, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"redis-cli: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def fill(self) -> None:
        """Opening stock."""
        for first in range(0, self.cells, CHUNK):
            last = min(first + CHUNK, self.cells) - 1
            self.ask("EVAL", FILL, "0", str(first), str(last), str(ON_HAND))

    def taken(self) -> tuple[int, int]:
        """Requests granted and units taken so far."""
        left = sum(
            int(self.ask("EVAL", LEFT, "0", str(first), str(min(first + CHUNK, self.cells) - 1)))
            for first in range(0, self.cells, CHUNK)
        )
        return int(self.ask("DBSIZE")) - self.cells, self.cells * ON_HAND - left

    def round(self, shape: Shape, *, seconds: float) -> PeerRound:
        """Measures and checks what the server did. Raises RuntimeError if it was wrong."""
        at_once = shape.clients * shape.depth
        calls = max(int(self.rates.get(shape, 10_000) * seconds), at_once * 2)
        calls -= calls % at_once
        granted_before, units_before = self.taken()
        result = self._generate(shape, calls)
        granted, units = self.taken()
        peer.check_units(
            self.name,
            shape,
            calls=calls,
            granted=granted - granted_before,
            units=units - units_before,
        )
        self.rates[shape] = result.calls_per_second
        return result

    def _generate(self, shape: Shape, calls: int) -> PeerRound:
        script = self.ask("SCRIPT", "LOAD", ONE_LINE if shape.lines == 1 else MANY_LINES)
        cells = ["c:__rand_int__"] * shape.lines
        command = [peer.find("redis-benchmark"), *self.where, "--csv", "--precision", "3"]
        command += ["-c", str(shape.clients), "-P", str(shape.depth), "-n", str(calls)]
        command += ["-r", str(self.cells), "EVALSHA", script, str(1 + shape.lines)]
        command += ["r:__rand_int____rand_int____rand_int__", *cells, str(TTL_S)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = list(csv.reader(done.stdout.splitlines()))[-1]
        rate, _, _, p50_ms, _, p99_ms, _ = (float(field) for field in row[1:])
        return PeerRound(shape, rate, p50_ms * 1e3, p99_ms * 1e3)


@contextmanager
def serving(folder: Path, *, cells: int) -> Iterator[Redis]:
    """A server of its own on `folder`, else the one that the environment names.

    Raises UnavailableError where there is neither, or it is not as durable as ours.
    """
    url = os.environ.get(URL)
    try:
        program = peer.find("redis-server")
    except UnavailableError as error:
        if url is None:
            raise UnavailableError(f"{error}, and {URL} is not set") from error
        yield from _at(("-u", url), cells)
        return
    with peer.socket_folder() as sockets:
        where = sockets / "redis"
        command = [program, "--port", "0", "--unixsocket", str(where), "--dir", str(folder)]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        command += ["--auto-aof-rewrite-percentage", "0"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                peer.wait(lambda: where.exists() or process.poll() is not None)
                if process.poll() is not None:
                    raise UnavailableError(f"redis-server: {(folder / 'log').read_text()[-300:]}")
                yield from _at(("-s", str(where)), cells)
            finally:
                process.kill()
                process.wait()


def _at(where: Sequence[str], cells: int) -> Iterator[Redis]:
    redis = Redis(tuple(where), cells, {})
    for name, wanted in (("appendonly", "yes"), ("appendfsync", "always")):
        if redis.ask("CONFIG", "GET", name).split() != [name, wanted]:
            raise UnavailableError(f"Redis: {name} is not {wanted}")
    if redis.ask("DBSIZE") != "0":
        raise UnavailableError("Redis: the database is not empty")
    try:
        redis.fill()
        yield redis
    finally:
        redis.ask("FLUSHDB")
