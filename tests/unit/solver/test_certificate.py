"""A certificate agrees with itself, and no tampered one does."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from solver import certificate as certificates
from solver.certificate import Certificate, CertifiedPlan
from solver.problem import Cost, CostTerm, Request
from solver.solve import solve
from solver.worker import read_frame
from tests.unit.solver.small_batches import small_request
from tests.unit.solver.test_worker import frame_of

Tampering = Callable[[Certificate], Certificate]
SEED = 21


def made(*, ruled: bool = False, seed: int = SEED, orders: int = 5) -> Certificate:
    request = small_request(seed, orders=orders, ruled=ruled)
    return certificates.certificate_of(request, solve(request))


def disagreeing(certificate: Certificate, *, expected: str | None = None) -> list[str]:
    findings = certificates.findings_of(certificate, expected_sha256=expected)
    return [finding.name for finding in findings if finding.problems]


def checked(path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`bopis certificate`, as people run it."""
    return subprocess.run(
        [sys.executable, "-m", "bopis.cli", "certificate", str(path), *words],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def with_first_plan(
    certificate: Certificate, change: Callable[[CertifiedPlan], CertifiedPlan]
) -> Certificate:
    """Changes the first plan that is new and has a group."""
    request = msgspec.msgpack.decode(certificate.instance, type=Request)
    plans = list(certificate.plans)
    for index, (order, one) in enumerate(zip(request.problem.orders, plans, strict=True)):
        if one.plan.groups and one.plan.groups != order.groups:
            plans[index] = change(one)
            return replace(certificate, plans=tuple(plans))
    raise AssertionError("no order moved: another seed is needed")


def bound_raised(certificate: Certificate) -> Certificate:
    return replace(certificate, bound_micro=certificate.bound_micro * 1_002 // 1_000)


def bound_lowered(certificate: Certificate) -> Certificate:
    return replace(certificate, bound_micro=certificate.bound_micro - 1)


def cost_lowered(certificate: Certificate) -> Certificate:
    return replace(certificate, cost_micro=certificate.cost_micro - 1)


def price_changed(certificate: Certificate) -> Certificate:
    prices = tuple(price + 1_000_000 for price in certificate.prices)
    return replace(certificate, prices=prices)


def price_left_out(certificate: Certificate) -> Certificate:
    return replace(certificate, prices=certificate.prices[1:])


def price_below_zero(certificate: Certificate) -> Certificate:
    return replace(certificate, prices=(-1, *certificate.prices[1:]))


def price_beyond_64_bits(certificate: Certificate) -> Certificate:
    return replace(certificate, prices=((1 << 63) + 1, *certificate.prices[1:]))


def group_moved_an_hour(certificate: Certificate) -> Certificate:
    def change(one: CertifiedPlan) -> CertifiedPlan:
        group = replace(one.plan.groups[0], ready_by_ms=one.plan.groups[0].ready_by_ms + 3_600_000)
        return replace(one, plan=replace(one.plan, groups=(group, *one.plan.groups[1:])))

    return with_first_plan(certificate, change)


def line_dropped_cheaply(certificate: Certificate) -> Certificate:
    """The order does nothing any more, says so, and claims that it hardly costs anything."""

    def change(one: CertifiedPlan) -> CertifiedPlan:
        request = msgspec.msgpack.decode(certificate.instance, type=Request)
        (ask,) = (o.ask for o in request.problem.orders if o.ask.order_id == one.order_id)
        left = [{"line_number": line.line_number, "reason": "TOO_COSTLY"} for line in ask.lines]
        cost = Cost((CostTerm("unfilled", 1),))
        plain = {"groups": (), "unfilled": left, "cost": msgspec.to_builtins(cost)}
        return replace(one, plan=msgspec.convert(plain, type(one.plan)))

    return with_first_plan(certificate, change)


def terms_exchanged(certificate: Certificate) -> Certificate:
    """The sum is right, what it is for is not."""

    def change(one: CertifiedPlan) -> CertifiedPlan:
        first, *others = one.plan.cost.terms
        parts = CostTerm(first.name, first.amount_micro - 1), CostTerm("late", 1)
        return replace(one, plan=replace(one.plan, cost=Cost((*parts, *others))))

    return with_first_plan(certificate, change)


def term_said_twice(certificate: Certificate) -> Certificate:
    def change(one: CertifiedPlan) -> CertifiedPlan:
        first, *others = one.plan.cost.terms
        more = CostTerm(first.name, 1)
        return replace(one, plan=replace(one.plan, cost=Cost((more, first, *others))))

    return with_first_plan(certificate, change)


def order_left_out(certificate: Certificate) -> Certificate:
    return replace(certificate, plans=certificate.plans[1:])


def stock_doubled(certificate: Certificate) -> Certificate:
    request = msgspec.msgpack.decode(certificate.instance, type=Request)
    stock = tuple(replace(row, units=row.units * 2) for row in request.problem.stock)
    richer = replace(request, problem=replace(request.problem, stock=stock))
    return replace(certificate, instance=msgspec.msgpack.encode(richer))


TAMPERINGS: list[tuple[Tampering, str]] = [
    (bound_raised, "bound"),
    (bound_lowered, "bound"),
    (cost_lowered, "cost"),
    (price_changed, "bound"),
    (price_left_out, "prices"),
    (price_below_zero, "prices"),
    (price_beyond_64_bits, "prices"),
    (group_moved_an_hour, "plans"),
    (line_dropped_cheaply, "plans"),
    (terms_exchanged, "plans"),
    (term_said_twice, "plans"),
    (order_left_out, "plans"),
    (stock_doubled, "instance"),
]


@pytest.mark.parametrize("ruled", [False, True])
def test_what_a_solve_claims_is_found_again(*, ruled: bool) -> None:
    moved = 0
    for seed in range(12):
        certificate = made(ruled=ruled, seed=seed)
        assert disagreeing(certificate) == [], seed
        assert disagreeing(certificate, expected=certificate.instance_sha256) == []
        request = msgspec.msgpack.decode(certificate.instance, type=Request)
        pairs = zip(request.problem.orders, certificate.plans, strict=True)
        moved += any(order.groups != one.plan.groups for order, one in pairs)
    assert moved


@pytest.mark.parametrize(
    ("tamper", "named"), TAMPERINGS, ids=[tamper.__name__ for tamper, _ in TAMPERINGS]
)
def test_a_tampered_claim_is_named(tamper: Tampering, named: str) -> None:
    assert named in disagreeing(tamper(made()))


def test_a_certificate_of_another_instance_is_refused() -> None:
    other = made(seed=SEED + 1)
    assert disagreeing(other, expected=made().instance_sha256) == ["instance"]


def test_the_worker_writes_what_the_command_accepts_and_a_raised_bound_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "batch.certificate"
    request = msgspec.msgpack.decode(frame_of(small_request(SEED, orders=5))[4:])
    body = msgspec.msgpack.encode({**request, "certificate": str(path)})
    worker = subprocess.Popen(
        [sys.executable, "-m", "solver.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(len(body).to_bytes(4, "big") + body)
    worker.stdin.flush()
    kind = "progress"
    while kind == "progress":
        kind = msgspec.msgpack.decode(read_frame(worker.stdout))["type"]
    worker.stdin.close()
    assert (worker.wait(60), kind) == (0, "result")
    worker.stdout.close()

    known = certificates.read(path)
    accepted = checked(path, "--hash", known.instance_sha256)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "DISAGREES" not in accepted.stdout
    certificates.write(path, bound_raised(known))
    refused = checked(path)
    assert refused.returncode == 1
    assert "DISAGREES" in refused.stdout


def test_an_instance_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    known = made()
    request = msgspec.msgpack.decode(known.instance, type=Request)
    bare = replace(request, nodes=())
    path = tmp_path / "batch.certificate"
    certificates.write(path, replace(known, instance=msgspec.msgpack.encode(bare)))
    refused = checked(path)
    assert refused.returncode == 1
    assert "contradicts itself" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_no_damaged_byte_ends_in_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "batch.certificate"
    certificates.write(path, made())
    whole = path.read_bytes()
    for seed in range(400):
        at = (seed * 7_919) % len(whole)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 + seed % 255)]) + whole[at + 1 :])
        assert certificates.verdict_of(path, None) in (0, 1, 2)


def test_a_file_that_is_none_or_absent_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    assert checked(path).returncode == 2
    path.write_bytes(b"\x81\xa6format\xa1x")
    assert checked(path).returncode == 2


def test_a_plan_in_force_that_was_priced_by_another_card_is_certified_by_this_one() -> None:
    request = small_request(4)
    dearer = replace(
        request.problem.orders[0],
        cost=Cost(
            tuple(
                replace(t, amount_micro=t.amount_micro + 1)
                for t in request.problem.orders[0].cost.terms
            )
        ),
    )
    stays = replace(
        request, problem=replace(request.problem, orders=(dearer,), now_ms=2**42, time_limit_ms=200)
    )
    result = solve(stays)
    assert result.components == ()
    found = certificates.findings_of(certificates.certificate_of(stays, result))
    assert [one.name for one in found if one.problems] == []
