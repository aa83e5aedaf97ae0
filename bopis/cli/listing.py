"""`bopis reservations`: who has what reserved, asked of a running service."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse, words_of

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from bopis.v1 import inventory_service_pb2 as pb

CALL_S: Final = 10.0
PAGE_SIZE: Final = 500
LIMIT_MAX: Final = 1_000_000
HOLDS_MAX_MINUTES: Final = 24 * 60
"""No client's hold lasts longer."""
PIPE_COLUMNS: Final = 160

_EPOCH: Final = date(1970, 1, 1)


def reservations(
    address: Annotated[str, typer.Option(help="Where the service answers.")] = "127.0.0.1:7420",
    order: Annotated[str, typer.Option(help="Those for this order, ended ones too.")] = "",
    node: Annotated[
        str, typer.Option(help="The live ones at this node, with --sku or --hour.")
    ] = "",
    sku: Annotated[str, typer.Option(help="Of this SKU.")] = "",
    hour: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"], help="Of labor then, UTC."),
    ] = None,
    staged: Annotated[bool, typer.Option("--staged", help="In the node's staging pool.")] = False,
    expiring: Annotated[
        bool, typer.Option("--expiring", help="The holds that expire next, the next one first.")
    ] = False,
    within: Annotated[
        float,
        typer.Option(min=0.001, max=HOLDS_MAX_MINUTES, help="With --expiring: minutes from now."),
    ] = HOLDS_MAX_MINUTES,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="So many at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, one each.")] = False,
) -> None:
    """Lists reservations of an order, of a SKU or an hour's labor at a node, or the holds that
    expire next. Times are UTC.
    """
    import grpc

    request = _request(order, node, sku, hour, staged=staged, expiring=expiring, within=within)
    try:
        with grpc.insecure_channel(address) as channel:
            found, is_more = _first(channel, request, limit)
    except grpc.RpcError as error:
        refuse(words_of(error))
    if as_json:
        for one in found:
            typer.echo(json.dumps(_row(one)))
    else:
        _show(found)
    if is_more:
        typer.echo(f"bopis: there are more than {limit:,} (--limit)", err=True)


def _request(
    order: str,
    node: str,
    sku: str,
    hour: datetime | None,
    *,
    staged: bool,
    expiring: bool,
    within: float,
) -> "pb.ListReservationsRequest":
    from bopis.v1 import inventory_service_pb2 as pb

    of_cell = bool(node or sku or hour or staged)
    if [bool(order), of_cell, expiring].count(True) != 1:
        refuse("say one of --order, --node with --sku or --hour, --expiring", code=BAD_OPTION)
    request = pb.ListReservationsRequest(page_size=PAGE_SIZE)
    if order:
        request.order_id = order
    elif expiring:
        request.expire_within.FromTimedelta(timedelta(minutes=within))
    else:
        if not node or bool(sku) == bool(hour):
            refuse("--node goes with one of --sku and --hour, and they with it", code=BAD_OPTION)
        if hour and staged:
            refuse("labor has no staging pool: --staged goes with --sku", code=BAD_OPTION)
        request.cell.node_id, request.cell.staged = node, staged
        if hour is None:
            request.cell.sku = sku
        else:
            request.cell.labor_window_start_time.FromDatetime(hour)
    return request


def _first(
    channel: Any, request: "pb.ListReservationsRequest", limit: int
) -> tuple[list["pb.Reservation"], bool]:
    """Up to so many, and whether there are more."""
    from bopis.v1 import inventory_service_pb2_grpc

    stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
    found: list[pb.Reservation] = []
    while True:
        page = stub.ListReservations(request, timeout=CALL_S)
        found += page.reservations
        request.page_token = page.next_page_token
        if len(found) >= limit or not request.page_token:
            return found[:limit], len(found) > limit or bool(request.page_token)


def _row(one: "pb.Reservation") -> dict[str, Any]:
    state = one.State.Name(one.state).removeprefix("STATE_")
    row: dict[str, Any] = {"reservation_id": one.reservation_id, "state": state}
    if one.HasField("expire_time"):
        row["expire_time"] = _iso(one.expire_time)
    if one.day:
        row["day"] = (_EPOCH + timedelta(days=one.day)).isoformat()
    row["priority"] = one.priority
    row["lines"] = list(_lines(one))
    return row


def _lines(one: "pb.Reservation") -> Iterator[dict[str, Any]]:
    for line in one.lines:
        item: dict[str, Any] = {"node_id": line.node_id}
        if line.WhichOneof("item") == "sku":
            item["sku"] = line.sku
        else:
            item["labor_window_start_time"] = _iso(line.labor_window_start_time)
        item["quantity"] = line.quantity
        if line.staged:
            item["staged"] = True
        yield item


def _iso(time: "Timestamp") -> str:
    text = time.ToDatetime(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z").replace(".000Z", "Z")


def _show(found: list["pb.Reservation"]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("reservation", no_wrap=True)
    for name in ("state", "expires", "day", "what remains"):
        table.add_column(name, overflow="fold")
    for one in found:
        row = _row(one)
        lines = "\n".join(_line_words(line) for line in row["lines"])
        expires = row.get("expire_time", "").split(".")[0].removesuffix("Z")
        table.add_row(row["reservation_id"], row["state"], expires, row.get("day", ""), lines)
    # Who reads it from a pipe wants whole words.
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


def _line_words(line: dict[str, Any]) -> str:
    staged = ", staged" if line.get("staged") else ""
    if "sku" in line:
        return f"{line['quantity']:,} x {line['sku']} at {line['node_id']}{staged}"
    start = line["labor_window_start_time"]
    return f"{line['quantity']:,} s of labor at {line['node_id']} from {start}"
