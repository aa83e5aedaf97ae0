"""How the command line says no: one line on standard error, and an exit code."""

from typing import Final, NoReturn

import typer

BAD_OPTION: Final = 2
FAILED: Final = 1


def refuse(message: str, *, code: int = FAILED) -> NoReturn:
    """Says why and ends with `code`."""
    typer.echo(f"bopis: {message}", err=True)
    raise typer.Exit(code)
