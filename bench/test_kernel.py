"""The kernel over named seeded networks: the best plan of 100 orders, and plan + hold of them.

Library figures in memory, through the binding. A plan counts only if it is possible by the stock
and labor that were brought in, and only if all plans together cost what the instance is known to
cost: a kernel that is faster because it finds worse plans fails here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from bench import networks
from bench.conftest import Figure, Measure
from bench.native import SyncEngine, encode, outcomes
from bopis._allocator_rs import Promiser

# Sum over the orders of an instance of what their best plans cost, micro-units.
COST_OF = {
    "city-20": 6_608_151_581,
    "region-100": 8_011_203_027,
    "country-400": 8_946_632_185,
}
REPLIES = msgspec.msgpack.Decoder()


@contextmanager
def promiser(instance: networks.Instance) -> Iterator[tuple[SyncEngine, Promiser, networks.World]]:
    world = networks.draw(instance)
    with SyncEngine(None) as engine:
        networks.bring_in(engine, world)
        planning = Promiser(engine.engine)
        planning.load_network(encode({"version": 1, "nodes": world.nodes}))
        planning.load_items(encode(world.items))
        planning.load_policy(encode(networks.POLICY))
        try:
            yield engine, planning, world
        finally:
            planning.stop()


def check_plan(plan: Mapping[str, Any], ask: Mapping[str, Any], world: networks.World) -> None:
    """Every line is done once or named unfilled, by nodes that have the stock and the labor."""
    lines = {line["line_number"]: line for line in ask["lines"]}
    rates = {node["node"]["node_id"]: node["node"]["pick_lines_per_hour"] for node in world.nodes}
    done = [number for group in plan["groups"] for number in group["line_numbers"]]
    missing = [line["line_number"] for line in plan["unfilled"]]
    assert sorted(done + missing) == sorted(lines)
    nodes = [group["node_id"] for group in plan["groups"]]
    assert len(set(nodes)) == len(nodes)
    for group in plan["groups"]:
        node_id = group["node_id"]
        for number in group["line_numbers"]:
            line = lines[number]
            assert world.stock[node_id, line["sku"]] >= line["quantity"]
        per_line_s = -(-3_600 // rates[node_id])
        taken_s = sum(share["seconds"] for share in group["labor"])
        assert taken_s == per_line_s * len(group["line_numbers"])
        assert all(0 < share["seconds"] <= networks.LABOR_S for share in group["labor"])
        assert group["ready_by_ms"] >= networks.NOW_MS


def cost(plan: Mapping[str, Any]) -> int:
    return sum(term["amount_micro"] for term in plan["cost"]["terms"])


@pytest.mark.parametrize(
    "instance", [networks.CITY_20, networks.REGION_100, networks.COUNTRY_400], ids=lambda i: i.name
)
def test_best_plans_of_a_hundred_orders(instance: networks.Instance, measure: Measure) -> None:
    with promiser(instance) as (_, planning, world):
        payloads = [encode({"ask": ask, "k": 1}) for ask in world.asks]
        answers: list[list[bytes]] = []

        def work() -> None:
            answers.append([planning.plan(payload) for payload in payloads])

        work()
        total = 0
        for ask, answer in zip(world.asks, answers[0], strict=True):
            (plan,) = REPLIES.decode(answer)
            check_plan(plan, ask, world)
            total += cost(plan)
        assert total == COST_OF[instance.name]
        name = f"kernel_plan_{instance.name.replace('-', '_')}"
        measure(Figure(name, "memory", "plans", len(payloads)), work, rounds=40)
        assert all(answer == answers[0] for answer in answers)


def test_plan_and_hold_of_a_hundred_orders(measure: Measure) -> None:
    """Every round begins with all stock: what the round before held is released first."""
    with promiser(networks.REGION_100) as (engine, planning, world):
        batches = 0
        placed: list[tuple[list[str], list[bytes]]] = []

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            nonlocal batches
            if placed:
                check_and_release(*placed.pop())
            batches += 1
            return networks.place_payload(world, batch=batches), {}

        def work(ids: list[str], payload: bytes) -> None:
            planning.place(payload)
            placed.append((ids, engine.wait(len(ids))))

        def check_and_release(ids: list[str], answers: list[bytes]) -> None:
            held = check_placements(answers, world)
            asked = [{"node_id": node_id, "sku": sku} for node_id, sku in world.stock]
            for key, view in zip(world.stock, engine.read(asked), strict=True):
                assert view["held"] == held[key] <= view["on_hand"] == world.stock[key]
            acts = [[{"type": "release", "reservation_id": one}] for one in ids]
            outcomes(engine.run(engine.payload(acts), count=len(acts)))

        work(*setup()[0])
        measure(Figure("kernel_place_region_100", "memory", "placements", 100), work, setup=setup)
        check_and_release(*placed.pop())


def check_placements(answers: list[bytes], world: networks.World) -> Counter[tuple[str, str]]:
    """Units that the placements hold, each as its plan says and possible when it was made."""
    held: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        completion = REPLIES.decode(answer)
        ask, result = world.asks[completion["ticket"]], completion["result"]
        check_plan(result["plan"], ask, world)
        quantities = {line["line_number"]: (line["sku"], line["quantity"]) for line in ask["lines"]}
        planned = Counter(
            {
                (group["node_id"], quantities[number][0]): quantities[number][1]
                for group in result["plan"]["groups"]
                for number in group["line_numbers"]
            }
        )
        if not planned:
            assert result["reservation"] is None
            continue
        assert result["reservation"]["state"] == "HELD"
        lines = [line for line in result["reservation"]["lines"] if line["sku"] is not None]
        assert planned == {(line["node_id"], line["sku"]): line["quantity"] for line in lines}
        held += planned
    return held
