"""PostgreSQL: plpgsql functions that insert the request on no conflict and update conditionally.

| | |
| --- | --- |
| server | its own (`initdb`), `fsync` and `synchronous_commit` on, no checkpoint meanwhile |
| else | `BOPIS_BENCH_POSTGRES_DSN`: as durable; a schema there comes and goes |
| load | `pgbench` (C), prepared statements, one thread |
| uniform | any cell; orders of one line and of several |
| hot row | one cell; lines of an order are summed before the call, as the ledger sums them |
| set-based | a thousand requests in one statement, drawn by the server itself |
| check | units gone = requests granted x lines, after each round |
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.ledger import peer
from bench.ledger.peer import ON_HAND, ORDER_LINES, TTL_S, PeerRound, Shape, UnavailableError

DSN: Final = "BOPIS_BENCH_POSTGRES_DSN"
SCHEMA: Final = "bopis_bench"
USER: Final = "postgres"
"""Who runs the server where we are root, which it refuses to be."""
BATCH: Final = 1_000
SAMPLED: Final = "0.2"
"""Share of the transactions whose latency is written down; of those that take many orders, all."""
TRIES: Final = "10"

UNIFORM: Final = tuple(
    Shape("uniform", lines, clients) for lines in (1, ORDER_LINES) for clients in (32, 64)
)
HOT_ROW: Final = tuple(Shape("hot row", ORDER_LINES, clients) for clients in (8, 32, 64))
SET_BASED: Final = tuple(Shape("set-based", BATCH, clients, orders=BATCH) for clients in (1, 2, 4))

SETTINGS: Final = """
listen_addresses = ''
shared_buffers = 1GB
wal_buffers = 64MB
max_wal_size = 32GB
checkpoint_timeout = 1h
max_connections = 200
synchronous_commit = on
fsync = on
"""
TABLES: Final = """
create table stock (cell int primary key, available bigint not null) with (fillfactor = 50);
create table request (id bigint primary key, granted boolean not null,
                      expires timestamptz not null);
insert into stock select cell, {on_hand} from generate_series(0, {cells} - 1) cell;

create function reserve(request_id bigint, wanted int, quantity bigint) returns boolean
language plpgsql as $$
begin
  insert into request values (request_id, true, now() + interval '{ttl_s} s')
    on conflict do nothing;
  if not found then return (select granted from request where id = request_id); end if;
  update stock set available = available - quantity where cell = wanted and available >= quantity;
  if found then return true; end if;
  update request set granted = false where id = request_id;
  return false;
end $$;

-- All lines or nothing: too little undoes the request as well, and a retry decides anew.
create function reserve_lines(request_id bigint, wanted int[]) returns boolean
language plpgsql as $$
declare taken int;
begin
  insert into request values (request_id, true, now() + interval '{ttl_s} s')
    on conflict do nothing;
  if not found then return (select granted from request where id = request_id); end if;
  update stock set available = available - 1 where cell = any(wanted) and available >= 1;
  get diagnostics taken = row_count;
  if taken < cardinality(wanted) then raise exception 'too little'; end if;
  return true;
end $$;

create function reserve_many(request_ids bigint[], wanted int[]) returns void
language plpgsql as $$
declare short int[];
begin
  with fresh as (
    insert into request
      select id, true, now() + interval '{ttl_s} s' from unnest(request_ids) id
      on conflict do nothing returning id
  ), asked as (
    select cell, count(*) as quantity from unnest(request_ids, wanted) ask(id, cell)
      join fresh using (id) group by cell
  ), taken as (
    update stock set available = available - quantity from asked
      where stock.cell = asked.cell and available >= quantity returning stock.cell
  )
  select array_agg(cell) into short from asked where cell not in (select cell from taken);
  if short is not null then
    update request set granted = false
      where id in (select id from unnest(request_ids, wanted) ask(id, cell)
                   where cell = any(short));
  end if;
end $$;
"""
MANY: Final = (
    "select reserve_many("
    "array(select (random() * 9e18)::bigint from generate_series(1, {batch})), "
    "array(select (random() * {last})::int from generate_series(1, {batch})))\n"
)
TAKEN: Final = "select sum({on_hand}::bigint - available) from stock"
DRAWN: Final = "\\set request random(1, 9000000000000000000)\n"


def script(shape: Shape, *, cells: int) -> str:
    """What a client of pgbench does again and again."""
    if shape.name == "set-based":
        return MANY.format(batch=BATCH, last=cells - 1)
    if shape.name == "hot row":
        return DRAWN + f"select reserve(:request, 0, {shape.lines})\n"
    if shape.lines == 1:
        return DRAWN + f"\\set a random(0, {cells - 1})\nselect reserve(:request, :a, 1)\n"
    # Each line its own part of the cells, so that an order never names a cell twice and rows are
    # locked in order.
    part = cells // shape.lines
    drawn = "".join(
        f"\\set cell{line} random({line * part}, {line * part + part - 1})\n"
        for line in range(shape.lines)
    )
    wanted = ", ".join(f":cell{line}" for line in range(shape.lines))
    return f"{DRAWN}{drawn}select reserve_lines(:request, array[{wanted}]::int[])\n"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server with stock in `cells` cells, reached at `dsn`."""

    dsn: str
    cells: int
    folder: Path

    @property
    def name(self) -> str:
        """With its version."""
        return f"PostgreSQL {self.ask('show server_version').split()[0]}, synchronous commit"

    def ask(self, statement: str) -> str:
        """Runs SQL through psql. Raises RuntimeError for an error."""
        command = [find("psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.dsn]
        done = subprocess.run(
            command, input=statement, capture_output=True, text=True, check=False, env=_search()
        )
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def taken(self) -> tuple[int, int]:
        """Requests granted and units taken so far."""
        granted = int(self.ask("select count(*) from request where granted"))
        return granted, int(self.ask(TAKEN.format(on_hand=ON_HAND)))

    def round(self, shape: Shape, *, seconds: float) -> PeerRound:
        """Measures and checks what the server did. Raises RuntimeError if it was wrong."""
        granted_before, units_before = self.taken()
        result, calls = self._generate(shape, seconds)
        granted, units = self.taken()
        peer.check_units(
            self.name,
            shape,
            calls=calls,
            granted=granted - granted_before,
            units=units - units_before,
        )
        return result

    def _generate(self, shape: Shape, seconds: float) -> tuple[PeerRound, int]:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="pgbench-") as folder:
            path = Path(folder, "script.sql")
            path.write_text(script(shape, cells=self.cells))
            command = [find("pgbench"), "-n", "-M", "prepared", "-f", str(path)]
            command += ["-T", str(max(1, round(seconds))), "-c", str(shape.clients), "-j", "1"]
            sampled = SAMPLED if shape.orders == 1 else "1"
            command += ["--max-tries", TRIES, "-l", "--sampling-rate", sampled, self.dsn]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False, env=_search()
            )
            if done.returncode != 0:
                raise RuntimeError(f"pgbench: {done.stderr.strip()}")
            latencies = [
                float(line.split()[2])
                for log in Path(folder).glob("pgbench_log.*")
                for line in log.read_text().splitlines()
                if line.split()[2].isdigit()
            ]
        rate = float(_found(r"^tps = ([0-9.]+)", done.stdout))
        calls = int(_found(r"^number of transactions actually processed: (\d+)", done.stdout))
        p50_us, p99_us = (peer.quantile(latencies, share) for share in (0.5, 0.99))
        return PeerRound(shape, rate, p50_us, p99_us), calls


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pgbench printed no {pattern}: {text}")
    return found[1]


def _search() -> dict[str, str]:
    return {**os.environ, "PGOPTIONS": f"-c search_path={SCHEMA}", "PGCONNECT_TIMEOUT": "10"}


def find(program: str) -> str:
    """On PATH, or where Debian keeps the newest. Raises UnavailableError."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: float(folder.parent.name),
        reverse=True,
    )
    return peer.find(program, *folders)


@contextmanager
def serving(folder: Path, *, cells: int) -> Iterator[Postgres]:
    """A server of its own on `folder`, else the one that the environment names.

    Raises UnavailableError where there is neither, or it is not as durable as ours.
    """
    find("psql")
    find("pgbench")
    dsn = os.environ.get(DSN)
    try:
        programs = find("initdb"), find("postgres")
    except UnavailableError as error:
        if dsn is None:
            raise UnavailableError(f"{error}, and {DSN} is not set") from error
        yield from _at(dsn, cells, folder)
        return
    with peer.socket_folder() as sockets, _started(programs, folder, sockets):
        yield from _at(f"host={sockets} user=bopis dbname=postgres", cells, folder)


@contextmanager
def _started(programs: tuple[str, str], folder: Path, sockets: Path) -> Iterator[None]:
    initdb, postgres = programs
    user = _unprivileged()
    for owned in (folder, sockets):
        if user is not None:
            os.chown(owned, pwd.getpwnam(user).pw_uid, -1)
    if subprocess.run(["test", "-w", str(folder)], check=False, user=user).returncode != 0:
        raise UnavailableError(f"the user {user} may not write to {folder}")
    data = folder / "data"
    made = subprocess.run(
        [initdb, "-D", str(data), "-U", "bopis", "-A", "trust", "-E", "UTF8", "--locale=C"],
        capture_output=True,
        text=True,
        check=False,
        user=user,
        cwd=folder,
    )
    if made.returncode != 0:
        raise UnavailableError(f"initdb: {made.stderr.strip()}")
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"{SETTINGS}unix_socket_directories = '{sockets}'\n")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [postgres, "-D", str(data)], stdout=log, stderr=log, user=user, cwd=folder
        )
        try:
            ready = [find("psql"), "-qAtX", "-h", str(sockets), "-U", "bopis", "postgres"]
            peer.wait(
                lambda: (
                    process.poll() is not None
                    or subprocess.run(
                        [*ready, "-c", "select 1"], capture_output=True, check=False
                    ).returncode
                    == 0
                )
            )
            if process.poll() is not None:
                raise UnavailableError(f"postgres: {(folder / 'log').read_text()[-300:]}")
            yield
        finally:
            # At once: nothing of it is kept.
            process.send_signal(signal.SIGQUIT)
            process.wait()


def _unprivileged() -> str | None:
    """Whom to become: nobody else unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER).pw_name
    except KeyError as error:
        raise UnavailableError(f"PostgreSQL refuses root, and there is no user {USER}") from error


def _at(dsn: str, cells: int, folder: Path) -> Iterator[Postgres]:
    postgres = Postgres(dsn, cells, folder)
    for name in ("fsync", "synchronous_commit"):
        if postgres.ask(f"show {name}") != "on":
            raise UnavailableError(f"PostgreSQL: {name} is not on")
    postgres.ask(f"create schema {SCHEMA}")
    try:
        postgres.ask(TABLES.format(cells=cells, on_hand=ON_HAND, ttl_s=TTL_S))
        postgres.ask("vacuum analyze stock")
        yield postgres
    finally:
        postgres.ask(f"drop schema {SCHEMA} cascade")
