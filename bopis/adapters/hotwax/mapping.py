"""What each part of a brokering run comes to: a tier, a rule, a price that is there, or nothing."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bopis.adapters.hotwax.routing import (
    Condition,
    Fate,
    Note,
    Routing,
    RoutingGroup,
    Rule,
    actions,
    conditions,
)
from bopis.adapters.hotwax.sections import Together, limits, node_rules, text, word

KM_OF_MILE: Final = 1.609344
PRIORITY_FIRST: Final = 200
PRIORITY_STEP: Final = 10
PICKUP_METHOD: Final = "STOREPICKUP"
QUEUES: Final = ("_NA_", "BROKERING_QUEUE")
"""Where orders wait that nobody has brokered yet."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The sections of a policy file, and what became of each part of the routing."""

    name: str
    sections: str
    notes: tuple[Note, ...]


def import_group(group: RoutingGroup) -> Imported:
    """The sections that a routing group comes to. Raises FieldInvalid for malformed conditions."""
    notes: list[Note] = []
    together = Together()
    tiers: list[str] = []
    routings = _active(group.routings, "ROUTING_ACTIVE", lambda one: one.routing_name, notes)
    for index, routing in enumerate(routings):
        where = f"routing {routing.routing_name or routing.order_routing_id}"
        tier, is_pickup = _tier(routing, index, where, notes)
        tiers += tier
        if is_pickup:
            words = "stores for pickups are found by distance and consent"
            notes.append(Note(Fate.LOST, f"{where}, rules", words))
            continue
        for rule in _active(routing.rules, "RULE_ACTIVE", lambda one: one.rule_name, notes):
            _read_rule(group, rule, f"{where}, rule {rule.rule_name}", together, notes)
    sections = [*limits(together, notes), *node_rules(group, together, notes), *tiers]
    return Imported(
        name=f"hotwax-{group.routing_group_id or 'routing'}",
        sections="\n".join(sections),
        notes=tuple(notes),
    )


def _active(
    found: tuple[Any, ...], status: str, name: Callable[[Any], str], notes: list[Note]
) -> list[Any]:
    """Those in use, in their sequence."""
    notes.extend(
        Note(Fate.IMPLIED, name(one), f"not in use ({one.status_id}): left out")
        for one in found
        if one.status_id != status
    )
    return sorted((one for one in found if one.status_id == status), key=lambda o: o.sequence_num)


def _tier(routing: Routing, index: int, where: str, notes: list[Note]) -> tuple[list[str], bool]:
    """The batch as a tier, and whether it is of pickups. Earlier batches go first; there is no tier
    where its filter says more than a tier can.
    """
    method = ""
    lost = False
    for one in conditions(routing.order_filters):
        at = f"{where}, {one.field_name}"
        if one.condition_type_enum_id == "ENTCT_SORT_BY":
            notes.append(_order_sort(one, at))
        elif one.name == "shipmentMethodTypeId":
            pickup = PICKUP_METHOD in one.values
            method = "PICKUP" if pickup != one.excludes else "SHIP"
            notes.append(
                Note(
                    Fate.MAPPED,
                    at,
                    f"method {method} of a tier; services of carriers are not told apart",
                )
            )
        elif one.name == "facilityId" and not one.excludes and set(one.values) <= set(QUEUES):
            notes.append(Note(Fate.IMPLIED, at, "orders are planned when they are placed"))
        else:
            lost = True
            notes.append(Note(Fate.LOST, at, "orders are not filtered by it: no tier was made"))
    if lost:
        return [], method == "PICKUP"
    name = f"{word(routing.routing_name)[:56]} {index + 1}"
    priority = max(1, PRIORITY_FIRST - PRIORITY_STEP * index)
    notes.append(Note(Fate.MAPPED, where, f"tier {name}, priority {priority}"))
    lines = ["", "[[tiers]]", f"name = {text(name)}", f"priority = {priority}"]
    if method:
        lines.append(f"method = {text(method)}")
    return lines, method == "PICKUP"


def _order_sort(one: Condition, at: str) -> Note:
    if one.name in ("shipBeforeDate", "deliveryDays"):
        return Note(Fate.IMPLIED, at, "lateness is priced: cost.late_hour, cost.promise_broken")
    if one.name == "orderDate":
        return Note(Fate.IMPLIED, at, "orders are planned as they come")
    return Note(Fate.LOST, at, "orders are not sorted by it")


def _read_rule(
    group: RoutingGroup, rule: Rule, where: str, together: Together, notes: list[Note]
) -> None:
    filters = {}
    for one in conditions(rule.inventory_filters):
        if one.condition_type_enum_id == "ENTCT_SORT_BY":
            notes.append(_inventory_sort(one, f"{where}, {one.field_name}"))
        else:
            filters[one.name, one.excludes] = one
    together.allowed.append(
        _facilities(group, filters.pop(("facilityGroupId", False), None), where, notes)
    )
    excluded = _facilities(group, filters.pop(("facilityGroupId", True), None), where, notes)
    together.excluded.append(excluded or frozenset())
    together.km.append(_km(filters, where, notes))
    together.floors.append(_floor(filters.pop(("brokeringSafetyStock", False), None), where, notes))
    limit = filters.pop(("ignoreFacilityOrderLimit", False), None)
    together.keeps_limits.append(limit is None or limit.field_value not in ("Y", True))
    together.single.append(rule.assignment_enum_id == "ORA_SINGLE")
    if rule.assignment_enum_id not in ("ORA_SINGLE", "ORA_MULTI"):
        notes.append(Note(Fate.LOST, where, f"assignment {rule.assignment_enum_id} is not known"))
    for one in filters.values():
        words = _NO_FILTER.get(one.name, "inventory is not filtered by it")
        notes.append(Note(Fate.LOST, f"{where}, {one.field_name}", words))
    _read_actions(rule, where, notes)


_NO_FILTER: Final = {
    "shipmentThreshold": "no least value of a shipment; cost.extra_group prices every further one",
    "splitOrderItemGroup": "no groups of items; order them all-or-nothing",
    "weekOfSupply": "no forecast per node",
}


def _inventory_sort(one: Condition, at: str) -> Note:
    if one.name == "distance":
        return Note(Fate.IMPLIED, at, "distance is priced: cost.ship_km")
    if one.name == "inventoryForAllocation":
        return Note(Fate.IMPLIED, at, "last units are priced: cost.opportunity_*")
    return Note(Fate.LOST, at, "nodes are tried in no sequence: the cheapest plan is taken")


def _read_actions(rule: Rule, where: str, notes: list[Note]) -> None:
    for action in actions(rule.actions):
        at = f"{where}, {action.action_type_enum_id}"
        if action.action_type_enum_id == "ORA_NEXT_RULE":
            notes.append(Note(Fate.IMPLIED, at, "all rules are weighed at once"))
        elif action.action_type_enum_id == "ORA_MV_TO_QUEUE":
            words = "lines left are unfilled, with the reason; there is no queue {}"
            notes.append(Note(Fate.IMPLIED, at, words.format(action.action_value or "")))
        else:
            notes.append(Note(Fate.LOST, at, "nothing is cancelled by date"))


def _facilities(
    group: RoutingGroup, one: Condition | None, where: str, notes: list[Note]
) -> frozenset[str] | None:
    """The facilities of the groups that a filter names; None: no filter, or groups not known."""
    if one is None:
        return None
    at = f"{where}, {one.field_name}"
    unknown = [name for name in one.values if name not in group.facility_groups]
    if unknown:
        notes.append(Note(Fate.LOST, at, f"facilities of {', '.join(unknown)} are not given"))
        return None
    notes.append(Note(Fate.MAPPED, at, "node rules"))
    return frozenset(node for name in one.values for node in group.facility_groups[name])


def _km(filters: dict[tuple[str, bool], Condition], where: str, notes: list[Note]) -> int | None:
    system = filters.pop(("measurementSystem", False), None)
    one = filters.pop(("distance", False), None) or filters.pop(("proximity", False), None)
    if one is None:
        return None
    metric = system is not None and str(system.field_value).upper() == "METRIC"
    at = f"{where}, {one.field_name}"
    try:
        far = float(str(one.field_value))
    except ValueError:
        notes.append(Note(Fate.LOST, at, f"{one.field_value} is no distance (zones are not known)"))
        return None
    km = max(1, math.ceil(far if metric else far * KM_OF_MILE))
    notes.append(
        Note(
            Fate.MAPPED,
            at,
            f"ship_km_max {km}, unless another rule tries the nodes from farther off",
        )
    )
    return km


def _floor(one: Condition | None, where: str, notes: list[Note]) -> int:
    """Units kept. HotWax asks for so many before the order, here they are left after it."""
    if one is None:
        return 0
    at = f"{where}, {one.field_name}"
    try:
        least = int(float(str(one.field_value)))
    except ValueError:
        notes.append(Note(Fate.LOST, at, f"{one.field_value} is no number"))
        return 0
    kept = least if one.operator in ("greater", "greater-than") else max(0, least - 1)
    notes.append(
        Note(Fate.MAPPED, at, f"ship_floor {kept}: the same for single units, stricter for more")
    )
    return kept
