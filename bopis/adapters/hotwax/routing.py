"""A brokering run of HotWax as its API gives it, and notes on what becomes of its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from bopis.domain.errors import FieldInvalid


class Fate(StrEnum):
    """What becomes of a part of the routing."""

    MAPPED = "mapped"
    IMPLIED = "implied"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one part, in words."""

    fate: Fate
    where: str
    words: str


class Condition(msgspec.Struct, rename="camel", frozen=True):
    """One filter or sort: of orders, or of inventory."""

    field_name: str
    condition_type_enum_id: str = "ENTCT_FILTER"
    operator: str | None = None
    field_value: str | int | float | bool | None = None
    sequence_num: int = 0

    @property
    def values(self) -> tuple[str, ...]:
        """The value as a list: `in` and `not-in` have several, separated by commas."""
        return tuple(one.strip() for one in str(self.field_value or "").split(",") if one.strip())

    @property
    def excludes(self) -> bool:
        """Whether it says what is left out."""
        negative = self.operator in ("not-equals", "not-in", "not-equal", "notIn")
        return negative or self.field_name.endswith("_excluded")

    @property
    def name(self) -> str:
        """The field."""
        return self.field_name.removesuffix("_excluded")


class Action(msgspec.Struct, rename="camel", frozen=True):
    """What becomes of lines that a rule leaves."""

    action_type_enum_id: str
    action_value: str | None = None


class Rule(msgspec.Struct, rename="camel", frozen=True):
    """One attempt to find inventory for a batch."""

    rule_name: str = ""
    routing_rule_id: str = ""
    status_id: str = "RULE_ACTIVE"
    sequence_num: int = 0
    assignment_enum_id: str = "ORA_SINGLE"
    inventory_filters: Any = ()
    actions: Any = ()


class Routing(msgspec.Struct, rename="camel", frozen=True):
    """One batch of orders and its rules."""

    routing_name: str = ""
    order_routing_id: str = ""
    status_id: str = "ROUTING_ACTIVE"
    sequence_num: int = 0
    order_filters: Any = ()
    rules: tuple[Rule, ...] = ()


class Facility(msgspec.Struct, rename="camel", frozen=True):
    """What else is known of a facility."""

    maximum_order_limit: int | None = None


class RoutingGroup(msgspec.Struct, rename="camel", frozen=True):
    """A brokering run. `facility_groups`: facilities by group; HotWax keeps them elsewhere."""

    routings: tuple[Routing, ...]
    routing_group_id: str = ""
    group_name: str = ""
    facility_groups: dict[str, tuple[str, ...]] = {}
    facilities: dict[str, Facility] = {}


def read_group(raw: bytes) -> RoutingGroup:
    """A routing group from JSON. Raises FieldInvalid."""
    try:
        return msgspec.json.decode(raw, type=RoutingGroup)
    except msgspec.DecodeError as error:
        raise FieldInvalid(f"this is no order routing group: {error}", field="routings") from error


def conditions(raw: Any) -> tuple[Condition, ...]:
    """Conditions as a list, or (as its editor holds them) as maps by type and field."""
    if isinstance(raw, Mapping):
        raw = [one for of_type in raw.values() for one in dict(of_type).values()]
    try:
        found = msgspec.convert(raw, tuple[Condition, ...])
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise FieldInvalid(f"a malformed condition: {error}", field="conditions") from error
    return tuple(sorted(found, key=lambda one: one.sequence_num))


def actions(raw: Any) -> tuple[Action, ...]:
    """Actions as a list, or as a map by type."""
    if isinstance(raw, Mapping):
        raw = tuple(raw.values())
    try:
        return msgspec.convert(raw, tuple[Action, ...])
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise FieldInvalid(f"a malformed action: {error}", field="actions") from error
