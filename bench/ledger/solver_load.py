"""Solves `region-100` again and again, in the scheduling class of the real worker, until killed."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bench.networks import NOW_MS, POLICY, REGION_100, World, draw
from solver.problem import Request
from solver.solve import solve
from solver.worker import be_idle

TIME_LIMIT_MS: Final = 10_000


def request_of(world: World) -> Request:
    """All orders of the world, of which nothing is allocated yet."""
    orders = [
        {
            "ask": ask,
            "groups": [],
            "unfilled": [
                {"line_number": line["line_number"], "reason": "INSUFFICIENT_STOCK"}
                for line in ask["lines"]
            ],
            "cost": {"terms": []},
        }
        for ask in world.asks
    ]
    labor = [
        {
            "node_id": node["node"]["node_id"],
            "window_start_s": window["start_s"],
            "seconds": window["seconds"],
        }
        for node in world.nodes
        for window in node["windows"]
    ]
    stock = [
        {"node_id": node_id, "sku": sku, "units": units}
        for (node_id, sku), units in world.stock.items()
    ]
    problem: dict[str, Any] = {
        "now_ms": NOW_MS,
        "orders": orders,
        "stock": stock,
        "labor": labor,
        "time_limit_ms": TIME_LIMIT_MS,
    }
    return msgspec.convert(
        {"nodes": world.nodes, "items": world.items, "policy": POLICY, "problem": problem}, Request
    )


def main() -> None:
    """Never returns."""
    be_idle()
    request = request_of(draw(REGION_100))
    while True:
        solve(request)


if __name__ == "__main__":
    main()
