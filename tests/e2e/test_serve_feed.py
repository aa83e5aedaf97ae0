"""WatchAvailability across kill -9: a client that resumes has no gap and hears nothing twice."""

import random
import threading
import time
from pathlib import Path

import grpc
import pytest

from bopis.testing.client import Client, new_uuid
from bopis.testing.server import serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S

pytestmark = pytest.mark.needs_services()

NODES = ("east", "west", "hub")
SKUS = ("apple", "bread")
KILLS = 4
WAIT_S = 30.0
SEED = 20_261_126

Cells = dict[tuple[str, str], tuple[int, int]]


class Watching:
    """A client's picture of the cells, from snapshots and changes alone."""

    def __init__(self) -> None:
        self.cells: Cells = {}
        self.token = ""
        self.sequence = -1
        self.snapshots = 0
        self.changes = 0

    def take(self, message: inventory.WatchAvailabilityResponse) -> None:
        """One message; its sequence must be new unless it is a part of a snapshot."""
        sequence = message.position.sequence
        if message.is_snapshot:
            assert sequence >= self.sequence
            self.snapshots += 1
        else:
            assert sequence > self.sequence or not message.availabilities
            self.changes += len(message.availabilities)
        self.sequence = sequence
        self.token = message.resume_token
        for one in message.availabilities:
            self.cells[one.node_id, one.sku] = (one.on_hand, one.held)

    def follow(self, client: Client, until: int) -> None:
        """Listens until everything up to a sequence is in, or the server dies."""
        request = inventory.WatchAvailabilityRequest(
            node_ids=NODES, skus=SKUS, resume_token=self.token
        )
        call = client.inventory.WatchAvailability(request, timeout=WAIT_S)
        try:
            for message in call:
                self.take(message)
                if self.sequence >= until:
                    return
        except grpc.RpcError:
            if until < 2**62:
                raise
        finally:
            call.cancel()


def change(client: Client, dice: random.Random) -> int:
    """A stock fact or a hold; the sequence that it is durable at."""
    node_id, sku = dice.choice(list(small_town.ON_HAND))
    if dice.random() < 0.5:
        request = stock.AdjustStockRequest(
            request_id=new_uuid(),
            node_id=node_id,
            sku=sku,
            on_hand_delta=dice.randrange(1, 9),
            reason=stock.AdjustStockRequest.REASON_RECEIVED,
        )
        return int(client.stock.AdjustStock(request, timeout=CALL_S).position.sequence)
    hold = inventory.ReserveRequest(request_id=new_uuid(), reservation_id=new_uuid())
    hold.lines.add(node_id=node_id, sku=sku, quantity=1)
    hold.ttl.seconds = 3_600
    return int(client.inventory.Reserve(hold, timeout=CALL_S).position.sequence)


def as_they_are(client: Client) -> Cells:
    cells: Cells = {}
    request = inventory.BatchGetAvailabilityRequest(node_ids=NODES, skus=SKUS)
    for message in client.inventory.BatchGetAvailability(request, timeout=CALL_S):
        for one in message.availabilities:
            cells[one.node_id, one.sku] = (one.on_hand, one.held)
    return cells


def test_a_watch_resumes_without_a_gap_after_each_kill(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    watching = Watching()
    with serving(tmp_path, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            small_town.bring_in(Client(channel))
        for life in range(KILLS):
            with server.channel() as channel, server.channel() as other:
                client = Client(channel)
                heard = watching.changes
                listener = threading.Thread(
                    target=watching.follow, args=(Client(other), 2**62), daemon=True
                )
                listener.start()
                last = 0
                for _ in range(30):
                    last = max(last, change(client, dice))
                until = time.monotonic() + WAIT_S
                while watching.sequence < last - dice.randrange(5):
                    assert time.monotonic() < until, "the stream fell behind"
                    time.sleep(0.001)
                for _ in range(dice.randrange(4)):
                    change(client, dice)
                server.kill()
                listener.join(WAIT_S)
                assert not listener.is_alive()
                assert watching.changes > heard or life == 0, "a snapshot may hold the first ones"
            server.start()
        with server.channel() as channel:
            client = Client(channel)
            watching.follow(client, change(client, dice))
            assert watching.cells == as_they_are(client), f"seed {SEED}"
        assert watching.snapshots == 1, "after a restart the changes come from the journal"


def test_a_token_that_the_feed_forgot_is_answered_with_a_snapshot(tmp_path: Path) -> None:
    with serving(tmp_path, options=small_town.CLOCK) as server, server.channel() as channel:
        client = Client(channel)
        small_town.bring_in(client)
        last = change(client, random.Random(SEED))
        watching = Watching()
        watching.token = f"{new_uuid()}.1"
        watching.follow(client, last)
        assert watching.snapshots == 1
        assert watching.cells == as_they_are(client)
