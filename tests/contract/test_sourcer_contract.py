"""What the native sourcer must do for the services: plan, hold what it planned, say why not."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from importlib import resources

import pytest
import pytest_asyncio

from bopis import _allocator_rs as native
from bopis.adapters.ledger_native import NativeLedger
from bopis.adapters.native_calls import NativeCalls
from bopis.adapters.sourcer_native import NativeSourcer
from bopis.domain import ledger as values
from bopis.domain.duals import DualCharge, DualCharges, Duals, StockDual
from bopis.domain.errors import NotServing
from bopis.domain.explanation import (
    Lack,
    PlannedOrder,
    Rejection,
    Resource,
    Wanted,
    Worth,
)
from bopis.domain.ledger import CellKey, ReservationState
from bopis.domain.network import (
    Item,
    LaborWindow,
    Method,
    NetworkNode,
    Node,
    NodeKind,
    Place,
)
from bopis.domain.policy import HOUR_MS, Policy, parse_policy
from bopis.domain.quote import QuoteAsk, QuotedGroup, QuoteFault, QuoteLost
from bopis.domain.sourcing import (
    Ask,
    AskLine,
    Consent,
    PlaceAsk,
    Placement,
    ReservationTakenError,
    UnfilledReason,
)

HOUR_S = 3_600
NOW_MS = 1_780_308_000_000
"""2026-06-01 10:00 UTC."""
STARTS = tuple(NOW_MS // 1_000 + HOUR_S * hour for hour in range(8))
HOME = Place(40.0, -74.0)


def shipped_policy() -> Policy:
    return parse_policy(resources.files("bopis.policy").joinpath("default.toml").read_text("utf-8"))


def node(node_id: str, kind: NodeKind, longitude: float) -> NetworkNode:
    return NetworkNode(
        Node(node_id, kind, Place(40.0, longitude), "Etc/UTC", 480, 1_200, 60),
        tuple(LaborWindow(start, HOUR_S) for start in STARTS),
    )


NETWORK = (
    node("east", NodeKind.STORE, -74.0),
    node("west", NodeKind.STORE, -74.1),
    node("hub", NodeKind.WAREHOUSE, -76.0),
)


@dataclass(frozen=True, slots=True)
class Town:
    sourcer: NativeSourcer
    ledger: NativeLedger


@pytest_asyncio.fixture
async def town() -> AsyncIterator[Town]:
    engine = native.Engine.open(None, native.Clock.system(), 100_000)
    engine.start_time()
    calls = NativeCalls(engine, asyncio.get_running_loop())
    sourcer, ledger = NativeSourcer(engine, calls), NativeLedger(engine, calls)
    names = tuple(one.node.node_id for one in NETWORK)
    await ledger.act(
        [values.RegisterNodes(names), values.RegisterItems(("apple",))], request_id=new_id()
    )
    facts: list[values.Command] = [
        values.SetOnHand("east", "apple", 2),
        values.SetOnHand("west", "apple", 50),
    ]
    windows = tuple(values.CapacityWindow(start, HOUR_S) for start in STARTS)
    facts += [values.SetCapacity(name, windows) for name in names]
    await ledger.act(facts, request_id=new_id())
    yield Town(sourcer, ledger)
    await asyncio.to_thread(sourcer.stop)
    with pytest.raises(native.StoppedError):
        sourcer.load_policy(shipped_policy())
    await asyncio.to_thread(engine.drain)
    calls.close()


def load(town: Town) -> None:
    town.sourcer.load_policy(shipped_policy())
    town.sourcer.load_items([Item("apple", "An apple", 1_000_000, "USD", 200)])
    town.sourcer.load_network(NETWORK, version=1)


def new_id() -> str:
    return str(uuid.uuid4())


def ask(quantity: int = 1, *, sku: str = "apple", method: Method = Method.PICKUP) -> Ask:
    return Ask(
        order_id=new_id(),
        method=method,
        place=HOME,
        lines=(AskLine(1, sku, quantity, 1_000_000),),
        now_ms=NOW_MS,
        promise_ms=NOW_MS + 4 * HOUR_MS,
        consent=Consent(other_store_km=40, ship_home=True),
    )


def place_ask(asked: Ask) -> PlaceAsk:
    return PlaceAsk(asked, reservation_id=new_id(), request_id=new_id(), hold_ttl_ms=900_000)


async def test_what_is_placed_is_held_in_the_ledger(town: Town) -> None:
    load(town)
    placed = place_ask(ask())
    placement = await town.sourcer.place(placed)
    [group] = placement.plan.groups
    assert (group.node_id, group.method, group.line_numbers) == ("east", Method.PICKUP, (1,))
    assert placement.plan.customer_node_id == "east"
    assert placement.plan.cost.total_micro > 0
    held = placement.reservation
    assert held is not None
    assert (held.reservation_id, held.state) == (placed.reservation_id, ReservationState.HELD)
    found = await town.ledger.reservation(placed.reservation_id)
    assert found is not None
    assert (found.state, found.lines) == (held.state, held.lines)
    assert sum(share.seconds for share in group.labor) == 60
    cells = [CellKey("east", "apple")]
    cells += [CellKey("east", window_start_s=share.window_start_s) for share in group.labor]
    read = await town.ledger.read(cells)
    assert [cell.held for cell in read.cells] == [1, *(share.seconds for share in group.labor)]


async def test_an_id_in_use_is_taken(town: Town) -> None:
    load(town)
    first = place_ask(ask())
    await town.sourcer.place(first)
    other = replace(place_ask(ask(2)), reservation_id=first.reservation_id)
    with pytest.raises(ReservationTakenError):
        await town.sourcer.place(other)
    ended = place_ask(ask())
    await town.sourcer.place(ended)
    await town.ledger.act([values.Release(ended.reservation_id)], request_id=new_id())
    with pytest.raises(ReservationTakenError):
        await town.sourcer.place(replace(ended, request_id=new_id()))


async def test_orders_that_race_for_the_last_units_are_all_placed_once(town: Town) -> None:
    load(town)
    placements = await asyncio.gather(*(town.sourcer.place(place_ask(ask())) for _ in range(30)))
    nodes = [placement.plan.groups[0].node_id for placement in placements]
    assert nodes.count("east") == 2
    assert nodes.count("west") == 28
    assert await town.ledger.read_atp(["east"], [CellKey("", "apple")]) == [0]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (ask(sku="nothing"), UnfilledReason.UNKNOWN_SKU),
        (ask(51), UnfilledReason.QUANTITY),
    ],
)
async def test_a_line_that_nobody_can_do_says_why(
    town: Town, asked: Ask, reason: UnfilledReason
) -> None:
    load(town)
    placement = await town.sourcer.place(place_ask(asked))
    assert placement.reservation is None
    assert not placement.plan.groups
    assert [line.reason for line in placement.plan.unfilled] == [reason]


async def test_plans_come_cheapest_first_and_hold_nothing(town: Town) -> None:
    load(town)
    plans = await town.sourcer.plan(ask(), k=3)
    totals = [plan.cost.total_micro for plan in plans]
    assert totals == sorted(totals)
    assert len(plans) >= 2
    assert await town.ledger.read_atp(["east"], [CellKey("", "apple")]) == [2]


async def test_the_loop_turns_while_hundreds_of_lines_of_one_sku_are_planned(town: Town) -> None:
    load(town)
    asked = ask(sku="apple")
    lines = tuple(AskLine(number, "apple", number % 3 + 1, 1_000_000) for number in range(1, 501))
    planning = asyncio.create_task(town.sourcer.plan(replace(asked, lines=lines), k=1))
    turns = 0
    async with asyncio.timeout(20):
        while not planning.done():
            turns += 1
            await asyncio.sleep(0)
    [plan] = await planning
    assert turns > 2, "the plan is made on another thread"
    assert sum(len(group.line_numbers) for group in plan.groups) >= 25


async def test_nodes_that_are_excluded_do_nothing(town: Town) -> None:
    load(town)
    asked = replace(ask(), excluded_node_ids=("east",))
    placement = await town.sourcer.place(place_ask(asked))
    assert [group.node_id for group in placement.plan.groups] == ["west"]


async def test_nothing_is_placed_before_the_network_is_loaded(town: Town) -> None:
    with pytest.raises(NotServing):
        await town.sourcer.place(place_ask(ask()))


async def test_a_dual_price_moves_an_order_and_is_told_beside_its_cost(town: Town) -> None:
    load(town)
    first = await town.sourcer.place(place_ask(ask()))
    assert first.duals is None
    dear = StockDual("east", "apple", 5_000_000)
    cheap = StockDual("west", "apple", 40_000)
    town.sourcer.load_duals(Duals(2, NOW_MS, stock=(cheap, dear)))
    town.sourcer.load_duals(Duals(1, NOW_MS))
    second = await town.sourcer.place(place_ask(ask()))
    assert [group.node_id for group in second.plan.groups] == ["west"]
    assert second.duals == DualCharges(2, 40_000, 0)
    assert second.dual_rows == (DualCharge("west", "apple", None, 1, 40_000),)
    assert {term.name for term in second.plan.cost.terms} == {"pick", "other_store_km"}


def planned(asked: Ask, placement: Placement) -> PlannedOrder:
    """What was placed, as an open order."""
    assert placement.reservation is not None
    return PlannedOrder(asked, placement.plan.groups, placement.reservation.lines)


async def test_an_explanation_compares_on_what_the_order_holds_too(town: Town) -> None:
    load(town)
    asked = ask(2)
    order = planned(asked, await town.sourcer.place(place_ask(asked)))
    told = await town.sourcer.explain(order, Wanted(plans=3, nodes=5, flips=2, relaxations=2))
    assert told.chosen.plan.groups == order.in_force
    assert told.best.plan == told.chosen.plan
    assert told.chosen.total_micro == told.chosen.plan.cost.total_micro
    assert [one.node_id for one in told.rejected] == ["west", "hub"]
    west, hub = told.rejected
    assert west.reason is Rejection.DEARER
    assert west.plan is not None
    assert west.plan.total_micro > told.chosen.total_micro
    assert (hub.reason, hub.lacks) == (Rejection.NO_STOCK, (Lack(1, 0, 2),))
    assert told.lacking == ()
    assert told.incomplete == ()
    assert told.policy_version == shipped_policy().version
    town.sourcer.load_policy(replace(shipped_policy(), version="2026-12/base"))
    told = await town.sourcer.explain(order, Wanted())
    assert told.policy_version == "2026-12/base"


async def test_an_explanation_tells_of_no_plan_that_leaves_what_is_promised(town: Town) -> None:
    load(town)
    asked = ask(2)
    order = planned(asked, await town.sourcer.place(place_ask(asked)))
    # Units are worth more to others than the line to this order.
    dear = tuple(StockDual(node_id, "apple", 1_000_000_000) for node_id in ("east", "west"))
    town.sourcer.load_duals(Duals(1, NOW_MS, stock=dear))
    [alone] = await town.sourcer.plan(asked, k=1, own=order.own)
    assert alone.groups == ()
    told = await town.sourcer.explain(order, Wanted(plans=3, nodes=5, flips=2))
    assert told.best.plan == told.chosen.plan
    assert told.best.total_micro == told.chosen.total_micro
    assert [one.plan.groups[0].node_id for one in told.others] == ["west"]
    assert told.rejected[0].reason is Rejection.DEARER


async def test_worths_are_told_of_units_and_of_lines_of_labor(town: Town) -> None:
    load(town)
    asked = ask(2)
    order = planned(asked, await town.sourcer.place(place_ask(asked)))
    east, west = Resource("east", sku="apple"), Resource("west", sku="apple")
    hour = Resource("east", window_start_s=STARTS[0])
    found = [one for one in await town.sourcer.worth([order], [east, west, hour]) if one]
    assert [one.step for one in found] == [1, 1, 60]
    assert [one.more_micro for one in found] == [0, 0, 0]
    # With one unit fewer at east the order goes to west; there, and of the hour, more is free.
    lost = found[0].fewer_micro
    assert lost is not None
    assert lost > 0
    assert [one.fewer_micro for one in found[1:]] == [0, 0]
    assert await town.sourcer.worth([], [east]) == [Worth(0, None, 1)]


def quote_of(placement: Placement, *, required: bool = False) -> QuoteAsk:
    """The plan of a placement as a quote."""
    groups = tuple(
        QuotedGroup(one.node_id, one.method, one.line_numbers, one.window_start_ms, one.ready_by_ms)
        for one in placement.plan.groups
    )
    return QuoteAsk(groups, required)


async def test_a_quote_is_kept_while_it_is_possible(town: Town) -> None:
    load(town)
    [plan] = await town.sourcer.plan(ask(), k=1)
    quote = quote_of(Placement(plan, None))
    town.sourcer.load_duals(Duals(1, NOW_MS, stock=(StockDual("east", "apple", 9_000_000),)))
    kept = await town.sourcer.place(replace(place_ask(ask()), quote=quote))
    assert (kept.plan.groups, kept.quote_lost) == (plan.groups, None)
    both = replace(place_ask(ask(2)), quote=quote)
    lost = await town.sourcer.place(both)
    assert lost.quote_lost == QuoteLost(QuoteFault.NO_STOCK, "east")
    assert [group.node_id for group in lost.plan.groups] == ["west"]
    refused = await town.sourcer.place(
        replace(both, quote=replace(quote, required=True), reservation_id=new_id())
    )
    assert refused.quote_lost == lost.quote_lost
    assert (refused.plan.groups, refused.reservation) == ((), None)
