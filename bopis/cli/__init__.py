"""The command line: `bopis serve | demo | generate | reallocate | verify | notifications`."""

import typer

from bopis.cli.day import demo, generate
from bopis.cli.folder import notifications, verify
from bopis.cli.reallocating import reallocate
from bopis.cli.serving import serve

app = typer.Typer(
    name="bopis",
    help="Promises, allocates and hands over orders bought online and picked up in store.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (serve, demo, generate, reallocate, verify, notifications):
    app.command()(_command)
