"""Every state x every verb, against tables written out by hand."""

from dataclasses import replace
from itertools import product

import pytest

from bopis.domain.cost import CostBreakdown
from bopis.domain.errors import WrongState
from bopis.domain.fulfillment import (
    ENDED,
    FULFILLMENT_MACHINE,
    FulfillmentOrder,
    FulfillmentState,
    FulfillmentVerb,
)
from bopis.domain.network import Method, Place
from bopis.domain.order import (
    FINAL,
    ORDER_MACHINE,
    Order,
    OrderState,
    OrderVerb,
    Sourcing,
    derived_state,
)
from bopis.domain.pick_task import PICK_TASK_MACHINE, PickTaskState, PickTaskVerb
from bopis.domain.sourcing import Consent

F, V = FulfillmentState, FulfillmentVerb
FULFILLMENT = {
    (F.ALLOCATED, V.CLAIM): F.PICKING,
    (F.PICKING, V.COMPLETE_PICK): F.PICKED,
    (F.PICKING, V.SHORT_PICK): F.PICKING,
    (F.PICKING, V.EMPTY): F.CANCELLED,
    (F.PICKED, V.STAGE): F.READY_FOR_PICKUP,
    (F.PICKED, V.SHIP): F.SHIPPED,
    (F.READY_FOR_PICKUP, V.HAND_OVER): F.HANDED_OVER,
    (F.READY_FOR_PICKUP, V.NO_SHOW): F.NO_SHOW,
    (F.NO_SHOW, V.RESTOCK): F.RESTOCKED,
    (F.CANCELLED, V.RESTOCK): F.CANCELLED,
    (F.ALLOCATED, V.CANCEL): F.CANCELLED,
    (F.PICKING, V.CANCEL): F.CANCELLED,
    (F.PICKED, V.CANCEL): F.CANCELLED,
    (F.READY_FOR_PICKUP, V.CANCEL): F.CANCELLED,
}
T, W = PickTaskState, PickTaskVerb
PICK_TASK = {
    (T.OPEN, W.CLAIM): T.CLAIMED,
    (T.CLAIMED, W.CONFIRM): T.CLAIMED,
    (T.CLAIMED, W.SHORT_PICK): T.CLAIMED,
    (T.CLAIMED, W.FINISH): T.DONE,
    (T.OPEN, W.WITHDRAW): T.WITHDRAWN,
    (T.CLAIMED, W.WITHDRAW): T.WITHDRAWN,
}
S, U = OrderState, OrderVerb
ORDER = {
    (S.PENDING, U.ALLOCATE): S.CONFIRMED,
    (S.CONFIRMED, U.CANCEL): S.CANCELLED,
    (S.IN_FULFILLMENT, U.CANCEL): S.CANCELLED,
    (S.READY, U.CANCEL): S.CANCELLED,
    (S.READY, U.HAND_OVER): S.COMPLETED,
    (S.IN_FULFILLMENT, U.HAND_OVER): S.IN_FULFILLMENT,
    (S.CONFIRMED, U.MOVE): S.CONFIRMED,
}


@pytest.mark.parametrize(("state", "verb"), list(product(F, V)))
def test_a_fulfillment_order_moves_only_by_the_verbs_of_its_state(
    state: FulfillmentState, verb: FulfillmentVerb
) -> None:
    if (state, verb) in FULFILLMENT:
        assert FULFILLMENT_MACHINE.step(state, verb).target is FULFILLMENT[state, verb]
    else:
        with pytest.raises(WrongState) as refused:
            FULFILLMENT_MACHINE.step(state, verb)
        assert refused.value.metadata == {"state": state.value, "verb": verb.value}


@pytest.mark.parametrize(("state", "verb"), list(product(T, W)))
def test_a_pick_task_moves_only_by_the_verbs_of_its_state(
    state: PickTaskState, verb: PickTaskVerb
) -> None:
    if (state, verb) in PICK_TASK:
        assert PICK_TASK_MACHINE.step(state, verb).target is PICK_TASK[state, verb]
    else:
        with pytest.raises(WrongState):
            PICK_TASK_MACHINE.step(state, verb)


@pytest.mark.parametrize(("state", "verb"), list(product(S, U)))
def test_an_order_accepts_only_the_verbs_of_its_state(state: OrderState, verb: OrderVerb) -> None:
    if (state, verb) in ORDER:
        assert ORDER_MACHINE.step(state, verb).target is ORDER[state, verb]
    else:
        with pytest.raises(WrongState):
            ORDER_MACHINE.step(state, verb)


def test_states_that_have_ended_never_come_back_to_life() -> None:
    for transition in FULFILLMENT_MACHINE.transitions:
        assert transition.source not in ENDED or transition.target in ENDED


def group(number: int, state: FulfillmentState, method: Method) -> FulfillmentOrder:
    return FulfillmentOrder(
        f"o/{number}", "o", "n", method, state, (), (), 0, 0, "00000000-0000-0000-0000-000000000000"
    )


def order_of(*groups: tuple[FulfillmentState, Method], cancelled: bool = False) -> Order:
    return Order(
        order_id="o",
        tenant="default",
        state=S.PENDING,
        method=Method.PICKUP,
        place=Place(0, 0),
        lines=(),
        currency="USD",
        create_time_ms=0,
        promise_time_ms=0,
        consent=Consent(),
        body_digest="",
        fulfillment_orders=tuple(
            group(number, state, method) for number, (state, method) in enumerate(groups, 1)
        ),
        sourcings=(Sourcing(1, "", CostBreakdown()),),
        cancelled=cancelled,
    )


PICKUP, SHIP = Method.PICKUP, Method.SHIP
DERIVED = [
    ((), False, S.UNFILLED),
    (((F.ALLOCATED, PICKUP),), False, S.CONFIRMED),
    (((F.PICKING, PICKUP),), False, S.IN_FULFILLMENT),
    (((F.PICKED, PICKUP),), False, S.IN_FULFILLMENT),
    (((F.READY_FOR_PICKUP, PICKUP),), False, S.READY),
    (((F.HANDED_OVER, PICKUP),), False, S.COMPLETED),
    (((F.SHIPPED, SHIP),), False, S.COMPLETED),
    (((F.NO_SHOW, PICKUP),), False, S.EXPIRED),
    (((F.RESTOCKED, PICKUP),), False, S.EXPIRED),
    (((F.CANCELLED, PICKUP),), True, S.CANCELLED),
    (((F.CANCELLED, PICKUP),), False, S.UNFILLED),
    (((F.READY_FOR_PICKUP, PICKUP), (F.PICKING, SHIP)), False, S.READY),
    (((F.READY_FOR_PICKUP, PICKUP), (F.SHIPPED, SHIP)), False, S.READY),
    (((F.HANDED_OVER, PICKUP), (F.ALLOCATED, SHIP)), False, S.IN_FULFILLMENT),
    (((F.ALLOCATED, PICKUP), (F.SHIPPED, SHIP)), False, S.IN_FULFILLMENT),
    (((F.ALLOCATED, PICKUP), (F.CANCELLED, SHIP)), False, S.CONFIRMED),
    (((F.HANDED_OVER, PICKUP), (F.SHIPPED, SHIP)), False, S.COMPLETED),
    (((F.SHIPPED, SHIP), (F.CANCELLED, PICKUP)), True, S.COMPLETED),
    (((F.SHIPPED, SHIP), (F.NO_SHOW, PICKUP)), False, S.EXPIRED),
]


@pytest.mark.parametrize(("groups", "cancelled", "expected"), DERIVED)
def test_the_state_of_an_order_follows_from_its_groups(
    groups: tuple[tuple[FulfillmentState, Method], ...], cancelled: bool, expected: OrderState
) -> None:
    assert derived_state(order_of(*groups, cancelled=cancelled)) is expected


@pytest.mark.parametrize("states", list(product(F, F)))
def test_an_order_is_final_exactly_when_all_its_groups_have_ended(
    states: tuple[FulfillmentState, ...],
) -> None:
    order = order_of(*((state, PICKUP) for state in states))
    assert (derived_state(order) in FINAL) == all(state in ENDED for state in states)


def test_an_order_that_was_never_sourced_is_pending() -> None:
    assert derived_state(replace(order_of(), sourcings=())) is S.PENDING
