"""A small town brought in over gRPC: two stores, a warehouse, a few SKUs. Monday 10:00 UTC."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bopis.testing.client import Client, new_uuid
from bopis.v1 import catalog_service_pb2 as catalog
from bopis.v1 import common_pb2 as common
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import pick_service_pb2 as pick
from bopis.v1 import stock_service_pb2 as stock
from bopis.v1 import store_service_pb2 as stores

TIME_ORIGIN: Final = "2026-06-01T10:00:00Z"
CLOCK: Final = ("--time-origin", TIME_ORIGIN, "--time-scale", "1")
PICKUP: Final = common.FULFILLMENT_METHOD_PICKUP
SHIP: Final = common.FULFILLMENT_METHOD_SHIP
HOME: Final = common.Place(latitude=40.0, longitude=-74.0)
CALL_S: Final = 20.0

ON_HAND: Final = {
    ("east", "apple"): 20,
    ("east", "bread"): 20,
    ("west", "apple"): 20,
    ("west", "bread"): 20,
    ("hub", "apple"): 100,
    ("hub", "candle"): 100,
}


def _store(
    node_id: str,
    kind: stores.Store.Kind.ValueType,
    longitude: float,
    *,
    pick_lines_per_hour: int,
) -> stores.Store:
    return stores.Store(
        node_id=node_id,
        kind=kind,
        name=f"The {node_id} one",
        place=common.Place(latitude=40.0, longitude=longitude),
        time_zone="Etc/UTC",
        open_minute=8 * 60,
        close_minute=20 * 60,
        pick_lines_per_hour=pick_lines_per_hour,
    )


def bring_in(
    client: Client,
    *,
    on_hand: Mapping[tuple[str, str], int] = MappingProxyType(ON_HAND),
    pick_lines_per_hour: int = 60,
) -> None:
    """Stores, items and stock."""
    places = (
        ("east", stores.Store.KIND_STORE, -74.0),
        ("west", stores.Store.KIND_STORE, -74.1),
        ("hub", stores.Store.KIND_WAREHOUSE, -76.0),
    )
    nodes = [_store(*one, pick_lines_per_hour=pick_lines_per_hour) for one in places]
    imported = client.stores.ImportStores(
        iter([stores.ImportStoresRequest(stores=nodes)]), timeout=CALL_S
    )
    assert imported.imported_count == len(nodes)
    items = catalog.ImportItemsRequest()
    for sku in sorted({sku for _, sku in on_hand}):
        item = items.items.add(sku=sku, description=f"One {sku}", weight_g=400)
        item.unit_price.currency_code, item.unit_price.units = "USD", 10
    client.catalog.ImportItems(iter([items]), timeout=CALL_S)
    feed = stock.ImportStockRequest(request_id=new_uuid())
    for (node_id, sku), units in on_hand.items():
        feed.levels.add(node_id=node_id, sku=sku, on_hand=units)
    done = client.stock.ImportStock(iter([feed]), timeout=CALL_S)
    assert (done.imported_count, done.failure_count) == (len(on_hand), 0)


def order_request(
    order_id: str = "",
    *,
    sku: str = "apple",
    quantity: int = 1,
    method: common.FulfillmentMethod.ValueType = PICKUP,
    request_id: str = "",
) -> orders.CreateOrderRequest:
    """An order of one line at the town's center."""
    request = orders.CreateOrderRequest(
        request_id=request_id or new_uuid(), order_id=order_id, method=method, place=HOME
    )
    line = request.lines.add(line_number=1, sku=sku, quantity=quantity)
    line.unit_price.currency_code, line.unit_price.units = "USD", 10
    return request


def place(client: Client, request: orders.CreateOrderRequest) -> orders.Order:
    """Places an order."""
    return client.orders.CreateOrder(request, timeout=CALL_S).order


def get_order(client: Client, order_id: str) -> orders.Order:
    """An order as it stands."""
    return client.orders.GetOrder(orders.GetOrderRequest(order_id=order_id), timeout=CALL_S).order


def task_id(order: orders.Order, kind: str = "pick") -> str:
    """The pick task of an order of one group."""
    return f"{order.fulfillment_orders[0].fulfillment_order_id}/{kind}"


def claim(client: Client, pick_task_id: str) -> pick.PickTask:
    """Ann takes a task."""
    request = pick.ClaimPickTaskRequest(
        request_id=new_uuid(), pick_task_id=pick_task_id, associate_id="ann"
    )
    return client.pick.ClaimPickTask(request, timeout=CALL_S).pick_task


def confirm_all(client: Client, task: pick.PickTask) -> pick.ConfirmPickResponse:
    """Every line of a task, whole."""
    request = pick.ConfirmPickRequest(request_id=new_uuid(), pick_task_id=task.pick_task_id)
    for line in task.lines:
        request.lines.add(line_number=line.line_number, picked_quantity=line.quantity)
    return client.pick.ConfirmPick(request, timeout=CALL_S)


def stage(client: Client, fulfillment_order_id: str) -> orders.FulfillmentOrder:
    """On the shelf for customers."""
    request = pick.StageOrderRequest(
        request_id=new_uuid(),
        fulfillment_order_id=fulfillment_order_id,
        staging_location="shelf-3",
    )
    return client.pick.StageOrder(request, timeout=CALL_S).fulfillment_order


def make_ready(client: Client, order: orders.Order) -> orders.FulfillmentOrder:
    """Claims, picks and stages an order of one group."""
    confirm_all(client, claim(client, task_id(order)))
    return stage(client, order.fulfillment_orders[0].fulfillment_order_id)


def cell(client: Client, node_id: str, sku: str) -> inventory.Availability:
    """The counters of one cell."""
    request = inventory.GetAvailabilityRequest(node_id=node_id, sku=sku)
    return client.inventory.GetAvailability(request, timeout=CALL_S).availability
