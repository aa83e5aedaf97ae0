"""A served small town: one server process per test module, one client in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bopis.testing.client import Client
from bopis.testing.server import ServerProcess, serving
from tests.e2e import small_town


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("server")
    with serving(folder, options=small_town.CLOCK) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel))
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with server.channel() as channel:
        yield Client(channel)
