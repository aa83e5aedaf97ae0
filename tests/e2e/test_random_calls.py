"""Whatever a client sends gets an answer or a typed error, and the books agree afterwards.

BOPIS_RANDOM_CALLS sets how many calls are made (2,000 by default; `make soak` makes 100,000), and
BOPIS_RANDOM_SEED replays a failure.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, product
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest

from bopis.testing.client import Client, error_of
from bopis.testing.server import ServerProcess
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from tests.e2e.random_calls import RandomCall, random_calls

pytestmark = pytest.mark.needs_services()

Code = grpc.StatusCode
COUNT = int(os.environ.get("BOPIS_RANDOM_CALLS", "2000"))
SEED = int(os.environ.get("BOPIS_RANDOM_SEED", "1"))
CALL_S = 5.0
STREAM_S = 0.05
NEVER = {Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS}
READ_MAX = 3
_Group = orders.FulfillmentOrder
LIVE = {
    _Group.STATE_ALLOCATED,
    _Group.STATE_PICKING,
    _Group.STATE_PICKED,
    _Group.STATE_READY_FOR_PICKUP,
    _Group.STATE_NO_SHOW,
}
MEMORY_MAX_KIB = 200 * 1024
"""How much a server may grow over the calls."""


def answers(channel: grpc.Channel, call: RandomCall) -> Iterator[bytes]:
    """What comes back: of a stream the first few messages."""
    method = call.method
    if method.client_streaming:
        collect = channel.stream_unary(call.path)
        yield collect(iter(call.messages), timeout=CALL_S)
    elif method.server_streaming:
        stream = channel.unary_stream(call.path)(call.messages[0], timeout=STREAM_S)
        for _, message in zip(range(READ_MAX), stream, strict=False):
            yield message
        stream.cancel()
    else:
        yield channel.unary_unary(call.path)(call.messages[0], timeout=CALL_S)


def outcome(channel: grpc.Channel, call: RandomCall, number: int) -> tuple[Any, list[bytes]]:
    """OK and what came back, or the code of a typed error."""
    try:
        return Code.OK, list(answers(channel, call))
    except grpc.RpcError as raised:
        code = raised.code()
        where = f"call {number} of seed {SEED}: {call.path} {call.messages!r:.2000}: {raised}"
        assert code not in NEVER, where
        if code is Code.DEADLINE_EXCEEDED:
            assert call.method.server_streaming or "WaitOperation" in call.path, where
        else:
            assert error_of(raised).domain == "bopis", where
        return code, []


def resident_kib(server: ServerProcess) -> int:
    """Memory of the server, KiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


Cell = tuple[str, str, bool]
"""Node, SKU, whether in the staging pool there."""


class Ledger(NamedTuple):
    """Units by cell: in reservations not yet committed, and in committed ones."""

    held: Counter[Cell]
    committed: Counter[Cell]


def all_orders(client: Client) -> Iterator[orders.Order]:
    """Every order, page by page."""
    request = orders.ListOrdersRequest(page_size=100)
    while True:
        page = client.orders.ListOrders(request, timeout=CALL_S)
        yield from page.orders
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def by_reservations(client: Client, reservation_ids: set[str]) -> Ledger:
    """What these reservations hold, each read by its id."""
    ledger = Ledger(Counter(), Counter())
    for reservation_id in reservation_ids:
        request = inventory.GetReservationRequest(reservation_id=reservation_id)
        found = client.inventory.GetReservation(request, timeout=CALL_S).reservation
        part = {found.STATE_HELD: ledger.held, found.STATE_COMMITTED: ledger.committed}
        for line in found.lines:
            if found.state in part and line.WhichOneof("item") == "sku":
                part[found.state][line.node_id, line.sku, line.staged] += line.quantity
    return ledger


def by_cells(client: Client) -> Counter[Cell]:
    """What the counters and the days say is promised in all.

    `held` has of a day's reservations only what they need beyond the supply due by then.
    """
    promised: Counter[Cell] = Counter()
    for cell in product(("east", "west", "hub"), ("apple", "bread", "candle"), (False, True)):
        node_id, sku, staged = cell
        request = inventory.GetAvailabilityRequest(
            node_id=node_id, sku=sku, staged=staged, with_days=True
        )
        read = client.inventory.GetAvailability(request, timeout=CALL_S)
        needs = (day.reserved_quantity - day.inbound_quantity for day in read.days)
        withheld = max(accumulate(needs, initial=0))
        of_days = sum(day.reserved_quantity for day in read.days)
        counted = read.availability.held + read.availability.committed
        promised[cell] = counted - withheld + of_days
    return promised


def granted(call: RandomCall, answer: bytes) -> set[str]:
    """Ids of the reservations that an answer tells of."""
    if call.method.name == "Reserve":
        return {inventory.ReserveResponse.FromString(answer).reservation.reservation_id} - {""}
    if call.method.name == "BatchReserve":
        outcomes = inventory.BatchReserveResponse.FromString(answer).outcomes
        return {one.reservation.reservation_id for one in outcomes} - {""}
    return set()


def assert_the_books_agree(client: Client, reservation_ids: set[str]) -> None:
    """Counters against reservations, reservations against the orders' lines."""
    promised: Counter[Cell] = Counter()
    of_orders: set[str] = set()
    for order in all_orders(client):
        for group in order.fulfillment_orders:
            of_orders.add(group.reservation_id)
            if group.state in LIVE:
                for line in group.lines:
                    promised[group.node_id, line.sku, False] += line.quantity
    kept = by_reservations(client, reservation_ids | of_orders)
    assert by_cells(client) == kept.held + kept.committed
    assert promised <= by_reservations(client, of_orders).committed


def test_random_calls_get_an_answer_or_a_typed_error(server: ServerProcess) -> None:
    codes: Counter[tuple[str, str]] = Counter()
    reservation_ids: set[str] = set()
    before = resident_kib(server)
    with server.channel() as channel:
        for number, call in enumerate(random_calls(SEED, COUNT)):
            code, told = outcome(channel, call, number)
            codes[call.method.name, code.name] += 1
            reservation_ids.update(*(granted(call, one) for one in told))
        assert_the_books_agree(Client(channel), reservation_ids)
    grown = resident_kib(server) - before
    print(
        f"seed {SEED}: {COUNT} calls, {len(reservation_ids)} reservations, memory grew by "
        f"{grown} KiB, {dict(codes)}"
    )
    assert grown < MEMORY_MAX_KIB
    for name in ("CreateOrder", "Reserve", "CancelOrder", "SetCapacity", "Reallocate"):
        assert codes[name, "OK"], f"some are in order: {name}"
    log = server.log.read_text(encoding="utf-8", errors="replace")
    assert "rpc.failed" not in log, server.log_tail()
    assert "panicked" not in log, server.log_tail()


def test_the_journal_of_random_calls_replays_to_the_same_state(server: ServerProcess) -> None:
    assert server.terminate() == 0
    words = [sys.executable, "-m", "bopis.cli", "verify", str(server.data), "--json"]
    verified = subprocess.run(words, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["state_hash"] == server.drained()["state_hash"]
