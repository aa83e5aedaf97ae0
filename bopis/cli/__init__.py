"""The command line: `bopis serve | demo | generate | simulate | reservations | explain |
reallocate | certificate | verify | rebuild | journal | snapshot | backup | restore |
notifications | policy`.
"""

from importlib.metadata import version
from typing import Annotated

import typer

from bopis.cli.certifying import certificate
from bopis.cli.comparing import diff, shadow
from bopis.cli.day import demo, generate
from bopis.cli.explaining import explain
from bopis.cli.folder import notifications, rebuild, verify
from bopis.cli.journal import journal
from bopis.cli.keeping import backup, restore
from bopis.cli.listing import reservations
from bopis.cli.policy import policy
from bopis.cli.reallocating import reallocate
from bopis.cli.serving import serve
from bopis.cli.simulating import simulate
from bopis.cli.snapshotting import snapshot

app = typer.Typer(
    name="bopis",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(version("bopis"))
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="The version.",
        ),
    ] = False,
) -> None:
    """Promises, allocates and hands over orders bought online and picked up in store."""


for _command in (
    serve,
    demo,
    generate,
    simulate,
    reservations,
    explain,
    reallocate,
    certificate,
    verify,
    rebuild,
    snapshot,
    backup,
    restore,
    notifications,
):
    app.command()(_command)
policy.command()(diff)
policy.command()(shadow)
app.add_typer(journal, name="journal")
app.add_typer(policy, name="policy")
