"""Finding the task, the fulfillment order and the order that a verb of the store concerns."""

from dataclasses import dataclass
from typing import Any

from bopis.domain.errors import FulfillmentOrderNotFound, PickTaskNotFound
from bopis.domain.fulfillment import FulfillmentOrder, FulfillmentState
from bopis.domain.ids import fulfillment_id_of_task, order_id_of_fulfillment
from bopis.domain.order import Order
from bopis.domain.pick_task import PickTask
from bopis.service.acts import Work
from bopis.service.dependencies import Dependencies


@dataclass(frozen=True, slots=True)
class TaskInHand:
    """A task with its fulfillment order and order, as they stand."""

    task: PickTask
    group: FulfillmentOrder
    order: Order


def order_id_of_task(pick_task_id: str) -> str:
    """The order of a task. Raises PickTaskNotFound if the id has not the form of one."""
    order_id = order_id_of_fulfillment(fulfillment_id_of_task(pick_task_id))
    if not order_id:
        raise PickTaskNotFound(f"no pick task {pick_task_id}")
    return order_id


def order_id_of_group(fulfillment_order_id: str) -> str:
    """The order of a fulfillment order. Raises FulfillmentOrderNotFound for no such form."""
    order_id = order_id_of_fulfillment(fulfillment_order_id)
    if not order_id:
        raise FulfillmentOrderNotFound(f"no fulfillment order {fulfillment_order_id}")
    return order_id


async def task_in_hand(deps: Dependencies, pick_task_id: str, *, tenant: str) -> TaskInHand:
    """The task and what it belongs to. Raises PickTaskNotFound, also for another tenant's."""
    task = await deps.store.pick_task(pick_task_id)
    order = None if task is None else await deps.store.order(task.order_id)
    if task is None or order is None or order.tenant != tenant:
        raise PickTaskNotFound(f"no pick task {pick_task_id}")
    group = order.group(task.fulfillment_order_id)
    if group is None:
        # The order was moved elsewhere: the task is withdrawn and its group is gone.
        group = _gone(task)
    return TaskInHand(task, group, order)


def _gone(task: PickTask) -> FulfillmentOrder:
    return FulfillmentOrder(
        fulfillment_order_id=task.fulfillment_order_id,
        order_id=task.order_id,
        node_id=task.node_id,
        method=task.method,
        state=FulfillmentState.CANCELLED,
        lines=(),
        labor=(),
        window_start_ms=task.window_start_ms,
        ready_by_ms=task.ready_by_ms,
        reservation_id="",
    )


async def group_in_hand(
    work: Work[Any], fulfillment_order_id: str
) -> tuple[FulfillmentOrder, Order]:
    """A fulfillment order and its order. Raises FulfillmentOrderNotFound."""
    order = await work.deps.store.order(work.order_id)
    group = None if order is None else order.group(fulfillment_order_id)
    if order is None or group is None or order.tenant != work.command.tenant:
        raise FulfillmentOrderNotFound(f"no fulfillment order {fulfillment_order_id}")
    return group, order
