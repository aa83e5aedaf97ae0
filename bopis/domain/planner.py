"""What planners decide beside the policy: orders pinned to nodes, nodes forbidden.

A pin binds one order to a node, a method, or both. A forbid keeps an order, or a SKU whoever orders
it, from a node. Neither gives a customer's consent, and neither breaks a hard rule. Ended ones are
kept: they are the record of who decided what, and why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bopis.domain.network import Method
from bopis.domain.order import Order
from bopis.domain.policy import Policy
from bopis.domain.rules import ItemRule, NodeGroup, OrderFilter, Tier
from bopis.domain.sourcing import AskPin, Closure, PlannedGroup

FOREVER_S: Final = 1 << 40
"""Later, in Unix seconds, than anything is planned."""


class OverrideKind(StrEnum):
    """What a planner decided."""

    PIN = "PIN"
    FORBID = "FORBID"


@dataclass(frozen=True, slots=True)
class Override:
    """One decision of a planner. Times are Unix ms; `until_ms` 0: no end of its own, `ended_ms` 0:
    nobody ended it. A pin has an `order_id`; a forbid has an `order_id` or a `sku`, and a node.

    `set_sequence` and `ended_sequence` number the changes of overrides: one is in force at change n
    if `set_sequence <= n` and it had not ended by then.
    """

    override_id: str
    kind: OverrideKind
    planner_id: str
    why: str
    set_ms: int
    set_sequence: int
    node_id: str = ""
    order_id: str = ""
    sku: str = ""
    method: Method | None = None
    until_ms: int = 0
    ended_ms: int = 0
    ended_sequence: int = 0
    ended_by: str = ""

    def holds(self, now_ms: int) -> bool:
        """Whether it is in force."""
        return not self.ended_ms and (not self.until_ms or now_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of the policy as it was set. `text` is TOML, `level` the card's column;
    `request_id`: of the request that set it (empty: none did, or it is not known).
    """

    version: str
    number: int
    text: str
    level: str
    set_ms: int
    planner_id: str
    why: str
    request_id: str = ""


def with_forbids(policy: Policy, overrides: Iterable[Override]) -> Policy:
    """The policy with the SKUs that planners keep from nodes as rules of its own."""
    forbidden = tuple(
        ItemRule(
            name=f"forbid {one.sku} at {one.node_id}",
            sku=one.sku,
            is_prefix=False,
            nodes=NodeGroup("", node_ids=(one.node_id,)),
            only=False,
            until_ms=one.until_ms or None,
        )
        for one in overrides
        if one.kind is OverrideKind.FORBID and one.sku and not one.ended_ms
    )
    if not forbidden:
        return policy
    return replace(policy, rules=replace(policy.rules, items=policy.rules.items + forbidden))


def pin_of(overrides: Iterable[Override], *, now_ms: int) -> AskPin | None:
    """The pin among the overrides of one order."""
    for one in overrides:
        if one.kind is OverrideKind.PIN and one.holds(now_ms):
            return AskPin(one.node_id or None, one.method)
    return None


def closures_of(overrides: Iterable[Override], *, now_ms: int) -> tuple[Closure, ...]:
    """The nodes that planners forbid to one order."""
    return tuple(
        Closure("forbid", one.node_id, None, 0, FOREVER_S)
        for one in overrides
        if one.kind is OverrideKind.FORBID and one.holds(now_ms)
    )


def is_overridden(
    overrides: Iterable[Override], order: Order, groups: Iterable[PlannedGroup], *, now_ms: int
) -> bool:
    """Whether a plan of an order is against an override in force: a group elsewhere, or otherwise,
    than the order is pinned to, or a line where the order or its SKU is forbidden.
    """
    skus = {line.line_number: line.sku for line in order.lines}
    found = tuple(groups)
    for one in overrides:
        if one.order_id not in ("", order.order_id) or not one.holds(now_ms):
            continue
        if one.kind is OverrideKind.PIN:
            if any(_is_off(one, group) for group in found):
                return True
        elif any(_is_forbidden(one, group, skus) for group in found):
            return True
    return False


def _is_off(pin: Override, group: PlannedGroup) -> bool:
    """Whether a group is not as its order is pinned; pinned to a node, nothing goes by another."""
    elsewhere = pin.node_id != group.node_id or group.receipt is not None
    return (pin.node_id != "" and elsewhere) or pin.method not in (None, group.method)


def _is_forbidden(forbid: Override, group: PlannedGroup, skus: Mapping[int, str]) -> bool:
    """Whether a group is done where it must not be: a SKU is kept from picking alone."""
    if forbid.sku:
        has_sku = any(skus[number] == forbid.sku for number in group.line_numbers)
        return has_sku and forbid.node_id == group.node_id
    received_at = None if group.receipt is None else group.receipt.node_id
    return forbid.node_id in (group.node_id, received_at)


def tier_of(policy: Policy, order: Order) -> Tier | None:
    """The first tier that an order fits."""
    for tier in policy.tiers:
        if fits(tier.orders, order):
            return tier
    return None


def fits(orders: OrderFilter, order: Order) -> bool:
    """Whether all that the filter names holds for an order."""
    value = sum(line.quantity * line.unit_price_micro for line in order.lines)
    return (
        (orders.method is None or orders.method is order.method)
        and order.customer_id.startswith(orders.customer_prefix)
        and any(line.sku.startswith(orders.sku_prefix) for line in order.lines)
        and value >= orders.value_min_micro
    )
