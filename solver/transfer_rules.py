"""The rules and the price of a transfer, for the checker."""

from typing import Final

from solver.geo import half_up, meters_between
from solver.problem import HOUR_S, Group, Request
from solver.rules import in_group
from solver.sending import Transfers

RECEIVING_HOURS: Final = 3
"""Open hours of the store after the arrival in which a transfer may be received."""


def transfer_micro(transfers: Transfers, meters: int) -> int:
    """What moving lines over a distance costs."""
    return transfers.source_micro + half_up(transfers.km_micro, meters, 1000)


def transfer_problems(request: Request, group: Group, *, picked_s: int) -> list[str]:
    """The rules of transfers that a group breaks whose picking ends then, in words."""
    transfers, receipt = request.policy.transfers, group.receipt
    if transfers is None or receipt is None:
        return ["moved, though nothing is"]
    nodes = {entry.node.node_id: entry for entry in request.nodes}
    source, store = nodes[group.node_id], nodes[receipt.node_id]
    found = []
    if group.node_id == receipt.node_id or source.node.kind not in transfers.from_kinds:
        found.append(f"moved from {group.node_id}, which does not send to {receipt.node_id}")
    meters = meters_between(source.node.place, store.node.place)
    if meters > transfers.reach_km * 1000:
        found.append(f"moved {meters} m, farther than {transfers.reach_km} km")
    rules = request.policy.rules
    limits = [rule.ship_km_max for rule in rules.nodes if in_group(rule.nodes, source.node)]
    found += [
        f"{group.node_id} sends {meters} m, farther than {limit} km"
        for limit in (rules.ship_km_max, *limits)
        if limit is not None and meters > limit * 1000
    ]
    if not all(r.pickup for r in rules.nodes if in_group(r.nodes, store.node)):
        found.append(f"collected at {receipt.node_id} against a rule")
    driven_s = -(-meters * HOUR_S // (transfers.km_per_h * 1000))
    arrival_s = picked_s + transfers.handling_s + driven_s
    later = sorted(w.start_s for w in store.windows if w.start_s >= arrival_s)
    if receipt.window_start_s not in later[:RECEIVING_HOURS]:
        found.append("received before the arrival, long after it, or in a closed hour")
    if receipt.seconds != transfers.receive_line_s * len(group.line_numbers):
        found.append("the labor of receiving is not what the lines take")
    return found
