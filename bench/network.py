"""A one-node network with plenty of stock, brought in through gRPC by a client of the service."""

from __future__ import annotations

import uuid

import grpc
from google.type import money_pb2

from bopis.v1 import (
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    common_pb2,
    inventory_service_pb2,
    inventory_service_pb2_grpc,
    stock_service_pb2,
    stock_service_pb2_grpc,
    store_service_pb2,
    store_service_pb2_grpc,
)

NODE_ID = "bench"
SKU_PREFIX = "sku-"
ON_HAND = 1_000_000_000


def skus(count: int) -> list[str]:
    """The SKUs of the network."""
    return [f"{SKU_PREFIX}{number}" for number in range(count)]


def bring_in(channel: grpc.Channel, *, sku_count: int) -> None:
    """Imports one store, `sku_count` SKUs and a stock of `ON_HAND` units of each."""
    store = store_service_pb2.Store(
        node_id=NODE_ID,
        kind=store_service_pb2.Store.KIND_STORE,
        name="Bench",
        place=common_pb2.Place(latitude=40.0, longitude=-75.0),
        time_zone="UTC",
        open_minute=0,
        close_minute=1440,
        pick_lines_per_hour=100,
    )
    store_service_pb2_grpc.StoreServiceStub(channel).ImportStores(
        iter([store_service_pb2.ImportStoresRequest(stores=[store])]), timeout=60
    )
    price = money_pb2.Money(currency_code="USD", units=10)
    items = [
        catalog_service_pb2.Item(sku=sku, unit_price=price, weight_g=500) for sku in skus(sku_count)
    ]
    catalog_service_pb2_grpc.CatalogServiceStub(channel).ImportItems(
        iter([catalog_service_pb2.ImportItemsRequest(items=items)]), timeout=60
    )
    levels = [
        stock_service_pb2.StockLevel(node_id=NODE_ID, sku=sku, on_hand=ON_HAND)
        for sku in skus(sku_count)
    ]
    response = stock_service_pb2_grpc.StockServiceStub(channel).ImportStock(
        iter([stock_service_pb2.ImportStockRequest(request_id=str(uuid.uuid4()), levels=levels)]),
        timeout=60,
    )
    if response.imported_count != sku_count:
        raise RuntimeError(f"{response.failure_count} stock levels were refused")


def held_units(channel: grpc.Channel, *, sku_count: int) -> int:
    """Units in holds over the whole network, as the service counts them."""
    request = inventory_service_pb2.BatchGetAvailabilityRequest(
        node_ids=[NODE_ID], skus=skus(sku_count)
    )
    stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
    return sum(
        cell.held
        for message in stub.BatchGetAvailability(request, timeout=60)
        for cell in message.availabilities
    )
