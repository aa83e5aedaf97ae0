"""Re-allocation as an operation: through the API, by the command line, in a process of its own."""

import json
import subprocess
import sys

import pytest
from google.longrunning import operations_pb2

from bopis.testing.client import Client, new_uuid, refused
from bopis.testing.server import ServerProcess
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import order_service_pb2 as orders
from tests.e2e.small_town import CALL_S, order_request, place

pytestmark = pytest.mark.needs_services()


def finished(client: Client, operation: operations_pb2.Operation) -> operations_pb2.Operation:
    """Waits as a client does."""
    wait = operations_pb2.WaitOperationRequest(name=operation.name)
    wait.timeout.seconds = 60
    done = client.operations.WaitOperation(wait, timeout=90)
    assert done.done
    return done


def test_a_reallocation_reports_orders_costs_bound_and_gap(client: Client) -> None:
    for number in range(20):
        place(client, order_request(f"open-{number}"))
    request = allocation.ReallocateRequest(request_id=new_uuid())
    request.time_limit.seconds = 2
    operation = client.allocation.Reallocate(request, timeout=CALL_S)
    done = finished(client, operation)
    assert done.WhichOneof("result") == "response", done.error.message
    response = allocation.ReallocateResponse()
    assert done.response.Unpack(response)
    assert response.considered_count == 20
    cost = [response.bound, response.cost_after, response.cost_before]
    micro = [money.units * 1_000_000 + money.nanos // 1_000 for money in cost]
    assert micro == sorted(micro)
    assert {money.currency_code for money in cost} == {"USD"}
    assert response.gap >= 0
    metadata = allocation.ReallocateMetadata()
    assert done.metadata.Unpack(metadata)
    assert metadata.stage == allocation.ReallocateMetadata.STAGE_DONE
    # A repeat is the same operation; another body under the id is refused.
    assert client.allocation.Reallocate(request, timeout=CALL_S).name == operation.name
    request.dry_run = True
    with refused() as errors:
        client.allocation.Reallocate(request, timeout=CALL_S)
    assert errors[0].reason == "REQUEST_ID_REUSED"
    page = client.orders.ListOrders(
        orders.ListOrdersRequest(state=orders.Order.STATE_CONFIRMED), timeout=CALL_S
    )
    assert len(page.orders) == 20


def test_the_command_line_shows_what_a_reallocation_did(
    server: ServerProcess, client: Client
) -> None:
    place(client, order_request("by-command"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bopis.cli", "reallocate", "--address", server.address),
            *("--time-limit", "1", "--dry-run", "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["orders"] >= 1
    assert figures["bound"] <= figures["cost_before"]


def test_the_optimizer_is_never_imported_by_the_serving_process(server: ServerProcess) -> None:
    assert server.process is not None
    maps = open(f"/proc/{server.process.pid}/maps", encoding="utf-8").read()  # noqa: PTH123, SIM115
    assert "_allocator_rs" in maps
    assert "ortools" not in maps
