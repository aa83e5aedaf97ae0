"""`bopis certificate`: what an optimization claims, recomputed."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bopis.cli.complaints import BAD_OPTION, refuse


def certificate(
    file: Annotated[Path, typer.Argument(help="A certificate that the optimizer wrote.")],
    instance_hash: Annotated[
        str | None, typer.Option("--hash", help="SHA-256 that the instance must have.")
    ] = None,
) -> None:
    """Recomputes what a certificate claims, in a process of its own: the instance's hash, the
    bound from the prices alone, every plan, the cost. Exit code 1 where anything disagrees, 2
    where the file cannot be read.
    """
    if not file.is_file():
        refuse(f"{file}: no such file", code=BAD_OPTION)
    # The library that solves is imported by its own processes only.
    words = [sys.executable, "-m", "solver.certificate", str(file)]
    if instance_hash is not None:
        words += ["--hash", instance_hash]
    raise typer.Exit(subprocess.run(words, check=False).returncode)
