"""`bopis replay` of a re-allocation: what cannot be read is not told as different."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from bopis.adapters import replay_native
from bopis.cli.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_record_that_cannot_be_read_is_refused_and_not_said_to_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def reading(_: Path) -> "Iterator[None]":
        yield None

    def files(_: None, __: str, *names: str) -> dict[str, bytes]:
        return dict.fromkeys(names, b"no record")

    monkeypatch.setattr(replay_native, "reading", reading)
    monkeypatch.setattr(replay_native, "operation_files", files)
    (tmp_path / "orders.sqlite3").touch()
    with pytest.raises(typer.Exit) as ended:
        replay("operations/3f0c", data=tmp_path, attempt=None, as_json=False)
    told = capfd.readouterr()
    assert (ended.value.exit_code, told.out) == (2, "")
    assert "it cannot be read" in told.err
    assert "what is kept of operation 3f0c cannot be read" in told.err
