"""An associate team at one node: claims tasks, picks what is there, stages, ships, restocks."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc

from bopis.demo.client_process import Client
from bopis.demo.disturbances import Disturbances, ShortPick
from bopis.demo.shelf import Shelves
from bopis.demo.tills import Tills
from bopis.demo.wire import Answer, CallError, promised_lines, request_id
from bopis.scenario.model import Node
from bopis.v1 import common_pb2, order_service_pb2, pick_service_pb2, pick_service_pb2_grpc

_Task = pick_service_pb2.PickTask
_Group = order_service_pb2.FulfillmentOrder
_Reasons = pick_service_pb2.ReportShortPickRequest.Reason
DAMAGE = frozenset({"DAMAGED", "WORN_DISPLAY"})


@dataclass(slots=True)
class Associates:
    """The team of one node. Its reports go out one task at a time (`turn`)."""

    client: Client
    node: Node
    shelves: Shelves
    tills: Tills
    disturbances: Disturbances
    stub: pick_service_pb2_grpc.PickServiceAsyncStub
    attempts: Counter[tuple[str, int]]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    claims: Counter[str] = field(default_factory=Counter)

    async def claim(self, task: pick_service_pb2.PickTask) -> pick_service_pb2.PickTask | None:
        """Takes the task; None if it is not to be had any more."""
        self.claims[task.pick_task_id] += 1
        request = pick_service_pb2.ClaimPickTaskRequest(
            request_id=self._id("claim", task.pick_task_id, self.claims[task.pick_task_id]),
            pick_task_id=task.pick_task_id,
            associate_id=f"team-{self.node.node_id}"[:64].rstrip(),
        )
        answer = await self._try(self.stub.ClaimPickTask, request)
        return None if answer is None else answer.response.pick_task

    async def finish(self, task: pick_service_pb2.PickTask) -> None:
        """The work on a claimed task is done: report it."""
        try:
            await self._report(task)
        finally:
            self.client.counts["in_hand"] -= 1

    async def _report(self, task: pick_service_pb2.PickTask) -> None:
        async with self.turn:
            if task.kind == _Task.KIND_RESTOCK:
                await self._restock(task)
                return
            picked = await self._pick(task)
        if picked:
            if task.method == common_pb2.FULFILLMENT_METHOD_PICKUP:
                await self._stage(task)
            else:
                await self._ship(task)

    async def _pick(self, task: pick_service_pb2.PickTask) -> bool:
        """Takes the lines from the shelf and reports; whether the group is PICKED then."""
        group = task.fulfillment_order_id
        whole: list[_Task.Line] = []
        short: list[tuple[_Task.Line, ShortPick]] = []
        for line in task.lines:
            if line.done:
                continue
            found = self._take(task, line)
            if found is None:
                whole.append(line)
            else:
                short.append((line, found))
        counts_shelf = any(found.reason == "NOT_IN_STOCK" for _, found in short)
        if counts_shelf:
            self.tills.hold(self.node.node_id)
            await self.tills.settle(self.node.node_id)
        try:
            state = _Group.STATE_UNSPECIFIED
            if whole:
                confirmed = await self._confirm(task, whole)
                if confirmed is None:
                    self._undo(group, whole, short)
                    return False
                state = confirmed.response.fulfillment_order_state
                self.client.counts["picked_lines"] += len(whole)
            for line, found in short:
                state = await self._report_short(task, line, found) or state
        finally:
            if counts_shelf:
                self.tills.reopen(self.node.node_id)
        return state == _Group.STATE_PICKED

    def _take(
        self, task: pick_service_pb2.PickTask, line: pick_service_pb2.PickTask.Line
    ) -> ShortPick | None:
        node_id, key = self.node.node_id, (task.order_id, line.line_number)
        self.attempts[key] += 1
        found = self.disturbances.short_here(
            *key,
            attempt=self.attempts[key],
            asked=line.quantity,
            there=self.shelves.there(node_id, line.sku),
        )
        if found is None:
            self.shelves.pick(
                task.fulfillment_order_id,
                line.line_number,
                node_id=node_id,
                sku=line.sku,
                quantity=line.quantity,
            )
        elif found.lost:
            damaged = found.reason in DAMAGE
            self.shelves.lose(node_id, line.sku, found.lost, damaged=damaged)
        return found

    def _undo(
        self,
        group: str,
        whole: list[pick_service_pb2.PickTask.Line],
        short: list[tuple[pick_service_pb2.PickTask.Line, ShortPick]],
    ) -> None:
        """The task was withdrawn meanwhile: everything back, and what was lost is found again."""
        for line in whole:
            self.shelves.put_back(group, line.line_number)
        for line, found in short:
            if found.lost:
                self.shelves.find(
                    self.node.node_id, line.sku, found.lost, damaged=found.reason in DAMAGE
                )
        self.client.counts["picks_withdrawn"] += 1

    async def _confirm(
        self, task: pick_service_pb2.PickTask, lines: list[pick_service_pb2.PickTask.Line]
    ) -> Answer[Any] | None:
        numbers = "-".join(str(line.line_number) for line in lines)
        wire = [
            pick_service_pb2.ConfirmPickRequest.Line(
                line_number=line.line_number, picked_quantity=line.quantity
            )
            for line in lines
        ]

        def request(turn: int) -> pick_service_pb2.ConfirmPickRequest:
            return pick_service_pb2.ConfirmPickRequest(
                request_id=self._id("confirm", task.pick_task_id, numbers, turn),
                pick_task_id=task.pick_task_id,
                lines=wire,
            )

        answer = await self._try(self.stub.ConfirmPick, request(0))
        if answer is None and await self.claim(task) is not None:
            self.client.counts["reclaimed"] += 1
            answer = await self._try(self.stub.ConfirmPick, request(1))
        return answer

    async def _report_short(
        self,
        task: pick_service_pb2.PickTask,
        line: pick_service_pb2.PickTask.Line,
        found: ShortPick,
    ) -> _Group.State.ValueType | None:
        request = pick_service_pb2.ReportShortPickRequest(
            request_id=self._id(
                "short", task.pick_task_id, line.line_number, self.claims[task.pick_task_id]
            ),
            pick_task_id=task.pick_task_id,
            line_number=line.line_number,
            found_quantity=found.found,
            reason=_Reasons.Value(f"REASON_{found.reason}"),
        )
        answer = await self._try(self.stub.ReportShortPick, request)
        counts, log = self.client.counts, self.client.log
        if answer is None:
            self._undo(task.fulfillment_order_id, [], [(line, found)])
            return None
        counts["short_picks"] += 1
        counts["short_picks_seeded"] += found.seeded
        order: order_service_pb2.Order = answer.response.order
        log.write(
            "promise",
            answer.sent,
            answer.acknowledged,
            order_id=task.order_id,
            lines=promised_lines(order),
        )
        if found.lost:
            counts["lost_units"] += found.lost
            log.write(
                "loss",
                answer.sent,
                answer.acknowledged,
                node_id=self.node.node_id,
                sku=line.sku,
                quantity=found.lost,
                reason=found.reason,
            )
        for group in order.fulfillment_orders:
            if group.fulfillment_order_id == task.fulfillment_order_id:
                return group.state
        return None

    async def _stage(self, task: pick_service_pb2.PickTask) -> None:
        group = task.fulfillment_order_id
        request = pick_service_pb2.StageOrderRequest(
            request_id=self._id("stage", group),
            fulfillment_order_id=group,
            staging_location=f"shelf-{len(self.shelves.tote(group)) % 10}",
        )
        answer = await self._try(self.stub.StageOrder, request)
        if answer is not None:
            self.client.counts["staged"] += 1
            self._log_ready(task, answer)

    async def _ship(self, task: pick_service_pb2.PickTask) -> None:
        group = task.fulfillment_order_id
        request = pick_service_pb2.ConfirmShipmentRequest(
            request_id=self._id("ship", group), fulfillment_order_id=group, carrier="demo-carrier"
        )
        answer = await self._try(self.stub.ConfirmShipment, request)
        if answer is not None:
            self.client.counts["shipped_groups"] += 1
            self._log_ready(task, answer)
            self.client.log.write(
                "left",
                answer.sent,
                answer.acknowledged,
                order_id=task.order_id,
                lines=self.shelves.send_off(group),
                how="shipped",
            )

    def _log_ready(self, task: pick_service_pb2.PickTask, answer: Answer[Any]) -> None:
        self.client.log.write(
            "ready",
            answer.sent,
            answer.acknowledged,
            order_id=task.order_id,
            numbers=sorted(self.shelves.tote(task.fulfillment_order_id)),
            time_s=self.client.clock.now_s(),
        )

    async def _restock(self, task: pick_service_pb2.PickTask) -> None:
        lines = [line for line in task.lines if not line.done]
        answer = await self._confirm(task, lines) if lines else None
        if answer is None:
            return
        counts = self.client.counts
        counts["restocked"] += 1
        for line in lines:
            if not self.shelves.put_back(task.fulfillment_order_id, line.line_number):
                counts["restock_mismatches"] += 1
        self.client.log.write(
            "release",
            answer.sent,
            answer.acknowledged,
            order_id=task.order_id,
            lines={
                line.line_number: (self.node.node_id, line.sku, line.quantity) for line in lines
            },
        )

    async def _try(self, method: Any, request: Any) -> Answer[Any] | None:
        """Calls; None where the task or group is no longer in the state for it."""
        try:
            return await self.client.caller.call(method, request)
        except CallError as error:
            if error.code is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            self.client.counts["too_late"] += 1
            return None

    def _id(self, *parts: object) -> str:
        return request_id(self.client.config.seed, *parts)
