"""`--kills`: the service is killed at random moments of the day and started again at once.

The moments follow from the seed. Each is a random order's time and 2 to 8 real milliseconds, about
as long as it takes to place it; if the service is not back by then, the next order's. Clients are
told nothing: their calls fail, they send them again with the same request ids, and their streams go
on by token.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bopis.demo.disturbances import chance
from bopis.scenario.model import Scenario

KILL_EVERY_S = 4.0
AFTER_ORDER_LEAST_S = 0.002
AFTER_ORDER_MOST_S = 0.008
AFTER_START_MOST_S = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One kill: at the simulated second `sim_s` of an order and `after_order_s` real seconds. When
    no order is to come any more: `after_start_s` real seconds after the service's first answer.
    """

    sim_s: float
    after_order_s: float
    after_start_s: float


def kill_moments(scenario: Scenario, kills: int, *, seed: int) -> list[Moment]:
    """The seed's moments, in the order of time."""
    orders = scenario.orders
    spread_s = AFTER_ORDER_MOST_S - AFTER_ORDER_LEAST_S
    moments = []
    for number in range(kills):
        order = orders[int(chance(seed, "kill at order", str(number)) * len(orders))]
        after_s = AFTER_ORDER_LEAST_S + chance(seed, "kill after order", str(number)) * spread_s
        moments.append(
            Moment(
                sim_s=order.placed_at.timestamp(),
                after_order_s=after_s,
                after_start_s=chance(seed, "kill after start", str(number)) * AFTER_START_MOST_S,
            )
        )
    return sorted(moments, key=lambda moment: moment.sim_s)


def killing_speed(scenario: Scenario, kills: int) -> float:
    """The speed at which the orders' day leaves a few real seconds for each kill."""
    span_s = (scenario.orders[-1].placed_at - scenario.orders[0].placed_at).total_seconds()
    return max(1.0, round(span_s / (kills * KILL_EVERY_S)))


async def until_moment(
    moment: Moment, *, order_times_s: Sequence[float], now_s: Callable[[], float], scale: float
) -> None:
    """Waits for it. `now_s` and `scale` are the service's clock; `order_times_s` ascend."""
    following = bisect_left(order_times_s, max(moment.sim_s, now_s()))
    if following == len(order_times_s):
        await asyncio.sleep(moment.after_start_s)
        return
    wait_s = (order_times_s[following] - now_s()) / scale
    await asyncio.sleep(max(0.0, wait_s) + moment.after_order_s)


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
