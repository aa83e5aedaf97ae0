"""Runs the native program that measures (`allocator_rs/ledger_bench`)."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.ledger.figures import Line
from bench.serving import ROOT

FOLDER: Final = ROOT / ".benchmarks" / "ledger"
STOP_S: Final = 120
Note = Callable[[str], None]


def binary() -> Path:
    """Where cargo puts it."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/bopis-ledger-bench"


@dataclass(frozen=True, slots=True)
class Native:
    """The program with the options of this run; `note` hears what it is doing."""

    options: tuple[str, ...]
    note: Note

    def measure(self, figure: str, *more: str) -> Line:
        """One figure, in a process of its own. Raises RuntimeError if the run is void."""
        with self._running(figure, *more) as process:
            printed = _lines(process)
        for line in printed:
            if line.get("figure") == figure:
                return line
        raise RuntimeError(f"{figure} was not printed")

    @contextmanager
    def session(self, figure: str, *, seconds: float) -> Iterator[Session]:
        """An engine that is measured in rounds of so many seconds. Its counters are checked at the
        end; a wrong one raises RuntimeError.
        """
        options = ("--rounds-on-stdin", "--seconds", str(seconds))
        with self._running(figure, *options, stdin=subprocess.PIPE) as process:
            session = Session(process)
            session.read()
            yield session
            assert process.stdin is not None
            process.stdin.close()
            _lines(process)

    @contextmanager
    def _running(
        self, figure: str, *more: str, stdin: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[str]]:
        command = [str(binary()), "--figures", figure, "--folder", str(FOLDER)]
        process = subprocess.Popen(
            [*command, *self.options, *more],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        said: list[str] = []
        listener = threading.Thread(target=self._listen, args=(process, said))
        listener.start()
        try:
            yield process
            code = process.wait(STOP_S)
        finally:
            process.kill()
            process.wait()
            listener.join()
        if code != 0:
            raise RuntimeError(f"{figure}: {said[-1] if said else code}")

    def _listen(self, process: subprocess.Popen[str], said: list[str]) -> None:
        assert process.stderr is not None
        for text in process.stderr:
            said.append(text.strip())
            self.note(text.strip())


@dataclass(frozen=True, slots=True)
class Session:
    """An engine at rest between rounds."""

    process: subprocess.Popen[str]

    def round(self) -> Line:
        """Measures one round."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> Line:
        """The next line that it prints."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError("the native program ended")
        line: Line = json.loads(text)
        return line


def _lines(process: subprocess.Popen[str]) -> Sequence[Line]:
    assert process.stdout is not None
    return [json.loads(text) for text in process.stdout if text.startswith("{")]
