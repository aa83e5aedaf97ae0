"""A synchronous driver of the native engine: what a benchmark measures crosses the border once."""

from __future__ import annotations

import select
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from bopis._allocator_rs import Clock, Engine

REQUEST_WINDOW_MAX: Final = 4_000_000
ANSWER_MS: Final = 20_000
COMMANDS_MAX: Final = 200

encode: Final = msgspec.msgpack.Encoder().encode
_raw_decoder: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_decoder: Final = msgspec.msgpack.Decoder()


class SyncEngine:
    """An engine in memory (`folder` None) or durable, and a way to wait for its completions."""

    def __init__(self, folder: Path | None, *, clock: Clock | None = None) -> None:
        self.engine = Engine.open(folder, clock or Clock.system(), REQUEST_WINDOW_MAX)
        self._poll = select.poll()
        self._poll.register(self.engine.wake_fd(), select.POLLIN)
        self._requests = 0

    def __enter__(self) -> Self:
        self.engine.start_time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.drain()

    def payload(self, acts: Sequence[Sequence[dict[str, Any]]]) -> bytes:
        """Acts (each a list of commands) as one submission, with request ids of their own."""
        submissions = []
        for ticket, commands in enumerate(acts):
            self._requests += 1
            submissions.append(
                {
                    "ticket": ticket,
                    "request_id": numbered_uuid(0xBE, self._requests),
                    "commands": commands,
                }
            )
        return encode(submissions)

    def run(self, payload: bytes, *, count: int) -> list[bytes]:
        """Hands `count` acts over in one call and waits for all their completions."""
        self.engine.submit(payload)
        return self.wait(count)

    def wait(self, count: int) -> list[bytes]:
        """The next `count` completions, undecoded. Raises TimeoutError."""
        answers: list[bytes] = []
        while len(answers) < count:
            if not self._poll.poll(ANSWER_MS):
                raise TimeoutError(f"{len(answers)} of {count} acts were answered")
            answers.extend(_raw_decoder.decode(self.engine.completions()))
        return answers

    def act(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        """One act, outside any measurement; its outcomes."""
        return outcomes(self.run(self.payload([commands]), count=1))

    def act_all(self, commands: Sequence[dict[str, Any]]) -> None:
        """Any number of commands, some to an act, so that the queue holds all the acts."""
        parts = range(0, len(commands), COMMANDS_MAX)
        acts = [commands[begin : begin + COMMANDS_MAX] for begin in parts]
        outcomes(self.run(self.payload(acts), count=len(acts)))

    def read(self, cells: Sequence[dict[str, Any]]) -> list[dict[str, int]]:
        """Cells as they stand, any number."""
        views: list[dict[str, int]] = []
        for begin in range(0, len(cells), 4_096):
            answer = self.engine.read(encode(cells[begin : begin + 4_096]))
            views += _decoder.decode(answer)["cells"]
        return views


def outcomes(answers: Sequence[bytes]) -> list[dict[str, Any]]:
    """All outcomes of these completions. Raises RuntimeError for an act that was not done."""
    found: list[dict[str, Any]] = []
    for answer in answers:
        result = _decoder.decode(answer)["result"]
        if result["type"] != "done":
            raise RuntimeError(f"an act was not done: {result}")
        found += result["outcomes"]
    return found


def numbered_uuid(space: int, number: int) -> str:
    """The `number`-th UUID of a space."""
    return f"{space:08x}-0000-4000-8000-{number:012x}"
