"""What a peer of the ledger's benchmark must do for its figure to count: each of those whose
programs are installed here, as a server of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.ledger import peer, postgres_peer, redis_peer
from bench.ledger.native import FOLDER
from bench.ledger.peer import ON_HAND, TTL_S, Shape, UnavailableError
from bench.ledger.postgres_peer import Postgres
from bench.ledger.redis_peer import MANY_LINES, Redis

CELLS = 300
SECONDS = 1.0


def has(*programs: str) -> bool:
    try:
        for program in programs:
            postgres_peer.find(program)
    except UnavailableError:
        return False
    return True


needs_redis = pytest.mark.skipif(
    not has("redis-server", "redis-benchmark", "redis-cli"), reason="Redis is not installed"
)
needs_postgres = pytest.mark.skipif(
    not has("postgres", "initdb", "pgbench", "psql"), reason="PostgreSQL is not installed"
)


@contextmanager
def a_folder() -> Iterator[Path]:
    """Not pytest's: PostgreSQL runs as another user where we are root."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with a_folder() as folder, redis_peer.serving(folder, cells=CELLS) as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with a_folder() as folder, postgres_peer.serving(folder, cells=CELLS) as server:
        yield server


@needs_redis
@pytest.mark.parametrize("shape", [redis_peer.PIPELINED[0], redis_peer.UNPIPELINED[-1]])
def test_a_round_of_redis_takes_what_was_granted(redis: Redis, shape: Shape) -> None:
    measured = redis.round(shape, seconds=SECONDS)
    assert measured.operations_per_second == measured.calls_per_second * shape.lines
    assert measured.p99_us >= measured.p50_us > 0


@needs_redis
def test_an_order_of_redis_takes_effect_once_and_whole_or_not_at_all(redis: Redis) -> None:
    def reserve(request: str) -> str:
        cells = ["c:000000000001", "c:000000000002"]
        return redis.ask("EVAL", MANY_LINES, "3", request, *cells, str(TTL_S))

    granted, units = redis.taken()
    assert [reserve("r:one"), reserve("r:one")] == ["1", "2"]
    assert redis.taken() == (granted + 1, units + 2)
    assert 0 < int(redis.ask("TTL", "r:one")) <= TTL_S
    left = redis.ask("GET", "c:000000000002")
    redis.ask("SET", "c:000000000002", "0")
    assert reserve("r:two") == "0"
    redis.ask("SET", "c:000000000002", left)
    assert redis.taken() == (granted + 1, units + 2)


@needs_redis
def test_redis_flushes_before_it_answers(redis: Redis) -> None:
    assert redis.ask("CONFIG", "GET", "appendfsync").split() == ["appendfsync", "always"]
    assert redis.ask("CONFIG", "GET", "appendonly").split() == ["appendonly", "yes"]


@needs_postgres
@pytest.mark.parametrize(
    "shape", [*postgres_peer.UNIFORM[1::2], postgres_peer.HOT_ROW[0], postgres_peer.SET_BASED[1]]
)
def test_a_round_of_postgres_takes_what_was_granted(postgres: Postgres, shape: Shape) -> None:
    measured = postgres.round(shape, seconds=SECONDS)
    assert measured.operations_per_second == measured.calls_per_second * shape.lines
    assert measured.p99_us >= measured.p50_us > 0


@needs_postgres
@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("reserve({id}, 7, 2)", f"reserve({{id}}, 7, {ON_HAND * 10})"),
        ("reserve_many(array[{id}, {id} + 1], array[7, 7])", None),
    ],
)
def test_a_request_of_postgres_takes_effect_once(
    postgres: Postgres, call: str, refused: str | None
) -> None:
    before = postgres.taken()
    number = 10 + before[0]
    postgres.ask(f"select {call.format(id=number)}")
    once = postgres.taken()
    assert once[1] == before[1] + 2
    postgres.ask(f"select {call.format(id=number)}")
    assert postgres.taken() == once
    if refused is not None:
        assert postgres.ask(f"select {refused.format(id=number + 5)}") == "f"
        assert postgres.taken() == once


@needs_postgres
def test_an_order_of_postgres_is_whole_or_nothing(postgres: Postgres) -> None:
    before = postgres.taken()
    with pytest.raises(RuntimeError, match="too little"):
        postgres.ask(f"select reserve_lines(5, array[1, 2, {CELLS}])")
    assert postgres.taken() == before
    postgres.ask("select reserve_lines(5, array[1, 2, 3])")
    assert postgres.taken() == (before[0] + 1, before[1] + 3)


@needs_postgres
def test_a_set_with_too_little_of_a_cell_grants_the_others(postgres: Postgres) -> None:
    before = postgres.taken()
    postgres.ask("update stock set available = -available where cell = 250")
    postgres.ask("select reserve_many(array[1001, 1002, 1003], array[250, 251, 251])")
    postgres.ask("update stock set available = -available where cell = 250")
    assert postgres.taken() == (before[0] + 2, before[1] + 2)


@needs_postgres
def test_a_peer_that_took_other_units_is_void(postgres: Postgres) -> None:
    shape = postgres_peer.HOT_ROW[0]
    granted, units = postgres.taken()
    with pytest.raises(RuntimeError, match="took"):
        peer.check_units(postgres.name, shape, calls=granted, granted=granted, units=units + 1)
