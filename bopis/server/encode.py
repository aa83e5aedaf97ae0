"""From the domain's values to the messages of `bopis.v1`."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from bopis.domain.cost import CostBreakdown
from bopis.domain.duals import DualCharges, StockDual
from bopis.domain.explanation import Worth
from bopis.domain.fulfillment import FulfillmentOrder
from bopis.domain.network import Item, Method, Node, Place
from bopis.domain.order import Order, OrderState
from bopis.domain.pick_task import PickTask
from bopis.domain.quote import QuotedPromise
from bopis.domain.results import CapacitySet
from bopis.domain.sourcing import Plan, UnfilledLine
from bopis.service.duals import DualPage
from bopis.v1 import (
    allocation_service_pb2,
    catalog_service_pb2,
    common_pb2,
    explanation_pb2,
    order_service_pb2,
    pick_service_pb2,
    store_service_pb2,
)

MICRO: Final = 1_000_000
_NANOS_OF_MICRO: Final = 1_000


def money(amount_micro: int, currency: str) -> Money:
    """Micro-units as google.type.Money; units and nanos share the sign."""
    units, rest = divmod(abs(amount_micro), MICRO)
    sign = -1 if amount_micro < 0 else 1
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest * _NANOS_OF_MICRO)


def timestamp(unix_ms: int) -> Timestamp | None:
    """Unix ms as Timestamp; 0 stands for "not set"."""
    if not unix_ms:
        return None
    seconds, rest = divmod(unix_ms, 1_000)
    return Timestamp(seconds=seconds, nanos=rest * MICRO)


def window_start(start_s: int) -> Timestamp:
    """The start of a labor window, Unix seconds, as Timestamp."""
    return Timestamp(seconds=start_s)


def duration(span_ms: int) -> Duration:
    """A span of ms, at least 0, as Duration."""
    seconds, rest = divmod(span_ms, 1_000)
    return Duration(seconds=seconds, nanos=rest * MICRO)


def method(value: Method) -> common_pb2.FulfillmentMethod.ValueType:
    """How goods reach the customer."""
    return common_pb2.FulfillmentMethod.Value(f"FULFILLMENT_METHOD_{value.value}")


def place(value: Place) -> common_pb2.Place:
    """A place."""
    return common_pb2.Place(
        latitude=value.latitude,
        longitude=value.longitude,
        postal_code=value.postal_code,
        region=value.region,
    )


def cost(value: CostBreakdown, currency: str) -> order_service_pb2.CostBreakdown:
    """Costs by term."""
    message = order_service_pb2.CostBreakdown(total=money(value.total_micro, currency))
    for term in value.terms:
        message.terms.add(name=term.name, amount=money(term.amount_micro, currency))
    return message


def unfilled_line(value: UnfilledLine) -> order_service_pb2.UnfilledLine:
    """A line that no plan fills."""
    reason = order_service_pb2.UnfilledLine.Reason.Value(f"REASON_{value.reason.value}")
    return order_service_pb2.UnfilledLine(
        line_number=value.line_number, reason=reason, rule=value.rule
    )


def fulfillment_order(value: FulfillmentOrder) -> order_service_pb2.FulfillmentOrder:
    """One order at one node."""
    message = order_service_pb2.FulfillmentOrder(
        fulfillment_order_id=value.fulfillment_order_id,
        order_id=value.order_id,
        node_id=value.node_id,
        method=method(value.method),
        state=order_service_pb2.FulfillmentOrder.State.Value(f"STATE_{value.state.value}"),
        window_start_time=timestamp(value.window_start_ms),
        ready_by_time=timestamp(value.ready_by_ms),
        staging_location=value.staging_location,
        pickup_expire_time=timestamp(value.pickup_expire_ms),
        reservation_id=value.reservation_id,
    )
    for line in value.lines:
        message.lines.add(
            line_number=line.line_number,
            sku=line.sku,
            quantity=line.quantity,
            picked_quantity=line.picked_quantity,
        )
    return message


def quoted_promise(value: QuotedPromise, currency: str) -> order_service_pb2.QuotedPromise:
    """What became of a quote."""
    kind = order_service_pb2.QuotedPromise
    message = kind(
        state=kind.STATE_KEPT if value.lost is None else kind.STATE_NOT_KEPT,
        quoted_ready_by_time=timestamp(value.ready_by_ms),
        quoted_cost=money(value.cost_micro, currency),
    )
    if value.lost is not None:
        message.reason = kind.Reason.Value(f"REASON_{value.lost.reason.value}")
        message.node_id = value.lost.node_id
    return message


def dual_charges(value: DualCharges, currency: str) -> order_service_pb2.DualCharges:
    """What dual prices charged."""
    return order_service_pb2.DualCharges(
        version=value.version,
        stock=money(value.stock_micro, currency),
        labor=money(value.labor_micro, currency),
    )


def order_state(value: OrderState) -> order_service_pb2.Order.State.ValueType:
    """Where an order stands."""
    return order_service_pb2.Order.State.Value(f"STATE_{value.value}")


def order(value: Order) -> order_service_pb2.Order:
    """An order as it stands."""
    message = order_service_pb2.Order(
        order_id=value.order_id,
        state=order_state(value.state),
        method=method(value.method),
        place=place(value.place),
        create_time=timestamp(value.create_time_ms),
        promise_time=timestamp(value.promise_time_ms),
        cost=cost(value.cost, value.currency),
        customer_node_id=value.customer_node_id,
        etag=value.etag,
        customer_id=value.customer_id,
        policy_version=value.policy_version,
    )
    if value.quoted is not None:
        message.quoted_promise.CopyFrom(quoted_promise(value.quoted, value.currency))
    for line in value.lines:
        message.lines.add(
            line_number=line.line_number,
            sku=line.sku,
            quantity=line.quantity,
            unit_price=money(line.unit_price_micro, value.currency),
        )
    message.fulfillment_orders.extend(
        fulfillment_order(group) for group in value.fulfillment_orders
    )
    message.unfilled_lines.extend(unfilled_line(line) for line in value.unfilled_lines)
    for sourcing in value.sourcings:
        if sourcing.duals is not None:
            message.dual_charges.append(dual_charges(sourcing.duals, value.currency))
    return message


def pick_task(value: PickTask) -> pick_service_pb2.PickTask:
    """A piece of work."""
    message = pick_service_pb2.PickTask(
        pick_task_id=value.pick_task_id,
        fulfillment_order_id=value.fulfillment_order_id,
        order_id=value.order_id,
        node_id=value.node_id,
        kind=pick_service_pb2.PickTask.Kind.Value(f"KIND_{value.kind.value}"),
        method=method(value.method),
        state=pick_service_pb2.PickTask.State.Value(f"STATE_{value.state.value}"),
        ready_by_time=timestamp(value.ready_by_ms),
        window_start_time=timestamp(value.window_start_ms),
        associate_id=value.associate_id,
    )
    for line in value.lines:
        message.lines.add(
            line_number=line.line_number,
            sku=line.sku,
            quantity=line.quantity,
            picked_quantity=line.picked_quantity,
            done=line.done,
        )
    return message


def store(value: Node) -> store_service_pb2.Store:
    """A node."""
    return store_service_pb2.Store(
        node_id=value.node_id,
        kind=store_service_pb2.Store.Kind.Value(f"KIND_{value.kind.value}"),
        name=value.name,
        city=value.city,
        place=place(value.place),
        time_zone=value.time_zone,
        open_minute=value.open_minute,
        close_minute=value.close_minute,
        pick_lines_per_hour=value.pick_lines_per_hour,
    )


def item(value: Item) -> catalog_service_pb2.Item:
    """A SKU."""
    price = money(value.unit_price_micro, value.currency) if value.currency else None
    return catalog_service_pb2.Item(
        sku=value.sku, description=value.description, unit_price=price, weight_g=value.weight_g
    )


def capacity(value: CapacitySet) -> store_service_pb2.SetCapacityResponse:
    """Labor windows after a change."""
    message = store_service_pb2.SetCapacityResponse()
    for window in value.windows:
        message.windows.add(
            start_time=window_start(window.start_s),
            labor_seconds=window.seconds,
            available_seconds=window.available_seconds,
            closed=window.closed,
        )
    return message


def plan(value: Plan, currency: str) -> allocation_service_pb2.Plan:
    """A way to fulfill an order."""
    message = allocation_service_pb2.Plan(
        unfilled_line_numbers=[line.line_number for line in value.unfilled],
        cost=cost(value.cost, currency),
    )
    for group in value.groups:
        message.groups.add(
            node_id=group.node_id,
            method=method(group.method),
            line_numbers=group.line_numbers,
            window_start_time=timestamp(group.window_start_ms),
            ready_by_time=timestamp(group.ready_by_ms),
        )
    return message


def dual_prices(value: DualPage, currency: str) -> allocation_service_pb2.GetDualPricesResponse:
    """A page of dual prices."""
    message = allocation_service_pb2.GetDualPricesResponse(
        next_page_token=value.next_page_token,
        version=value.version,
        as_of_time=timestamp(value.as_of_ms),
        basis=allocation_service_pb2.GetDualPricesResponse.BASIS_ESTIMATE,
    )
    if value.version:
        message.age.CopyFrom(duration(value.age_ms))
    for one in value.prices:
        price = message.prices.add(node_id=one.node_id, price=money(one.price_micro, currency))
        if isinstance(one, StockDual):
            price.sku = one.sku
        else:
            price.labor_window_start_time.CopyFrom(window_start(one.window_start_s))
    return message


def add_worths(
    message: allocation_service_pb2.GetDualPricesResponse,
    worths: Sequence[Worth | None],
    order_count: int,
    currency: str,
) -> None:
    """What solving open orders anew gave, beside each price of a page."""
    message.basis = allocation_service_pb2.GetDualPricesResponse.BASIS_RESOLVED
    for price, worth in zip(message.prices, worths, strict=True):
        if worth is None:
            price.unresolved = True
            continue
        fewer = None if worth.fewer_micro is None else money(worth.fewer_micro, currency)
        price.resolved.CopyFrom(
            explanation_pb2.ResolvedWorth(
                quantity=worth.step,
                more=money(worth.more_micro, currency),
                fewer=fewer,
                order_count=order_count,
            )
        )
