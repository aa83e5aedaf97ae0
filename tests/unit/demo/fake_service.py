"""A naive stand-in for the service, to try the demo's clients without the native module.

One process, dictionaries, each order to the first node that has a line; it keeps its state across
restarts in a pickle. It is played as `fake_service.py serve ...` and `fake_service.py verify ...`.
With FAKE_OVERSELL=1 it promises without looking at stock.
"""

# ruff: noqa: N802, S301 (methods have the names of their rpcs; the pickle is its own)
from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from fake_picking import CODE, HOUR, Group, Order, Picking, State, Task
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.rpc import error_details_pb2, status_pb2

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
    pick_service_pb2_grpc,
    pickup_service_pb2_grpc,
    stock_service_pb2,
    stock_service_pb2_grpc,
    store_service_pb2,
    store_service_pb2_grpc,
)

OVERSELL = os.environ.get("FAKE_OVERSELL") == "1"


class Service(Picking):
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
            task = self.tasks.get(f"{group.fulfillment_order_id}/pick")
            if group.node_id == node_id and task is None:
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
        return order_service_pb2.ListOrdersResponse(orders=found[start:end], next_page_token=token)

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
    main(sys.argv[1:])
