"""`bopis backup` and `bopis restore`: order store and journal together."""

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bopis.cli.complaints import BAD_OPTION, refuse, said_by

if TYPE_CHECKING:
    from bopis.adapters.backup import Manifest, Parts

_Data = typer.Option("--data", envvar="BOPIS_DATA_FOLDER", help="Data folder.")
_Json = typer.Option("--json", help="One JSON object.")


def backup(
    destination: Annotated[Path, typer.Argument(help="Folder to make; must be new or empty.")],
    data: Annotated[Path, _Data],
    as_json: Annotated[bool, _Json] = False,
) -> None:
    """Copies order store, journal and keys as of one moment, while the service runs or not."""
    from bopis._allocator_rs import DivergenceError, NativeError
    from bopis.adapters.backup import BackupError, back_up

    if not data.is_dir():
        refuse(f"there is no {data}", code=BAD_OPTION)
    try:
        manifest = back_up(data, destination, parts=_parts())
    except (BackupError, NativeError) as error:
        refuse(str(error), code=1 if isinstance(error, DivergenceError) else BAD_OPTION)
    except (OSError, sqlite3.Error) as error:
        refuse(said_by(error))
    _report(manifest, "backed up", as_json=as_json)


def restore(
    source: Annotated[Path, typer.Argument(help="Folder that `bopis backup` made.")],
    data: Annotated[Path, _Data],
    as_json: Annotated[bool, _Json] = False,
) -> None:
    """Makes a new data folder from a backup after checking every byte of it."""
    from bopis._allocator_rs import NativeError
    from bopis.adapters import backup as backups

    if not source.is_dir():
        refuse(f"there is no {source}", code=BAD_OPTION)
    try:
        manifest = backups.restore(source, data, parts=_parts())
    except backups.BackupError as error:
        refuse(str(error), code=BAD_OPTION if "not empty" in str(error) else 1)
    except (NativeError, OSError) as error:
        refuse(said_by(error))
    _report(manifest, "restored", as_json=as_json)


def _parts() -> "Parts":
    from bopis.adapters.backup import Parts
    from bopis.adapters.clock_native import CLOCK_FILE
    from bopis.bootstrap import (
        KEY_FILE,
        LEDGER_FOLDER,
        NOTIFICATIONS_FILE,
        ORDERS_FILE,
        QUOTE_KEY_FILE,
    )

    beside = (KEY_FILE, QUOTE_KEY_FILE, CLOCK_FILE, NOTIFICATIONS_FILE)
    return Parts(LEDGER_FOLDER, ORDERS_FILE, beside)


def _report(manifest: "Manifest", done: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(manifest)))
        return
    size = sum(one.bytes for one in manifest.files.values())
    typer.echo(
        f"{done}: journal {manifest.journal_id} up to record {manifest.sequence},"
        f" {len(manifest.files)} files, {size / 1e6:.1f} MB"
    )
