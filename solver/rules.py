"""The policy's hard rules, checked from the request alone: nothing of the kernel's code."""

from collections.abc import Mapping

from solver.geo import meters_between
from solver.problem import Ask, AskLine, Group, ItemRule, Node, NodeGroup, Request

Stock = Mapping[tuple[str, str], int]
"""Units that the orders may use, by node and SKU."""


def rule_problems(
    request: Request, ask: Ask, group: Group, node: Node, *, stock: Stock
) -> list[str]:
    """The hard rules that one group breaks, in words."""
    found = _node_problems(request, ask, group, node)
    lines = {line.line_number: line for line in ask.lines}
    for number in group.line_numbers:
        line = lines.get(number)
        for rule in request.policy.rules.items:
            if line is not None and _denies(rule, ask, line, node):
                found.append(f"{line.sku} from {node.node_id} against the rule {rule.name}")
    found += planner_problems(ask, group)
    found += _floor_problems(request, ask, group, node, stock)
    return found


def planner_problems(ask: Ask, group: Group) -> list[str]:
    """The pin, forbids and used-up days that one group breaks, in words."""
    found = []
    if ask.pin is not None:
        moved = group.receipt is not None
        if ask.pin.node_id is not None and (moved or ask.pin.node_id != group.node_id):
            found.append(f"at {group.node_id}, pinned to {ask.pin.node_id}")
        if ask.pin.method not in (None, group.method):
            found.append(f"{group.method}, pinned to {ask.pin.method}")
    for closure in ask.closed:
        for node_id, method, ready_s in group.counted():
            here = closure.node_id == node_id and closure.method in (None, method)
            if here and closure.after_s < ready_s <= closure.until_s:
                found.append(f"{node_id} is closed then by {closure.rule}")
    return found


def serves_pickup(request: Request, node: Node) -> bool:
    """Whether every rule lets customers collect at a node."""
    rules = request.policy.rules.nodes
    return all(rule.pickup for rule in rules if in_group(rule.nodes, node))


def in_group(group: NodeGroup, node: Node) -> bool:
    """Whether a node is named, of one of the kinds, or in one of the regions; or is not."""
    in_region = node.place.region != "" and node.place.region in group.regions
    named = node.node_id in group.node_ids or node.kind in group.kinds or in_region
    return named is not group.inverted


def _node_problems(request: Request, ask: Ask, group: Group, node: Node) -> list[str]:
    found = []
    rules = request.policy.rules
    for rule in rules.nodes:
        allowed = rule.ships if group.is_sent else rule.pickup
        if in_group(rule.nodes, node) and not allowed:
            found.append(f"{group.method} at {node.node_id} against the rule {rule.name}")
    bound = [rule.ship_km_max for rule in rules.nodes if in_group(rule.nodes, node)]
    limits = [km for km in (rules.ship_km_max, *bound) if km is not None]
    if group.method == "SHIP" and limits:
        meters = meters_between(ask.place, node.place)
        if meters > min(limits) * 1000:
            found.append(f"{node.node_id} ships {meters} m, farther than {min(limits)} km")
    return found


def _denies(rule: ItemRule, ask: Ask, line: AskLine, node: Node) -> bool:
    named = line.sku.startswith(rule.sku) if rule.is_prefix else line.sku == rule.sku
    over = rule.until_ms is not None and ask.now_ms >= rule.until_ms
    return named and not over and in_group(rule.nodes, node) != rule.only


def _floor_problems(
    request: Request, ask: Ask, group: Group, node: Node, stock: Stock
) -> list[str]:
    """What one order may ship of a cell: what these orders may use there, less the floor."""
    if not group.is_sent:
        return []
    rules = [rule for rule in request.policy.rules.nodes if in_group(rule.nodes, node)]
    floor = max((rule.ship_floor for rule in rules), default=0)
    if not floor:
        return []
    units: dict[str, int] = {}
    for line in ask.lines:
        if line.line_number in group.line_numbers:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
    return [
        f"{node.node_id} ships {amount} of {sku} below its floor of {floor}"
        for sku, amount in units.items()
        if amount > stock.get((node.node_id, sku), 0) - floor
    ]
