"""A process to be killed: it runs the services over SQLite and a durable ledger, step by step.

`run_steps` is the process's main function: start it with multiprocessing's forkserver, give it a
folder and steps, and read what came of them from the pipe. With `Arm` among the steps it dies by
SIGKILL at that failpoint, and the pipe says nothing.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from bopis.adapters.bus_local import LocalBus
from bopis.adapters.duals_memory import MemoryDuals
from bopis.adapters.forecast_history import HistoryForecaster
from bopis.adapters.ids_random import RandomIds
from bopis.adapters.notify_file import FileNotifier
from bopis.adapters.store_sql import open_store
from bopis.domain import commands
from bopis.domain.errors import BopisError
from bopis.domain.ledger import CellKey, CellView, SetOnHand
from bopis.domain.order import Order
from bopis.domain.pickup import pickup_code
from bopis.domain.reallocation import OrderMove, ReallocationProblem, ReallocationProposal
from bopis.failpoints import VARIABLE
from bopis.jobs.relay_outbox import relay
from bopis.ports import Ledger, Sourcer
from bopis.service import (
    noshow,
    operations,
    ordering,
    picking,
    pickup,
    reallocation,
    shipping,
    shortpick,
    staging,
)
from bopis.service.assembly import assemble, bring_up
from bopis.service.catalog import import_items
from bopis.service.dependencies import Dependencies
from bopis.service.notifying import notifying_handler
from bopis.service.stores import import_stores, set_capacity
from bopis.testing.audit import all_orders
from bopis.testing.clock import FakeClock
from bopis.testing.ledger_memory import MemoryLedger
from bopis.testing.shop import (
    CODE_KEY,
    ITEMS,
    MONDAY_10_UTC_MS,
    NODES,
    ON_HAND,
    QUOTE_KEY,
    default_policy,
    default_policy_text,
)
from bopis.testing.solver_scripted import ScriptedSolver
from bopis.testing.sourcer_naive import NaiveSourcer
from bopis.testing.sourcer_still import still_naive_sourcer

REQUEST_WINDOW_MAX: Final = 100_000
WINDOWS_READ: Final = 24
"""Hours from the beginning whose labor a dump reads."""

NEIGHBOR: Final[Mapping[str, str]] = MappingProxyType(
    {"east": "west", "west": "east", "hub": "east"}
)
"""Where a re-allocation of these tests sends each node's first group."""


@dataclass(frozen=True, slots=True)
class Stock:
    """Imports network, catalog and stock."""


@dataclass(frozen=True, slots=True)
class Arm:
    """From now on the process dies at this failpoint."""

    failpoint: str


@dataclass(frozen=True, slots=True)
class Advance:
    """The services' clock goes on by some ms."""

    by_ms: int


@dataclass(frozen=True, slots=True)
class Call:
    """One command; HandOver's code "right" is replaced by the right one."""

    command: commands.OrderCommand | commands.SetCapacity


@dataclass(frozen=True, slots=True)
class Expire:
    """Expires due pickups."""


@dataclass(frozen=True, slots=True)
class MoveAll:
    """A re-allocation that sends the first group of every order to the node's neighbor."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Relay:
    """Publishes what waits; notifications go to `notifications.jsonl`."""


@dataclass(frozen=True, slots=True)
class Dump:
    """Everything as it stands."""


Step = Stock | Arm | Advance | Call | Expire | MoveAll | Relay | Dump


@dataclass(frozen=True, slots=True)
class Standing:
    """What a dump gives."""

    orders: tuple[Order, ...]
    cells: dict[CellKey, CellView]
    open_intents: int


_CALLS: Final[Mapping[type[Any], Callable[[Dependencies, Any], Awaitable[Any]]]] = MappingProxyType(
    {
        commands.CreateOrder: ordering.create_order,
        commands.CancelOrder: ordering.cancel_order,
        commands.ClaimPickTask: picking.claim_pick_task,
        commands.ConfirmPick: picking.confirm_pick,
        commands.ReportShortPick: shortpick.report_short_pick,
        commands.StageOrder: staging.stage_order,
        commands.ConfirmShipment: shipping.confirm_shipment,
        commands.HandOver: pickup.hand_over,
        commands.SetCapacity: set_capacity,
    }
)


def run_steps(
    folder: str, *, native: bool, at_ms: int, steps: Sequence[Step], answers: Connection
) -> None:
    """Brings the services up on what the folder holds and takes the steps; sends the answers."""
    answers.send(asyncio.run(_run(Path(folder), native=native, at_ms=at_ms, steps=steps)))


async def _run(folder: Path, *, native: bool, at_ms: int, steps: Sequence[Step]) -> list[Any]:
    async with AsyncExitStack() as stack:
        clock = FakeClock(at_ms)
        ledger, sourcer, started = _ledger(folder, clock, stack, native=native)
        store = open_store(f"sqlite:///{folder / 'orders.db'}")
        stack.callback(store.close)
        notifier = FileNotifier(folder / "notifications.jsonl")
        stack.callback(notifier.close)
        policy = default_policy()
        solver = ScriptedSolver(_to_neighbors)
        deps = assemble(
            clock=clock,
            ids=RandomIds(),
            ledger=ledger,
            sourcer=sourcer,
            still_sourcer=still_naive_sourcer,
            store=store,
            solver=solver,
            duals=MemoryDuals(),
            forecaster=HistoryForecaster(store),
            policy=policy,
            code_key=CODE_KEY,
            quote_key=QUOTE_KEY,
        )
        bus = LocalBus()
        bus.subscribe("notify", notifying_handler(notifier, code_key=CODE_KEY, policy=policy))
        await bring_up(deps, policy_text=default_policy_text())
        started()
        return [await _step(one, deps, bus, clock) for one in steps]


def _ledger(
    folder: Path, clock: FakeClock, stack: AsyncExitStack, *, native: bool
) -> tuple[Ledger, Sourcer, Callable[[], None]]:
    """The ledger, a sourcer over it, and what to call once reconciliation is over."""
    if not native:
        memory = MemoryLedger(clock, path=folder / "ledger.jsonl")
        return memory, NaiveSourcer(memory), lambda: None
    # Only here: whoever tests over the naive ledger needs no native module.
    from bopis._allocator_rs import Clock, Engine
    from bopis.adapters.ledger_native import NativeLedger
    from bopis.adapters.native_calls import NativeCalls
    from bopis.adapters.sourcer_native import NativeSourcer

    engine = Engine.open(folder / "ledger", Clock.system(), REQUEST_WINDOW_MAX)
    stack.callback(engine.drain)
    calls = NativeCalls(engine, asyncio.get_running_loop())
    stack.callback(calls.close)
    sourcer = NativeSourcer(engine, calls)
    stack.callback(sourcer.stop)
    return NativeLedger(engine, calls), sourcer, engine.start_time


async def _step(step: Step, deps: Dependencies, bus: LocalBus, clock: FakeClock) -> Any:
    match step:
        case Stock():
            await import_stores(deps, NODES)
            await import_items(deps, ITEMS)
            facts = [SetOnHand(node, sku, units) for (node, sku), units in ON_HAND.items()]
            await deps.ledger.act(facts, request_id=deps.ids.new_uuid())
            return None
        case Arm(failpoint):
            os.environ[VARIABLE] = failpoint
            return None
        case Advance(by_ms):
            return clock.advance(by_ms)
        case Call(command):
            return await _call(deps, command)
        case Expire():
            return await noshow.expire_due(deps)
        case MoveAll(request_id):
            begun = await reallocation.begin_reallocation(
                deps, commands.Reallocate(request_id=request_id)
            )
            return await operations.wait_operation(deps, begun.operation_id, timeout_s=30)
        case Relay():
            count = 0
            while more := await relay(deps.store, bus):
                count += more
            return count
        case Dump():
            return await _dump(deps)


async def _call(deps: Dependencies, command: commands.OrderCommand | commands.SetCapacity) -> Any:
    if isinstance(command, commands.HandOver) and command.pickup_code == "right":
        code = await _code(deps, command.order_id)
        command = replace(command, pickup_code=code)
    try:
        answer = await _CALLS[type(command)](deps, command)
    except BopisError as error:
        return error.reason
    return msgspec.json.encode(answer)


async def _code(deps: Dependencies, order_id: str) -> str:
    group = (await ordering.get_order(deps, order_id)).fulfillment_orders[0]
    return pickup_code(
        CODE_KEY, group.fulfillment_order_id, max(1, group.staging_attempt), deps.policy.code_digits
    )


async def _dump(deps: Dependencies) -> Standing:
    nodes = [node.node_id for node in NODES]
    keys = [CellKey(node, item.sku) for node in nodes for item in ITEMS]
    first_s = MONDAY_10_UTC_MS // 1_000
    keys += [
        CellKey(node, None, first_s + hour * 3_600)
        for node in nodes
        for hour in range(WINDOWS_READ)
    ]
    read = await deps.ledger.read(keys)
    return Standing(
        orders=tuple(await all_orders(deps.store)),
        cells=dict(zip(keys, read.cells, strict=True)),
        open_intents=len(await deps.store.open_intents()),
    )


def _to_neighbors(problem: ReallocationProblem) -> ReallocationProposal:
    moves = tuple(
        OrderMove(
            one.ask.order_id,
            (
                replace(one.groups[0], node_id=NEIGHBOR[one.groups[0].node_id]),
                *one.groups[1:],
            ),
            one.unfilled,
            one.cost,
        )
        for one in problem.orders
    )
    cost = sum(one.cost.total_micro for one in problem.orders)
    return ReallocationProposal((moves,) if moves else (), cost, cost, cost, 0)
