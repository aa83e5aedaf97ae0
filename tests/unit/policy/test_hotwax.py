"""HotWax's routing as a policy: what has a counterpart is mapped, what has none is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from bopis.adapters.hotwax import Fate, Imported, import_group, read_group
from bopis.domain.errors import FieldInvalid
from bopis.domain.network import Method
from bopis.domain.policy import Policy, parse_policy
from bopis.testing.shop import default_policy_text

EXAMPLE = Path(__file__).parents[3] / "docs/guides/hotwax-routing.json"


def example() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(EXAMPLE.read_text("utf-8"))
    return document


def imported(document: dict[str, Any]) -> tuple[Imported, Policy]:
    found = import_group(read_group(json.dumps(document).encode()))
    return found, parse_policy(default_policy_text() + found.sections)


def lost(found: Imported) -> list[str]:
    return [note.where.rpartition(", ")[2] for note in found.notes if note.fate is Fate.LOST]


def rules_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["routings"][0]["rules"]
    return found


def test_the_example_of_the_guide_becomes_the_policy_that_it_shows() -> None:
    found, policy = imported(example())
    assert found.name == "hotwax-M100051"
    assert lost(found) == ["facilitySequence", "ORA_AUTO_CANCEL_DAYS"]
    by_name = {rule.name: rule for rule in policy.rules.nodes}
    only = by_name["hotwax tries no others"]
    assert (only.nodes.node_ids, only.nodes.inverted, only.ships, only.pickup) == (
        ("east", "hub"),
        True,
        False,
        True,
    )
    assert by_name["hotwax safety stock 2"].ship_floor == 2
    assert by_name["hotwax within 322 km"].nodes.node_ids == ("east",)
    assert by_name["hotwax within 322 km"].ship_km_max == 322
    assert by_name["hotwax order limit 40"].orders_per_day_max == 40
    assert policy.rules.nodes_max == 1
    [tier] = policy.tiers
    assert (tier.priority, tier.orders.method) == (200, Method.SHIP)


def test_an_import_is_never_stricter_than_a_later_rule_of_the_routing() -> None:
    document = example()
    rules_of(document).append(
        {"ruleName": "Everywhere", "assignmentEnumId": "ORA_MULTI", "sequenceNum": 9}
    )
    _, policy = imported(document)
    assert policy.rules.nodes_max is None
    assert {rule.name for rule in policy.rules.nodes} == {"hotwax order limit 40"}


def test_what_every_rule_excludes_does_not_ship() -> None:
    document = example()
    excluded = {
        "conditionTypeEnumId": "ENTCT_FILTER",
        "fieldName": "facilityGroupId_excluded",
        "operator": "not-equals",
        "fieldValue": "SHIPPING_STORES",
    }
    for rule in rules_of(document):
        rule["inventoryFilters"] = [excluded]
    _, policy = imported(document)
    found = next(one for one in policy.rules.nodes if one.name == "hotwax excludes")
    assert (found.nodes.node_ids, found.ships, found.nodes.inverted) == (("east",), False, False)


def test_conditions_may_come_as_maps_by_type_and_field() -> None:
    document = example()
    for rule in rules_of(document):
        as_map: dict[str, dict[str, Any]] = {}
        for one in rule["inventoryFilters"]:
            as_map.setdefault(one["conditionTypeEnumId"], {})[one["fieldName"]] = one
        rule["inventoryFilters"] = as_map
        rule["actions"] = {one["actionTypeEnumId"]: one for one in rule["actions"]}
    assert imported(document)[1] == imported(example())[1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("salesChannelEnumId", "WEB_SALES_CHANNEL"),
        ("priority", "HIGH"),
        ("promiseDaysCutoff", "3"),
        ("originFacilityGroupId", "SHIPPING_STORES"),
        ("productCategoryId", "GIFTS"),
        ("facilityId", "REJECTED_ITEM_PARKING"),
    ],
)
def test_a_batch_filtered_by_what_orders_do_not_have_makes_no_tier(field: str, value: str) -> None:
    document = example()
    document["routings"][0]["orderFilters"].append(
        {"conditionTypeEnumId": "ENTCT_FILTER", "fieldName": field, "fieldValue": value}
    )
    found, policy = imported(document)
    assert field in lost(found)
    assert policy.tiers == ()


@pytest.mark.parametrize(
    "field", ["shipmentThreshold", "splitOrderItemGroup", "weekOfSupply", "somethingNew"]
)
def test_an_inventory_filter_without_counterpart_is_named(field: str) -> None:
    document = example()
    rules_of(document)[0]["inventoryFilters"].append({"fieldName": field, "fieldValue": "1"})
    assert field in lost(imported(document)[0])


def test_groups_whose_facilities_are_not_given_forbid_nothing() -> None:
    document = example()
    del document["facilityGroups"]
    found, policy = imported(document)
    assert lost(found).count("facilityGroupId") == 2
    assert all(rule.ships for rule in policy.rules.nodes)


def test_rules_of_pickups_are_named_and_forbid_no_shipping() -> None:
    document = example()
    document["routings"][0]["orderFilters"][1]["fieldValue"] = "STOREPICKUP"
    found, policy = imported(document)
    assert "rules" in lost(found)
    assert policy.rules.nodes == ()
    assert policy.tiers[0].orders.method is Method.PICKUP


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"routings": 3}',
        b'{"routings": [{"orderFilters": [{"fieldName": 3}]}]}',
        b'{"routings": [{"orderFilters": 7}]}',
        b'{"routings": [{"rules": [{"actions": [3]}]}]}',
    ],
)
def test_what_is_no_routing_is_refused(raw: bytes) -> None:
    with pytest.raises(FieldInvalid):
        import_group(read_group(raw))
