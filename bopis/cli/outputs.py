"""Files that commands write at their end, looked at before their work begins."""

import importlib.util
import os
from pathlib import Path
from typing import Final, NoReturn

import typer

from bopis.cli.complaints import BAD_OPTION, refuse

TABLES: Final = (".csv", ".parquet")
PARQUET: Final = ".parquet"


def check_output(option: str, path: Path | None, *, suffixes: tuple[str, ...] = ()) -> None:
    """Refuses a file that could not be written: a name with another end than `suffixes` (empty: any
    will do), no folder, no right to write there.
    """
    if path is None:
        return
    if suffixes and path.suffix not in suffixes:
        refuse(f"{option}: {path} must end with {' or '.join(suffixes)}", code=BAD_OPTION)
    if path.suffix == PARQUET and PARQUET in suffixes and not importlib.util.find_spec("duckdb"):
        refuse(f"{option}: {path}: Parquet needs: pip install 'bopis[analytics]'", code=BAD_OPTION)
    folder = path.parent
    if not folder.is_dir():
        refuse(f"{option}: there is no folder {folder}", code=BAD_OPTION)
    if path.is_dir():
        refuse(f"{option}: {path} is a folder", code=BAD_OPTION)
    may_write = os.access(folder, os.W_OK | os.X_OK)
    if not may_write or (path.exists() and not os.access(path, os.W_OK)):
        refuse(f"{option}: {path} cannot be written: no permission", code=BAD_OPTION)


def tell_no_certificate(path: Path, why: str) -> None:
    """Says that there is none; on standard error, beside the figures."""
    typer.echo(f"no certificate, {path} was not written: {why}", err=True)


def refuse_unwritten(path: Path, error: OSError) -> NoReturn:
    """Says that a file could not be written after all."""
    refuse(f"{path} was not written: {error.strerror or error}")
