"""The door and grpc.aio in one process, as the door's tests start it.

Prints one JSON line with the port, then obeys commands on standard input, one JSON line each, and
answers each with one JSON line. The rpcs behind the door are named after what they do.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import msgspec
from google.protobuf import descriptor_pb2

from bopis import _allocator_rs as native
from bopis.v1 import (
    common_pb2,
    field_rules_pb2,
    inventory_service_pb2,
    stock_service_pb2,
)

SECRET = "only-the-door-knows"
SERVICE = "test.Upstream"
NODE_ID = "store-1"
SKU = "sku-1"
ON_HAND = 1_000_000
MESSAGE_MAX = 4 * 1024 * 1024
FLOOD_BYTES = 16 * 1024
# Name, client streams, server streams.
METHODS = (
    ("Echo", False, False),
    ("Describe", False, False),
    ("Refuse", False, False),
    ("Hang", False, False),
    ("Collect", True, False),
    ("Count", False, True),
    ("Watch", False, True),
    ("Flood", False, True),
    ("Chat", True, True),
)

Context = grpc.aio.ServicerContext[bytes, bytes]


class Upstream:
    """The rpcs behind the door. Messages are bytes as they are."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0

    async def echo(self, request: bytes, context: Context) -> bytes:
        await context.send_initial_metadata((("x-head", "1"),))
        context.set_trailing_metadata((("x-tail", "1"), ("x-tail-bin", b"\x00\xff")))
        return request

    async def describe(self, request: bytes, context: Context) -> bytes:
        metadata = context.invocation_metadata() or ()
        headers = {key: value for key, value in metadata if isinstance(value, str)}
        remaining_s = context.time_remaining()
        return json.dumps({"headers": headers, "remaining_s": remaining_s}).encode()

    async def refuse(self, request: bytes, context: Context) -> bytes:
        context.set_trailing_metadata((("x-tail", "1"),))
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this: é")

    async def hang(self, request: bytes, context: Context) -> bytes:
        await self._wait()
        return b""

    async def collect(self, requests: AsyncIterator[bytes], context: Context) -> bytes:
        sizes = [len(request) async for request in requests]
        return json.dumps([len(sizes), sum(sizes)]).encode()

    async def count(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        messages, size = json.loads(request)
        for number in range(messages):
            yield bytes([number % 256]) * size

    async def watch(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        yield b"snapshot"
        await self._wait()

    async def flood(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        while True:
            yield b"\x07" * FLOOD_BYTES

    async def chat(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        async for request in requests:
            yield b"re: " + request

    async def _wait(self) -> None:
        self.started += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def handler(self) -> grpc.GenericRpcHandler:
        makers: dict[tuple[bool, bool], Callable[..., grpc.RpcMethodHandler[bytes, bytes]]] = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        handlers = {
            name: makers[client, server](getattr(self, name.lower()))
            for name, client, server in METHODS
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)


def descriptor_set() -> bytes:
    """The native services and the test's own."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in (field_rules_pb2, common_pb2, inventory_service_pb2, stock_service_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    own = files.file.add(name="test/upstream.proto", package="test", syntax="proto3")
    own.message_type.add(name="Raw")
    service = own.service.add(name="Upstream")
    for name, client, server in METHODS:
        service.method.add(
            name=name,
            input_type=".test.Raw",
            output_type=".test.Raw",
            client_streaming=client,
            server_streaming=server,
        )
    return files.SerializeToString()


def stocked_engine() -> native.Engine:
    """An engine in memory with one cell."""
    engine = native.Engine.open(None, native.Clock.system(), 1_000_000)
    engine.start_time()
    commands: list[dict[str, Any]] = [
        {"type": "register_nodes", "node_ids": [NODE_ID]},
        {"type": "register_items", "skus": [SKU]},
    ]
    submit(engine, commands)
    deltas = {"on_hand_delta": ON_HAND, "unavailable_delta": 0, "reason": 1}
    submit(engine, [{"type": "adjust", "node_id": NODE_ID, "sku": SKU, **deltas}])
    return engine


def submit(engine: native.Engine, commands: list[dict[str, Any]]) -> None:
    """Waits for one act; fails if the engine refuses it."""
    ask = {"ticket": 1, "request_id": str(uuid.uuid4()), "commands": commands}
    engine.submit(msgspec.msgpack.encode([ask]))
    select.select([engine.wake_fd()], [], [], 10)
    os.read(engine.wake_fd(), 8)
    answers = msgspec.msgpack.decode(engine.completions())
    if "error" in str(answers) or "refused" in str(answers):
        raise RuntimeError(str(answers))


class Process:
    """What the commands act on."""

    def __init__(self, *, socket: Path, options: dict[str, Any]) -> None:
        self.socket = socket
        self.upstream = Upstream()
        self.server: grpc.aio.Server | None = None
        self.engine = stocked_engine()
        names = {
            "port": 0,
            "upstream_socket": str(socket),
            "upstream_secret": SECRET,
            "passthrough": [
                {"path": f"/{SERVICE}/{name}", "streaming": client or server}
                for name, client, server in METHODS
            ],
            "max_message_bytes": MESSAGE_MAX,
            "max_streams": 4096,
            "quote_key": list(bytes(32)),
        }
        payload = msgspec.msgpack.encode({**names, **options})
        self.promiser = native.Promiser(self.engine)
        self.door = native.Door.start(self.engine, self.promiser, payload, descriptor_set())

    async def start_upstream(self) -> None:
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.server = grpc.aio.server(options=limits)
        self.server.add_generic_rpc_handlers((self.upstream.handler(),))
        self.server.add_insecure_port(f"unix:{self.socket}")
        await self.server.start()

    async def stop_upstream(self, grace_s: float) -> None:
        if self.server is not None:
            await self.server.stop(grace_s)
            self.server = None

    async def obey(self, command: dict[str, Any]) -> object:
        match command:
            case {"do": "start_upstream"}:
                return await self.start_upstream()
            case {"do": "stop_upstream", "grace_s": grace_s}:
                return await self.stop_upstream(grace_s)
            case {"do": "serve", "serving": serving}:
                return self.door.set_serving(serving)
            case {"do": "drain"}:
                return self.door.begin_drain()
            case {"do": "stop", "deadline_ms": deadline_ms}:
                return await asyncio.to_thread(self.door.stop, deadline_ms)
            case {"do": "hold_gil", "seconds": seconds}:
                return hold_gil(seconds)
            case {"do": "look"}:
                threads = [
                    path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")
                ]
                return {
                    "started": self.upstream.started,
                    "cancelled": self.upstream.cancelled,
                    "resident_kib": resident_kib(),
                    "door_threads": sum(name.startswith("bopis-door") for name in threads),
                }
        raise ValueError(str(command))


def hold_gil(seconds: float) -> None:
    """Keeps every Python thread of this process from running."""
    deadline = time.monotonic() + seconds
    sys.setswitchinterval(seconds * 2)
    while time.monotonic() < deadline:
        pass
    sys.setswitchinterval(0.005)


def resident_kib() -> int:
    """Memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def read_commands(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[str | None]) -> None:
    """Feeds standard input to the loop; the end of it ends the process."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(queue.put_nowait, line)
    loop.call_soon_threadsafe(queue.put_nowait, None)


def say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


async def main() -> None:
    process = Process(socket=Path(sys.argv[1]), options=json.loads(sys.argv[2]))
    await process.start_upstream()
    process.door.set_serving(True)
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=read_commands, args=(loop, queue), daemon=True).start()
    say({"port": process.door.port(), "pid": os.getpid()})
    while (line := await queue.get()) is not None:
        say({"answer": await process.obey(json.loads(line))})
    process.door.stop(0)
    await process.stop_upstream(0)


if __name__ == "__main__":
    asyncio.run(main())
