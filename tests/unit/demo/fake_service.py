"""A naive stand-in for the service, to try the demo's clients without the native module.

One process, dictionaries, each order to the first node that has a line; it keeps its state across
restarts in a pickle. It is played as `fake_service.py serve ...` and `fake_service.py verify ...`.
With FAKE_OVERSELL=1 it promises without looking at stock.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import signal
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from bopis.v1 import (
    allocation_service_pb2,
    allocation_service_pb2_grpc,
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    common_pb2,
    inventory_service_pb2,
    inventory_service_pb2_grpc,
    order_service_pb2,
    order_service_pb2_grpc,
    pick_service_pb2,
    pick_service_pb2_grpc,
    pickup_service_pb2,
    pickup_service_pb2_grpc,
    stock_service_pb2,
    stock_service_pb2_grpc,
    store_service_pb2,
    store_service_pb2_grpc,
)
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.rpc import error_details_pb2, status_pb2

Order = order_service_pb2.Order
Group = order_service_pb2.FulfillmentOrder
Task = pick_service_pb2.PickTask
OVERSELL = os.environ.get("FAKE_OVERSELL") == "1"
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


class Service:
    def __init__(self, state: State, scale: float) -> None:
        self.state = state
        self.scale = scale
        self.anchor = (state.sim_s, time.monotonic())
        self.orders = {k: Order.FromString(v) for k, v in state.orders.items()}
        self.tasks = {k: Task.FromString(v) for k, v in state.tasks.items()}
        self.changed = asyncio.Event()

    def now(self) -> float:
        return self.anchor[0] + (time.monotonic() - self.anchor[1]) * self.scale

    def save(self) -> None:
        self.state.sim_s = self.now()
        self.state.orders = {k: v.SerializeToString() for k, v in self.orders.items()}
        self.state.tasks = {k: v.SerializeToString() for k, v in self.tasks.items()}
        (self.state.folder / "state.pickle").write_bytes(pickle.dumps(self.state))
        drained = json.dumps({"state_hash": self.state.digest()})
        (self.state.folder / "drained.json").write_text(drained)

    def touch(self, task: Task) -> None:
        self.tasks[task.pick_task_id] = task
        self.state.changes.append((task.node_id, task.pick_task_id))
        self.changed.set()
        self.changed = asyncio.Event()

    def tell(self, kind: str, group: Group) -> None:
        with (self.state.folder / "notifications.jsonl").open("a") as sink:
            message = {
                "kind": kind,
                "order_id": group.order_id,
                "fulfillment_order_id": group.fulfillment_order_id,
                "node_id": group.node_id,
                "pickup_code": CODE if kind == "READY" else "",
            }
            sink.write(json.dumps(message) + "\n")

    async def refuse(self, context: Any, code: grpc.StatusCode, reason: str) -> None:
        info = error_details_pb2.ErrorInfo(reason=reason, domain="bopis")
        status = status_pb2.Status(code=code.value[0], message=reason)
        status.details.add().Pack(info)
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(code, reason, metadata)

    # Network, catalog, stock ---------------------------------------------------------------------

    async def ImportStores(self, requests: Any, context: Any) -> Any:
        async for request in requests:
            for store in request.stores:
                self.state.stores[store.node_id] = store.SerializeToString()
        return store_service_pb2.ImportStoresResponse(imported_count=len(self.state.stores))

    async def ListStores(self, request: Any, context: Any) -> Any:
        return store_service_pb2.ListStoresResponse()

    async def ImportItems(self, requests: Any, context: Any) -> Any:
        count = 0
        async for request in requests:
            count += len(request.items)
        return catalog_service_pb2.ImportItemsResponse(imported_count=count)

    async def ImportStock(self, requests: Any, context: Any) -> Any:
        count = 0
        async for request in requests:
            for level in request.levels:
                self.state.on_hand[level.node_id, level.sku] = level.on_hand
                count += 1
        return stock_service_pb2.ImportStockResponse(imported_count=count)

    async def RecordSales(self, request: Any, context: Any) -> Any:
        outcomes = []
        for sale in request.sales:
            if sale.source_id in self.state.sales:
                outcomes.append(stock_service_pb2.RecordSalesResponse.Outcome(duplicate=True))
                continue
            self.state.sales.add(sale.source_id)
            cell = (sale.node_id, sale.sku)
            self.state.on_hand[cell] -= sale.quantity
            deficit = max(0, self.state.promised[cell] - self.state.on_hand[cell])
            outcomes.append(
                stock_service_pb2.RecordSalesResponse.Outcome(recorded_deficit_quantity=deficit)
            )
        return stock_service_pb2.RecordSalesResponse(outcomes=outcomes)

    async def GetAvailability(self, request: Any, context: Any) -> Any:
        answer = inventory_service_pb2.GetAvailabilityResponse()
        answer.as_of_time.FromNanoseconds(int(self.now() * 1e9))
        return answer

    async def BatchGetAvailability(self, request: Any, context: Any) -> Any:
        for node_id in request.node_ids:
            cells = [
                inventory_service_pb2.Availability(
                    node_id=node_id,
                    sku=sku,
                    on_hand=self.state.on_hand[node_id, sku],
                    committed=self.state.promised[node_id, sku],
                )
                for sku in request.skus
            ]
            yield inventory_service_pb2.BatchGetAvailabilityResponse(availabilities=cells)

    # Orders --------------------------------------------------------------------------------------

    def free(self, cell: tuple[str, str]) -> int:
        taken = self.state.unavailable[cell] + self.state.promised[cell]
        return self.state.on_hand[cell] - taken

    def allocate(self, order: Order, lines: list[Any], *, without: str = "") -> None:
        for line in lines:
            for node_id in sorted(self.state.stores):
                cell = (node_id, line.sku)
                here = self.state.on_hand[cell] > 0 if OVERSELL else True
                if node_id == without or not here:
                    continue
                if not OVERSELL and self.free(cell) < line.quantity:
                    continue
                self.state.promised[cell] += line.quantity
                self.group(order, node_id).lines.add(
                    line_number=line.line_number, sku=line.sku, quantity=line.quantity
                )
                break
            else:
                order.unfilled_lines.add(line_number=line.line_number, reason=1)

    def group(self, order: Order, node_id: str) -> Group:
        for group in order.fulfillment_orders:
            if group.node_id == node_id and group.state == Group.STATE_ALLOCATED:
                return group
        store = store_service_pb2.Store.FromString(self.state.stores[node_id])
        pickup = order.method == common_pb2.FULFILLMENT_METHOD_PICKUP and store.kind <= 2
        start = -(-int(self.now()) // HOUR) * HOUR
        group = order.fulfillment_orders.add(
            fulfillment_order_id=f"{order.order_id}/{len(order.fulfillment_orders) + 1}",
            order_id=order.order_id,
            node_id=node_id,
            method=1 if pickup else 2,
            state=Group.STATE_ALLOCATED,
        )
        group.window_start_time.seconds = start
        group.ready_by_time.seconds = start + HOUR
        return group

    def open_tasks(self, order: Order) -> None:
        for group in order.fulfillment_orders:
            task_id = f"{group.fulfillment_order_id}/pick"
            if group.state == Group.STATE_ALLOCATED and task_id not in self.tasks:
                self.touch(self.task_of(group, "pick", Task.KIND_PICK))

    def task_of(self, group: Group, suffix: str, kind: Any) -> Task:
        task = Task(
            pick_task_id=f"{group.fulfillment_order_id}/{suffix}",
            fulfillment_order_id=group.fulfillment_order_id,
            order_id=group.order_id,
            node_id=group.node_id,
            kind=kind,
            method=group.method,
            state=Task.STATE_OPEN,
        )
        task.ready_by_time.CopyFrom(group.ready_by_time)
        for line in group.lines:
            task.lines.add(line_number=line.line_number, sku=line.sku, quantity=line.quantity)
        return task

    def settle(self, order: Order) -> None:
        states = {g.state for g in order.fulfillment_orders if g.lines}
        done = {Group.STATE_HANDED_OVER, Group.STATE_SHIPPED}
        if not states or states <= {Group.STATE_CANCELLED}:
            cancelled = order.state == Order.STATE_CANCELLED
            order.state = Order.STATE_CANCELLED if cancelled else Order.STATE_UNFILLED
        elif Group.STATE_RESTOCKED in states:
            order.state = Order.STATE_EXPIRED
        elif states - {Group.STATE_CANCELLED} <= done:
            order.state = Order.STATE_COMPLETED
        else:
            order.state = Order.STATE_CONFIRMED

    async def CreateOrder(self, request: Any, context: Any) -> Any:
        order = Order(order_id=request.order_id, method=request.method, lines=request.lines)
        order.create_time.FromNanoseconds(int(self.now() * 1e9))
        asked = request.ready_within.seconds or 4 * HOUR
        promise = order.create_time.seconds + (order.create_time.nanos > 0) + asked
        order.promise_time.seconds = -(-promise // HOUR) * HOUR
        self.orders[order.order_id] = order
        self.allocate(order, list(order.lines))
        self.open_tasks(order)
        self.settle(order)
        return order_service_pb2.CreateOrderResponse(order=order)

    async def ListOrders(self, request: Any, context: Any) -> Any:
        found = [o for o in self.orders.values() if request.state in (0, o.state)]
        start = int(request.page_token or 0)
        end = start + request.page_size
        token = str(end) if end < len(found) else ""
        return order_service_pb2.ListOrdersResponse(
            orders=found[start:end], next_page_token=token
        )

    async def CancelOrder(self, request: Any, context: Any) -> Any:
        order = self.orders[request.order_id]
        if order.state != Order.STATE_CONFIRMED:
            await self.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        for group in order.fulfillment_orders:
            if group.state in (Group.STATE_HANDED_OVER, Group.STATE_SHIPPED):
                continue
            task = self.tasks[f"{group.fulfillment_order_id}/pick"]
            for line in group.lines:
                self.state.promised[group.node_id, line.sku] -= line.quantity
            if task.state != Task.STATE_DONE:
                task.state = Task.STATE_WITHDRAWN
                self.touch(task)
            elif group.lines:
                self.touch(self.task_of(group, "restock", Task.KIND_RESTOCK))
            group.state = Group.STATE_CANCELLED
        order.state = Order.STATE_CANCELLED
        return order_service_pb2.CancelOrderResponse(order=order)

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
        order, group = self.find(request.fulfillment_order_id)
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

    async def Reallocate(self, request: Any, context: Any) -> Any:
        return operations_pb2.Operation(name="operations/1")

    async def GetOperation(self, request: Any, context: Any) -> Any:
        operation = operations_pb2.Operation(name=request.name, done=True)
        operation.response.Pack(
            allocation_service_pb2.ReallocateResponse(considered_count=1, moved_count=0)
        )
        return operation


async def serve(folder: Path, *, port: int, origin_s: float, scale: float) -> None:
    path = folder / "state.pickle"
    state = pickle.loads(path.read_bytes()) if path.exists() else State(folder, origin_s)
    service = Service(state, scale)
    server = grpc.aio.server()
    for add in (
        allocation_service_pb2_grpc.add_AllocationServiceServicer_to_server,
        catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server,
        inventory_service_pb2_grpc.add_InventoryServiceServicer_to_server,
        order_service_pb2_grpc.add_OrderServiceServicer_to_server,
        pick_service_pb2_grpc.add_PickServiceServicer_to_server,
        pickup_service_pb2_grpc.add_PickupServiceServicer_to_server,
        stock_service_pb2_grpc.add_StockServiceServicer_to_server,
        store_service_pb2_grpc.add_StoreServiceServicer_to_server,
        operations_pb2_grpc.add_OperationsServicer_to_server,
    ):
        add(Missing(service), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    expiring = asyncio.create_task(service.expire())
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    expiring.cancel()
    await server.stop(0.2)
    service.save()


class Missing:
    """Answers with the fake's methods; what it lacks is None, which gRPC calls UNIMPLEMENTED."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name, None)


def main(arguments: list[str]) -> None:
    if arguments[0] == "verify":
        state: State = pickle.loads((Path(arguments[1]) / "state.pickle").read_bytes())
        print(json.dumps({"state_hash": state.digest()}))
        return
    options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    origin = datetime.fromisoformat(options["--time-origin"]).timestamp()
    asyncio.run(
        serve(
            Path(options["--data"]),
            port=int(options["--port"]),
            origin_s=origin,
            scale=float(options["--time-scale"]),
        )
    )


if __name__ == "__main__":
    sys.modules["fake_service"] = sys.modules["__main__"]
    State.__module__ = "fake_service"
    main(sys.argv[1:])
