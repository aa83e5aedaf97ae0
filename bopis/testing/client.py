"""A client of the whole API for tests: stubs by service, and errors as a client reads them."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
from google.longrunning import operations_pb2_grpc
from google.rpc import error_details_pb2, status_pb2

from bopis.v1 import (
    allocation_service_pb2_grpc,
    catalog_service_pb2_grpc,
    inventory_service_pb2_grpc,
    order_service_pb2_grpc,
    pick_service_pb2_grpc,
    pickup_service_pb2_grpc,
    policy_service_pb2_grpc,
    promise_service_pb2_grpc,
    reallocation_service_pb2_grpc,
    stock_service_pb2_grpc,
    store_service_pb2_grpc,
)

DETAILS_KEY: Final = "grpc-status-details-bin"
POLL_S: Final = 0.02
WITHIN_S: Final = 30.0

Found = TypeVar("Found")


class Client:
    """Stubs of every service over one channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.inventory = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        self.stock = stock_service_pb2_grpc.StockServiceStub(channel)
        self.orders = order_service_pb2_grpc.OrderServiceStub(channel)
        self.allocation = allocation_service_pb2_grpc.AllocationServiceStub(channel)
        self.reallocations = reallocation_service_pb2_grpc.ReallocationServiceStub(channel)
        self.promise = promise_service_pb2_grpc.PromiseServiceStub(channel)
        self.pick = pick_service_pb2_grpc.PickServiceStub(channel)
        self.pickup = pickup_service_pb2_grpc.PickupServiceStub(channel)
        self.policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self.stores = store_service_pb2_grpc.StoreServiceStub(channel)
        self.catalog = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsStub(channel)


@dataclass(frozen=True, slots=True)
class Error:
    """What a client can read from an error: code, ErrorInfo, BadRequest's paths, RetryInfo."""

    code: grpc.StatusCode
    reason: str
    domain: str
    metadata: dict[str, str]
    paths: tuple[str, ...] = ()
    retry_ms: int = 0
    message: str = field(default="", compare=False)


def error_of(raised: grpc.RpcError) -> Error:
    """Reads the rich status. Raises AssertionError if the error carries no ErrorInfo."""
    trailers: Any = getattr(raised, "trailing_metadata", lambda: ())() or ()
    code = raised.code()
    details = raised.details()
    raw = next((value for key, value in trailers if key == DETAILS_KEY), None)
    assert raw is not None, f"no rich status in {code}: {details}"
    status = status_pb2.Status.FromString(raw)
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        for message in (info, bad_request, retry):
            detail.Unpack(message)
    assert status.code == code.value[0], f"{status.code} in the status, {code} in the trailers"
    return Error(
        code=code,
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        paths=tuple(violation.field for violation in bad_request.field_violations),
        retry_ms=retry.retry_delay.ToMilliseconds(),
        message=str(details),
    )


@contextmanager
def refused() -> Iterator[list[Error]]:
    """Expects the call inside to fail; the error is the list's one element afterwards."""
    errors: list[Error] = []
    try:
        yield errors
    except grpc.RpcError as raised:
        errors.append(error_of(raised))
    assert errors, "the call was answered"


def new_uuid() -> str:
    """A request id."""
    return str(uuid.uuid4())


def eventually(look: Callable[[], Found | None], *, within_s: float = WITHIN_S) -> Found:
    """What `look` gives once it is not None. Raises AssertionError after real seconds."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < deadline, f"nothing within {within_s:g} s"
        time.sleep(POLL_S)


def notifications(data_folder: Path) -> list[dict[str, Any]]:
    """What customers were told so far."""
    text = (data_folder / "notifications.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def pickup_code(data_folder: Path, order_id: str) -> str:
    """The code that the customer of an order was sent, once it is there."""

    def look() -> str | None:
        codes = [
            str(line["pickup_code"])
            for line in notifications(data_folder)
            if line["kind"] == "READY" and line["order_id"] == order_id
        ]
        return codes[-1] if codes else None

    return eventually(look)
