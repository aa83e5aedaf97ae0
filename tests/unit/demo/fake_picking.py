"""The fake service's state, and its picking and pickup rpcs."""

# ruff: noqa: N802 (methods have the names of their rpcs)
from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import grpc

from bopis.v1 import order_service_pb2, pick_service_pb2, pickup_service_pb2

Order = order_service_pb2.Order
Group = order_service_pb2.FulfillmentOrder
Task = pick_service_pb2.PickTask
CODE = "123456"
HOUR = 3600


class State:
    def __init__(self, folder: Path, origin_s: float) -> None:
        self.folder = folder
        self.stores: dict[str, bytes] = {}
        self.on_hand: Counter[tuple[str, str]] = Counter()
        self.unavailable: Counter[tuple[str, str]] = Counter()
        self.promised: Counter[tuple[str, str]] = Counter()
        self.orders: dict[str, bytes] = {}
        self.tasks: dict[str, bytes] = {}
        self.changes: list[tuple[str, str]] = []
        self.sales: set[str] = set()
        self.answers: dict[str, bytes] = {}
        self.expiries: dict[str, float] = {}
        self.sim_s = origin_s

    def digest(self) -> str:
        return hashlib.sha256(repr(sorted(self.on_hand.items())).encode()).hexdigest()


class Picking:
    """What happens in the stores; `Service` adds the rest."""

    state: State
    orders: dict[str, Order]
    tasks: dict[str, Task]
    changed: asyncio.Event

    refuse: Any
    touch: Any
    tell: Any
    settle: Any
    allocate: Any
    open_tasks: Any
    task_of: Any
    now: Any

    # Picking -------------------------------------------------------------------------------------

    async def WatchPickTasks(self, request: Any, context: Any) -> Any:
        position = int(request.resume_token or 0)
        while True:
            changed = self.changed
            while position < len(self.state.changes):
                node_id, task_id = self.state.changes[position]
                position += 1
                if node_id == request.node_id:
                    yield pick_service_pb2.WatchPickTasksResponse(
                        task=self.tasks[task_id], resume_token=str(position)
                    )
            await changed.wait()

    async def ClaimPickTask(self, request: Any, context: Any) -> Any:
        task = self.tasks[request.pick_task_id]
        if task.state != Task.STATE_OPEN:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        task.state = Task.STATE_CLAIMED
        self.touch(task)
        return pick_service_pb2.ClaimPickTaskResponse(pick_task=task)

    def find(self, group_id: str) -> tuple[Order, Group]:
        order = self.orders[group_id.rsplit("/", 1)[0]]
        group = next(g for g in order.fulfillment_orders if g.fulfillment_order_id == group_id)
        return order, group

    async def ConfirmPick(self, request: Any, context: Any) -> Any:
        task = self.tasks[request.pick_task_id]
        if task.state != Task.STATE_CLAIMED:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        order, group = self.find(task.fulfillment_order_id)
        numbers = {line.line_number for line in request.lines}
        for line in task.lines:
            if line.line_number in numbers:
                line.done, line.picked_quantity = True, line.quantity
        self.finish(order, group, task)
        return pick_service_pb2.ConfirmPickResponse(
            pick_task=task, fulfillment_order_state=group.state
        )

    def finish(self, order: Order, group: Group, task: Task) -> None:
        if all(line.done for line in task.lines):
            task.state = Task.STATE_DONE
            if task.kind == Task.KIND_RESTOCK:
                if group.state == Group.STATE_NO_SHOW:
                    for line in group.lines:
                        self.state.promised[group.node_id, line.sku] -= line.quantity
                    group.state = Group.STATE_RESTOCKED
            else:
                group.state = Group.STATE_PICKED if group.lines else Group.STATE_CANCELLED
            if order.state != Order.STATE_CANCELLED:
                self.settle(order)
        self.touch(task)

    async def ReportShortPick(self, request: Any, context: Any) -> Any:
        task = self.tasks[request.pick_task_id]
        if task.state != Task.STATE_CLAIMED:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        order, group = self.find(task.fulfillment_order_id)
        line = next(x for x in task.lines if x.line_number == request.line_number)
        cell = (task.node_id, line.sku)
        missing = line.quantity - request.found_quantity
        if request.reason == 1:
            staged = sum(
                x.quantity
                for o in self.orders.values()
                for g in o.fulfillment_orders
                if g.node_id == task.node_id
                for x in g.lines
                if x.sku == line.sku and self.in_tote(g, x.line_number)
            )
            self.state.on_hand[cell] = request.found_quantity + staged
        elif request.reason == 2:
            self.state.on_hand[cell] -= missing
        elif request.reason in (3, 4):
            self.state.unavailable[cell] += missing
        self.state.promised[cell] -= line.quantity
        line.done = True
        kept = [x for x in group.lines if x.line_number != line.line_number]
        del group.lines[:]
        group.lines.extend(kept)
        self.finish(order, group, task)
        asked = [x for x in order.lines if x.line_number == line.line_number]
        self.allocate(order, asked, without=task.node_id)
        self.open_tasks(order)
        self.settle(order)
        return pick_service_pb2.ReportShortPickResponse(pick_task=task, order=order)

    def in_tote(self, group: Group, number: int) -> bool:
        if group.state in (Group.STATE_HANDED_OVER, Group.STATE_SHIPPED, Group.STATE_RESTOCKED):
            return False
        restock = self.tasks.get(f"{group.fulfillment_order_id}/restock")
        if group.state == Group.STATE_CANCELLED and (
            restock is None or restock.state == Task.STATE_DONE
        ):
            return False
        pick = self.tasks[f"{group.fulfillment_order_id}/pick"]
        return any(x.line_number == number and x.picked_quantity for x in pick.lines)

    async def StageOrder(self, request: Any, context: Any) -> Any:
        _, group = self.find(request.fulfillment_order_id)
        if group.state != Group.STATE_PICKED:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        group.state = Group.STATE_READY_FOR_PICKUP
        self.state.expiries[group.fulfillment_order_id] = self.now() + 72 * HOUR
        self.tell("READY", group)
        return pick_service_pb2.StageOrderResponse(fulfillment_order=group)

    def leave(self, order: Order, group: Group, state: Any) -> None:
        group.state = state
        for line in group.lines:
            self.state.promised[group.node_id, line.sku] -= line.quantity
            self.state.on_hand[group.node_id, line.sku] -= line.quantity
        self.settle(order)

    async def ConfirmShipment(self, request: Any, context: Any) -> Any:
        order, group = self.find(request.fulfillment_order_id)
        if group.state != Group.STATE_PICKED:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        self.leave(order, group, Group.STATE_SHIPPED)
        return pick_service_pb2.ConfirmShipmentResponse(fulfillment_order=group)

    async def HandOver(self, request: Any, context: Any) -> Any:
        order = self.orders[request.order_id]
        if request.pickup_code != CODE:
            await self.refuse(context, grpc.StatusCode.PERMISSION_DENIED, "PICKUP_CODE_WRONG")
        ready = [
            g
            for g in order.fulfillment_orders
            if g.node_id == request.node_id and g.state == Group.STATE_READY_FOR_PICKUP
        ]
        if not ready:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        self.leave(order, ready[0], Group.STATE_HANDED_OVER)
        return pickup_service_pb2.HandOverResponse(order=order)

    async def expire(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            for group_id, due in list(self.state.expiries.items()):
                if due > self.now():
                    continue
                del self.state.expiries[group_id]
                _, group = self.find(group_id)
                if group.state == Group.STATE_READY_FOR_PICKUP:
                    group.state = Group.STATE_NO_SHOW
                    self.touch(self.task_of(group, "restock", Task.KIND_RESTOCK))
