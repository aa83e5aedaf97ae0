"""What `--kills` counts and checks: moments, calls cut off, acknowledged acts that were lost."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bopis.demo.acknowledged import find_lost
from bopis.demo.killing import count_cut, kill_moments, killing_speed
from bopis.scenario.generator import GeneratorParameters, generate_scenario
from bopis.scenario.model import Method, ScenarioLine, ScenarioOrder
from bopis.v1 import order_service_pb2

Order = order_service_pb2.Order
Group = order_service_pb2.FulfillmentOrder
ASKED = {
    "o-1": ScenarioOrder(
        order_id="o-1",
        placed_at=datetime(2026, 3, 3, 9, tzinfo=UTC),
        method=Method.PICKUP,
        latitude=0.0,
        longitude=0.0,
        postal_code="",
        region="",
        ready_within_minutes=None,
        lines=(ScenarioLine(1, "a", 2, 1_000_000),),
    )
}


def order(
    state: Order.State.ValueType,
    group: Group.State.ValueType = Group.STATE_ALLOCATED,
    *,
    node_id: str = "n-1",
    quantity: int = 2,
) -> Order:
    return Order(
        order_id="o-1",
        state=state,
        lines=[order_service_pb2.OrderLine(line_number=1, sku="a", quantity=quantity)],
        fulfillment_orders=[
            Group(
                node_id=node_id,
                state=group,
                lines=[Group.Line(line_number=1, sku="a", quantity=quantity)],
            )
        ],
    )


def record(**fields: Any) -> dict[str, Any]:
    return {"order_id": "o-1", "lines": {"1": ["n-1", "a", 2]}, **fields}


PLACED = record(kind="promise", placed=True)
CANCELLED = record(kind="release", how="cancelled", order_state=Order.STATE_CANCELLED)
HANDED_OVER = record(kind="left", how="handed_over")
SHIPPED = record(kind="left", how="shipped")
DONE = order(Order.STATE_COMPLETED, Group.STATE_HANDED_OVER)


def test_what_is_still_so_in_the_end_is_not_lost() -> None:
    assert find_lost([PLACED, HANDED_OVER], [DONE], ASKED) == (2, [])
    cancelled = order(Order.STATE_CANCELLED, Group.STATE_CANCELLED)
    assert find_lost([PLACED, CANCELLED], [cancelled], ASKED) == (2, [])
    shipped = order(Order.STATE_COMPLETED, Group.STATE_SHIPPED)
    assert find_lost([SHIPPED, {"kind": "sale"}, {"kind": "cut"}], [shipped], ASKED) == (1, [])


@pytest.mark.parametrize(
    ("act", "end"),
    [
        (PLACED, None),
        (PLACED, order(Order.STATE_COMPLETED, Group.STATE_SHIPPED, quantity=1)),
        (PLACED, Order(order_id="o-1", state=Order.STATE_COMPLETED, lines=DONE.lines)),
        (record(kind="promise", placed=True, lines={}), order(Order.STATE_PENDING)),
        (CANCELLED, DONE),
        (CANCELLED, order(Order.STATE_CONFIRMED)),
        (HANDED_OVER, order(Order.STATE_EXPIRED, Group.STATE_RESTOCKED)),
        (HANDED_OVER, order(Order.STATE_COMPLETED, Group.STATE_HANDED_OVER, node_id="n-2")),
        (SHIPPED, DONE),
    ],
)
def test_a_planted_loss_of_each_kind_is_found(act: dict[str, Any], end: Order | None) -> None:
    checked, lost = find_lost([act], [] if end is None else [end], ASKED)
    assert checked == 1
    assert len(lost) == 1


def test_only_calls_sent_before_the_kill_and_failed_after_it_were_cut_off_by_it() -> None:
    records = [
        {"kind": "cut", "sent": 9.0, "acknowledged": 10.5},
        {"kind": "cut", "sent": 9.9, "acknowledged": 10.1},
        {"kind": "cut", "sent": 10.2, "acknowledged": 10.3},
        {"kind": "promise", "sent": 19.0, "acknowledged": 21.0},
    ]
    cut = count_cut([10.0, 20.0], records)
    assert (cut.calls, cut.kills) == (2, 1)


def test_the_same_seed_gives_the_same_moments_within_the_day() -> None:
    scenario = generate_scenario(GeneratorParameters(seed=1, orders=50))
    moments = kill_moments(scenario, 30, seed=7)
    assert moments == kill_moments(scenario, 30, seed=7) != kill_moments(scenario, 30, seed=8)
    first, last = (scenario.orders[index].placed_at.timestamp() for index in (0, -1))
    assert len(moments) == 30
    assert all(first <= moment.sim_s <= last for moment in moments)
    assert moments == sorted(moments, key=lambda moment: moment.sim_s)


def test_the_day_leaves_real_seconds_for_each_kill() -> None:
    scenario = generate_scenario(GeneratorParameters(seed=1, orders=50))
    span = scenario.orders[-1].placed_at - scenario.orders[0].placed_at
    assert timedelta(seconds=90) < span / killing_speed(scenario, 30) < timedelta(seconds=180)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2)")
def test_the_service_ends_with_the_demo_that_started_it() -> None:
    child = (
        "import os, time; from bopis.demo.lifeline import end_with; end_with(os.getppid()); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE); "
        "sys.stdout.write(child.stdout.readline().decode()); sys.stdout.flush(); "
        "os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert process.wait(timeout=30) == -9
    assert _gone_within(pid, seconds=30.0)


def _gone_within(pid: int, *, seconds: float) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            if stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
