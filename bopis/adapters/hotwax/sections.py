"""What the active rules of a brokering run say together, as sections of a policy file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from bopis.adapters.hotwax.routing import Fate, Note, RoutingGroup


@dataclass(slots=True)
class Together:
    """What each active rule says, in their sequence. A facility set of None is every facility."""

    allowed: list[frozenset[str] | None] = field(default_factory=list)
    excluded: list[frozenset[str]] = field(default_factory=list)
    km: list[int | None] = field(default_factory=list)
    floors: list[int] = field(default_factory=list)
    single: list[bool] = field(default_factory=list)
    keeps_limits: list[bool] = field(default_factory=list)


def limits(together: Together, notes: list[Note]) -> list[str]:
    """The section `rules`."""
    lines = []
    if together.single and all(together.single):
        lines.append("nodes_per_order_max = 1")
        notes.append(Note(Fate.MAPPED, "ORA_SINGLE", "rules.nodes_per_order_max = 1"))
    elif any(together.single):
        notes.append(
            Note(
                Fate.IMPLIED,
                "ORA_SINGLE",
                "another rule splits: cost.extra_group prices each further node",
            )
        )
    return ["", "[rules]", *lines] if lines else []


def node_rules(group: RoutingGroup, together: Together, notes: list[Note]) -> list[str]:
    """Groups and node rules: who ships at all, what is kept, how many orders a day."""
    lines: list[str] = []
    tried = [
        None if allowed is None else allowed - excluded
        for allowed, excluded in zip(together.allowed, together.excluded, strict=True)
    ]
    known = [one for one in tried if one is not None]
    if tried and len(known) == len(tried):
        eligible = frozenset().union(*known)
        lines += _group("hotwax_tried", eligible)
        lines += _node_rule("hotwax tries no others", "outside", "hotwax_tried", "ships = false")
    elif tried:
        everywhere = [e for one, e in zip(tried, together.excluded, strict=True) if one is None]
        never = frozenset.intersection(*everywhere).difference(*known)
        if never:
            lines += _group("hotwax_excluded", never)
            lines += _node_rule("hotwax excludes", "group", "hotwax_excluded", "ships = false")
    lines += _floors(tried, together)
    lines += _near(tried, together)
    km = [one for one in together.km if one is not None]
    if km and None in tried and len(km) == len(together.km):
        # Rules for every node, each with a distance: nobody ships farther than the greatest.
        lines += _node_rule("hotwax proximity", "group", "all", f"ship_km_max = {max(km)}")
    if together.keeps_limits and all(together.keeps_limits):
        lines += _order_limits(group, notes)
    return lines


def _floors(tried: Sequence[frozenset[str] | None], together: Together) -> list[str]:
    """By node the least floor of the rules that try it; of those for every node, if any."""
    anywhere = [f for one, f in zip(tried, together.floors, strict=True) if one is None]
    by_node: dict[str, int] = {}
    for one, floor in zip(tried, together.floors, strict=True):
        for node in one or ():
            by_node[node] = min(by_node.get(node, floor), floor)
    if anywhere:
        least = min(anywhere)
        by_node = {node: min(floor, least) for node, floor in by_node.items()}
        # Where rules differ, the node's own lower floor cannot undercut one that binds them all.
        shared = min([least, *by_node.values()])
        if not shared:
            return []
        return _node_rule("hotwax safety stock", "group", "all", f"ship_floor = {shared}")
    lines: list[str] = []
    for floor in sorted({floor for floor in by_node.values() if floor}):
        name = f"hotwax_floor_{floor}"
        lines += _group(name, (node for node, one in by_node.items() if one == floor))
        lines += _node_rule(f"hotwax safety stock {floor}", "group", name, f"ship_floor = {floor}")
    return lines


def _near(tried: Sequence[frozenset[str] | None], together: Together) -> list[str]:
    """By node the greatest distance of the rules that try it, where all of those have one."""
    if any(one is None for one in tried):
        return []
    by_node: dict[str, list[int | None]] = {}
    for one, km in zip(tried, together.km, strict=True):
        for node in one or ():
            by_node.setdefault(node, []).append(km)
    far: dict[int, list[str]] = {}
    for node, limits_km in by_node.items():
        known = [km for km in limits_km if km is not None]
        if len(known) == len(limits_km):
            far.setdefault(max(known), []).append(node)
    lines: list[str] = []
    for km, nodes in sorted(far.items()):
        name = f"hotwax_within_{km}_km"
        lines += _group(name, nodes)
        lines += _node_rule(f"hotwax within {km} km", "group", name, f"ship_km_max = {km}")
    return lines


def _order_limits(group: RoutingGroup, notes: list[Note]) -> list[str]:
    by_limit: dict[int, list[str]] = {}
    for node, facility in group.facilities.items():
        if facility.maximum_order_limit is not None:
            by_limit.setdefault(facility.maximum_order_limit, []).append(node)
    lines: list[str] = []
    for limit, nodes in sorted(by_limit.items()):
        name = f"hotwax_limit_{limit}"
        lines += _group(name, nodes)
        rule = f"hotwax order limit {limit}"
        lines += _node_rule(rule, "group", name, f"orders_per_day_max = {limit}")
        notes.append(Note(Fate.MAPPED, "maximumOrderLimit", f"orders_per_day_max {limit}"))
    if not by_limit:
        words = "no maximumOrderLimit is given in facilities"
        notes.append(Note(Fate.IMPLIED, "facility order limits", words))
    return lines


def _group(name: str, nodes: Iterable[str]) -> list[str]:
    ids = ", ".join(text(node) for node in sorted(nodes))
    return ["", f"[groups.{name}]", f"node_ids = [{ids}]"]


def _node_rule(name: str, key: str, group: str, what: str) -> list[str]:
    return ["", "[[rules.nodes]]", f"name = {text(name)}", f"{key} = {text(group)}", what]


def word(name: str) -> str:
    """A name that a policy allows."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in " _.-") else " " for c in name)
    return " ".join(kept.split())[:64].lstrip("_.- ") or "batch"


def text(value: str) -> str:
    """A text in TOML: JSON's escapes are TOML's."""
    return msgspec.json.encode(value).decode()
