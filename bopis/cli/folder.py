"""`bopis verify`, `rebuild` and `notifications`: looking into a data folder."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse
from bopis.cli.watching import watched

FOLLOW_S: Final = 0.2


_Stopped = Annotated[Path, typer.Argument(help="Data folder of a service that is stopped.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def verify(directory: _Stopped, as_json: _Json = False) -> None:
    """Decides the whole journal again and compares: prints nothing if it agrees; exit code 1 and
    where, if it is damaged or disagrees, 2 if it cannot be read now (a service runs on the folder).
    """
    from bopis.adapters.journal_native import verify_ledger
    from bopis.bootstrap import LEDGER_FOLDER

    with _complaining():
        ledger = directory / LEDGER_FOLDER
        report = watched(lambda progress: verify_ledger(ledger, progress), doing="verify")
        if as_json:
            typer.echo(json.dumps(report))


def rebuild(
    directory: _Stopped,
    cells: Annotated[bool, typer.Option("--cells", help="Every cell, one JSON line each.")] = False,
    as_json: _Json = False,
) -> None:
    """Makes all counters anew from the journal's records, as a start does, and checks them against
    the live reservations and against what the last orderly stop left; exit codes as of verify.

    Nothing is written: counters are kept nowhere but in the journal, so there is nothing to mend.
    """
    from bopis.adapters.journal_native import rebuild_ledger
    from bopis.bootstrap import LEDGER_FOLDER

    with _complaining():
        ledger = directory / LEDGER_FOLDER
        report = watched(lambda progress: rebuild_ledger(ledger, progress), doing="rebuild")
    found = report.pop("cells")
    for cell in found if cells else ():
        typer.echo(json.dumps(cell))
    report["cells"] = len(found)
    if as_json:
        typer.echo(json.dumps(report))
    elif not cells:
        for name, value in report.items():
            typer.echo(f"{name}: {value}")
    if report["as_drained"] is False:
        refuse("the state is not the one that the last orderly stop left")


@contextmanager
def _complaining() -> Iterator[None]:
    from bopis._allocator_rs import DivergenceError, NativeError

    try:
        yield
    except FileNotFoundError as error:
        refuse(str(error), code=BAD_OPTION)
    except DivergenceError as error:
        refuse(str(error))
    except NativeError as error:
        refuse(f"{error}; stop the service first", code=BAD_OPTION)


def notifications(
    directory: Annotated[Path, typer.Argument(help="Data folder.")],
    follow: Annotated[bool, typer.Option(help="Go on as more are sent.")] = False,
) -> None:
    """Shows what customers were told, pickup codes included."""
    from bopis.bootstrap import NOTIFICATIONS_FILE

    path = directory / NOTIFICATIONS_FILE
    if not path.is_file():
        refuse(f"there is no {path}", code=BAD_OPTION)
    with path.open(encoding="utf-8") as file:
        rest = ""
        while True:
            rest += file.readline()
            if rest.endswith("\n"):
                typer.echo(_sentence(json.loads(rest)))
                rest = ""
            elif not follow:
                return
            else:
                time.sleep(FOLLOW_S)


def _sentence(line: dict[str, object]) -> str:
    words = [
        _utc(line.get("time_ms", 0)),
        str(line["kind"]).lower().replace("_", " "),
        f"order {line['order_id']}",
    ]
    for name, label in (
        ("customer_id", "customer"),
        ("node_id", "at"),
        ("staging_location", "staged in"),
        ("pickup_code", "code"),
    ):
        if name in line:
            words.append(f"{label} {line[name]}")
    for name, label in (("ready_by_ms", "ready by"), ("pickup_expire_ms", "kept until")):
        if name in line:
            words.append(f"{label} {_utc(line[name])}")
    return "  ".join(words)


def _utc(time_ms: object) -> str:
    seconds = float(str(time_ms)) / 1_000
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
