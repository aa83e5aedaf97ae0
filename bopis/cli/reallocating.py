"""`bopis reallocate`: open orders allocated again, at a running service or out of tables in a
folder; its moves written down, approved, proven.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse, words_of
from bopis.cli.outputs import TABLES, check_output, tell_no_certificate
from bopis.domain.policy import CardLevel
from bopis.domain.reallocation import GREEDY

if TYPE_CHECKING:
    from google.type.money_pb2 import Money

    from bopis.cli.moves import Service
    from bopis.cli.planning import Offline
    from bopis.v1 import allocation_service_pb2 as pb
    from bopis.v1 import reallocation_service_pb2 as moves_pb

TIME_LIMIT_S: Final = 20.0
TIME_LIMIT_MAX_S: Final = 600.0
REFUSED_SHOWN: Final = 20
_OF_A_RUN: Final = ("--max-orders", "--time-limit", "--out", "--certificate")
_OF_OFFLINE: Final = ("--card", "--policy", "--late-max", "--unfilled-max")

_Offline = Annotated[
    Path | None, typer.Option(help="No service: plan the orders of the tables in this folder.")
]
_Card = Annotated[
    CardLevel | None, typer.Option(help="With --offline: level of the cost card (base).")
]
_Policy = Annotated[
    Path | None, typer.Option(help="With --offline: policy file in place of the one shipped.")
]
_LateMax = Annotated[
    int | None, typer.Option(min=0, help="With --offline: orders that may be late; else any.")
]
_UnfilledMax = Annotated[
    int | None, typer.Option(min=0, help="With --offline: lines that may be left; else any.")
]


def reallocate(
    address: Annotated[str, typer.Option(help="Where the service answers.")] = "127.0.0.1:7420",
    max_orders: Annotated[
        int, typer.Option(min=0, max=100_000, help="Orders at most; 0: the service's default.")
    ] = 0,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.1, max=TIME_LIMIT_MAX_S, help="Seconds for the optimizer (20)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only propose, move nothing.")] = False,
    apply: Annotated[
        str | None, typer.Option(help="Make the moves that this operation proposed.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="With --apply: these moves, for example 1,4,7-9.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the moves (offline: the plan) here: .csv, .parquet.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Write what `bopis certificate` proves again here.")
    ] = None,
    offline: _Offline = None,
    card: _Card = None,
    policy: _Policy = None,
    late_max: _LateMax = None,
    unfilled_max: _UnfilledMax = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, no progress.")] = False,
) -> None:
    """Allocates the open orders again, together, and moves those that gain.

    With --dry-run it proposes moves, which --apply makes later. Stopped with Ctrl-C, the operation
    is cancelled: no move is half made.
    """
    _check_options(apply=apply, only=only, dry_run=dry_run, offline=offline)
    given: dict[str, object] = {"--max-orders": max_orders or None, "--time-limit": time_limit}
    given |= {"--out": out, "--certificate": certificate, "--policy": policy, "--card": card}
    given |= {"--late-max": late_max, "--unfilled-max": unfilled_max}
    _check_unused(given, apply=apply, offline=offline)
    limit_s = time_limit or TIME_LIMIT_S
    _check_outputs(out, certificate)
    if offline is not None:
        from bopis.cli.planning import Offline

        limit_ms, card = round(limit_s * 1_000), card or CardLevel.BASE
        asked = Offline(offline, card, policy, limit_ms, late_max, unfilled_max)
        _plan_offline(asked, out=out, certificate=certificate, as_json=as_json)
        return
    import grpc

    from bopis.cli.moves import Service

    numbers = _numbers(only)
    with grpc.insecure_channel(address) as channel:
        service = Service(channel, quiet=as_json)
        try:
            if apply is not None:
                _tell_applied(service.apply(apply, numbers), apply, as_json=as_json)
                return
            name, response = service.reallocate(
                max_orders=max_orders, time_limit_s=limit_s, dry_run=dry_run
            )
            title = "Re-allocation (nothing was moved)" if dry_run else "Re-allocation"
            figures = {"operation": name} | _figures(response, is_dry=dry_run)
            _print(title, figures, as_json=as_json)
            _write(service, name, response, out=out, certificate=certificate)
        except grpc.RpcError as error:
            refuse(words_of(error))


def _plan_offline(
    asked: "Offline", *, out: Path | None, certificate: Path | None, as_json: bool
) -> None:
    from bopis.cli.planning import plan_offline

    figures = plan_offline(asked, out=out, certificate=certificate, quiet=as_json)
    _print("Plan", figures, as_json=as_json)
    for name, most in (("late_orders", asked.late_max), ("unfilled_lines", asked.unfilled_max)):
        if most is not None and figures[name] > most:
            words = f"{_WORDS[name]}: {figures[name]:,}, not {most:,} at most as asked for"
            typer.echo(f"{words}; no plan with fewer was found", err=True)


def _check_options(
    *,
    apply: str | None,
    only: str | None,
    dry_run: bool,
    offline: Path | None,
) -> None:
    if apply is not None and (dry_run or offline is not None):
        refuse(
            "--apply makes moves that were proposed: no --dry-run, no --offline", code=BAD_OPTION
        )
    if dry_run and offline is not None:
        refuse("--dry-run: --offline moves nothing anyway", code=BAD_OPTION)
    if only is not None and apply is None:
        refuse("--only goes with --apply", code=BAD_OPTION)


def _check_outputs(out: Path | None, certificate: Path | None) -> None:
    check_output("--out", out, suffixes=TABLES)
    check_output("--certificate", certificate)
    if out is not None and certificate is not None and out.resolve() == certificate.resolve():
        refuse("--certificate: the same file as --out", code=BAD_OPTION)


def _check_unused(given: Mapping[str, object], *, apply: str | None, offline: Path | None) -> None:
    """Refuses options that would have no effect."""
    rules = (
        (apply is not None, _OF_A_RUN, "without --apply"),
        (offline is not None, ("--max-orders",), "without --offline"),
        (offline is None, _OF_OFFLINE, "with --offline"),
    )
    for is_so, names, words in rules:
        for name in names:
            if is_so and given[name] is not None:
                refuse(f"{name} goes {words} only", code=BAD_OPTION)


def _write(
    service: "Service",
    operation: str,
    response: "pb.ReallocateResponse",
    *,
    out: Path | None,
    certificate: Path | None,
) -> None:
    """Writes what was asked for, as far as there is something. Raises grpc.RpcError."""
    is_any = response.considered_count > 0
    if out is not None:
        service.write_moves(operation, out, is_any=is_any)
    if certificate is None:
        return
    if not is_any:
        tell_no_certificate(certificate, "there are no open orders")
    elif response.step == GREEDY:
        tell_no_certificate(certificate, "the optimizer did not answer")
    else:
        service.write_certificate(operation, certificate)


def _numbers(only: str | None) -> list[int]:
    """1,4,7-9 as numbers."""
    numbers: list[int] = []
    for part in (only or "").split(","):
        if not part.strip() and only is None:
            continue
        first, _, last = part.partition("-")
        try:
            span = range(int(first), int(last or first) + 1)
        except ValueError:
            span = range(0)
        if not span or span[0] < 1 or len(span) > 10_000:
            refuse(f"--only: {part.strip()!r} is no number of a move, nor a span", code=BAD_OPTION)
        numbers += span
    return numbers


def amount(money: "Money") -> float:
    """Money as a number."""
    return float(money.units) + float(money.nanos) / 1e9


def _figures(response: "pb.ReallocateResponse", *, is_dry: bool) -> dict[str, Any]:
    """Of a dry run nothing moved, whatever the service counts as proposed."""
    count = response.moved_count
    bound = amount(response.bound)
    proven = response.HasField("bound") and (bound > 0 or not response.gap)
    return {
        "orders": response.considered_count,
        "dry_run": is_dry,
        **({"proposed": count, "moved": 0} if is_dry else {"moved": count}),
        "race_lost": response.race_lost_count,
        "currency": response.cost_before.currency_code,
        "cost_before": amount(response.cost_before),
        "cost_after": amount(response.cost_after),
        "bound": bound if proven else None,
        "gap": response.gap if proven else None,
        "solve_s": response.solve_time.seconds + response.solve_time.nanos / 1e9,
        "step": response.step,
        "greedy_reason": response.greedy_reason,
    }


def _tell_applied(
    applied: "moves_pb.ApplyReallocationResponse", name: str, *, as_json: bool
) -> None:
    refused = [
        {
            "move_id": one.move_id,
            "order_id": one.order_id,
            "why": _why(one),
        }
        for one in applied.refused
    ]
    figures = {
        "operation": name,
        "moves": applied.moved_count,
        "moved": applied.moved_order_count,
        "made_before": applied.made_before_count,
        "currency": applied.saving.currency_code,
        "saving": amount(applied.saving),
        "refused": applied.refused_count,
    }
    if as_json:
        typer.echo(json.dumps(figures | {"refused_moves": refused}))
        return
    _print("Approved moves", figures, as_json=False)
    for one in refused[:REFUSED_SHOWN]:
        typer.echo(f"move {one['move_id']} was not made: {one['why']} {one['order_id']}".rstrip())
    if len(refused) > REFUSED_SHOWN:
        typer.echo(f"... and {applied.refused_count - REFUSED_SHOWN} more (--json names them)")


def _why(refused: "moves_pb.RefusedMove") -> str:
    from bopis.v1 import reallocation_service_pb2 as moves_pb

    kind = moves_pb.RefusedMove
    reasons = {
        kind.REASON_ORDER_CHANGED: "the order changed",
        kind.REASON_ROOM_TAKEN: "what it needs is gone",
        kind.REASON_RULES_CHANGED: "a pin or a forbid is against it now",
    }
    if refused.reason == kind.REASON_RULES_CHANGED and not refused.order_id:
        return "the policy is another one than it was planned under"
    return reasons.get(refused.reason, "refused")


_WORDS: Final = {
    "orders": "orders considered",
    "moves": "moves made",
    "proposed": "orders that would move",
    "moved": "orders moved",
    "made_before": "moves made before, of these",
    "race_lost": "lost to a race",
    "refused": "moves refused",
    "unfilled_lines": "lines that nobody fills",
    "late_orders": "orders that are late",
    "saving": "saving",
    "cost_before": "cost before",
    "cost_after": "cost after",
    "bound": "no allocation costs less than",
    "gap": "gap of the plan over that bound",
    "solve_s": "time of the optimizer",
    "step": "found by",
}


def _print(title: str, figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    table.add_column("")
    table.add_column("", justify="right")
    for name, words in _WORDS.items():
        if name in figures:
            table.add_row(words, _shown(name, figures[name], str(figures.get("currency", ""))))
    Console().print(table)
    # Not in the table, which a narrow terminal would cut.
    if figures.get("step") == GREEDY:
        why = figures.get("greedy_reason") or "the optimizer did not answer"
        typer.echo(f"{why}; planned one order after the other")
    if "operation" in figures:
        typer.echo(figures["operation"])


def _shown(name: str, value: Any, currency: str) -> str:
    if value is None:
        return "nothing proven"
    if name == "gap":
        return f"{value:.2%}"
    if name == "solve_s":
        return f"{value:.1f} s"
    if isinstance(value, float):
        return f"{value:,.2f} {currency}".rstrip()
    return f"{value:,}" if isinstance(value, int) else str(value)
