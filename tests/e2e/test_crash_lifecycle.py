"""A real process dies by SIGKILL between every pair of steps of every act; another takes over.

What is checked is seen from outside: the ledger's counters are what the orders say, the retry of
the killed request gets one answer, and the act took effect once.
"""

import json
import multiprocessing
import signal
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bopis.domain import commands
from bopis.domain.fulfillment import FulfillmentState
from bopis.domain.ledger import CapacityWindow, CellKey
from bopis.domain.network import Method
from bopis.domain.order import OrderLine, OrderState
from bopis.domain.pick_task import ShortPickReason
from bopis.domain.sourcing import Consent
from bopis.failpoints import FAILPOINTS
from bopis.testing.audit import committed_by_orders
from bopis.testing.crash import (
    Advance,
    Arm,
    Call,
    Dump,
    Expire,
    MoveAll,
    Relay,
    Standing,
    Step,
    Stock,
    run_steps,
)
from bopis.testing.shop import AT_EAST, MONDAY_10_UTC_MS, ON_HAND, PRICE_MICRO

DEADLINE_S = 30
KEPT_MS = 72 * 3_600_000

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["bopis.testing.crash", "sqlalchemy.dialects.sqlite"])

LEDGERS = ["naive", "native"]


def run(folder: Path, ledger: str, steps: Sequence[Step], *, later_ms: int = 0) -> list[Any] | None:
    """Takes the steps in a process of its own; None if it was killed."""
    folder.mkdir(exist_ok=True)
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(
        target=run_steps,
        args=(str(folder),),
        kwargs={
            "native": ledger == "native",
            "at_ms": MONDAY_10_UTC_MS + later_ms,
            "steps": list(steps),
            "answers": theirs,
        },
    )
    process.start()
    theirs.close()
    answers: list[Any] | None = None
    try:
        if ours.poll(DEADLINE_S):
            answers = ours.recv()
    except EOFError:
        answers = None
    process.join(DEADLINE_S)
    if process.exitcode is None:
        process.kill()
    assert process.exitcode == (0 if answers is not None else -signal.SIGKILL)
    return answers


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def create(
    number: int, *lines: tuple[str, int], method: Method = Method.PICKUP
) -> commands.CreateOrder:
    return commands.CreateOrder(
        request_id=uuid(number),
        order_id=f"order-{number}",
        method=method,
        place=AT_EAST,
        lines=tuple(
            OrderLine(line, sku, quantity, PRICE_MICRO)
            for line, (sku, quantity) in enumerate(lines, start=1)
        ),
        currency="USD",
        consent=Consent(40, ship_home=True),
    )


ONE_GROUP = "order-1/1"
CREATE = Call(create(1, ("apple", 2), ("bread", 1)))
CREATE_SHIP = Call(create(1, ("candle", 3), method=Method.SHIP))
CREATE_TWO_PLACES = Call(create(1, ("apple", 2), ("candle", 1)))
CLAIM = Call(
    commands.ClaimPickTask(request_id=uuid(2), pick_task_id=f"{ONE_GROUP}/pick", associate_id="ann")
)


def confirm(number: int, task: str, *lines: tuple[int, int]) -> Call:
    return Call(
        commands.ConfirmPick(
            request_id=uuid(number),
            pick_task_id=task,
            lines=tuple(commands.PickedLine(*line) for line in lines),
        )
    )


CONFIRM = confirm(3, f"{ONE_GROUP}/pick", (1, 2), (2, 1))
STAGE = Call(
    commands.StageOrder(request_id=uuid(4), fulfillment_order_id=ONE_GROUP, staging_location="A1")
)
READY = [CREATE, CLAIM, CONFIRM, STAGE]
CLAIM_RESTOCK = Call(
    commands.ClaimPickTask(
        request_id=uuid(5), pick_task_id=f"{ONE_GROUP}/restock", associate_id="bob"
    )
)
RESTOCK = confirm(6, f"{ONE_GROUP}/restock", (1, 2), (2, 1))
CANCEL = Call(commands.CancelOrder(request_id=uuid(7), order_id="order-1"))


def short(reason: ShortPickReason) -> Call:
    return Call(
        commands.ReportShortPick(
            request_id=uuid(8),
            pick_task_id=f"{ONE_GROUP}/pick",
            line_number=1,
            found_quantity=0,
            reason=reason,
        )
    )


HAND_OVER = Call(
    commands.HandOver(request_id=uuid(9), order_id="order-1", node_id="east", pickup_code="right")
)
LABOR_HOUR_S = MONDAY_10_UTC_MS // 1_000 + 2 * 3_600
SET_LABOR = Call(
    commands.SetCapacity(
        request_id=uuid(11),
        node_id="east",
        windows=(CapacityWindow(LABOR_HOUR_S, 7_200, closed=True),),
    )
)
CONFIRM_SHIP = confirm(3, f"{ONE_GROUP}/pick", (1, 3))
SHIP = Call(
    commands.ConfirmShipment(request_id=uuid(10), fulfillment_order_id=ONE_GROUP, carrier="ups")
)


def on_hand(standing: Standing, sku: str) -> int:
    return sum(cell.on_hand for key, cell in standing.cells.items() if key.sku == sku)


def imported(sku: str) -> int:
    return sum(units for (_, one), units in ON_HAND.items() if one == sku)


def assert_books_agree(standing: Standing) -> None:
    committed = {key: cell.committed for key, cell in standing.cells.items() if cell.committed}
    assert committed == committed_by_orders(standing.orders)
    assert all(cell.held == 0 for cell in standing.cells.values())
    # The buffer of a closed window is more than there can be.
    assert all(cell.atp + cell.safety_stock >= 0 for cell in standing.cells.values())
    assert standing.open_intents == 0


def crash_and_recover(
    folder: Path, ledger: str, failpoint: str, before: Sequence[Step], act: Step
) -> tuple[list[Any], Standing]:
    """Dies in the act, restarts, retries it twice; both answers and how all stands then."""
    if ledger == "native" and find_spec("bopis._allocator_rs") is None:
        pytest.skip("the native module is not built")
    assert run(folder, ledger, [Stock(), *before, Arm(failpoint), act]) is None
    later = sum(one.by_ms for one in before if isinstance(one, Advance))
    answers = run(folder, ledger, [Dump(), act, act, Dump()], later_ms=later)
    assert answers is not None
    recovered, first, second, standing = answers
    assert_books_agree(recovered)
    assert_books_agree(standing)
    assert first == second
    return [recovered, first], standing


def named(prefix: str) -> list[str]:
    return [one for one in FAILPOINTS if one.startswith(f"{prefix}.")]


@pytest.mark.parametrize("failpoint", named("create_order"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_an_order_being_placed_is_placed_once(tmp_path: Path, ledger: str, failpoint: str) -> None:
    (recovered, answer), standing = crash_and_recover(
        tmp_path, ledger, failpoint, [], CREATE_TWO_PLACES
    )
    assert len(recovered.orders) == (0 if failpoint.endswith("before_intent") else 1)
    (order,) = standing.orders
    assert order.state is OrderState.CONFIRMED
    assert json.loads(answer)["version"] == order.version
    assert sum(cell.committed for key, cell in standing.cells.items() if key.sku == "apple") == 2
    assert sum(cell.committed for key, cell in standing.cells.items() if key.sku == "candle") == 1


@pytest.mark.parametrize("failpoint", named("cancel_order"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_an_order_being_cancelled_is_cancelled_once(
    tmp_path: Path, ledger: str, failpoint: str
) -> None:
    _, standing = crash_and_recover(tmp_path, ledger, failpoint, [CREATE], CANCEL)
    assert standing.orders[0].state is OrderState.CANCELLED
    assert all(cell.committed == 0 for cell in standing.cells.values())


@pytest.mark.parametrize("failpoint", named("short_pick"))
@pytest.mark.parametrize("ledger", LEDGERS)
@pytest.mark.parametrize(
    ("reason", "lost"),
    [
        (ShortPickReason.MISMATCH, 2),
        (ShortPickReason.NOT_IN_STOCK, ON_HAND["east", "apple"]),
    ],
)
def test_a_short_pick_posts_its_fact_once_and_sources_once(
    tmp_path: Path, ledger: str, failpoint: str, reason: ShortPickReason, lost: int
) -> None:
    _, standing = crash_and_recover(tmp_path, ledger, failpoint, [CREATE, CLAIM], short(reason))
    assert on_hand(standing, "apple") == imported("apple") - lost
    (order,) = standing.orders
    apples = [
        line
        for group in order.fulfillment_orders
        for line in group.lines
        if line.sku == "apple" and group.state is FulfillmentState.ALLOCATED
    ]
    assert len(apples) == 1


@pytest.mark.parametrize("failpoint", named("hand_over"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_an_order_being_handed_over_leaves_once(
    tmp_path: Path, ledger: str, failpoint: str
) -> None:
    (_, answer), standing = crash_and_recover(tmp_path, ledger, failpoint, READY, HAND_OVER)
    assert json.loads(answer)["state"] == "COMPLETED"
    assert on_hand(standing, "apple") == imported("apple") - 2
    assert on_hand(standing, "bread") == imported("bread") - 1


@pytest.mark.parametrize("failpoint", named("ship"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_shipment_leaves_once(tmp_path: Path, ledger: str, failpoint: str) -> None:
    before = [CREATE_SHIP, CLAIM, CONFIRM_SHIP]
    (_, answer), standing = crash_and_recover(tmp_path, ledger, failpoint, before, SHIP)
    assert json.loads(answer)["state"] == "SHIPPED"
    assert on_hand(standing, "candle") == imported("candle") - 3


@pytest.mark.parametrize("failpoint", named("expire"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_pickup_nobody_came_for_expires_once(tmp_path: Path, ledger: str, failpoint: str) -> None:
    if ledger == "native" and find_spec("bopis._allocator_rs") is None:
        pytest.skip("the native module is not built")
    before = [Stock(), *READY, Advance(KEPT_MS), Arm(failpoint), Expire()]
    assert run(tmp_path, ledger, before) is None
    answers = run(tmp_path, ledger, [Expire(), Expire(), Dump()], later_ms=KEPT_MS)
    assert answers is not None
    first, second, standing = answers
    assert first == (1 if failpoint == "expire.before_result" else 0)
    assert second == 0
    assert standing.orders[0].state is OrderState.EXPIRED
    assert_books_agree(standing)


@pytest.mark.parametrize("failpoint", named("restock"))
@pytest.mark.parametrize("ledger", LEDGERS)
@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_goods_going_back_to_the_shelf_go_back_once(
    tmp_path: Path, ledger: str, failpoint: str, end: str
) -> None:
    ending = [CANCEL] if end == "cancelled" else [Advance(KEPT_MS), Expire()]
    before = [*READY, *ending, CLAIM_RESTOCK]
    _, standing = crash_and_recover(tmp_path, ledger, failpoint, before, RESTOCK)
    assert all(cell.committed == 0 for cell in standing.cells.values())
    assert on_hand(standing, "apple") == imported("apple")
    assert not standing.orders[0].fulfillment_orders[0].restock_open


@pytest.mark.parametrize("failpoint", named("move"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_orders_being_moved_move_once_and_together(
    tmp_path: Path, ledger: str, failpoint: str
) -> None:
    before = [CREATE, Call(create(2, ("apple", 1), method=Method.SHIP))]
    nodes_before = _nodes(run(tmp_path / "dry", ledger, [Stock(), *before, Dump()]))
    steps = [Stock(), *before, Arm(failpoint), MoveAll(uuid(20))]
    assert run(tmp_path / "wet", ledger, steps) is None
    answers = run(tmp_path / "wet", ledger, [Dump()])
    assert answers is not None
    assert_books_agree(answers[0])
    neighbor = {"east": "west", "west": "east", "hub": "east"}
    assert _nodes(answers) == [neighbor[one] for one in nodes_before]


@pytest.mark.parametrize("failpoint", named("set_capacity"))
@pytest.mark.parametrize("ledger", LEDGERS)
def test_labor_being_set_and_closed_is_so_once(tmp_path: Path, ledger: str, failpoint: str) -> None:
    (recovered, answer), standing = crash_and_recover(tmp_path, ledger, failpoint, [], SET_LABOR)
    hour = CellKey("east", None, LABOR_HOUR_S)
    assert recovered.cells[hour].on_hand == standing.cells[hour].on_hand == 7_200
    assert recovered.cells[hour] == standing.cells[hour]
    assert recovered.cells[hour].atp < 0, "closed"
    window = json.loads(answer)["windows"][0]
    assert (window["seconds"], window["closed"]) == (7_200, True)


def _nodes(answers: list[Any] | None) -> list[str]:
    assert answers is not None
    return [order.fulfillment_orders[0].node_id for order in answers[-1].orders]


@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_relay_that_dies_after_publishing_tells_nobody_twice(tmp_path: Path, ledger: str) -> None:
    if ledger == "native" and find_spec("bopis._allocator_rs") is None:
        pytest.skip("the native module is not built")
    steps = [Stock(), *READY, Arm("relay.after_publish"), Relay()]
    assert run(tmp_path, ledger, steps) is None
    answers = run(tmp_path, ledger, [Relay(), Relay()])
    assert answers is not None
    assert answers[0] > 0
    assert answers[1] == 0
    lines = (tmp_path / "notifications.jsonl").read_text().splitlines()
    sent = [json.loads(line) for line in lines]
    assert [one["kind"] for one in sent] == ["CONFIRMED", "READY"]
    assert len({one["event_id"] for one in sent}) == len(sent)


def test_every_failpoint_is_named_by_the_code_and_tested_here() -> None:
    elsewhere = {"set_policy", "override"}  # test_policy_kept.py
    tested = {"relay"} | {
        "create_order",
        "cancel_order",
        "short_pick",
        "hand_over",
        "ship",
        "expire",
        "restock",
        "move",
        "set_capacity",
    }
    assert {one.partition(".")[0] for one in FAILPOINTS} == tested | elsewhere
