"""One run of the demo: the service as a child process, the day replayed against it, the figures.

The day has three stretches, each at a speed of its own: orders come in; stores finish and customers
collect; nobody but the no-shows' deadlines is waited for. Between them (and after the import) the
clients pause, the service is drained and started again at the next speed, and all goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
from rich.console import Console

from bopis.demo import speeds
from bopis.demo.card import Card, load_card
from bopis.demo.client_log import ClientLog
from bopis.demo.client_process import ClientConfig
from bopis.demo.clients import ClientProcess
from bopis.demo.day import load_day
from bopis.demo.disturbances import Disturbances
from bopis.demo.figures import figures
from bopis.demo.importing import import_scenario
from bopis.demo.killing import kill_moments, killing_speed, until_moment
from bopis.demo.options import DemoOptions
from bopis.demo.outcome import any_open, compare_stock, list_orders
from bopis.demo.progress import View
from bopis.demo.reallocating import Reallocated, reallocate
from bopis.demo.server_process import DemoError, Server
from bopis.demo.shelf import physical_stock
from bopis.demo.simclock import SimClock
from bopis.demo.verifying import verified_hash
from bopis.demo.wire import Caller, CallError, make_channel
from bopis.scenario.generator import GeneratorParameters, generate_scenario
from bopis.scenario.model import Scenario
from bopis.scenario.writer import write_scenario

POLL_S = 0.2
OPEN_POLL_S = 1.0
QUIET_POLLS = 3
BEFORE_FIRST_ORDER_S = 600
# After the latest promise: latest late window, time that pickups are kept, slack.
ENDS_WITHIN_S = (48 + 72 + 48) * 3600
PROMISED_WITHIN_S = 30 * 3600
NOTIFICATIONS = "notifications.jsonl"


@dataclass(slots=True)
class Run:
    """What a run holds while it goes on."""

    options: DemoOptions
    folder: Path
    scenario_folder: Path
    scenario: Scenario
    disturbances: Disturbances
    card: Card
    server: Server
    view: View
    customers: ClientProcess
    stores: ClientProcess
    reallocation: Reallocated = field(default_factory=Reallocated)
    killed: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    timings: dict[str, float] = field(default_factory=dict)
    anchor: tuple[float, float] = (0.0, 0.0)

    @property
    def counts(self) -> Counter[str]:
        """What both clients have counted."""
        return self.customers.counts + self.stores.counts

    @property
    def logs(self) -> Path:
        """Where the clients write down what they did."""
        return self.folder / "logs"

    def check(self) -> None:
        """Raises DemoError if a process ended by itself."""
        self.server.check()
        self.customers.check()
        self.stores.check()


def run_demo(options: DemoOptions) -> dict[str, Any]:
    """Runs the demo and returns its figures (docs/demo.md).

    Raises DemoError (also when it is told to stop), ScenarioError, OSError.
    """
    try:
        return asyncio.run(_run_demo(options))
    except grpc.aio.AioRpcError as error:
        raise DemoError(f"a call failed: {error.code().name} {error.details()}") from error
    except CallError as error:
        raise DemoError(f"a call failed: {error}") from error
    except asyncio.CancelledError as error:
        raise DemoError("stopped before the end") from error


async def _run_demo(options: DemoOptions) -> dict[str, Any]:
    task = asyncio.current_task()
    if task is not None:
        # Told to end, it ends the processes that it started first.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with View(Console(stderr=True), quiet=options.quiet) as view:
        async with _prepared(options, view) as run:
            await _import(run)
            await _play(run)
            return await _conclude(run)


@contextlib.asynccontextmanager
async def _prepared(options: DemoOptions, view: View) -> AsyncIterator[Run]:
    """Folder, scenario and processes, all of them gone afterwards."""
    view.step("preparing the scenario")
    with _folder(options) as folder:
        run = _new_run(options, folder, view)
        try:
            yield run
        finally:
            await run.customers.kill()
            await run.stores.kill()
            await run.server.kill()


@contextlib.contextmanager
def _folder(options: DemoOptions) -> Iterator[Path]:
    """The folder of the run, gone afterwards unless it is kept."""
    folder = (options.keep or Path(tempfile.mkdtemp(prefix="bopis-demo-"))).resolve()
    try:
        for name in ("data", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        yield folder
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _new_run(options: DemoOptions, folder: Path, view: View) -> Run:
    card = load_card()
    scenario_folder = options.scenario
    if scenario_folder is None:
        generated = generate_scenario(GeneratorParameters(seed=options.seed))
        scenario_folder = folder / generated.name
        write_scenario(generated, scenario_folder)
    scenario, disturbances = load_day(
        scenario_folder, orders=options.orders, seed=options.seed, reach_m=card.reach_m
    )
    first_s = int(scenario.orders[0].placed_at.timestamp())
    return Run(
        options=options,
        folder=folder,
        scenario_folder=scenario_folder.resolve(),
        scenario=scenario,
        disturbances=disturbances,
        card=card,
        server=Server(
            folder / "data", folder / "server.log", origin_s=first_s - BEFORE_FIRST_ORDER_S
        ),
        view=view,
        customers=ClientProcess("bopis.demo.customers", folder / "customers.err"),
        stores=ClientProcess("bopis.demo.stores", folder / "stores.err"),
    )


async def _import(run: Run) -> None:
    run.view.step("starting the service")
    await run.server.start(1.0)
    run.view.step("importing the scenario through gRPC")
    began = time.monotonic()
    await import_scenario(
        run.server.address, run.scenario, seed=run.options.seed, advance=run.view.advance
    )
    run.timings["import_seconds"] = round(time.monotonic() - began, 2)
    for client, name in ((run.customers, "customers"), (run.stores, "stores")):
        config = ClientConfig(
            address=run.server.address,
            scenario=str(run.scenario_folder),
            orders=run.options.orders,
            seed=run.options.seed,
            reach_m=run.card.reach_m,
            log=str(run.logs / f"{name}.jsonl"),
            notifications=str(run.server.folder / NOTIFICATIONS),
        )
        await client.start(config, run.folder / f"{name}.json")


async def _set_clock(run: Run) -> None:
    node, sku = run.scenario.nodes[0].node_id, run.scenario.skus[0].sku
    sim_s, real_s = await run.server.clock(node, sku)
    for client in (run.customers, run.stores):
        await client.say("clock", sim_s=sim_s, real_s=real_s, scale=run.server.scale)
    run.anchor = (sim_s, real_s)


def _now_s(run: Run) -> float:
    sim_s, real_s = run.anchor
    return sim_s + (time.monotonic() - real_s) * run.server.scale


async def _play(run: Run) -> None:
    speed = run.options.speed or _day_speed(run)
    run.timings["speed"] = speed
    await run.server.restart(speed)
    await _set_clock(run)
    run.view.step("the day: orders come in")
    began = time.monotonic()
    beside = [asyncio.create_task(_reallocate(run)), asyncio.create_task(_kill(run))]
    try:
        await _until(run, lambda: any(map(_failed, beside)) or _day_is_over(run, beside))
        await asyncio.gather(*beside)
    finally:
        for task in beside:
            task.cancel()
    run.timings["day_seconds"] = round(time.monotonic() - began, 2)
    run.view.step("the evening: stores finish, customers collect")
    await _change_speed(run, speeds.evening_speed(speed))
    await _until(run, lambda: _work_is_done(run))
    if await _orders_open(run):
        run.view.step("quiet days: pickups that nobody collects run out")
        await _change_speed(run, speeds.quiet_speed(speed))
        await _until_all_ended(run)
    run.timings["replay_seconds"] = round(time.monotonic() - began, 2)


async def _change_speed(run: Run, speed: float) -> None:
    await asyncio.gather(run.customers.pause(), run.stores.pause())
    await run.server.restart(speed)
    await _set_clock(run)


def _day_speed(run: Run) -> float:
    speed = speeds.day_speed(run.scenario)
    kills = run.options.kills
    return min(speed, killing_speed(run.scenario, kills)) if kills else speed


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _day_is_over(run: Run, beside: list[asyncio.Task[None]]) -> bool:
    counts = run.counts
    return (
        all(task.done() for task in beside)
        and bool(counts["all_sent"])
        and counts["placed"] == len(run.scenario.orders)
        and bool(counts["tills_closed"])
    )


def _work_is_done(run: Run) -> bool:
    counts = run.counts
    open_work = ("cancels_waiting", "collections_waiting", "open_tasks", "in_hand")
    return not any(counts[name] for name in open_work) and _now_s(run) > _last_s(run) + 3600


def _last_s(run: Run) -> float:
    return run.scenario.orders[-1].placed_at.timestamp()


def _ends_s(run: Run) -> float:
    """When the day should long be over."""
    asked = (60 * (order.ready_within_minutes or 0) for order in run.scenario.orders)
    return _last_s(run) + max(PROMISED_WITHIN_S, *asked) + ENDS_WITHIN_S


async def _until(run: Run, done: Callable[[], bool]) -> None:
    """Waits for a condition, or until the day should long be over: what is open then is counted."""
    while not done():
        run.check()
        run.view.day(_now_s(run), run.server.scale, run.counts)
        if _now_s(run) > _ends_s(run):
            return
        await asyncio.sleep(POLL_S)
    run.view.day(_now_s(run), run.server.scale, run.counts)


async def _orders_open(run: Run) -> bool:
    async with make_channel(run.server.address) as channel:
        return await any_open(channel)


async def _until_all_ended(run: Run) -> None:
    quiet = 0
    async with make_channel(run.server.address) as channel:
        while quiet < QUIET_POLLS:
            # An expired order has ended before its goods are back on the shelf.
            at_work = run.counts["open_tasks"] or run.counts["in_hand"]
            quiet = 0 if at_work or await any_open(channel) else quiet + 1
            run.check()
            run.view.day(_now_s(run), run.server.scale, run.counts)
            if _now_s(run) > _ends_s(run):
                return
            await asyncio.sleep(OPEN_POLL_S)


async def _reallocate(run: Run) -> None:
    time_s = speeds.reallocation_time(run.scenario)
    await asyncio.sleep(max(0.0, (time_s - _now_s(run)) / run.server.scale))
    clock = SimClock()
    clock.set(sim_s=time_s, real_s=time.monotonic(), scale=run.server.scale)
    with ClientLog(run.logs / "controller.jsonl") as log:

        def cut_off(sent: float, failed: float) -> None:
            log.write("cut", sent, failed)

        caller = Caller(run.server.address, clock, cut_off=cut_off)
        try:
            run.reallocation = await reallocate(
                caller, seed=run.options.seed, log=log, attempts=run.options.kills + 1
            )
        except (DemoError, CallError) as error:
            run.failures.append(str(error))
        finally:
            await caller.channel.close()


async def _kill(run: Run) -> None:
    times_s = [order.placed_at.timestamp() for order in run.scenario.orders]
    for moment in kill_moments(run.scenario, run.options.kills, seed=run.options.seed):
        await until_moment(
            moment, order_times_s=times_s, now_s=lambda: _now_s(run), scale=run.server.scale
        )
        run.killed.append(await run.server.kill_and_start())
        run.view.step(f"the day: orders come in; killed {len(run.killed)} times")


async def _conclude(run: Run) -> dict[str, Any]:
    run.view.step("checking and scoring")
    await asyncio.gather(run.customers.pause(), run.stores.pause())
    await asyncio.gather(run.customers.stop(), run.stores.stop())
    async with make_channel(run.server.address) as channel:
        orders = await list_orders(channel)
        stock = await compare_stock(channel, run.scenario, physical_stock(run.logs))
    drained = await run.server.drain()
    verified = await verified_hash(run.server.folder)
    if len(orders) != len(run.scenario.orders):
        raise DemoError(f"{len(run.scenario.orders)} orders placed, {len(orders)} listed")
    return figures(run, orders=orders, stock=stock, drained=drained, verified=verified)
