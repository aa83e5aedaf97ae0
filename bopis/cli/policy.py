"""`bopis policy`: checks policy files, shows and sets the policy of a running service."""

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, FAILED, refuse, said_by, words_of
from bopis.cli.outputs import check_output, refuse_unwritten

if TYPE_CHECKING:
    from bopis.v1 import policy_pb2 as values

CALL_S: Final = 20.0
LOST: Final = 3
"""Exit code: written, but something has no counterpart."""
LEVELS: Final = ("low", "base", "high")

policy = typer.Typer(name="policy", no_args_is_help=True, help="The policy of allocation.")

Address = Annotated[str, typer.Option(help="Where the service answers.")]
_LOCAL: Final = "127.0.0.1:7420"


@policy.command()
def check(
    file: Annotated[Path, typer.Argument(help="A policy file.")],
) -> None:
    """Checks a file at every level of the cost card; every mistake is named. Exit code 1: there are
    some.
    """
    from bopis.domain.policy import CardLevel, parse_policy

    text = text_of(file)
    mistakes: dict[str, str] = {}
    for level in CardLevel:
        mistakes.update(_mistakes(lambda level=level: parse_policy(text, level=level)))
    for words in mistakes.values():
        typer.echo(f"{file}: {words}", err=True)
    if mistakes:
        raise typer.Exit(FAILED)
    found = parse_policy(text)
    rules = found.rules
    typer.echo(
        f"{file}: {found.version.rpartition('/')[0]}, {len(rules.nodes)} node rules,"
        f" {len(rules.items)} item rules, {len(found.tiers)} tiers"
    )


@policy.command()
def show(
    address: Address = _LOCAL,
    version: Annotated[str, typer.Option(help="This one; default: the live one.")] = "",
    versions: Annotated[bool, typer.Option("--versions", help="List all versions.")] = False,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The file that comes with bopis; asks nobody.")
    ] = False,
) -> None:
    """Prints the policy of a running service, as the file that it was set from."""
    if shipped:
        from bopis.config import policy_text

        typer.echo(policy_text(None), nl=False)
        return
    from bopis.v1 import policy_service_pb2 as pb

    if not versions:
        found = ask_service(address, "GetPolicy", pb.GetPolicyRequest(version=version))
        typer.echo(found.policy.text, nl=False)
        return
    request = pb.ListPolicyVersionsRequest()
    while True:
        page = ask_service(address, "ListPolicyVersions", request)
        for one in page.versions:
            typer.echo(json.dumps(_row(one)))
        request.page_token = page.next_page_token
        if not request.page_token:
            return


@policy.command(name="set")
def set_(
    file: Annotated[Path, typer.Argument(help="A policy file.")],
    why: Annotated[str, typer.Option(help="Why; kept with the version.")],
    by: Annotated[str, typer.Option(help="Who sets it; kept with the version.")],
    address: Address = _LOCAL,
    level: Annotated[str, typer.Option(help="low, base or high. Default: as before.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only let the service check.")] = False,
) -> None:
    """Makes a file the live policy of a running service, at once."""
    from bopis.v1 import policy_pb2 as values
    from bopis.v1 import policy_service_pb2 as pb

    if level and level not in LEVELS:
        refuse(f"--level: one of {', '.join(LEVELS)}", code=BAD_OPTION)
    request = pb.SetPolicyRequest(
        request_id=str(uuid.uuid4()),
        text=text_of(file),
        planner_id=by,
        why=why,
        validate_only=dry_run,
    )
    if level:
        request.level = values.CostLevel.Value(f"COST_LEVEL_{level.upper()}")
    answer = ask_service(address, "SetPolicy", request)
    found = answer.policy
    if not answer.changed:
        typer.echo(
            f"bopis: nothing changes: {found.version} has the same text, set by {found.planner_id}"
            f" ({found.why})",
            err=True,
        )
    typer.echo(json.dumps(_row(found)))


@policy.command(name="import-hotwax")
def import_hotwax(
    file: Annotated[Path, typer.Argument(help="An order routing group of HotWax, JSON.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The policy file to write.")],
    base: Annotated[
        Path | None, typer.Option(help="The policy whose costs are kept. Default: the shipped one.")
    ] = None,
) -> None:
    """Makes a policy of an order routing group. What becomes of each part of it is told on standard
    error. Exit code 3: written, but something of it has no counterpart here.
    """
    from bopis.adapters.hotwax import Fate, import_group, read_group
    from bopis.config import policy_text
    from bopis.domain.errors import FieldInvalid
    from bopis.domain.policy import parse_policy

    check_output("--output", output)
    try:
        imported = import_group(read_group(file.read_bytes()))
    except (OSError, FieldInvalid) as error:
        refuse(said_by(error), code=BAD_OPTION)
    text = policy_text(None) if base is None else text_of(base)
    named = re.sub(r"(?m)^version\s*=.*$", f'version = "{imported.name}"', text, count=1)
    made = f"{named.rstrip()}\n{imported.sections}\n"
    mistakes = _mistakes(lambda: parse_policy(made))
    if mistakes:
        refuse("; ".join(["the base does not go together with it", *mistakes.values()]))
    try:
        output.write_text(made, encoding="utf-8")
    except OSError as error:
        refuse_unwritten(output, error)
    for note in imported.notes:
        typer.echo(f"{note.fate.value}: {note.where}: {note.words}", err=True)
    lost = sum(note.fate is Fate.LOST for note in imported.notes)
    typer.echo(f"{output}: {imported.name}; {lost} of {len(imported.notes)} parts lost")
    if lost:
        raise typer.Exit(LOST)


def text_of(file: Path) -> str:
    """The text of a policy file; ends the command if it cannot be read."""
    from bopis.config import policy_text
    from bopis.domain.errors import FieldInvalid

    try:
        return policy_text(file)
    except (OSError, FieldInvalid) as error:
        refuse(said_by(error), code=BAD_OPTION)


def _mistakes(parse: Any) -> dict[str, str]:
    from bopis.domain.errors import FieldInvalid, FieldsInvalid

    try:
        parse()
    except FieldsInvalid as error:
        return dict(error.complaints)
    except FieldInvalid as error:
        return {error.field: error.message}
    return {}


def ask_service(address: str, rpc: str, request: Any) -> Any:
    """One call of PolicyService; ends the command if it fails."""
    import grpc

    from bopis.v1 import policy_service_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        stub = policy_service_pb2_grpc.PolicyServiceStub(channel)
        try:
            return getattr(stub, rpc)(request, timeout=CALL_S)
        except grpc.RpcError as error:
            refuse(words_of(error))


def _row(one: "values.PolicyVersion") -> dict[str, Any]:
    from bopis.v1 import policy_pb2 as values

    return {
        "version": one.version,
        "level": values.CostLevel.Name(one.level).removeprefix("COST_LEVEL_").lower(),
        "set_time": one.set_time.ToJsonString(),
        "by": one.planner_id,
        "why": one.why,
        "live": one.live,
    }
