"""Rolling re-evaluation by a service in another process, which is also killed in the middle."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bopis.testing.client import Client, eventually, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e import small_town
from tests.e2e.small_town import (
    CALL_S,
    PICKUP,
    SHIP,
    claim,
    get_order,
    order_request,
    place,
    task_id,
)

pytestmark = pytest.mark.needs_services()

ON_HAND = {("east", "candle"): 0, ("west", "candle"): 0, ("hub", "candle"): 100}
OFTEN = {"BOPIS_DUALS_EVERY_S": "0", "BOPIS_REEVALUATE_EVERY_S": "1"}
NEVER = {"BOPIS_DUALS_EVERY_S": "0"}
RUNS_S = 60.0
LIVE = (
    inventory.Reservation.STATE_HELD,
    inventory.Reservation.STATE_COMMITTED,
)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[ServerProcess]:
    """Candles are in the hub alone: whoever wants to collect some has them shipped."""
    with serving(tmp_path, options=small_town.CLOCK, environment=NEVER) as running:
        with running.channel() as channel:
            small_town.bring_in(Client(channel), on_hand=ON_HAND)
        yield running


def again(server: ServerProcess, **environment: str) -> None:
    server.terminate()
    server.environment = environment
    server.start()


def candles(client: Client, order_id: str, *, km: int = 40) -> orders.Order:
    request = order_request(order_id, sku="candle", method=PICKUP)
    request.consent.other_store_km, request.consent.ship_home = km, True
    order = place(client, request)
    [group] = order.fulfillment_orders
    assert (group.node_id, group.method) == ("hub", SHIP)
    return order


def bring(client: Client, node_id: str, units: int) -> None:
    """Candles arrive at a store."""
    request = stock.ImportStockRequest(request_id=new_uuid())
    request.levels.add(node_id=node_id, sku="candle", on_hand=units)
    client.stock.ImportStock(iter([request]), timeout=CALL_S)


def runs(server: ServerProcess) -> list[dict[str, int]]:
    """The runs of re-evaluation, by the server's log."""
    lines = server.log.read_text(encoding="utf-8").splitlines()
    parsed = [json.loads(line) for line in lines if "reevaluation.done" in line]
    return [{k: v for k, v in one.items() if isinstance(v, int)} for one in parsed]


def after_a_run(server: ServerProcess) -> dict[str, int]:
    """The last run, once it began later than now."""
    seen = len(runs(server))
    # The one under way may have read before now: the one after it has not.
    return eventually(
        lambda: found[-1] if len(found := runs(server)) >= seen + 2 else None, within_s=RUNS_S
    )


def where(client: Client, order_id: str) -> list[tuple[str, int]]:
    return [(one.node_id, one.method) for one in get_order(client, order_id).fulfillment_orders]


def agreed(client: Client, order_ids: list[str]) -> None:
    """The ledger holds for each order what the order says, and no cell more than is there."""
    taken: Counter[str] = Counter()
    for order_id in order_ids:
        said: Counter[tuple[str, str]] = Counter()
        for group in get_order(client, order_id).fulfillment_orders:
            for line in group.lines:
                said[group.node_id, line.sku] += line.quantity
        found = client.inventory.ListReservations(
            inventory.ListReservationsRequest(order_id=order_id), timeout=CALL_S
        ).reservations
        held: Counter[tuple[str, str]] = Counter()
        for reservation in found:
            if reservation.state in LIVE:
                for line in reservation.lines:
                    if line.sku:
                        held[line.node_id, line.sku] += line.quantity
        assert held == said, order_id
        for (node_id, _), units in said.items():
            taken[node_id] += units
    for node_id in ("east", "west", "hub"):
        cell = small_town.cell(client, node_id, "candle")
        assert (cell.committed, cell.held) == (taken[node_id], 0), node_id
        assert cell.atp >= 0


def test_orders_move_when_there_is_more_to_choose_from_but_none_that_is_picked_or_frozen(
    town: ServerProcess,
) -> None:
    with town.channel() as channel:
        client = Client(channel)
        candles(client, "waiting")
        claim(client, task_id(candles(client, "being-picked")))
        bring(client, "east", 10)
    # The first hour to pick in begins within an hour: all is frozen.
    again(town, **OFTEN, BOPIS_FREEZE_MIN="61")
    with town.channel() as channel:
        client = Client(channel)
        assert after_a_run(town)["considered"] == 0
        assert where(client, "waiting") == [("hub", SHIP)]
    again(town, **OFTEN, BOPIS_FREEZE_MIN="0")
    with town.channel() as channel:
        client = Client(channel)
        eventually(lambda: where(client, "waiting") == [("east", PICKUP)] or None, within_s=RUNS_S)
        assert where(client, "being-picked") == [("hub", SHIP)]
        agreed(client, ["waiting", "being-picked"])
        # Once it has moved there is nothing more to gain: it stays.
        assert after_a_run(town)["moved"] == 0


def test_the_customers_store_never_changes_without_consent(town: ServerProcess) -> None:
    with town.channel() as channel:
        client = Client(channel)
        candles(client, "no-consent", km=0)
        candles(client, "consent", km=40)
        bring(client, "west", 10)
    again(town, **OFTEN, BOPIS_FREEZE_MIN="0")
    with town.channel() as channel:
        client = Client(channel)
        assert after_a_run(town)["considered"] == 2
        # Only the west has some: nobody is sent there unasked, though one would go.
        assert not [one for one in runs(town) if one["moved"]]
        # A planner may move who agreed to another store, and nobody else.
        request = allocation.ReallocateRequest(request_id=new_uuid())
        request.time_limit.seconds = 1
        client.allocation.Reallocate(request, timeout=CALL_S)
        eventually(lambda: where(client, "consent") == [("west", PICKUP)] or None, within_s=RUNS_S)
        assert [method for _, method in where(client, "no-consent")] == [SHIP]
        # Now one was told the west, and the other can have its own store.
        bring(client, "east", 10)
        eventually(
            lambda: where(client, "no-consent") == [("east", PICKUP)] or None, within_s=RUNS_S
        )
        after_a_run(town)
        assert where(client, "consent") == [("west", PICKUP)]


def test_no_more_orders_move_in_a_run_than_may(town: ServerProcess) -> None:
    order_ids = [f"order-{number}" for number in range(5)]
    with town.channel() as channel:
        client = Client(channel)
        for order_id in order_ids:
            candles(client, order_id)
        bring(client, "east", 10)
    again(town, **OFTEN, BOPIS_FREEZE_MIN="0", BOPIS_MOVES_MAX="2")
    with town.channel() as channel:
        client = Client(channel)
        for order_id in order_ids:
            eventually(
                lambda order_id=order_id: where(client, order_id) == [("east", PICKUP)] or None,
                within_s=RUNS_S,
            )
        agreed(client, order_ids)
    assert [one["moved"] for one in runs(town) if one["moved"]] == [2, 2, 1]


@pytest.mark.parametrize("point", ["move.after_intent@2", "move.after_ledger@3"])
def test_killed_in_the_middle_of_a_run_ledger_and_orders_agree_and_the_rest_moves_later(
    town: ServerProcess, point: str
) -> None:
    order_ids = [f"order-{number}" for number in range(5)]
    with town.channel() as channel:
        client = Client(channel)
        for order_id in order_ids:
            candles(client, order_id)
        bring(client, "east", 10)
    town.terminate()
    town.environment = {**OFTEN, "BOPIS_FREEZE_MIN": "0", "BOPIS_FAILPOINT": point}
    town.start()
    assert town.wait(RUNS_S) == -signal.SIGKILL
    town.environment = NEVER
    town.start()
    with town.channel() as channel:
        client = Client(channel)
        moved = [one for one in order_ids if where(client, one) == [("east", PICKUP)]]
        # What was begun is finished at the start; what was not is as it was.
        assert len(moved) == int(point[-1])
        agreed(client, order_ids)
    again(town, **OFTEN, BOPIS_FREEZE_MIN="0")
    with town.channel() as channel:
        client = Client(channel)
        for order_id in order_ids:
            eventually(
                lambda order_id=order_id: where(client, order_id) == [("east", PICKUP)] or None,
                within_s=RUNS_S,
            )
        agreed(client, order_ids)
