"""`bopis policy diff` and `bopis policy shadow`: what another policy would do."""

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse
from bopis.cli.policy import Address, ask_service, text_of

if TYPE_CHECKING:
    from google.type.money_pb2 import Money

    from bopis.v1 import allocation_service_pb2 as allocation
    from bopis.v1 import policy_pb2 as values

LIVE: Final = "live"
SHOWN_MAX: Final = 50


def diff(
    before: Annotated[str, typer.Argument(help="A policy file, a version, or: live.")],
    after: Annotated[str, typer.Argument(help="The same.")],
    address: Address = "127.0.0.1:7420",
    max_orders: Annotated[int, typer.Option(min=0, max=10_000, help="0: 1,000.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Which open orders would be planned otherwise under another policy, and what that costs.
    Changes nothing.
    """
    from bopis.v1 import policy_service_pb2 as pb

    request = pb.ComparePoliciesRequest(
        before=_choice(before), after=_choice(after), max_orders=max_orders
    )
    found = ask_service(address, "ComparePolicies", request).comparison
    _show(found, (before, after), as_json=as_json)


def shadow(
    file: Annotated[Path | None, typer.Argument(help="Compare this file from now on.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End it.")] = False,
    by: Annotated[str, typer.Option(help="Who sets or ends it.")] = "",
    why: Annotated[str, typer.Option(help="Why.")] = "",
    address: Address = "127.0.0.1:7420",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Lets a policy plan each new order beside the live one, and shows what it would have done.
    Without a file: what was found so far.
    """
    from bopis.v1 import policy_service_pb2 as pb

    if end and file is not None:
        refuse("say one of a file and --end", code=BAD_OPTION)
    if not end and file is None:
        report = ask_service(address, "GetShadowReport", pb.GetShadowReportRequest())
    else:
        if not by or not why:
            refuse("a file, and --end, need --by and --why", code=BAD_OPTION)
        request = pb.SetShadowPolicyRequest(
            request_id=str(uuid.uuid4()),
            text="" if file is None else text_of(file),
            planner_id=by,
            why=why,
        )
        report = ask_service(address, "SetShadowPolicy", request)
    if not report.HasField("shadow"):
        refuse("there is no shadow")
    _show(report.shadow.comparison, (LIVE, "shadow"), as_json=as_json)


def _choice(name: str) -> "values.PolicyChoice":
    from bopis.v1 import policy_pb2 as values

    if name == LIVE:
        return values.PolicyChoice()
    path = Path(name)
    is_file = path.is_file() or path.suffix == ".toml"
    return values.PolicyChoice(text=text_of(path)) if is_file else values.PolicyChoice(version=name)


def _show(found: "values.PolicyComparison", names: tuple[str, str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_row(found)))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(box=box.SIMPLE, pad_edge=False)
    versions = (found.before_version, found.after_version)
    heads = [f"{name} ({version})" for name, version in zip(names, versions, strict=True)]
    for name in ("order", heads[0], "cost", heads[1], "cost"):
        table.add_column(name, overflow="fold")
    for one in found.differences[-SHOWN_MAX:]:
        table.add_row(
            one.order_id,
            _acts(one.before),
            f"{_amount(one.before.cost.total):,.2f}",
            _acts(one.after),
            f"{_amount(one.after.cost.total):,.2f}",
        )
    if found.differences:
        console.print(table)
    costs = f"{_amount(found.cost_before):,.2f} -> {_amount(found.cost_after):,.2f}"
    if not found.same_costs:
        costs += " (of different cost cards)"
    # Steering terms are in it, as the kernel weighs them.
    console.print(
        f"{found.different_count:,} of {found.considered_count:,} orders differ;"
        f" cost, what units are worth to others included, {costs}"
        f" {found.cost_before.currency_code};"
        f" unfilled lines {found.unfilled_before_count:,} -> {found.unfilled_after_count:,}"
    )


def _acts(plan: "allocation.Plan") -> str:
    from bopis.v1 import common_pb2 as common

    words = [
        f"{group.node_id} "
        f"{common.FulfillmentMethod.Name(group.method).removeprefix('FULFILLMENT_METHOD_')}"
        f" {','.join(str(number) for number in group.line_numbers)}"
        for group in plan.groups
    ]
    if plan.unfilled_line_numbers:
        words.append("unfilled " + ",".join(str(one) for one in plan.unfilled_line_numbers))
    return "\n".join(words)


def _amount(money: "Money") -> float:
    return float(money.units + money.nanos / 1e9)


def _row(found: "values.PolicyComparison") -> dict[str, Any]:
    return {
        "before": found.before_version,
        "after": found.after_version,
        "same_costs": found.same_costs,
        "considered": found.considered_count,
        "different": found.different_count,
        "cost_before": _amount(found.cost_before),
        "cost_after": _amount(found.cost_after),
        "unfilled_before": found.unfilled_before_count,
        "unfilled_after": found.unfilled_after_count,
        "differences": [
            {
                "order_id": one.order_id,
                "before": _acts(one.before).splitlines(),
                "after": _acts(one.after).splitlines(),
                "cost_before": _amount(one.before.cost.total),
                "cost_after": _amount(one.after.cost.total),
            }
            for one in found.differences
        ],
    }
