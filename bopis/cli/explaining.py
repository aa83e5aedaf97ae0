"""`bopis explain`: why an order is allocated as it is, asked of a running service."""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bopis.cli.complaints import refuse, words_of
from bopis.cli.policy import Address

if TYPE_CHECKING:
    from google.type.money_pb2 import Money
    from rich.console import Console
    from rich.table import Table

    from bopis.v1 import allocation_service_pb2 as pb
    from bopis.v1 import explanation_pb2 as values

CALL_S: Final = 30.0
PIPE_COLUMNS: Final = 160
LEAST: Final = 0.005
"""What is shown as 0.00 is not shown."""


def explain(
    order: Annotated[str, typer.Argument(metavar="ORDER_ID", help="The order.")],
    address: Address = "127.0.0.1:7420",
    plans: Annotated[int, typer.Option(min=0, max=10, help="Next-best plans.")] = 3,
    nodes: Annotated[
        int, typer.Option(min=0, max=1_000, help="Nodes not used, the nearest ones.")
    ] = 10,
    flips: Annotated[
        int, typer.Option(min=0, max=20, help="Changes that flip the decision, of each kind.")
    ] = 3,
    relaxations: Annotated[
        int, typer.Option(min=0, max=20, help="What would help a line that is unfilled or late.")
    ] = 5,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, fields as in the API.")
    ] = False,
) -> None:
    """Why an order is allocated as it is: costs by term, other plans, why other nodes are not used,
    and what would change the decision. Times are UTC. Changes nothing.
    """
    from bopis.v1 import allocation_service_pb2 as pb

    request = pb.ExplainAllocationRequest(
        order_id=order,
        max_plans=plans,
        max_nodes=nodes,
        max_flips=flips,
        max_relaxations=relaxations,
    )
    found = _ask(address, request)
    if as_json:
        from google.protobuf.json_format import MessageToDict

        row = MessageToDict(
            found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        typer.echo(json.dumps({"order_id": order, **row}))
        return
    _show(order, found)


def _ask(address: str, request: "pb.ExplainAllocationRequest") -> "pb.ExplainAllocationResponse":
    import grpc

    from bopis.v1 import allocation_service_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        stub = allocation_service_pb2_grpc.AllocationServiceStub(channel)
        try:
            return stub.ExplainAllocation(request, timeout=CALL_S)
        except grpc.RpcError as error:
            refuse(words_of(error))


def _show(order: str, found: "pb.ExplainAllocationResponse") -> None:
    from rich.console import Console

    from bopis.v1.order_service_pb2 import Order

    # Who reads it from a pipe wants whole words.
    console = Console(
        width=None if sys.stdout.isatty() else PIPE_COLUMNS, highlight=False, markup=False
    )
    console.print(f"{order}: {_acts(found.chosen)}")
    if found.state == Order.STATE_UNFILLED:
        console.print(
            "Nobody fills any of it. Re-allocations leave such orders out: place it anew."
        )
    console.print(f"Decided under {_basis(found.decided_under)}.")
    if found.HasField("chosen_now"):
        console.print(f"Now is worked out under {_basis(found)}.")
    if found.HasField("batch"):
        console.print(_moved_by(found.batch))
    _costs(console, found)
    for charge in found.dual_charges:
        console.print(f"Dual price: {charge.text}.")
    if not found.HasField("chosen_now"):
        console.print(_not_now(found))
        return
    if found.without_opportunity:
        console.print("Costs of now are without opportunity: re-allocations do not charge it.")
    _plans(console, found)
    for line in found.lacking_lines:
        console.print(f"\n{line.text[:1].upper()}{line.text[1:]}.")
        _what_ifs(console, "what would help", line.relaxations)
    _nodes(console, found)
    if found.flips:
        console.print("\nWhat would change the decision; each was solved anew.")
        _what_ifs(console, "change", found.flips)
    if not found.complete:
        console.print(_incomplete(found))


def _not_now(found: "pb.ExplainAllocationResponse") -> str:
    """Why there is nothing to say of now."""
    from bopis.v1.order_service_pb2 import Order

    ended = {
        Order.STATE_PENDING: "The order is being placed",
        Order.STATE_COMPLETED: "The order is complete",
        Order.STATE_CANCELLED: "The order was cancelled",
        Order.STATE_EXPIRED: "The order was not collected in time",
    }
    return f"{ended.get(found.state, 'Picking began')}: nothing of it can be moved any more."


def _incomplete(found: "pb.ExplainAllocationResponse") -> str:
    """Where something may be missing."""
    kind = found.Part
    words = {
        kind.PART_BEST_NOW: "the best plan of now",
        kind.PART_NEXT_BEST: "next-best plans",
        kind.PART_REJECTED_NODES: "nodes not used",
        kind.PART_FLIPS: "changes",
        kind.PART_LACKING_LINES: "what would help lines",
    }
    parts = ", ".join(words.get(one, "others") for one in found.incomplete_parts)
    return f"The order is too large to look at everything: something may be missing among {parts}."


def _moved_by(batch: "values.BatchMark") -> str:
    bound = batch.bound
    who = f"the re-allocation {batch.operation_id}" if batch.operation_id else "a re-evaluation"
    if not (bound.units or bound.nanos):
        return f"Moved by {who}: nothing is proven of it."
    charged = "" if batch.operation_id else ", with the dual prices of what they take,"
    return (
        f"Moved by {who}: its plans{charged} cost"
        f" {_money(batch.planned_cost)}, none cost less than {_money(bound)} (gap {batch.gap:.2%})."
    )


def _basis(basis: "values.DecisionBasis | pb.ExplainAllocationResponse") -> str:
    """Policy, dual prices and stock, as far as there are any."""
    parts = [f"policy {basis.policy_version}" if basis.policy_version else "no policy recorded"]
    if basis.dual_version:
        parts.append(f"dual prices {basis.dual_version}")
    if basis.ledger_sequence:
        parts.append(f"ledger record {basis.ledger_sequence}")
    return ", ".join(parts)


def _costs(console: "Console", found: "pb.ExplainAllocationResponse") -> None:
    now = {term.name: term.amount for term in found.chosen_now.cost.terms}
    then = {term.name: term.amount for term in found.chosen.cost.terms}
    has_now = found.HasField("chosen_now")
    names = [*then, *(name for name in now if name not in then)]
    table = _table("cost", "when decided", *(["now"] if has_now else []), right=(1, 2))
    rows = [(name, then.get(name), now.get(name)) for name in names]
    rows.append(("total", found.chosen.cost.total, found.chosen_now.cost.total))
    charges = found.chosen_now.dual_charges
    if charges.version:
        rows.append(("dual charges: stock", None, charges.stock))
        rows.append(("dual charges: labor", None, charges.labor))
    for name, before, after in rows:
        cells = [_money(before) if before is not None else ""]
        if has_now:
            cells.append(_money(after) if after is not None else "")
        table.add_row(name, *cells)
    console.print(table)


def _plans(console: "Console", found: "pb.ExplainAllocationResponse") -> None:
    cost = "cost and dual charges" if found.chosen_now.dual_charges.version else "cost"
    table = _table("plan", "who does what", "ready by", cost, "difference", right=(3, 4))
    rows = [("in force", found.chosen_now)]
    rows += [(f"{number}.", one) for number, one in enumerate(found.next_best, start=1)]
    for name, one in rows:
        table.add_row(name, _acts(one), _time(one), _money(one.total), _more(one))
    console.print(table)


def _nodes(console: "Console", found: "pb.ExplainAllocationResponse") -> None:
    if not found.rejected_nodes:
        return
    from bopis.v1 import explanation_pb2 as values

    table = _table("not used", "km", "reason", "why", right=(1,))
    for one in found.rejected_nodes:
        reason = values.RejectedNode.Reason.Name(one.reason).removeprefix("REASON_")
        table.add_row(one.node_id, f"{one.distance_meters / 1_000:,.1f}", reason, one.text)
    console.print(table)
    more = found.rejected_node_count - len(found.rejected_nodes)
    if more:
        console.print(f"{more:,} more nodes are not used (--nodes).")


def _what_ifs(console: "Console", title: str, found: Iterable["values.WhatIf"]) -> None:
    table = _table(title, "best plan then", "ready by", "saves", right=(3,))
    for one in found:
        words = one.text.partition(": ")[0]
        outcome = one.outcome
        saves = _money(one.saving) if abs(_amount(one.saving)) >= LEAST else ""
        table.add_row(words, _acts(outcome), _time(outcome), saves)
    if table.row_count:
        console.print(table)


def _table(*columns: str, right: tuple[int, ...] = ()) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number in right else "left", overflow="fold")
    return table


def _acts(plan: "pb.Plan | values.WeighedPlan") -> str:
    from bopis.v1 import common_pb2 as common

    words = [
        f"{group.node_id} {common.FulfillmentMethod.Name(group.method).rpartition('_')[2]}"
        f" {','.join(str(number) for number in group.line_numbers)}"
        for group in plan.groups
    ]
    if plan.unfilled_line_numbers:
        words.append("unfilled " + ",".join(str(one) for one in plan.unfilled_line_numbers))
    return "; ".join(words) or "nothing"


def _more(one: "values.WeighedPlan") -> str:
    value = _amount(one.difference)
    return f"{value:+,.2f}" if value else ""


def _money(money: "Money") -> str:
    return f"{_amount(money):,.2f} {money.currency_code}".rstrip()


def _amount(money: "Money") -> float:
    return float(money.units + money.nanos / 1e9)


def _time(plan: "values.WeighedPlan") -> str:
    """When the last group is ready."""
    times = [group.ready_by_time for group in plan.groups]
    latest = max(times, key=lambda time: time.seconds, default=None)
    return "" if latest is None else latest.ToDatetime().strftime("%m-%d %H:%M")
