"""From explanations to the messages of `bopis.v1`."""

from bopis.domain import explanation_words as words
from bopis.domain.duals import DualCharge, DualCharges
from bopis.domain.explanation import (
    Change,
    ChangeKind,
    Explained,
    Lacking,
    RejectedNode,
    Weighed,
    WhatIf,
)
from bopis.domain.order import Order
from bopis.server import encode
from bopis.service.explaining import Explanation
from bopis.v1 import explanation_pb2 as pb
from bopis.v1.allocation_service_pb2 import ExplainAllocationResponse


def explanation(value: Explanation) -> ExplainAllocationResponse:
    """Why an order is allocated as it is."""
    order, currency = value.order, value.order.currency
    message = ExplainAllocationResponse(
        chosen=encode.plan(value.chosen, currency),
        unfilled_lines=[encode.unfilled_line(line) for line in value.chosen.unfilled],
        dual_charges=[_dual_charge(row, currency) for row in value.dual_rows],
        decided_under=_basis(order),
        batch=_batch(order),
        without_opportunity=value.without_opportunity,
        state=encode.order_state(order.state),
    )
    if value.now is not None:
        _add_now(message, value.now, currency)
    return message


def _add_now(message: ExplainAllocationResponse, now: Explained, currency: str) -> None:
    """What there is to say now."""
    chosen = now.chosen
    message.best_now.CopyFrom(encode.plan(now.best.plan, currency))
    message.chosen_now.CopyFrom(_weighed(chosen, chosen, now.duals_version, currency))
    for one in now.others:
        message.next_best.append(_weighed(one, chosen, now.duals_version, currency))
    for node in now.rejected:
        message.rejected_nodes.append(_rejected(node, now, currency))
    message.rejected_node_count = now.rejected_count
    message.flips.extend(_what_if(one, now, currency) for one in now.flips)
    message.lacking_lines.extend(_lacking(one, now, currency) for one in now.lacking)
    message.complete = not now.incomplete
    kind = ExplainAllocationResponse.Part
    message.incomplete_parts.extend(kind.Value(f"PART_{one.value}") for one in now.incomplete)
    message.ledger_sequence = now.sequence
    message.dual_version = now.duals_version
    message.policy_version = now.policy_version


def _basis(order: Order) -> pb.DecisionBasis | None:
    if not order.sourcings:
        return None
    last = order.sourcings[-1]
    return pb.DecisionBasis(
        policy_version=last.policy_version,
        dual_version=0 if last.duals is None else last.duals.version,
        override_sequence=last.override_sequence,
        ledger_sequence=last.ledger_sequence,
    )


def _batch(order: Order) -> pb.BatchMark | None:
    batch = order.sourcings[-1].batch if order.sourcings else None
    if batch is None:
        return None
    return pb.BatchMark(
        operation_id=batch.operation_id,
        planned_cost=encode.money(batch.planned_micro, order.currency),
        bound=encode.money(max(0, batch.bound_micro), order.currency),
        gap=batch.gap,
    )


def _dual_charge(row: DualCharge, currency: str) -> pb.DualCharge:
    message = pb.DualCharge(
        node_id=row.node_id,
        quantity=row.quantity,
        price=encode.money(row.price_micro, currency),
        worth=encode.money(row.quantity * row.price_micro, currency),
        text=words.charge_words(row, currency),
    )
    if row.sku is not None:
        message.sku = row.sku
    else:
        message.labor_window_start_time.CopyFrom(encode.window_start(row.window_start_s or 0))
    return message


def _weighed(value: Weighed, chosen: Weighed, version: int, currency: str) -> pb.WeighedPlan:
    charges = None
    if version:
        charges = DualCharges(version, value.stock_dual_micro, value.labor_dual_micro)
    message = pb.WeighedPlan(
        unfilled_line_numbers=[line.line_number for line in value.plan.unfilled],
        cost=encode.cost(value.plan.cost, currency),
        dual_charges=None if charges is None else encode.dual_charges(charges, currency),
        total=encode.money(value.total_micro, currency),
        difference=encode.money(value.total_micro - chosen.total_micro, currency),
        exact=value.is_exact,
    )
    for group in value.plan.groups:
        message.groups.add(
            node_id=group.node_id,
            method=encode.method(group.method),
            line_numbers=group.line_numbers,
            ready_by_time=encode.timestamp(group.ready_by_ms),
        )
    return message


def _rejected(value: RejectedNode, now: Explained, currency: str) -> pb.RejectedNode:
    message = pb.RejectedNode(
        node_id=value.node_id,
        reason=pb.RejectedNode.Reason.Value(f"REASON_{value.reason.value}"),
        rule=value.rule,
        distance_meters=value.meters,
        max_distance_meters=value.meters_max,
        line_seconds=value.line_seconds,
        free_seconds=value.free_seconds,
        text=words.rejection_words(value, now.chosen, currency),
    )
    for lack in value.lacks:
        message.lacks.add(line_number=lack.line_number, units=lack.units, needed=lack.needed)
    if value.plan is not None:
        plan = _weighed(value.plan, now.chosen, now.duals_version, currency)
        message.cheapest.CopyFrom(plan)
    return message


def _what_if(value: WhatIf, now: Explained, currency: str) -> pb.WhatIf:
    return pb.WhatIf(
        changes=[_change(one, currency) for one in value.changes],
        outcome=_weighed(value.outcome, now.chosen, now.duals_version, currency),
        saving=encode.money(value.saving_micro, currency),
        text=words.what_if_words(value, currency),
    )


def _change(value: Change, currency: str) -> pb.Change:
    kind = pb.Change
    match value.kind:
        case ChangeKind.UNITS:
            units = kind.Units(node_id=value.node_id, sku=value.sku, quantity=value.amount)
            return kind(units=units)
        case ChangeKind.SECONDS:
            start = encode.window_start(value.window_start_s)
            labor = kind.Labor(node_id=value.node_id, window_start_time=start, seconds=value.amount)
            return kind(labor=labor)
        case ChangeKind.PRICE:
            price = kind.Price(node_id=value.node_id, less=encode.money(value.amount, currency))
            if value.method is not None:
                price.method = encode.method(value.method)
            return kind(price=price)
        case ChangeKind.PROMISE:
            return kind(promise_later_hours=value.amount)
        case ChangeKind.RULE:
            return kind(rule_lifted=value.rule)
        case ChangeKind.OTHER_STORE:
            return kind(other_store_km=value.amount)
        case ChangeKind.SHIP_HOME:
            return kind(ship_home=True)


def _lacking(value: Lacking, now: Explained, currency: str) -> pb.LackingLine:
    return pb.LackingLine(
        line_number=value.line_number,
        late=value.is_late,
        cause=pb.LackingLine.Cause.Value(f"CAUSE_{value.cause.value}"),
        rule=value.rule,
        relaxations=[_what_if(one, now, currency) for one in value.relaxations],
        text=words.lacking_words(value),
    )
