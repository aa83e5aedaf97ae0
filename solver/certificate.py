"""Certificates: what a solve claims, in a file that another process can check.

`python -m solver.certificate FILE [--hash SHA256]` checks one and prints a table; exit code 0 if
everything agrees, 1 at any disagreement, 2 if the file cannot be read. What is recomputed:

| claim | from |
| --- | --- |
| instance | SHA-256 of the request as it lies in the file; with --hash, the one the caller knows |
| prices | one whole number of at least 0 for each row, then for each rounding inequality |
| bound | the prices alone, over every way of every order, summed up in 128-bit integers |
| plans | the independent checker: rules, promised lines, limits, the cost of each by the card |
| cost | the plans, priced by the card, and what they are charged if they are |

A plan in force that an order keeps may be against today's rules (it was made under others): it is
priced and counted against the limits, and against a planner's pin it counts as dearer, as in the
solve.
"""

import argparse
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import msgspec

from solver import check
from solver.allocation import Allocation, InForce
from solver.problem import Cost, OpenOrder, Plan, Request
from solver.rows import ProblemError, Rows, rows_of
from solver.solve import Result

FORMAT: Final = "bopis-certificate/4"
PRICE_MAX: Final = check.COST_MAX_MICRO
"""No price says more: a unit is worth at most the dearest line."""
SHOWN: Final = 16
"""Characters of a hash in the table."""
DISAGREES: Final = 1
UNREADABLE: Final = 2


@dataclass(frozen=True, slots=True)
class CertifiedPlan:
    """What an order does."""

    order_id: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Certificate:
    """The claims. `instance`: the request, encoded; `prices`: micro-units by row, then by rounding
    inequality (allocator_rs/allocation/src/rounding.rs), which follow from the instance.
    """

    format: str
    instance: bytes
    instance_sha256: str
    prices: tuple[int, ...]
    bound_micro: int
    stopped: int
    cost_micro: int
    plans: tuple[CertifiedPlan, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim beside what was found; `problems` are what disagrees, in words."""

    name: str
    claimed: str
    found: str
    problems: tuple[str, ...] = ()


def certificate_of(request: Request, result: Result) -> Certificate:
    """What a result claims of its request."""
    instance = msgspec.msgpack.encode(request)
    moved = {move.order_id: move.plan for moves in result.components for move in moves}
    rows, world = rows_of(request.problem), check.World.of(request)
    prices = [0] * len(rows.limits)
    for unit in result.stock_prices:
        prices[rows.by_stock[unit.node_id, unit.sku]] = unit.price_micro
    for second in result.labor_prices:
        prices[rows.by_labor[second.node_id, second.window_start_s]] = second.price_micro
    between = rows.first_labor - len(rows.stock)
    prices[len(rows.stock) : rows.first_labor] = result.further_prices[:between]
    return Certificate(
        format=FORMAT,
        instance=instance,
        instance_sha256=hashlib.sha256(instance).hexdigest(),
        prices=(*prices, *result.further_prices[between:]),
        bound_micro=result.bound_micro,
        stopped=result.stopped,
        cost_micro=result.cost_planned_micro,
        plans=tuple(
            CertifiedPlan(order.ask.order_id, moved.get(order.ask.order_id) or _kept(world, order))
            for order in request.problem.orders
        ),
    )


def _kept(world: check.World, order: OpenOrder) -> Plan:
    """The plan in force at what it costs by the card of the solve: it was made under another one,
    or nobody priced it yet.
    """
    return replace(order.plan, cost=check.cost_of(world, order.ask, order.groups))


def write(path: Path, certificate: Certificate) -> None:
    """Writes a certificate; the file is there whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(msgspec.msgpack.encode(certificate))
    partial.replace(path)


def read(path: Path) -> Certificate:
    """Reads a certificate. Raises OSError, and msgspec.DecodeError where it is none."""
    certificate = msgspec.msgpack.decode(path.read_bytes(), type=Certificate)
    if certificate.format != FORMAT:
        raise msgspec.ValidationError(f"the format {certificate.format} is not {FORMAT}")
    return certificate


def findings_of(certificate: Certificate, *, expected_sha256: str | None = None) -> list[Finding]:
    """Every claim beside what is recomputed. Raises msgspec.DecodeError, ProblemError where the
    instance is none.
    """
    findings = [_instance(certificate, expected_sha256)]
    request = msgspec.msgpack.decode(certificate.instance, type=Request)
    rows = rows_of(request.problem)
    world = check.World.of(request)
    allocation = _allocation(request, rows, world)
    prices = _prices(
        certificate, len(rows.limits) if allocation is None else len(allocation.limits())
    )
    findings.append(prices)
    if not prices.problems:
        findings.append(_bound(certificate, allocation))
    plans = _plans(certificate, request, world)
    findings.append(plans)
    if not plans.problems:
        findings.append(_cost(certificate, request, world))
    return findings


def _instance(certificate: Certificate, expected: str | None) -> Finding:
    found = hashlib.sha256(certificate.instance).hexdigest()
    problems = []
    if found != certificate.instance_sha256:
        problems.append("the request is not the one that was hashed")
    if expected is not None and found != expected:
        problems.append("the request is not the one that was asked about")
    claimed = expected or certificate.instance_sha256
    return Finding("instance", claimed[:SHOWN], found[:SHOWN], tuple(problems))


def _prices(certificate: Certificate, count: int) -> Finding:
    prices = certificate.prices
    problems = []
    if len(prices) != count:
        problems.append(f"{len(prices)} prices for {count} rows and inequalities")
    if any(not 0 <= price <= PRICE_MAX for price in prices):
        problems.append(f"a price that is not from 0 to {PRICE_MAX}")
    above = sum(price > 0 for price in prices)
    return Finding("prices", f"{len(prices)}", f"{above} above 0", tuple(problems))


def _in_force_micro(world: check.World, order: OpenOrder) -> int:
    """What it counts that an order keeps its plan in force."""
    return _plan_micro(world, order, order.plan) + check.breach_micro(world, order)


def _allocation(request: Request, rows: Rows, world: check.World) -> Allocation | None:
    """The orders with every way that they have; None: there are no orders."""
    in_force = [
        InForce(
            _in_force_micro(world, order) - order.stay_micro,
            rows.takes(order.ask, order.groups),
        )
        for order in request.problem.orders
    ]
    return Allocation.of_orders(request, rows, in_force) if in_force else None


def _bound(certificate: Certificate, allocation: Allocation | None) -> Finding:
    if allocation is None:
        return _compared("bound", certificate.bound_micro, 0)
    bound, stopped = allocation.bound(certificate.prices)
    finding = _compared("bound", certificate.bound_micro, bound)
    problems = list(finding.problems)
    if stopped != certificate.stopped:
        problems.append(f"{stopped} searches stopped, not {certificate.stopped}")
    if bound > certificate.cost_micro:
        problems.append("the bound lies above the claimed cost")
    return Finding(finding.name, finding.claimed, finding.found, tuple(problems))


def _plans(certificate: Certificate, request: Request, world: check.World) -> Finding:
    orders = request.problem.orders
    claimed = f"{len(certificate.plans)} plans"
    named = [plan.order_id for plan in certificate.plans]
    if named != [order.ask.order_id for order in orders]:
        return Finding(
            "plans", claimed, f"{len(orders)} orders", ("a plan for each order, in turn",)
        )
    problems: list[str] = []
    kept = 0
    for order, one in zip(orders, certificate.plans, strict=True):
        if _terms(one.plan.cost) != _terms(check.cost_of(world, order.ask, one.plan.groups)):
            problems.append(f"order {one.order_id}: the cost is not what the card says")
        if one.plan.groups == order.groups:
            kept += 1
            continue
        problems += check.plan_problems(world, order.ask, one.plan)
        problems += check.promise_problems(order, one.plan)
    if not problems:
        pairs = zip(orders, certificate.plans, strict=True)
        problems += check.limit_problems(request, ((o.ask, one.plan) for o, one in pairs))
    return Finding("plans", claimed, f"{len(named) - kept} new, {kept} kept", tuple(problems))


def _terms(cost: Cost) -> list[tuple[str, int]]:
    return sorted((term.name, term.amount_micro) for term in cost.terms if term.amount_micro)


def _plan_micro(world: check.World, order: OpenOrder, plan: Plan) -> int:
    """What a plan costs by the card, and is charged."""
    cost = check.cost_of(world, order.ask, plan.groups).total_micro
    return cost + check.charge_of(world, order.ask, plan.groups)


def _cost(certificate: Certificate, request: Request, world: check.World) -> Finding:
    total = 0
    for order, one in zip(request.problem.orders, certificate.plans, strict=True):
        is_kept = one.plan.groups == order.groups
        total += _in_force_micro(world, order) if is_kept else _plan_micro(world, order, one.plan)
    return _compared("cost", certificate.cost_micro, total)


def _compared(name: Literal["bound", "cost"], claimed: int, found: int) -> Finding:
    problems = () if claimed == found else (f"off by {claimed - found} micro-units",)
    return Finding(name, str(claimed), str(found), problems)


def _print(findings: Sequence[Finding], certificate: Certificate) -> None:
    print(f"instance {hashlib.sha256(certificate.instance).hexdigest()}")
    print(f"{'':<10}{'claimed':<22}{'found':<22}")
    for finding in findings:
        verdict = "DISAGREES" if finding.problems else "agrees"
        print(f"{finding.name:<10}{finding.claimed:<22}{finding.found:<22}{verdict}")
        for problem in finding.problems[:10]:
            print(f"{'':<10}{problem}")
    if certificate.bound_micro > 0 and not any(finding.problems for finding in findings):
        gap = (certificate.cost_micro - certificate.bound_micro) / certificate.bound_micro
        print(f"{'gap':<10}{gap:.4%}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="solver.certificate")
    parser.add_argument("file", type=Path)
    parser.add_argument("--hash", help="SHA-256 that the instance must have")
    asked = parser.parse_args()
    if asked.hash is not None and not re.fullmatch("[0-9a-f]{64}", asked.hash):
        print("--hash: a SHA-256 has 64 digits from 0 to f", file=sys.stderr)
        return UNREADABLE
    return verdict_of(asked.file, asked.hash)


def verdict_of(path: Path, expected_sha256: str | None) -> int:
    """Checks a file and prints what was found; the exit code."""
    try:
        certificate = read(path)
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return UNREADABLE
    except (msgspec.DecodeError, UnicodeError) as error:
        print(f"{path}: this is no certificate: {error}", file=sys.stderr)
        return UNREADABLE
    try:
        findings = findings_of(certificate, expected_sha256=expected_sha256)
    except (msgspec.DecodeError, UnicodeError, ProblemError, KeyError) as error:
        print(f"{path}: the instance contradicts itself: {error}", file=sys.stderr)
        return DISAGREES
    _print(findings, certificate)
    return DISAGREES if any(finding.problems for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
