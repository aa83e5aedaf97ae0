"""`--kills`: the service is killed at random moments of the day and started again at once.

The moments follow from the seed. Each is a random order's time and up to 20 real milliseconds; if
the service is not back by then, it is killed again within a real second of its first answer, while
the clients send again what was cut off. Clients are told nothing: their calls fail, they send them
again with the same request ids, and their streams go on by token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bopis.demo.disturbances import chance
from bopis.scenario.model import Scenario

KILL_EVERY_S = 4.0
KILL_AFTER_ORDER_S = 0.02
KILL_AFTER_START_S = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One kill: not before the simulated second `sim_s`, `after_order_s` real seconds after it; if
    that is past when the service is back, `after_start_s` real seconds after its first answer.
    """

    sim_s: float
    after_order_s: float
    after_start_s: float


def kill_moments(scenario: Scenario, kills: int, *, seed: int) -> list[Moment]:
    """The seed's moments, in the order of time."""
    orders = scenario.orders
    moments = []
    for number in range(kills):
        order = orders[int(chance(seed, "kill at order", str(number)) * len(orders))]
        moments.append(
            Moment(
                sim_s=order.placed_at.timestamp(),
                after_order_s=chance(seed, "kill after order", str(number)) * KILL_AFTER_ORDER_S,
                after_start_s=chance(seed, "kill after start", str(number)) * KILL_AFTER_START_S,
            )
        )
    return sorted(moments, key=lambda moment: moment.sim_s)


def killing_speed(scenario: Scenario, kills: int) -> float:
    """The speed at which the orders' day leaves a few real seconds for each kill."""
    span_s = (scenario.orders[-1].placed_at - scenario.orders[0].placed_at).total_seconds()
    return max(1.0, round(span_s / (kills * KILL_EVERY_S)))


async def until_moment(moment: Moment, *, now_s: float, scale: float) -> None:
    """Waits for it; `now_s` and `scale` are those of the service's clock."""
    wait_s = (moment.sim_s - now_s) / scale
    if wait_s > 0:
        await asyncio.sleep(wait_s + moment.after_order_s)
    else:
        await asyncio.sleep(moment.after_start_s)


@dataclass(frozen=True, slots=True)
class CutCalls:
    """Calls that a kill cut off: in all, and how many kills cut at least one."""

    calls: int
    kills: int


def count_cut(killed: Sequence[float], records: Iterable[Mapping[str, Any]]) -> CutCalls:
    """Counts, in the clients' logs, the calls that were sent before the instant of a kill and
    failed after it. A repeat that was sent to a service already gone does not count, nor does a
    call whose answer was on its way, nor a stream.
    """
    cuts = [
        (record["sent"], record["acknowledged"]) for record in records if record["kind"] == "cut"
    ]
    each = [sum(sent < at <= failed for sent, failed in cuts) for at in killed]
    return CutCalls(calls=sum(each), kills=sum(count > 0 for count in each))
