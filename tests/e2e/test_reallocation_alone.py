"""Re-allocations without the optimizer are done again from what is kept of them."""

import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from bopis.domain.greedy import GreedyRecord
from bopis.testing.client import Client, eventually
from bopis.testing.server import ServerProcess, serving
from tests.e2e import small_town
from tests.e2e.command_line import bopis
from tests.e2e.test_reallocation_moves import (
    begin,
    response_of,
    shipped_from_afar,
    solver_of,
    wait,
)

pytestmark = pytest.mark.needs_services()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(tmp_path, options=small_town.CLOCK) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel))
        yield running


def test_moves_that_were_planned_one_by_one_are_replayed(server: ServerProcess) -> None:
    with server.channel() as channel:
        client = Client(channel)
        shipped_from_afar(client, units=5)
        name = begin(client, seconds=5.0)
        os.kill(eventually(lambda: solver_of(server)), signal.SIGKILL)
        response = response_of(wait(client, name))
    assert response.step == "GREEDY"
    assert response.moved_count > 0
    words = ("replay", name, "--data", str(server.data))
    for _ in range(2):
        done = bopis(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.strip() == f"{name}: the same to the byte"
    _forget_a_move(server.data / "orders.sqlite3")
    done = bopis(*words)
    assert done.returncode == 1
    assert "differs" in done.stdout
    assert "far-" in done.stdout


def _forget_a_move(store: Path) -> None:
    """Of what is kept."""
    engine = sa.create_engine(f"sqlite:///{store}")
    with engine.begin() as connection:
        row = sa.text("SELECT content FROM operation_files WHERE name = 'greedy'")
        packed = connection.execute(row).scalar_one()
        record = msgspec.msgpack.decode(zlib.decompress(packed), type=GreedyRecord)
        changed = GreedyRecord(record.request, record.order_count, record.components[1:])
        content = zlib.compress(msgspec.msgpack.encode(changed))
        connection.execute(
            sa.text("UPDATE operation_files SET content = :content WHERE name = 'greedy'"),
            {"content": content},
        )
    engine.dispose()
