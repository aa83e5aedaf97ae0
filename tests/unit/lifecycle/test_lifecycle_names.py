"""The domain and the protos speak of the same things by the same names."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from bopis.domain.cost import COST_TERMS
from bopis.domain.events import EVENT_TYPES
from bopis.domain.fulfillment import FULFILLMENT_MACHINE, FulfillmentState
from bopis.domain.network import Method, NodeKind
from bopis.domain.order import ORDER_MACHINE, OrderState
from bopis.domain.pick_task import (
    PICK_TASK_MACHINE,
    PickTaskKind,
    PickTaskState,
    ShortPickReason,
)
from bopis.domain.records import OperationStage
from bopis.domain.sourcing import UnfilledReason
from bopis.v1 import (
    allocation_service_pb2,
    common_pb2,
    order_service_pb2,
    pick_service_pb2,
    store_service_pb2,
)

PROTOS = Path(__file__).parents[3] / "protos/bopis/v1"


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (FulfillmentState, order_service_pb2.FulfillmentOrder.State, "STATE_"),
        (OrderState, order_service_pb2.Order.State, "STATE_"),
        (UnfilledReason, order_service_pb2.UnfilledLine.Reason, "REASON_"),
        (PickTaskState, pick_service_pb2.PickTask.State, "STATE_"),
        (PickTaskKind, pick_service_pb2.PickTask.Kind, "KIND_"),
        (ShortPickReason, pick_service_pb2.ReportShortPickRequest.Reason, "REASON_"),
        (Method, common_pb2.FulfillmentMethod, "FULFILLMENT_METHOD_"),
        (NodeKind, store_service_pb2.Store.Kind, "KIND_"),
        (OperationStage, allocation_service_pb2.ReallocateMetadata.Stage, "STAGE_"),
    ],
)
def test_every_value_of_an_enum_has_its_name_in_the_protos(
    ours: type[StrEnum], theirs: Any, prefix: str
) -> None:
    names = {name.removeprefix(prefix) for name in theirs.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    assert {one.value for one in ours} == names


def test_the_protos_list_every_event_type_and_cost_term() -> None:
    events = (PROTOS / "events.proto").read_text().replace("\n//", "")
    assert set(
        re.findall(
            r"(?:order|fulfillment|pick|restock|reservation|deficit)\.[a-z_]+(?=[,.: ])", events
        )
    ) >= set(EVENT_TYPES)
    terms = (PROTOS / "order_service.proto").read_text()
    for term in COST_TERMS:
        assert re.search(rf"\b{term}\b", terms), term


def test_every_event_of_a_machine_is_an_event_type() -> None:
    for one in (FULFILLMENT_MACHINE, PICK_TASK_MACHINE, ORDER_MACHINE):
        assert {step.event for step in one.transitions} <= {*EVENT_TYPES, ""}
