"""B1 and B2: rules of thumb, under the same stock, labor, consent and hours as everyone.

B1, nearest first, is the demo's (bopis/demo/nearest_choice.py). B2 sends an order to as few nodes
as it can: again and again to the node that can do the most of its lines by the promise, the nearest
of those; what nobody can do in time goes the same way to nodes that can do it late.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bopis.demo.disturbances import Disturbances
from bopis.demo.nearest_choice import (
    Choice,
    World,
    allowed,
    choose,
    earliest,
    groups_of,
    in_stock,
    method_at,
    start,
)
from bopis.demo.plans import Group, PlannedOrder
from bopis.scenario.model import Method, ScenarioLine
from bopis.simulate.day import Day


class NearestFirst:
    """B1."""

    def choose(self, day: Day, order: PlannedOrder) -> tuple[Group, ...]:
        """See `bopis.simulate.ports.Chooser`."""
        return choose(_world(day), order, order.lines, now_s=day.now_s)


class FewestNodes:
    """B2."""

    def choose(self, day: Day, order: PlannedOrder) -> tuple[Group, ...]:
        """See `bopis.simulate.ports.Chooser`."""
        world = _world(day)
        choice = start(world, order, now_s=day.now_s)
        nodes = allowed(world, choice)
        left = [line for line in order.lines if line.sku in world.network.items]
        for late in (False, True):
            while left:
                best = _most(world, choice, nodes, left, late=late)
                if best is None:
                    break
                left = [line for line in left if line not in best]
        return groups_of(choice)


def _world(day: Day) -> World:
    """What is left of the day, as the rules read it."""
    return World(
        network=day.setting.network,
        card=day.setting.card,
        disturbances=_NONE,
        shelf=day.stock,
        promised=Counter(),
        labor=day.labor,
    )


_NONE = Disturbances(seed=0, cancels={}, no_shows=frozenset(), sales=())


def _most(
    world: World,
    choice: Choice,
    nodes: Sequence[tuple[str, Method]],
    left: Sequence[ScenarioLine],
    *,
    late: bool,
) -> list[ScenarioLine] | None:
    """Adds the node that can do most of what is left to the choice; the lines, None: nobody can."""
    best: tuple[list[ScenarioLine], str, Method] | None = None
    for node_id, method in nodes:
        how = method_at(choice, node_id, method, world)
        if how is None or node_id in choice.lines:
            continue
        found: list[ScenarioLine] = []
        for line in left:
            if in_stock(world, node_id, [*found, line]):
                found.append(line)
        if best is not None and len(found) <= len(best[0]):
            continue
        while found and earliest(world, choice, node_id, len(found), late=late) is None:
            found.pop()
        if found and (best is None or len(found) > len(best[0])):
            best = found, node_id, how
    if best is None:
        return None
    lines, node_id, how = best
    span = earliest(world, choice, node_id, len(lines), late=late)
    if span is None:
        raise AssertionError("a span that was found is gone")
    choice.lines[node_id] = lines
    choice.spans[node_id] = span
    if how is Method.PICKUP:
        choice.pickup_node = node_id
    return lines
