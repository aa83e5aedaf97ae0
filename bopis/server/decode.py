"""From checked messages of `bopis.v1` to commands and values of the domain.

Field rules have been checked before (validate.py). What remains are rules between fields, and
amounts that must fit micro-units: FieldInvalid and QuantityOutOfRange name the path.
"""

from collections.abc import Iterable
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from bopis.domain import commands
from bopis.domain.errors import FieldInvalid
from bopis.domain.ledger import CapacityWindow
from bopis.domain.network import Item, Method, Node, NodeKind, Place
from bopis.domain.order import OrderLine, OrderState
from bopis.domain.pick_task import ShortPickReason
from bopis.domain.sourcing import Consent
from bopis.v1 import (
    allocation_service_pb2,
    catalog_service_pb2,
    common_pb2,
    order_service_pb2,
    pick_service_pb2,
    pickup_service_pb2,
    store_service_pb2,
)

MICRO: Final = 1_000_000
PRICE_UNITS_MAX: Final = 10_000_000
"""Price of one base unit at most, in units of the currency."""
"""Value of one order at most: sums of it stay far inside 64 bits."""
HOUR_S: Final = 3_600
MAX_ORDERS_DEFAULT: Final = 10_000
TIME_LIMIT_DEFAULT_MS: Final = 20_000

_NANOS_OF_MICRO: Final = 1_000


def price_micro(value: Money, path: str) -> int:
    """A price in micro-units. Raises FieldInvalid: negative, too fine or too large."""
    if value.units < 0 or value.nanos < 0:
        raise FieldInvalid("a price is not negative", field=path)
    if value.units > PRICE_UNITS_MAX:
        raise FieldInvalid(f"a price is at most {PRICE_UNITS_MAX:,} units", field=path)
    micro, finer = divmod(value.nanos, _NANOS_OF_MICRO)
    if finer:
        raise FieldInvalid("a price has at most six decimal places", field=f"{path}.nanos")
    return int(value.units) * MICRO + int(micro)


def duration_ms(value: Duration) -> int:
    """A checked duration in ms, rounded down."""
    return value.seconds * 1_000 + value.nanos // MICRO


def method(value: common_pb2.FulfillmentMethod.ValueType) -> Method:
    """How goods reach the customer."""
    return Method(common_pb2.FulfillmentMethod.Name(value).removeprefix("FULFILLMENT_METHOD_"))


def place(value: common_pb2.Place) -> Place:
    """A place."""
    return Place(
        latitude=value.latitude,
        longitude=value.longitude,
        postal_code=value.postal_code,
        region=value.region,
    )


def create_order(
    request: order_service_pb2.CreateOrderRequest, *, tenant: str
) -> commands.CreateOrder:
    """Raises FieldInvalid for a line number used twice or two currencies, QuantityOutOfRange for
    an order whose value does not fit.
    """
    lines, currency = _order_lines(request.lines)
    consent = None
    if request.HasField("consent"):
        consent = Consent(
            other_store_km=request.consent.other_store_km, ship_home=request.consent.ship_home
        )
    ready_within_ms = None
    if request.HasField("ready_within"):
        ready_within_ms = duration_ms(request.ready_within)
    return commands.CreateOrder(
        request_id=request.request_id,
        tenant=tenant,
        method=method(request.method),
        place=place(request.place),
        lines=lines,
        currency=currency,
        order_id=request.order_id,
        ready_within_ms=ready_within_ms,
        consent=consent,
        all_or_nothing=request.all_or_nothing,
        customer_id=request.customer_id,
        note=request.note,
        promise_token=request.promise_token,
        require_quoted=request.require_quoted,
    )


def _order_lines(
    lines: Iterable[order_service_pb2.OrderLine],
) -> tuple[tuple[OrderLine, ...], str]:
    decoded: list[OrderLine] = []
    numbers: set[int] = set()
    currency = ""
    for index, line in enumerate(lines):
        path = f"lines[{index}]"
        if line.line_number in numbers:
            raise FieldInvalid("a line number is used twice", field=f"{path}.line_number")
        numbers.add(line.line_number)
        unit_price_micro = 0
        if line.HasField("unit_price"):
            unit_price_micro = price_micro(line.unit_price, f"{path}.unit_price")
            if currency and line.unit_price.currency_code != currency:
                raise FieldInvalid(
                    "one order has one currency", field=f"{path}.unit_price.currency_code"
                )
            currency = line.unit_price.currency_code
        decoded.append(OrderLine(line.line_number, line.sku, line.quantity, unit_price_micro))
    return tuple(decoded), currency


def order_state(value: order_service_pb2.Order.State.ValueType) -> OrderState | None:
    """A state to filter by; None: all."""
    if value == order_service_pb2.Order.STATE_UNSPECIFIED:
        return None
    return OrderState(order_service_pb2.Order.State.Name(value).removeprefix("STATE_"))


def cancel_order(
    request: order_service_pb2.CancelOrderRequest, *, tenant: str
) -> commands.CancelOrder:
    """A cancellation."""
    return commands.CancelOrder(
        request_id=request.request_id,
        tenant=tenant,
        order_id=request.order_id,
        etag=request.etag,
        reason=request.reason,
    )


def claim_pick_task(
    request: pick_service_pb2.ClaimPickTaskRequest, *, tenant: str
) -> commands.ClaimPickTask:
    """A claim."""
    return commands.ClaimPickTask(
        request_id=request.request_id,
        tenant=tenant,
        pick_task_id=request.pick_task_id,
        associate_id=request.associate_id,
    )


def confirm_pick(
    request: pick_service_pb2.ConfirmPickRequest, *, tenant: str
) -> commands.ConfirmPick:
    """Raises FieldInvalid for a line named twice."""
    numbers: set[int] = set()
    for index, line in enumerate(request.lines):
        if line.line_number in numbers:
            raise FieldInvalid("a line is named twice", field=f"lines[{index}].line_number")
        numbers.add(line.line_number)
    return commands.ConfirmPick(
        request_id=request.request_id,
        tenant=tenant,
        pick_task_id=request.pick_task_id,
        lines=tuple(
            commands.PickedLine(line.line_number, line.picked_quantity) for line in request.lines
        ),
    )


def report_short_pick(
    request: pick_service_pb2.ReportShortPickRequest, *, tenant: str
) -> commands.ReportShortPick:
    """A short pick."""
    reason = pick_service_pb2.ReportShortPickRequest.Reason.Name(request.reason)
    return commands.ReportShortPick(
        request_id=request.request_id,
        tenant=tenant,
        pick_task_id=request.pick_task_id,
        line_number=request.line_number,
        found_quantity=request.found_quantity,
        reason=ShortPickReason(reason.removeprefix("REASON_")),
    )


def stage_order(request: pick_service_pb2.StageOrderRequest, *, tenant: str) -> commands.StageOrder:
    """A staging."""
    return commands.StageOrder(
        request_id=request.request_id,
        tenant=tenant,
        fulfillment_order_id=request.fulfillment_order_id,
        staging_location=request.staging_location,
    )


def confirm_shipment(
    request: pick_service_pb2.ConfirmShipmentRequest, *, tenant: str
) -> commands.ConfirmShipment:
    """A shipment."""
    return commands.ConfirmShipment(
        request_id=request.request_id,
        tenant=tenant,
        fulfillment_order_id=request.fulfillment_order_id,
        carrier=request.carrier,
        tracking_number=request.tracking_number,
    )


def hand_over(request: pickup_service_pb2.HandOverRequest, *, tenant: str) -> commands.HandOver:
    """A handover."""
    return commands.HandOver(
        request_id=request.request_id,
        tenant=tenant,
        order_id=request.order_id,
        node_id=request.node_id,
        pickup_code=request.pickup_code,
    )


def node(store: store_service_pb2.Store, path: str) -> Node:
    """Raises FieldInvalid for a store that closes before it opens."""
    if store.close_minute <= store.open_minute:
        raise FieldInvalid("closes later than it opens", field=f"{path}.close_minute")
    kind = store_service_pb2.Store.Kind.Name(store.kind).removeprefix("KIND_")
    return Node(
        node_id=store.node_id,
        kind=NodeKind(kind),
        place=place(store.place),
        time_zone=store.time_zone,
        open_minute=store.open_minute,
        close_minute=store.close_minute,
        pick_lines_per_hour=store.pick_lines_per_hour,
        name=store.name,
        city=store.city,
    )


def set_capacity(
    request: store_service_pb2.SetCapacityRequest, *, tenant: str
) -> commands.SetCapacity:
    """Raises FieldInvalid for a window that is off the hour or named twice."""
    starts: set[int] = set()
    for index, window in enumerate(request.windows):
        path = f"windows[{index}].start_time"
        start_s = hour_start_s(window.start_time, path)
        if start_s in starts:
            raise FieldInvalid("a window is named twice", field=path)
        starts.add(start_s)
    return commands.SetCapacity(
        request_id=request.request_id,
        tenant=tenant,
        node_id=request.node_id,
        windows=tuple(
            CapacityWindow(
                window.start_time.seconds,
                window.labor_seconds,
                window.closed if window.HasField("closed") else None,
            )
            for window in request.windows
        ),
    )


def hour_start_s(value: Timestamp, path: str) -> int:
    """The start of an hour in Unix seconds. Raises FieldInvalid off the hour and before 1970."""
    if value.nanos or value.seconds % HOUR_S:
        raise FieldInvalid("must lie on a full hour UTC", field=path)
    if value.seconds < 0:
        raise FieldInvalid("must not lie before 1970", field=path)
    return value.seconds


def item(value: catalog_service_pb2.Item, path: str) -> Item:
    """Raises FieldInvalid for a price that does not fit."""
    unit_price_micro = 0
    currency = ""
    if value.HasField("unit_price"):
        unit_price_micro = price_micro(value.unit_price, f"{path}.unit_price")
        currency = value.unit_price.currency_code
    return Item(
        sku=value.sku,
        description=value.description,
        unit_price_micro=unit_price_micro,
        currency=currency,
        weight_g=value.weight_g,
    )


def reallocate(
    request: allocation_service_pb2.ReallocateRequest, *, tenant: str
) -> commands.Reallocate:
    """A re-allocation, with its defaults filled in."""
    time_limit_ms = TIME_LIMIT_DEFAULT_MS
    if request.HasField("time_limit"):
        time_limit_ms = duration_ms(request.time_limit)
    return commands.Reallocate(
        request_id=request.request_id,
        tenant=tenant,
        max_orders=request.max_orders or MAX_ORDERS_DEFAULT,
        time_limit_ms=time_limit_ms,
        dry_run=request.dry_run,
    )
