"""The one composition root: what a service process is made of, started and stopped in order.

Start: clock, engine (locks the folder, replays the journal), promiser, door (listening, refusing),
order store, services, grpc.aio, what the last process left half-done, time, jobs, SERVING. Stop:
door, grpc.aio, jobs, mutations under way, promiser, engine (drained, state hash written), store.

Native threads are started first: the Python threads that come after run at a lower priority, so
that no Python work delays the hot path.
"""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import grpc
import msgspec
import structlog
import uvloop
from sqlalchemy.exc import DatabaseError

from bopis._allocator_rs import Clock, Door, Engine
from bopis.adapters.bus_local import LocalBus
from bopis.adapters.clock_native import has_scaled_clock, scaled_clock, system_clock
from bopis.adapters.duals_memory import MemoryDuals
from bopis.adapters.feed_native import NativeFeed
from bopis.adapters.forecast_history import HistoryForecaster
from bopis.adapters.ids_random import RandomIds
from bopis.adapters.key_file import load_or_create_key
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.adapters.notify_file import FileNotifier
from bopis.adapters.snapshot_process import ProcessSnapshots
from bopis.adapters.solver_process import ProcessSolver
from bopis.adapters.sourcer_native import NativeSourcer
from bopis.adapters.sourcer_still import still_sourcer
from bopis.adapters.store_sql.engines import open_engine
from bopis.adapters.store_sql.store import SqlOrderStore
from bopis.config import MESSAGE_BYTES_MAX, Settings, checked_policy_text
from bopis.domain.policy import parse_policy
from bopis.jobs import (
    build_snapshots,
    expire_pickups,
    forget_responses,
    open_windows,
    reconcile,
    reevaluate,
    refresh_duals,
    relay_ledger,
    relay_outbox,
)
from bopis.server.listen import (
    Address,
    descriptor_set,
    new_address,
    passthrough,
    start_server,
)
from bopis.server.rpc import Service
from bopis.server.services import all_services
from bopis.service.acts import drain
from bopis.service.assembly import assemble, bring_up
from bopis.service.dependencies import Dependencies
from bopis.service.notifying import notifying_handler
from bopis.service.reevaluation import Care
from bopis.telemetry import configure_logs

LEDGER_FOLDER: Final = "ledger"
ORDERS_FILE: Final = "orders.sqlite3"
KEY_FILE: Final = "pickup_codes.key"
QUOTE_KEY_FILE: Final = "promise_tokens.key"
"""Unlike the other key it can be lost: promises given out before are worth nothing then."""
NOTIFICATIONS_FILE: Final = "notifications.jsonl"
SOCKET_NOTE: Final = "socket_folder"

NOT_WHOLE: Final = "bring back the whole folder from its backup"
HOST: Final = "127.0.0.1"
PYTHON_NICE: Final = 10
ENGINE_POLL_S: Final = 0.5
GRPC_GRACE_S: Final = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """What is announced once the service is SERVING."""

    port: int
    pid: int
    data_folder: str
    journal_id: str


@dataclass(frozen=True, slots=True)
class _Native:
    """What is opened before the event loop runs."""

    clock: Clock
    engine: Engine


@dataclass(slots=True)
class _Process:
    """A service process while it runs."""

    settings: Settings
    engine: Engine
    calls: NativeCalls
    sourcer: NativeSourcer
    door: Door
    address: Address
    server: grpc.aio.Server
    store: SqlOrderStore
    notifier: FileNotifier
    bus: LocalBus
    feed: NativeFeed
    deps: Dependencies
    stop: asyncio.Event
    jobs: tuple[asyncio.Task[None], ...] = ()


def serve(settings: Settings, announce: Callable[[Ready], None]) -> int:
    """Serves until SIGTERM or SIGINT; the process's exit code.

    Raises OpenError (data folder), DoorError (port), FieldInvalid (policy), OSError.
    """
    configure_logs(settings.log_level)
    text = checked_policy_text(settings)
    native = _open(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, text, native, announce))


def _open(settings: Settings) -> _Native:
    """Locks the folder and replays the journal; ledger time stands until all is up."""
    folder = settings.data_folder
    _refuse_taken_port(settings.port)
    os.umask(0o077)  # What is kept here is nobody else's to read.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    has_orders = (folder / ORDERS_FILE).exists()
    for name in (LEDGER_FOLDER, KEY_FILE):
        if has_orders and not (folder / name).exists():
            raise FileNotFoundError(f"{folder}: {ORDERS_FILE} is there, {name} is not; {NOT_WHOLE}")
    clock = _clock(settings)
    started = clock.wall_ms()
    engine = Engine.open(
        folder / LEDGER_FOLDER, clock, settings.request_window_max, settings.segment_mib << 20
    )
    if engine.position() and not has_orders:
        raise FileNotFoundError(f"{folder}: a ledger is there, {ORDERS_FILE} is not; {NOT_WHOLE}")
    _log.info(
        "engine.opened",
        journal_id=engine.journal_id(),
        sequence=engine.position(),
        replay_ms=clock.wall_ms() - started,
    )
    return _Native(clock, engine)


def _refuse_taken_port(port: int) -> None:
    """Before anything is written. Raises OSError."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise OSError(f"cannot listen on {HOST}:{port}: {os.strerror(error.errno or 0)}") from error


def _clock(settings: Settings) -> Clock:
    folder = settings.data_folder
    if settings.time_origin is None and settings.time_scale is None:
        if has_scaled_clock(folder):
            return scaled_clock(folder, origin=None, scale=None)
        return system_clock()
    return scaled_clock(folder, origin=settings.time_origin, scale=settings.time_scale)


async def _serve(
    settings: Settings, text: str, native: _Native, announce: Callable[[Ready], None]
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    address = new_address(settings.data_folder / SOCKET_NOTE)
    try:
        process = await _start(settings, text, native, address, stop)
    except BaseException:
        address.remove()
        raise
    try:
        announce(_ready(process))
        _log.info("service.serving", port=process.door.port(), folder=str(settings.data_folder))
        await stop.wait()
    finally:
        await _stop(process)
    if (failure := native.engine.failure()) is not None:
        _log.error("engine.failed", why=failure)
        return 1
    return 0


async def _start(
    settings: Settings, text: str, native: _Native, address: Address, stop: asyncio.Event
) -> _Process:
    folder, engine = settings.data_folder, native.engine
    policy = parse_policy(text, level=settings.policy_level)
    calls = NativeCalls(engine, asyncio.get_running_loop())
    sourcer = NativeSourcer(engine, calls)
    key = load_or_create_key(folder / KEY_FILE)
    quote_key = load_or_create_key(folder / QUOTE_KEY_FILE)
    store = _open_store(folder / ORDERS_FILE)
    deps = assemble(
        clock=native.clock,
        ids=RandomIds(),
        ledger=NativeLedger(engine, calls),
        sourcer=sourcer,
        still_sourcer=still_sourcer,
        store=store,
        solver=ProcessSolver(),
        duals=MemoryDuals(),
        forecaster=HistoryForecaster(store),
        policy=policy,
        code_key=key,
        quote_key=quote_key,
    )
    services = all_services(deps)
    door = _start_door(settings, native, sourcer, address, services, quote_key=quote_key)
    _lower_priority()
    notifier = FileNotifier(folder / NOTIFICATIONS_FILE)
    bus = LocalBus()
    bus.subscribe("notify", notifying_handler(notifier, code_key=key, policy=policy))
    server = await start_server(services, address, message_bytes_max=MESSAGE_BYTES_MAX)
    feed = NativeFeed(engine, folder / LEDGER_FOLDER)
    process = _Process(
        settings,
        engine,
        calls,
        sourcer,
        door,
        address,
        server,
        store,
        notifier,
        bus,
        feed,
        deps,
        stop,
    )
    reconciled = await bring_up(deps, policy_text=text, policy_level=settings.policy_level)
    _log.info("service.reconciled", finished=reconciled.finished, failed=reconciled.failed)
    # Only now: what was promised before the stop was taken up again before any hold can expire.
    engine.start_time()
    process.jobs = _start_jobs(process)
    door.set_serving(True)
    return process


def _open_store(path: Path) -> SqlOrderStore:
    """Raises OSError for a file that is no order store."""
    try:
        return SqlOrderStore(open_engine(f"sqlite:///{path}"))
    except DatabaseError as error:
        raise OSError(f"{path}: {error.orig}") from error


def _start_door(
    settings: Settings,
    native: _Native,
    sourcer: NativeSourcer,
    address: Address,
    services: Sequence[Service],
    *,
    quote_key: bytes,
) -> Door:
    options = {
        "port": settings.port,
        "upstream_socket": str(address.socket),
        "upstream_secret": address.secret,
        "quote_key": list(quote_key),
        "passthrough": [asdict(method) for method in passthrough(services)],
        "max_message_bytes": MESSAGE_BYTES_MAX,
        "max_streams": settings.max_streams,
    }
    encoded = msgspec.msgpack.encode(options)
    return Door.start(native.engine, sourcer.promiser, encoded, descriptor_set(services))


def _lower_priority() -> None:
    """Of Python's threads; those that they start from now on inherit it."""
    for thread in threading.enumerate():
        if thread.native_id is not None:
            with contextlib.suppress(PermissionError, ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, thread.native_id, PYTHON_NICE)


def _start_jobs(process: _Process) -> tuple[asyncio.Task[None], ...]:
    deps, stop, settings = process.deps, process.stop, process.settings
    snapshots = ProcessSnapshots(settings.data_folder, LEDGER_FOLDER)
    every, days = settings.snapshot_segments, settings.decision_days
    care = Care(round(settings.freeze_min * 60_000), settings.moves_max)
    jobs = {
        "relay_outbox": relay_outbox.run(process.store, process.bus, stop=stop),
        "relay_ledger": relay_ledger.run(process.feed, process.store, stop=stop),
        "expire_pickups": expire_pickups.run(deps, stop=stop),
        "open_windows": open_windows.run(deps, stop=stop),
        "forget_responses": forget_responses.run(process.store, deps.clock, days=days, stop=stop),
        "reconcile": reconcile.run(deps, stop=stop),
        "build_snapshots": build_snapshots.run(snapshots, every_segments=every, stop=stop),
        "refresh_duals": refresh_duals.run(
            deps, every_s=settings.duals_every_s, age_max_s=settings.duals_age_max_s, stop=stop
        ),
        "reevaluate": reevaluate.run(
            deps, every_s=settings.reevaluate_every_s, care=care, stop=stop
        ),
        "watch_engine": _watch_engine(process),
    }
    return tuple(asyncio.create_task(job, name=name) for name, job in jobs.items())


async def _watch_engine(process: _Process) -> None:
    """An engine that stopped by itself (a failed flush) takes the process down with it."""
    while not process.stop.is_set():
        if process.engine.failure() is not None:
            process.stop.set()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENGINE_POLL_S):
                await process.stop.wait()


async def _stop(process: _Process) -> None:
    """In order; a step that fails is logged and does not keep the others from being done."""
    process.stop.set()
    _log.info("service.stopping")
    steps: tuple[tuple[str, Callable[[_Process], Awaitable[object]]], ...] = (
        ("door", _stop_door),
        ("server", lambda one: one.server.stop(GRPC_GRACE_S)),
        ("jobs", _stop_jobs),
        ("mutations", lambda one: _end_mutations(one.deps, one.settings.drain_s)),
        ("promiser", lambda one: asyncio.to_thread(one.sourcer.stop)),
        ("engine", _stop_engine),
        ("files", _close_files),
    )
    for name, step in steps:
        try:
            await step(process)
        except Exception as error:  # noqa: BLE001 (logged; the rest must stop too)
            _log.error("service.stop_failed", step=name, exc_info=error)


async def _stop_door(process: _Process) -> None:
    drain_ms = round(process.settings.drain_s * 1_000)
    if not await asyncio.to_thread(process.door.stop, drain_ms):
        _log.warning("door.calls_cut_off")


async def _stop_jobs(process: _Process) -> None:
    await asyncio.gather(*process.jobs, return_exceptions=True)


async def _stop_engine(process: _Process) -> None:
    if process.engine.failure() is None:
        report = msgspec.msgpack.decode(await asyncio.to_thread(process.engine.drain))
        _log.info("engine.drained", **report)
    process.calls.close()


async def _close_files(process: _Process) -> None:
    process.store.close()
    process.notifier.close()
    process.address.remove()


async def _end_mutations(deps: Dependencies, drain_s: float) -> None:
    """Lets mutations end; a long one is cut off: its intent is finished at the next start."""
    try:
        async with asyncio.timeout(drain_s):
            await drain(deps)
    except TimeoutError:
        cut_off = tuple(deps.running)
        _log.warning("service.mutations_cut_off", count=len(cut_off))
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)


def _ready(process: _Process) -> Ready:
    return Ready(
        port=process.door.port(),
        pid=os.getpid(),
        data_folder=str(process.settings.data_folder),
        journal_id=process.engine.journal_id(),
    )
