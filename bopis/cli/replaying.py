"""`bopis replay`: decisions made again from what they were made of, and compared to the byte."""

import difflib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bopis.cli.complaints import FAILED, UNREADABLE, refuse, said_by

RECORD: Final = ("certificate", "answer")
"""What a re-allocation is done again from, in the order that `solver.replay` wants."""
ALONE: Final = "greedy"
"""The same, where the optimizer did not answer."""
OPERATION_PREFIX: Final = "operations/"
DIFFERS: Final = 1
"""Exit code of `solver.replay`; UNREADABLE: the record cannot be read; another one: it failed."""


def replay(
    what: Annotated[str, typer.Argument(help="An order's id, or operations/...")],
    data: Annotated[
        Path,
        typer.Option(envvar="BOPIS_DATA_FOLDER", help="Folder of the service, or a copy of it."),
    ],
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Only this sourcing attempt of the order.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per decision.")] = False,
) -> None:
    """Makes a decision again, from the ledger, policy, network and prices that it was made of, or
    (a re-allocation) from its recorded problem and counts of work. Exit code 0: the same to the
    byte; 1: it differs, or cannot be made again any more; 2: what is kept cannot be read. The
    service may run meanwhile.
    """
    from bopis.adapters.replay_native import RecordError

    file = data / "orders.sqlite3"
    if not file.is_file():
        refuse(f"{data}: no order store is there", code=UNREADABLE)
    name = what.removeprefix(OPERATION_PREFIX)
    try:
        if what.startswith(OPERATION_PREFIX) and attempt is not None:
            refuse("--attempt: an operation has none, an order has", code=UNREADABLE)
        if what.startswith(OPERATION_PREFIX):
            code = _operation(file, name, as_json=as_json)
        else:
            code = _order(file, what, attempt, as_json=as_json)
    except OSError as error:
        refuse(said_by(error), code=UNREADABLE)
    except RecordError as error:
        kind = "order" if name == what else "operation"
        refuse(f"what is kept of {kind} {name} cannot be read: {error}", code=UNREADABLE)
    raise typer.Exit(code)


def _order(store: Path, order_id: str, attempt: int | None, *, as_json: bool) -> int:
    """The exit code. Raises RecordError."""
    from bopis.adapters.replay_native import order_again, reading

    ledger = store.parent / "ledger"
    if not ledger.is_dir():
        refuse(f"{store.parent}: no ledger is there", code=UNREADABLE)
    kept: list[int] = []
    same, is_damaged = True, False
    with reading(store) as connection:
        for one in order_again(connection, ledger, order_id):
            kept.append(one.attempt)
            if attempt not in (None, one.attempt):
                continue
            told: dict[str, Any] = {"order_id": order_id, "attempt": one.attempt}
            told |= {"sequence": one.sequence, "same": one.now == one.recorded}
            if one.now is None:
                told["why"] = one.why
            elif one.now != one.recorded:
                told["diff"] = _diff(one.recorded, one.now)
            same = same and bool(told["same"])
            is_damaged = is_damaged or one.is_damaged
            _tell(told, f"order {order_id}, attempt {one.attempt}", as_json=as_json)
    if not kept:
        refuse(f"no decision is kept of order {order_id}: there is no such order, or it is too old")
    if attempt not in (None, *kept):
        attempts = ", ".join(str(one) for one in kept)
        refuse(f"no attempt {attempt} is kept of order {order_id}, but these: {attempts}")
    if is_damaged:
        return UNREADABLE
    return 0 if same else FAILED


def _operation(store: Path, operation_id: str, *, as_json: bool) -> int:
    """The exit code. Raises RecordError."""
    from bopis.adapters.replay_native import greedy_differences, operation_files, reading

    with reading(store) as connection:
        kept = operation_files(connection, operation_id, "moves", ALONE, *RECORD)
    if kept["moves"] is None:
        refuse(f"nothing is kept of operation {operation_id}: there is no such, or it is too old")
    if any(kept[name] is None for name in RECORD):
        if (alone := kept[ALONE]) is None:
            refuse("the optimizer did not answer then: orders were planned one by one, unrecorded")
        return _tell_operation(operation_id, greedy_differences(alone), as_json=as_json)
    with tempfile.TemporaryDirectory(prefix="bopis-replay-") as folder:
        files = [Path(folder) / name for name in RECORD]
        for file in files:
            file.write_bytes(kept[file.name] or b"")
        # The library that solves is imported by its own processes only.
        words = [sys.executable, "-m", "solver.replay", *map(str, files)]
        done = subprocess.run(words, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode == UNREADABLE:
        said = f"what is kept of operation {operation_id} cannot be read: see above"
        refuse(said, code=UNREADABLE)
    # One that broke off ends with 1 too, but says nothing of what differs.
    if done.returncode not in (0, DIFFERS) or (done.returncode and not done.stdout):
        refuse(f"operation {operation_id} was not done again to its end: see above")
    differences = done.stdout.splitlines() if done.returncode else []
    return _tell_operation(operation_id, differences, as_json=as_json)


def _tell_operation(operation_id: str, differences: list[str], *, as_json: bool) -> int:
    """The exit code."""
    told: dict[str, Any] = {"operation": OPERATION_PREFIX + operation_id}
    told["same"] = not differences
    if differences:
        told["diff"] = differences
    _tell(told, told["operation"], as_json=as_json)
    return FAILED if differences else 0


def _diff(recorded: bytes, now: bytes) -> list[str]:
    one, other = (json.dumps(json.loads(text), indent=1).splitlines() for text in (recorded, now))
    return list(difflib.unified_diff(one, other, "recorded", "now", lineterm="", n=2))


def _tell(told: dict[str, Any], name: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told))
    elif told["same"]:
        typer.echo(f"{name}: the same to the byte")
    elif "why" in told:
        typer.echo(f"{name}: cannot be made again: {told['why']}")
    else:
        typer.echo(f"{name}: differs")
        for line in told["diff"]:
            typer.echo(f"  {line}")
