"""Long native work on the command line."""

import io
import sys
import threading
from types import SimpleNamespace

import pytest

from bopis.cli import watching

pytestmark = pytest.mark.needs_services()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_result_and_the_error_of_the_work_come_back() -> None:
    assert watching.watched(lambda progress: progress.get(), doing="work") == (0, 0)

    def fail(_progress: object) -> None:
        raise FileNotFoundError("there is no ledger")

    with pytest.raises(FileNotFoundError, match="there is no ledger"):
        watching.watched(fail, doing="work")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_only_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(watching, "QUIET_S", 0.0)
    seen = threading.Event()
    progress = SimpleNamespace(get=lambda: (seen.set(), (7, 10))[1])
    monkeypatch.setattr("bopis._allocator_rs.Progress", lambda: progress)

    def work(_progress: object) -> str:
        return "shown" if seen.wait(0.0 if stream is io.StringIO else 30.0) else "silent"

    result = watching.watched(work, doing="counting sheep")
    assert result == ("shown" if stream is Terminal else "silent")
    assert ("counting sheep" in shown.getvalue()) == (stream is Terminal)
