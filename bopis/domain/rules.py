"""What no plan may break, and which orders go first: the parts of a policy about nodes and orders.

| part | says |
| --- | --- |
| node group | a list of nodes: by id, by kind, by region |
| node rule | what the nodes of a group may do: ship, serve pickups; units kept; limits of a day |
| item rule | where a SKU, or every SKU with a prefix, may come from |
| tier | the priority and the weight of the orders that it fits |
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from bopis.domain.network import Method, Node, NodeKind
from bopis.domain.policy_reader import Reader

MICRO: Final = 1_000_000
RULES_MAX: Final = 1_000
"""Rules of one kind in a policy; also node groups and tiers."""
VALUE_MAX: Final = 1_000_000_000
"""The greatest value of an order, in whole units of money."""
KM_MAX: Final = 20_016
"""Half of the earth's circumference."""
GROUP_NODES_MAX: Final = 10_000
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")
EVERY_NODE: Final = "all"
"""The name of the group that every policy has."""


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """A set of nodes: those named, of a kind, or in a region. Any of the three is enough;
    `inverted`: all others.
    """

    name: str
    node_ids: tuple[str, ...] = ()
    kinds: tuple[NodeKind, ...] = ()
    regions: tuple[str, ...] = ()
    inverted: bool = False

    def holds(self, node: Node) -> bool:
        """Whether a node is in it."""
        named = (
            node.node_id in self.node_ids
            or node.kind in self.kinds
            or (bool(node.place.region) and node.place.region in self.regions)
        )
        return named != self.inverted


@dataclass(frozen=True, slots=True)
class NodeRule:
    """What the nodes of a group may do. Several for one node hold together.

    `ship_floor`: units of each SKU that shipping leaves at the node. A day's limits count groups
    that get ready in it; days are local, those of parcels end at the cutoff hour.
    """

    name: str
    nodes: NodeGroup
    ships: bool = True
    pickup: bool = True
    ship_floor: int = 0
    ship_km_max: int | None = None
    orders_per_day_max: int | None = None
    parcels_per_day_max: int | None = None
    parcel_cutoff_hour: int = 24


@dataclass(frozen=True, slots=True)
class ItemRule:
    """A SKU (or every SKU with the prefix `sku`) comes from no node of the group; with `only`, from
    no other one. `until_ms`: when the rule ends, Unix ms; None: never.
    """

    name: str
    sku: str
    is_prefix: bool
    nodes: NodeGroup
    only: bool
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The hard rules; a limit of None is none."""

    nodes_max: int | None = None
    ship_km_max: int | None = None
    nodes: tuple[NodeRule, ...] = ()
    items: tuple[ItemRule, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders: all of what is set must hold. `value_min_micro` is of all lines together."""

    method: Method | None = None
    customer_prefix: str = ""
    sku_prefix: str = ""
    value_min_micro: int = 0


@dataclass(frozen=True, slots=True)
class Tier:
    """The priority of orders in the ledger, and what their lateness and unfilled lines weigh
    (percent of the card). An order belongs to the first tier whose filter fits.
    """

    name: str
    priority: int
    weight_percent: int
    orders: OrderFilter


def read_rules(reader: Reader) -> Rules:
    """The sections `groups` and `rules`; mistakes go to the reader."""
    groups = _groups(reader)
    names: set[str] = set()
    nodes = tuple(
        _node_rule(reader, f"rules.nodes[{index}]", groups, names)
        for index in range(_count(reader, "rules.nodes"))
    )
    items = tuple(
        _item_rule(reader, f"rules.items[{index}]", groups, names)
        for index in range(_count(reader, "rules.items"))
    )
    return Rules(
        nodes_max=reader.integer_or_none("rules.nodes_per_order_max", 1, 500),
        ship_km_max=reader.integer_or_none("rules.ship_km_max", 1, KM_MAX),
        nodes=nodes,
        items=items,
    )


def read_tiers(reader: Reader) -> tuple[Tier, ...]:
    """The array `tiers`; mistakes go to the reader."""
    names: set[str] = set()
    return tuple(
        _tier(reader, f"tiers[{index}]", names) for index in range(_count(reader, "tiers"))
    )


def _count(reader: Reader, path: str) -> int:
    count = reader.count(path)
    if count > RULES_MAX:
        reader.complain(path, f"{path} has more than {RULES_MAX:,} entries")
    return min(count, RULES_MAX)


def _groups(reader: Reader) -> dict[str, NodeGroup]:
    groups = {EVERY_NODE: NodeGroup(EVERY_NODE, kinds=tuple(NodeKind))}
    for name in reader.names("groups")[:RULES_MAX]:
        path = f"groups.{name}"
        if name == EVERY_NODE or not NAME.fullmatch(name) or "." in name:
            reader.complain(path, f"{path}: a group's name is a short word, and not {EVERY_NODE}")
        kinds = reader.texts(f"{path}.kinds")
        for kind in kinds:
            if kind not in tuple(NodeKind):
                known = ", ".join(NodeKind)
                reader.complain(f"{path}.kinds", f"{path}.kinds: {kind} is none of {known}")
        group = NodeGroup(
            name,
            node_ids=reader.texts(f"{path}.node_ids"),
            kinds=tuple(NodeKind(kind) for kind in kinds if kind in tuple(NodeKind)),
            regions=reader.texts(f"{path}.regions"),
        )
        if not (group.node_ids or kinds or group.regions):
            reader.complain(path, f"{path} names no nodes: node_ids, kinds or regions")
        if len(group.node_ids) > GROUP_NODES_MAX:
            reader.complain(path, f"{path} names more than {GROUP_NODES_MAX:,} nodes")
        groups[name] = group
    return groups


def _name(reader: Reader, path: str, names: set[str]) -> str:
    name = reader.text(f"{path}.name")
    if name and not NAME.fullmatch(name):
        reader.complain(f"{path}.name", f"{path}.name must be 1 to 64 letters, digits, blanks, _.-")
    if name in names:
        reader.complain(f"{path}.name", f"{path}.name: another one is called {name}")
    names.add(name)
    return name


def _group_of(reader: Reader, path: str, groups: dict[str, NodeGroup]) -> NodeGroup:
    name = reader.text(path)
    if name and name not in groups:
        reader.complain(path, f"{path}: there is no group {name}")
    return groups.get(name, groups[EVERY_NODE])


def _node_rule(
    reader: Reader, path: str, groups: dict[str, NodeGroup], names: set[str]
) -> NodeRule:
    excluded = reader.flag(f"{path}.excluded", default=False)
    outside = reader.has(f"{path}.outside")
    if outside and reader.has(f"{path}.group"):
        reader.complain(path, f"{path} has one of group and outside")
        reader.text(f"{path}.group")
    nodes = _group_of(reader, f"{path}.outside" if outside else f"{path}.group", groups)
    rule = NodeRule(
        name=_name(reader, path, names),
        nodes=replace(nodes, inverted=outside),
        ships=reader.flag(f"{path}.ships", default=True) and not excluded,
        pickup=reader.flag(f"{path}.pickup", default=True) and not excluded,
        ship_floor=reader.integer(f"{path}.ship_floor", 0, 1_000_000_000, default=0),
        ship_km_max=reader.integer_or_none(f"{path}.ship_km_max", 1, KM_MAX),
        orders_per_day_max=reader.integer_or_none(f"{path}.orders_per_day_max", 0, 1_000_000),
        parcels_per_day_max=reader.integer_or_none(f"{path}.parcels_per_day_max", 0, 1_000_000),
        parcel_cutoff_hour=reader.integer(f"{path}.parcel_cutoff_hour", 1, 24, default=24),
    )
    if rule == NodeRule(rule.name, rule.nodes, parcel_cutoff_hour=rule.parcel_cutoff_hour):
        reader.complain(path, f"{path} forbids nothing and limits nothing")
    return rule


def _item_rule(
    reader: Reader, path: str, groups: dict[str, NodeGroup], names: set[str]
) -> ItemRule:
    is_prefix, only = reader.has(f"{path}.sku_prefix"), reader.has(f"{path}.only_at")
    if is_prefix == reader.has(f"{path}.sku"):
        reader.complain(path, f"{path} has one of sku and sku_prefix")
    if only == reader.has(f"{path}.never_at"):
        reader.complain(path, f"{path} has one of never_at and only_at")
        return ItemRule("", "", is_prefix, groups[EVERY_NODE], only)
    where = f"{path}.only_at" if only else f"{path}.never_at"
    return ItemRule(
        name=_name(reader, path, names),
        sku=reader.text(f"{path}.sku_prefix" if is_prefix else f"{path}.sku", default=""),
        is_prefix=is_prefix,
        nodes=_group_of(reader, where, groups),
        only=only,
    )


def _tier(reader: Reader, path: str, names: set[str]) -> Tier:
    has_method = reader.has(f"{path}.method")
    method = reader.choice(f"{path}.method", Method) if has_method else ""
    value_micro = 0
    if reader.has(f"{path}.value_min"):
        value_micro = reader.scaled(f"{path}.value_min", MICRO, VALUE_MAX)
    return Tier(
        name=_name(reader, path, names),
        priority=reader.integer(f"{path}.priority", 0, 255),
        # Below 100 a line would look cheaper to leave than to ship.
        weight_percent=reader.integer(f"{path}.weight_percent", 100, 1_000, default=100),
        orders=OrderFilter(
            method=Method(method) if method else None,
            customer_prefix=reader.text(f"{path}.customer_prefix", default=""),
            sku_prefix=reader.text(f"{path}.sku_prefix", default=""),
            value_min_micro=value_micro,
        ),
    )
