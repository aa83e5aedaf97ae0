"""An order that stays where a planner does not want it counts as very dear, and is told at what it
costs.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bopis.testing.client import Client, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import policy_service_pb2 as policies
from tests.e2e import small_town
from tests.e2e.command_line import bopis
from tests.e2e.small_town import CALL_S, ON_HAND, SHIP, order_request, place

pytestmark = pytest.mark.needs_services()

SHIPPED = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(tmp_path, options=small_town.CLOCK) as running:
        with running.channel() as channel:
            client = Client(channel)
            levels = {cell: units for cell, units in ON_HAND.items() if cell != ("west", "apple")}
            small_town.bring_in(client, on_hand=levels)
            for number in range(SHIPPED):
                place(client, order_request(f"far-{number}", sku="candle", method=SHIP))
            place(client, order_request("pinned"))
            # There is none: the order stays where it is.
            pin = policies.PinOrderRequest(
                request_id=new_uuid(),
                order_id="pinned",
                node_id="west",
                planner_id="ann",
                why="a test",
            )
            client.policies.PinOrder(pin, timeout=CALL_S)
        yield running


def test_the_bound_is_told_beside_what_orders_cost_and_is_never_above_it(
    server: ServerProcess,
) -> None:
    at = ("--address", server.address, "--time-limit", "1", "--json")
    dry = json.loads(bopis("reallocate", *at, "--dry-run").stdout)
    with server.channel() as channel:
        client = Client(channel)
        feed = small_town.stock.ImportStockRequest(request_id=new_uuid())
        feed.levels.add(node_id="east", sku="candle", on_hand=50)
        client.stock.ImportStock(iter([feed]), timeout=CALL_S)
        moved = json.loads(bopis("reallocate", *at).stdout)
        for told in (dry, moved):
            assert 0 < told["bound"] <= told["cost_after"]
            gap = (told["cost_after"] - told["bound"]) / told["bound"]
            assert told["gap"] == pytest.approx(gap, abs=1e-6)
        asked = allocation.ExplainAllocationRequest(order_id="far-0")
        batch = client.allocation.ExplainAllocation(asked, timeout=CALL_S).batch
    assert f"operations/{batch.operation_id}" == moved["operation"]
    planned, bound = (one.units + one.nanos / 1e9 for one in (batch.planned_cost, batch.bound))
    assert (planned, bound) == pytest.approx((moved["cost_after"], moved["bound"]))
    proof = server.data / "proof"
    assert bopis("reallocate", *at, "--certificate", str(proof)).returncode == 0
    proven = bopis("certificate", str(proof))
    assert proven.returncode == 0, proven.stdout
