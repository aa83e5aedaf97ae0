"""What a policy file may say of nodes, items and orders, and every way to say it wrong."""

from collections.abc import Callable

import pytest

from bopis.domain.errors import FieldInvalid, FieldsInvalid
from bopis.domain.network import Method, Node, NodeKind, Place
from bopis.domain.policy import TEXT_MAX, parse_policy
from bopis.domain.rules import NodeGroup
from bopis.testing.shop import default_policy_text

TEXT = default_policy_text()
RULES = """
[groups.shops]
kinds = ["STORE"]
reason = "they have customers"
[groups.north]
regions = ["NY", "MA"]
node_ids = ["east"]

[rules]
nodes_per_order_max = 2
ship_km_max = 800

[[rules.nodes]]
name = "shops keep two"
group = "shops"
ship_floor = 2
parcels_per_day_max = 30
parcel_cutoff_hour = 16
reason = "walk-in customers"
[[rules.nodes]]
name = "nobody else ships"
outside = "north"
ships = false

[[rules.items]]
name = "wine"
sku_prefix = "wine-"
only_at = "north"
[[rules.items]]
name = "no bread"
sku = "bread"
never_at = "all"

[[tiers]]
name = "vip"
priority = 200
weight_percent = 300
method = "PICKUP"
customer_prefix = "vip-"
value_min = 99.5
[[tiers]]
name = "others"
priority = 1
"""


VIP = '[[tiers]]\nname = "vip"\npriority = 1\nweight_percent = 900\n'


def test_a_policy_with_rules_and_tiers_reads_as_it_is_written() -> None:
    policy = parse_policy(TEXT + RULES)
    rules = policy.rules
    assert (rules.nodes_max, rules.ship_km_max) == (2, 800)
    keeping, silent = rules.nodes
    assert keeping.nodes == NodeGroup("shops", kinds=(NodeKind.STORE,))
    assert (keeping.ship_floor, keeping.parcels_per_day_max, keeping.parcel_cutoff_hour) == (
        2,
        30,
        16,
    )
    assert (silent.nodes.inverted, silent.ships, silent.pickup) == (True, False, True)
    wine, bread = rules.items
    assert (wine.sku, wine.is_prefix, wine.only, wine.nodes.name) == ("wine-", True, True, "north")
    assert (bread.is_prefix, bread.only, bread.nodes.kinds) == (False, False, tuple(NodeKind))
    vip, others = policy.tiers
    assert (vip.priority, vip.weight_percent, vip.orders.method) == (200, 300, Method.PICKUP)
    assert vip.orders.value_min_micro == 99_500_000
    assert others.weight_percent == 100


def test_a_group_holds_nodes_by_id_kind_and_region_and_its_inverse_the_others() -> None:
    node = Node("n", NodeKind.STORE, Place(0, 0, region="NY"), "Etc/UTC", 0, 1, 1)
    for group in (
        NodeGroup("", node_ids=("n",)),
        NodeGroup("", kinds=(NodeKind.STORE,)),
        NodeGroup("", regions=("NY",)),
    ):
        assert group.holds(node)
    assert not NodeGroup("", node_ids=("m",), regions=("MA",)).holds(node)
    assert NodeGroup("", node_ids=("m",), inverted=True).holds(node)
    nowhere = Node("n", NodeKind.STORE, Place(0, 0), "Etc/UTC", 0, 1, 1)
    assert not NodeGroup("", regions=("",)).holds(nowhere)


def swap(before: str, after: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert before in text
        return text.replace(before, after, 1)

    return change


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (swap('group = "shops"', 'group = "shop"'), "rules.nodes[0].group"),
        (swap('group = "shops"\n', ""), "rules.nodes[0].group"),
        (swap('kinds = ["STORE"]', 'kinds = ["SHOP"]'), "groups.shops.kinds"),
        (swap('kinds = ["STORE"]', 'kinds = "STORE"'), "groups.shops.kinds"),
        (swap('kinds = ["STORE"]', "kinds = []"), "groups.shops"),
        (swap("[groups.shops]", "[groups.all]"), "groups.all"),
        (swap("[groups.shops]", '[groups."a.b"]'), "groups.a.b"),
        (swap('name = "nobody else ships"', 'name = "shops keep two"'), "rules.nodes[1].name"),
        (swap('name = "wine"', 'name = "wine\\n"'), "rules.items[0].name"),
        (swap('name = "wine"\n', ""), "rules.items[0].name"),
        (swap("ships = false", "ships = 0"), "rules.nodes[1].ships"),
        (swap("ships = false", "ships = true"), "rules.nodes[1]"),
        (swap("ships = false", 'ships = false\ngroup = "all"'), "rules.nodes[1]"),
        (swap("ship_floor = 2", "ship_floor = -1"), "rules.nodes[0].ship_floor"),
        (swap("ship_floor = 2", "ship_flor = 2"), "rules.nodes[0].ship_flor"),
        (swap("parcel_cutoff_hour = 16", "parcel_cutoff_hour = 0"), "rules.nodes[0].parcel_cut"),
        (swap("nodes_per_order_max = 2", "nodes_per_order_max = 0"), "rules.nodes_per_order_max"),
        (swap("ship_km_max = 800", "ship_km_max = 1e9"), "rules.ship_km_max"),
        (swap('sku_prefix = "wine-"', ""), "rules.items[0]"),
        (swap('sku_prefix = "wine-"', 'sku = "a"\nsku_prefix = "b"'), "rules.items[0]"),
        (swap('sku_prefix = "wine-"', 'sku_prefix = ""'), "rules.items[0].sku_prefix"),
        (swap('only_at = "north"', ""), "rules.items[0]"),
        (swap('only_at = "north"', 'only_at = "a"\nnever_at = "b"'), "rules.items[0]"),
        (swap('only_at = "north"', 'only_at = "south"'), "rules.items[0].only_at"),
        (swap("priority = 200", "priority = 256"), "tiers[0].priority"),
        (swap("weight_percent = 300", "weight_percent = 99"), "tiers[0].weight_percent"),
        (swap('method = "PICKUP"', 'method = "FLY"'), "tiers[0].method"),
        (swap("value_min = 99.5", "value_min = 0.0000001"), "tiers[0].value_min"),
        (swap("value_min = 99.5", "value_max = 1"), "tiers[0].value_max"),
        (swap("[rules]", "[rule]"), "rule.nodes_per_order_max"),
    ],
)
def test_a_rule_with_a_mistake_is_refused_by_the_path_of_its_key(
    change: Callable[[str], str], path: str
) -> None:
    with pytest.raises(FieldsInvalid) as refused:
        parse_policy(TEXT + change(RULES))
    assert any(found.startswith(path) for found, _ in refused.value.complaints)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (swap("base = 7\n", "base = 1e7\n"), "cost.ship_package.base"),
        (swap("base = 7\n", "base = inf\n"), "cost.ship_package.base"),
        (swap("base = 7\n", "base = nan\n"), "cost.ship_package.base"),
        (swap("base = 0.003", "base = 300"), "cost.ship_km.base"),
        (swap("base = 0.25", "base = 90_000"), "cost.other_store_km.base"),
        (lambda text: swap("base = 24", "base = 999_999")(text) + VIP, "cost.late_hour.base"),
    ],
)
def test_prices_that_the_planner_cannot_add_up_are_refused(
    change: Callable[[str], str], path: str
) -> None:
    with pytest.raises(FieldsInvalid) as refused:
        parse_policy(change(TEXT))
    assert path in {found for found, _ in refused.value.complaints}


def test_all_mistakes_come_at_once() -> None:
    text = TEXT.replace("ship_home = true", "ship_home = 1").replace("code_tries = 5", "")
    broken = RULES.replace('group = "shops"', 'group = "shop"').replace("= 256", "= 1")
    with pytest.raises(FieldsInvalid) as refused:
        parse_policy(text + broken)
    paths = {path for path, _ in refused.value.complaints}
    assert paths == {"consent.ship_home", "pickup.code_tries", "rules.nodes[0].group"}
    assert all(path in refused.value.message for path in paths)


def test_a_text_without_end_is_not_read() -> None:
    with pytest.raises(FieldInvalid):
        parse_policy(TEXT + "#" * TEXT_MAX)


def test_transfers_are_read_only_where_somebody_asks_what_if() -> None:
    assert parse_policy(TEXT).transfers is None
    transfers = parse_policy(TEXT, with_transfers=True).transfers
    assert transfers is not None
    assert (transfers.source_micro, transfers.km_micro) == (2_500_000, 2_000)
    assert (transfers.handling_s, transfers.receive_line_s) == (7_200, 30)
    assert NodeKind.STORE not in transfers.from_kinds


def test_a_policy_that_switches_transfers_on_is_refused_with_the_reason() -> None:
    with pytest.raises(FieldsInvalid) as refused:
        parse_policy(TEXT.replace("enabled = false", "enabled = true"))
    [(path, words)] = refused.value.complaints
    assert path == "transfers.enabled"
    assert "no service carries transfers out" in words


def test_a_policy_of_before_there_were_transfers_is_read() -> None:
    start, end = TEXT.index("[transfers]"), TEXT.index("[duals]")
    prices, rest = TEXT.index("[cost.transfer]"), TEXT.index("[cost.late_hour]")
    older = TEXT[:prices] + TEXT[rest:start] + TEXT[end:]
    assert parse_policy(older).transfers is None


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("reach_km = 300", "reach_km = 0", "transfers.reach_km"),
        ("km_per_h = 50", "", "transfers.km_per_h"),
        ('"WAREHOUSE", "MICRO', '"SHED", "MICRO', "transfers.from_kinds"),
        ("low = 0.0015", "low = -1", "cost.transfer_km.low"),
    ],
)
def test_mistakes_in_transfers_are_told(old: str, new: str, path: str) -> None:
    assert old in TEXT
    with pytest.raises(FieldsInvalid) as refused:
        parse_policy(TEXT.replace(old, new))
    assert {found for found, _ in refused.value.complaints} == {path}
