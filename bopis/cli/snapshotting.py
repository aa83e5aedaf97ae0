"""`bopis snapshot`: the ledger's state in one file, so that a start need not read all its past."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from bopis.cli.complaints import BAD_OPTION, refuse


def snapshot(
    directory: Annotated[Path, typer.Argument(help="Data folder; a service may run on it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    while_stdin_is_open: Annotated[
        bool,
        typer.Option(help="End when standard input closes: with the process at its other end."),
    ] = False,
) -> None:
    """Builds a snapshot out of the last one and the full segments of the journal behind it, keeps
    two, and removes segments that neither needs. Runs when the machine has nothing else to do.
    """
    from bopis._allocator_rs import DivergenceError, NativeError
    from bopis.adapters.snapshot_process import be_idle, build_snapshot_of
    from bopis.bootstrap import LEDGER_FOLDER

    if while_stdin_is_open:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    be_idle()
    try:
        report = build_snapshot_of(directory / LEDGER_FOLDER)
    except FileNotFoundError as error:
        refuse(str(error), code=BAD_OPTION)
    except DivergenceError as error:
        refuse(str(error))
    except NativeError as error:
        refuse(str(error), code=BAD_OPTION)
    _report(report, as_json=as_json)


def _report(report: dict[str, Any] | None, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report))
    elif report is None:
        typer.echo("no segment was filled since the last snapshot")
    else:
        for name, value in report.items():
            typer.echo(f"{name}: {value}")


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(2)
