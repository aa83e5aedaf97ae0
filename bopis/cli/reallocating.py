"""`bopis reallocate`: starts a re-allocation at a running service and shows what it did."""

import json
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse, words_of

if TYPE_CHECKING:
    import grpc
    from google.longrunning import operations_pb2
    from google.type.money_pb2 import Money

    from bopis.v1 import allocation_service_pb2 as pb

CALL_S: Final = 10.0
WAIT_S: Final = 1
TIME_LIMIT_MAX_S: Final = 600.0
AFTER_LIMIT_S: Final = 300.0
"""Beside the optimizer's time: reading and moving."""


def reallocate(
    address: Annotated[str, typer.Option(help="Where the service answers.")] = "127.0.0.1:7420",
    max_orders: Annotated[
        int, typer.Option(min=0, max=100_000, help="Orders at most; 0: the service's default.")
    ] = 0,
    time_limit: Annotated[
        float, typer.Option(min=0.1, max=TIME_LIMIT_MAX_S, help="Seconds for the optimizer.")
    ] = 20.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report, move nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Allocates the open orders again, together, and moves those that gain."""
    import grpc

    from bopis.v1 import allocation_service_pb2 as pb

    request = pb.ReallocateRequest(
        request_id=str(uuid.uuid4()), max_orders=max_orders, dry_run=dry_run
    )
    request.time_limit.FromMilliseconds(round(time_limit * 1_000))
    with grpc.insecure_channel(address) as channel:
        try:
            operation = _to_its_end(channel, request, time_limit, quiet=as_json)
        except grpc.RpcError as error:
            refuse(words_of(error))
    if operation.HasField("error"):
        refuse(operation.error.message)
    response = pb.ReallocateResponse()
    operation.response.Unpack(response)
    if as_json:
        typer.echo(json.dumps(_figures(response)))
    else:
        _show(response, dry_run=dry_run)


def _to_its_end(
    channel: "grpc.Channel", request: "pb.ReallocateRequest", time_limit: float, *, quiet: bool
) -> "operations_pb2.Operation":
    from google.longrunning import operations_pb2, operations_pb2_grpc
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from bopis.v1 import allocation_service_pb2 as pb
    from bopis.v1 import allocation_service_pb2_grpc

    operation = allocation_service_pb2_grpc.AllocationServiceStub(channel).Reallocate(
        request, timeout=CALL_S
    )
    operations = operations_pb2_grpc.OperationsStub(channel)
    wait = operations_pb2.WaitOperationRequest(name=operation.name)
    wait.timeout.seconds = WAIT_S
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("starting", total=time_limit)
        while not operation.done:
            if time.monotonic() - started > time_limit + AFTER_LIMIT_S:
                refuse(f"{operation.name} is not done yet", code=BAD_OPTION)
            operation = operations.WaitOperation(wait, timeout=CALL_S + WAIT_S)
            metadata = pb.ReallocateMetadata()
            operation.metadata.Unpack(metadata)
            stage = pb.ReallocateMetadata.Stage.Name(metadata.stage).removeprefix("STAGE_")
            progress.update(
                task,
                description=f"{stage.lower()} ({metadata.considered_count} orders)",
                completed=min(time.monotonic() - started, time_limit),
            )
        progress.update(task, completed=time_limit)
    return operation


def _amount(money: "Money") -> float:
    return float(money.units) + float(money.nanos) / 1e9


def _figures(response: "pb.ReallocateResponse") -> dict[str, Any]:
    return {
        "orders": response.considered_count,
        "moved": response.moved_count,
        "race_lost": response.race_lost_count,
        "currency": response.cost_before.currency_code,
        "cost_before": _amount(response.cost_before),
        "cost_after": _amount(response.cost_after),
        "bound": _amount(response.bound),
        "gap": response.gap,
        "solve_s": response.solve_time.seconds + response.solve_time.nanos / 1e9,
    }


def _show(response: "pb.ReallocateResponse", *, dry_run: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    figures = _figures(response)
    currency = figures["currency"]
    table = Table(title="Re-allocation (nothing was moved)" if dry_run else "Re-allocation")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("orders considered", f"{figures['orders']:,}")
    table.add_row("would move" if dry_run else "moved", f"{figures['moved']:,}")
    table.add_row("lost to a race", f"{figures['race_lost']:,}")
    table.add_row("cost before", f"{figures['cost_before']:,.2f} {currency}")
    table.add_row("cost after", f"{figures['cost_after']:,.2f} {currency}")
    table.add_row("no allocation costs less than", f"{figures['bound']:,.2f} {currency}")
    table.add_row("gap of the plan over that bound", f"{figures['gap']:.2%}")
    table.add_row("time of the optimizer", f"{figures['solve_s']:.1f} s")
    Console().print(table)
