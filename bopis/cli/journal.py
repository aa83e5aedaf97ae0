"""`bopis journal dump` and `bopis journal follow`: the journal as JSON lines."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse

POLL_S: Final = 0.1

journal = typer.Typer(no_args_is_help=True, help="The journal as JSON lines, one per record.")

_Folder = Annotated[Path, typer.Argument(help="Data folder; a service may run on it.")]


@journal.command()
def dump(
    directory: _Folder,
    first: Annotated[int, typer.Option("--from", min=1, help="First record.")] = 1,
    last: Annotated[int | None, typer.Option("--to", min=1, help="Last record.")] = None,
) -> None:
    """Prints records and ends; of a journal that is written right now those that are sealed.
    Exit code 1 and where, if it is damaged.
    """
    from bopis.adapters.journal_native import records

    ledger = _ledger(directory)
    with _complaining():
        for record in records(ledger):
            if last is not None and record["sequence"] > last:
                return
            if record["sequence"] >= first:
                _print(record)


@journal.command()
def follow(
    directory: _Folder,
    first: Annotated[
        int | None,
        typer.Option("--from", min=1, help="First record. Default: those that are still to come."),
    ] = None,
) -> None:
    """Prints records as they are sealed (within a second of their act), until interrupted."""
    from bopis.adapters.journal_native import growing_records

    ledger = _ledger(directory)
    show_all = first is not None
    with _complaining(), contextlib.suppress(KeyboardInterrupt):
        for batch in growing_records(ledger):
            if not batch:
                show_all = True
                sys.stdout.flush()
                time.sleep(POLL_S)
                continue
            for record in batch:
                if show_all and record["sequence"] >= (first or 0):
                    _print(record)


def _ledger(directory: Path) -> Path:
    from bopis.bootstrap import LEDGER_FOLDER

    ledger = directory / LEDGER_FOLDER
    if not ledger.is_dir():
        refuse(f"there is no ledger in {directory}", code=BAD_OPTION)
    return ledger


def _print(record: dict[str, Any]) -> None:
    from bopis.adapters.journal_native import as_line

    sys.stdout.buffer.write(as_line(record))


@contextlib.contextmanager
def _complaining() -> Iterator[None]:
    from bopis._allocator_rs import DivergenceError, NativeError

    try:
        yield
        sys.stdout.flush()
    except DivergenceError as error:
        sys.stdout.flush()
        refuse(str(error))
    except NativeError as error:
        refuse(str(error), code=BAD_OPTION)
    except BrokenPipeError:
        # Whoever read it has enough; the interpreter would try to flush once more at its end.
        sys.stdout = None
