"""A recorded solve done again: `python -m solver.replay CERTIFICATE ANSWER`.

CERTIFICATE holds the problem (solver/certificate.py), ANSWER is the result frame of the process
that solved it (solver/worker.py), with the counts of its work. All of the answer but the time it
took must be the same to the byte. Exit code 0 if it is, 1 if anything differs, 2 if a file cannot
be read.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from solver import certificate
from solver.pace import Record, RecordError
from solver.problem import Request
from solver.rows import ProblemError
from solver.solve import CheckError, solve
from solver.worker import answer_of

DIFFERS: Final = 1
UNREADABLE: Final = 2
TIMES: Final = ("type", "solve_time_ms")
"""What is not compared."""
SHOWN: Final = 400
"""Characters of a value in the list of differences."""


class _Answer(msgspec.Struct, frozen=True):
    record: Record


def differences(instance: bytes, answer: bytes) -> list[str]:
    """What another run of a recorded solve gives differently, in words.

    Raises msgspec.DecodeError, ProblemError, RecordError, CheckError.
    """
    request = msgspec.msgpack.decode(instance, type=Request)
    recorded: dict[str, Any] = msgspec.msgpack.decode(answer)
    record = msgspec.msgpack.decode(answer, type=_Answer).record
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(answer_of(solve(request, record=record))))
    names = [name for name in (recorded | again) if name not in TIMES]
    return [
        f"{name}: recorded {_shown(recorded.get(name))}, now {_shown(again.get(name))}"
        for name in names
        if _bytes(recorded.get(name)) != _bytes(again.get(name))
    ]


def _bytes(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def main(arguments: Sequence[str]) -> int:
    """The command."""
    try:
        proof, answer = (Path(argument) for argument in arguments)
        instance = certificate.read(proof).instance
        found = differences(instance, answer.read_bytes())
    except (ValueError, OSError, msgspec.DecodeError) as error:
        if isinstance(error, (ProblemError, RecordError)):
            print(f"it cannot be done again: {error}")
            return DIFFERS
        print(f"it cannot be read: {error}", file=sys.stderr)
        return UNREADABLE
    except CheckError as error:
        print(f"it cannot be done again: {error}")
        return DIFFERS
    for line in found:
        print(line)
    return DIFFERS if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
