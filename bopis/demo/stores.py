"""The stores' process: associates at every node work off the pick stream, tills sell beside them.

An associate team takes the open task that must be ready first, works only in open hours, and needs
3600 / pick_lines_per_hour seconds a line. What it finds on the shelf decides: lines that are there
are confirmed, others reported short; then the goods are staged or shipped. Restock tasks put goods
back. Each node has one stream; it is opened again with its resume token when it breaks, and once in
a while it is broken on purpose.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from pathlib import Path
from typing import Any

import grpc.aio

from bopis.demo.client_process import Client, run_client
from bopis.demo.day import load_day
from bopis.demo.disturbances import chance
from bopis.demo.picking import Associates
from bopis.demo.shelf import Shelves
from bopis.demo.tills import Tills
from bopis.scenario.hours import HOUR_S, open_intervals
from bopis.scenario.model import Node
from bopis.v1 import pick_service_pb2, pick_service_pb2_grpc

RECONNECT_PAUSE_S = 0.1
BREAK_SHARE = 0.3
BREAK_EVERY_S = 4 * HOUR_S
DAY_S = 86_400
OUT_OF_WORK_S = 20 * 365 * DAY_S

_Task = pick_service_pb2.PickTask


class NodeWork:
    """One node: its stream, its queue, and the schedule of its associates."""

    def __init__(self, client: Client, node: Node, associates: Associates) -> None:
        self._client = client
        self._node = node
        self._associates = associates
        self._stub = pick_service_pb2_grpc.PickServiceStub(client.caller.channel)
        self._tasks: dict[str, pick_service_pb2.PickTask] = {}
        self._queue: list[tuple[int, str]] = []
        self._queued: set[str] = set()
        self._changed = asyncio.Event()
        self._token = ""
        self._free_s = 0.0

    def start(self) -> None:
        """Opens the stream and sets the associates to work."""
        self._client.spawn(self._watch())
        self._client.spawn(self._work())

    async def _watch(self) -> None:
        first = True
        while True:
            await self._client.clock.running()
            if not first:
                self._client.counts["stream_reconnects"] += 1
            first = False
            request = pick_service_pb2.WatchPickTasksRequest(
                node_id=self._node.node_id, resume_token=self._token
            )
            stream = self._stub.WatchPickTasks(request)
            cut = asyncio.create_task(self._break_on_purpose(stream))
            try:
                async for message in stream:
                    self._take(message)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                    self._token = ""
            except asyncio.CancelledError:
                stream.cancel()
                if self._client.stopping.is_set():
                    raise
            finally:
                cut.cancel()
            await asyncio.sleep(RECONNECT_PAUSE_S)

    async def _break_on_purpose(self, stream: grpc.aio.UnaryStreamCall[Any, Any]) -> None:
        clock = self._client.clock
        key = f"{self._node.node_id}/{self._client.counts['stream_reconnects']}"
        seed = self._client.config.seed
        if chance(seed, "break", key) < BREAK_SHARE:
            delay_s = (0.2 + chance(seed, "break at", key)) * BREAK_EVERY_S
            await clock.sleep_until(clock.now_s() + delay_s)
            self._client.counts["streams_broken"] += 1
            stream.cancel()

    def _take(self, message: pick_service_pb2.WatchPickTasksResponse) -> None:
        event = message.WhichOneof("event")
        if event == "resync":
            self._token = ""
            self._client.counts["stream_resyncs"] += 1
            return
        if message.resume_token:
            self._token = message.resume_token
        if event != "task":
            return
        task = message.task
        self._tasks[task.pick_task_id] = task
        if task.state == _Task.STATE_OPEN and task.pick_task_id not in self._queued:
            self._queued.add(task.pick_task_id)
            self._client.counts["open_tasks"] += 1
            due_s = task.ready_by_time.seconds or OUT_OF_WORK_S
            heapq.heappush(self._queue, (due_s, task.pick_task_id))
            self._changed.set()
        elif task.state in (_Task.STATE_DONE, _Task.STATE_WITHDRAWN):
            del self._tasks[task.pick_task_id]

    async def _work(self) -> None:
        clock = self._client.clock
        await clock.running()
        self._free_s = clock.now_s()
        while True:
            while not self._queue:
                self._changed.clear()
                await self._changed.wait()
                self._free_s = max(self._free_s, clock.now_s())
            await clock.sleep_until(self._next_open_s(self._free_s))
            _, task_id = heapq.heappop(self._queue)
            self._queued.discard(task_id)
            self._client.counts["open_tasks"] -= 1
            task = self._tasks.get(task_id)
            if task is None or task.state != _Task.STATE_OPEN:
                continue
            claimed = await self._associates.claim(task)
            if claimed is None:
                continue
            self._client.counts["in_hand"] += 1
            begin_s = self._next_open_s(self._free_s)
            lines = sum(not line.done for line in claimed.lines)
            self._free_s = begin_s + lines * HOUR_S / self._node.pick_lines_per_hour
            await clock.sleep_until(self._free_s)
            self._client.spawn(self._associates.finish(claimed))

    def _next_open_s(self, from_s: float) -> float:
        start_s = int(from_s)
        for opens_s, closes_s in open_intervals(
            self._node, start_s=start_s, end_s=start_s + 2 * DAY_S
        ):
            if closes_s > from_s:
                return max(from_s, opens_s)
        return from_s


async def _work(client: Client) -> None:
    scenario, disturbances = load_day(
        Path(client.config.scenario),
        orders=client.config.orders,
        seed=client.config.seed,
        reach_m=client.config.reach_m,
    )
    shelves = Shelves(scenario.on_hand)
    tills = Tills(client, shelves, disturbances)
    stub = pick_service_pb2_grpc.PickServiceStub(client.caller.channel)
    attempts: Counter[tuple[str, int]] = Counter()
    for node in scenario.nodes:
        associates = Associates(
            client=client,
            node=node,
            shelves=shelves,
            tills=tills,
            disturbances=disturbances,
            stub=stub,
            attempts=attempts,
        )
        NodeWork(client, node, associates).start()
    client.spawn(tills.run())
    client.closing.append(lambda: _write_shelves(client, shelves))


def _write_shelves(client: Client, shelves: Shelves) -> None:
    """The last entry of the log: what lies where when the day is over."""
    now = client.clock.now_s()
    units = [[node, sku, quantity] for (node, sku), quantity in shelves.on_hand().items()]
    client.log.write("shelves", now, now, units=units)


if __name__ == "__main__":
    run_client(_work)
