"""How the command line says no: one line on standard error, and an exit code."""

from typing import TYPE_CHECKING, Final, NoReturn

import typer

if TYPE_CHECKING:
    import grpc

FAILED: Final = 1
"""It was done, or tried, and the answer is no: docs/reference/exit_codes.md."""
BAD_OPTION: Final = 2
"""Nothing was done: an option is wrong, or a folder or file that was named."""
INTERRUPTED: Final = 130
"""Ctrl-C."""
UNREADABLE: Final = BAD_OPTION
"""The same, said of what is kept: it is not there, is damaged, or is none of its kind."""


def refuse(message: str, *, code: int = FAILED) -> NoReturn:
    """Says why and ends with `code`."""
    typer.echo(f"bopis: {message}", err=True)
    raise typer.Exit(code)


def said_by(error: Exception) -> str:
    """What an error says; of the system's: which file and why, without its number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror


def words_of(error: "grpc.RpcError") -> str:
    """A failed call: its code, and what the service says."""
    code = getattr(error, "code", lambda: None)()
    details = getattr(error, "details", lambda: str(error))()
    return f"{code.name if code is not None else 'UNKNOWN'}: {details}"
