"""One order from the shelf to the customer's hand, over gRPC alone.

usage: python first_order.py ADDRESS NOTIFICATIONS
       (host:port of `bopis serve`, and notifications.jsonl in its data folder)

Each block is one party's part. Its ids are made anew, so it can be run again and again.
"""

import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money

from bopis.v1 import catalog_service_pb2 as catalog
from bopis.v1 import catalog_service_pb2_grpc as catalog_grpc
from bopis.v1 import common_pb2 as common
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import order_service_pb2_grpc as orders_grpc
from bopis.v1 import pick_service_pb2 as picks
from bopis.v1 import pick_service_pb2_grpc as picks_grpc
from bopis.v1 import pickup_service_pb2 as pickup
from bopis.v1 import pickup_service_pb2_grpc as pickup_grpc
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import stock_service_pb2_grpc as stock_grpc
from bopis.v1 import store_service_pb2 as stores
from bopis.v1 import store_service_pb2_grpc as stores_grpc

STORE = "main-street"
SKU = "lamp"
HERE = common.Place(latitude=47.61, longitude=-122.33)


def new_id() -> str:
    """Every mutation carries a fresh UUID; send the same one again when a reply was lost."""
    return str(uuid.uuid4())


def open_a_store(channel: grpc.Channel) -> None:
    """The retailer: one store, one SKU, ten units of it."""
    store = stores.Store(
        node_id=STORE,
        kind=stores.Store.KIND_STORE,
        name="Main Street",
        place=HERE,
        time_zone="UTC",
        open_minute=0,
        close_minute=1440,
        pick_lines_per_hour=60,
    )
    lamp = catalog.Item(sku=SKU, unit_price=Money(currency_code="USD", units=25), weight_g=1200)
    level = stock.StockLevel(node_id=STORE, sku=SKU, on_hand=10)
    stores_grpc.StoreServiceStub(channel).ImportStores(
        iter([stores.ImportStoresRequest(stores=[store])])
    )
    catalog_grpc.CatalogServiceStub(channel).ImportItems(
        iter([catalog.ImportItemsRequest(items=[lamp])])
    )
    stock_grpc.StockServiceStub(channel).ImportStock(
        iter([stock.ImportStockRequest(request_id=new_id(), levels=[level])])
    )


def place_an_order(channel: grpc.Channel) -> orders.Order:
    """The storefront: two lamps, to be collected within six hours."""
    request = orders.CreateOrderRequest(
        request_id=new_id(),
        method=common.FULFILLMENT_METHOD_PICKUP,
        place=HERE,
        lines=[orders.OrderLine(line_number=1, sku=SKU, quantity=2)],
        ready_within=Duration(seconds=6 * 3600),
    )
    order: orders.Order = orders_grpc.OrderServiceStub(channel).CreateOrder(request).order
    group = order.fulfillment_orders[0]
    print(f"{order.order_id}: {group.node_id}, ready by {group.ready_by_time.ToJsonString()}")
    return order


def pick_and_stage(channel: grpc.Channel, order: orders.Order) -> None:
    """The associate: sees the task in the store's stream, claims it, picks, stages."""
    stub = picks_grpc.PickServiceStub(channel)
    stream = stub.WatchPickTasks(picks.WatchPickTasksRequest(node_id=STORE))
    task = next(task for task in tasks_of(stream) if task.order_id == order.order_id)
    stream.cancel()
    stub.ClaimPickTask(
        picks.ClaimPickTaskRequest(
            request_id=new_id(), pick_task_id=task.pick_task_id, associate_id="ada"
        )
    )
    picked = [
        picks.ConfirmPickRequest.Line(line_number=line.line_number, picked_quantity=line.quantity)
        for line in task.lines
    ]
    stub.ConfirmPick(
        picks.ConfirmPickRequest(request_id=new_id(), pick_task_id=task.pick_task_id, lines=picked)
    )
    stub.StageOrder(
        picks.StageOrderRequest(
            request_id=new_id(),
            fulfillment_order_id=task.fulfillment_order_id,
            staging_location="shelf-7",
        )
    )
    print(f"{task.pick_task_id}: picked and staged")


def tasks_of(stream: Iterator[picks.WatchPickTasksResponse]) -> Iterator[picks.PickTask]:
    """The tasks in a stream; heartbeats and marks left out."""
    for message in stream:
        if message.WhichOneof("event") == "task":
            yield message.task


def code_sent_to_the_customer(notifications: Path, order: orders.Order) -> str:
    """The customer's message. The code leaves the service here and nowhere else."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        text = notifications.read_text(encoding="utf-8") if notifications.exists() else ""
        for line in text.splitlines():
            message = json.loads(line)
            if message["order_id"] == order.order_id and message.get("pickup_code"):
                return str(message["pickup_code"])
        time.sleep(0.05)
    raise TimeoutError("no message with a pickup code came within 30 s")


def hand_over(channel: grpc.Channel, order: orders.Order, code: str) -> orders.Order:
    """The counter: the code, at the store where the order waits."""
    request = pickup.HandOverRequest(
        request_id=new_id(), order_id=order.order_id, node_id=STORE, pickup_code=code
    )
    done: orders.Order = pickup_grpc.PickupServiceStub(channel).HandOver(request).order
    print(f"{done.order_id}: {orders.Order.State.Name(done.state)}")
    return done


def main() -> None:
    """All of them, one after the other."""
    address, notifications = sys.argv[1], Path(sys.argv[2])
    with grpc.insecure_channel(address) as channel:
        open_a_store(channel)
        order = place_an_order(channel)
        pick_and_stage(channel, order)
        hand_over(channel, order, code_sent_to_the_customer(notifications, order))


if __name__ == "__main__":
    main()
