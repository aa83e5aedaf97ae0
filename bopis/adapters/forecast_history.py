"""A forecaster that learns from the service's own orders: what was, at the same hour, may be again.

An order of an earlier week comes again in the same hour of the week, with its basket, place and
promise, as often as it did: so SKUs, places and hours hang together as they do in life. How often
in all follows the pace of the last hours beside the same hours of the other weeks. Where no week is
known yet the days before stand in for the weeks, and where no day is, the hours that are.

Only orders placed until the moment of asking count, and the dice are seeded by hour and sample: the
same history gives the same samples, whatever came after.
"""

import asyncio
import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bopis.domain.forecast import ExpectedLine, ExpectedOrder, Sample
from bopis.domain.order import Order
from bopis.domain.policy import HOUR_MS
from bopis.ports import OrderStore

SAMPLES_LEAST: Final = 6
SAMPLES_MOST: Final = 24
ORDERS_MAX: Final = 12_000
"""Orders of all samples together, beyond the least number of samples."""
WEEKS: Final = 4
"""Weeks that are looked back."""
DAYS: Final = 6
"""Days that stand in for a week that is not known."""
KEPT_MAX: Final = 100_000
"""Orders that are remembered; the oldest are forgotten first."""
SAMPLE_MAX: Final = 2_000
"""Orders of a sample: those that come first."""
PACE_MS: Final = 6 * HOUR_MS
"""The hours that tell the pace."""
PACE_WEIGHT: Final = 50
"""Orders that other weeks weigh when the pace is told."""
PAGE: Final = 500

_DAY_MS: Final = 24 * HOUR_MS
_WEEK_MS: Final = 7 * _DAY_MS


@dataclass(frozen=True, slots=True)
class _Slot:
    """A span of time ahead (Unix ms), and how far back the spans lie that it may be like."""

    from_ms: int
    until_ms: int
    lags_ms: tuple[int, ...]


class HistoryForecaster:
    """Implements `bopis.ports.Forecaster` over an order store."""

    def __init__(self, store: OrderStore, *, seed: int = 0) -> None:
        self._store = store
        self._seed = seed
        self._cursor = ""
        self._of_page: set[str] = set()
        self._orders: list[ExpectedOrder] = []
        self._times: list[int] = []
        self._learning = asyncio.Lock()

    async def samples(self, *, now_ms: int, until_ms: int) -> Sequence[Sample]:
        """See the port. The first call reads all orders there are, later ones those since."""
        async with self._learning:
            await self._learn()
            known = self._between(now_ms - (WEEKS + 1) * _WEEK_MS, now_ms + 1)
            if not known:
                return ()
            first_ms = known[0].placed_ms
            slots = list(_slots(now_ms, until_ms, first_ms=first_ms))
            pace = self._pace(now_ms, first_ms=first_ms)
            samples: list[Sample] = []
            while len(samples) < SAMPLES_LEAST or (
                len(samples) < SAMPLES_MOST and sum(map(len, samples)) < ORDERS_MAX
            ):
                key = f"{self._seed}/{len(samples)}"
                samples.append(self._sample(key, slots, now_ms=now_ms, pace=pace))
                await asyncio.sleep(0)
            return tuple(samples)

    async def _learn(self) -> None:
        """Reads on from the page where it stopped, which may have grown."""
        cursor, of_page = self._cursor, self._of_page
        new: list[ExpectedOrder] = []
        while True:
            orders, after = await self._store.orders(state=None, after=cursor, limit=PAGE)
            new += [_seen(one) for one in orders if one.order_id not in of_page]
            if not after:
                break
            cursor, of_page = after, set()
            await asyncio.sleep(0)
        self._cursor, self._of_page = cursor, {one.order_id for one in orders}
        if new:
            self._orders = sorted([*self._orders, *new], key=lambda one: one.placed_ms)[-KEPT_MAX:]
            self._times = [one.placed_ms for one in self._orders]

    def _between(self, from_ms: int, until_ms: int) -> list[ExpectedOrder]:
        """Those placed from a moment on and before another one."""
        first = bisect_left(self._times, from_ms)
        return self._orders[first : bisect_left(self._times, until_ms)]

    def _pace(self, now_ms: int, *, first_ms: int) -> float:
        """Orders of the last hours, beside those of the same hours of other weeks or days."""
        lags = _lags(now_ms - PACE_MS, now_ms, now_ms=now_ms, first_ms=first_ms)
        if not lags:
            return 1.0
        counts = [len(self._between(now_ms - PACE_MS - lag, now_ms - lag)) for lag in lags]
        seen = bisect_right(self._times, now_ms) - bisect_right(self._times, now_ms - PACE_MS)
        return (seen + PACE_WEIGHT) / (sum(counts) / len(counts) + PACE_WEIGHT)

    def _sample(self, key: str, slots: Sequence[_Slot], *, now_ms: int, pace: float) -> Sample:
        drawn: list[ExpectedOrder] = []
        for slot in slots:
            dice = random.Random(f"{key}/{slot.from_ms}")  # noqa: S311 (a sample, no secret)
            for lag in slot.lags_ms:
                for past in self._between(slot.from_ms - lag, slot.until_ms - lag):
                    again = replace(
                        past, placed_ms=past.placed_ms + lag, promise_ms=past.promise_ms + lag
                    )
                    drawn += [again] * _poisson(dice, pace / len(slot.lags_ms))
        ahead = [one for one in drawn if one.placed_ms > now_ms]
        return tuple(sorted(ahead, key=lambda one: one.placed_ms)[:SAMPLE_MAX])


def _seen(order: Order) -> ExpectedOrder:
    return ExpectedOrder(
        placed_ms=order.create_time_ms,
        promise_ms=order.promise_time_ms,
        method=order.method,
        place=order.place,
        lines=tuple(ExpectedLine(line.sku, line.quantity) for line in order.lines),
        consent=order.consent,
    )


def _slots(now_ms: int, until_ms: int, *, first_ms: int) -> Iterator[_Slot]:
    """The hours from now on; or, if not even a day is known, as long a span as is known."""
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    if now_ms - first_ms < _DAY_MS:
        # Shifts of whole hours keep promises at the end of hours.
        span_ms = ((now_ms - first_ms) // HOUR_MS + 1) * HOUR_MS
        yield _Slot(now_ms + 1, min(until_ms, now_ms + span_ms) + 1, (span_ms,))
        return
    while hour_ms < until_ms:
        end_ms = min(hour_ms + HOUR_MS, until_ms + 1)
        yield _Slot(hour_ms, end_ms, _lags(hour_ms, end_ms, now_ms=now_ms, first_ms=first_ms))
        hour_ms += HOUR_MS


def _lags(from_ms: int, until_ms: int, *, now_ms: int, first_ms: int) -> tuple[int, ...]:
    """How far back spans lie that are over by now and since which orders are known: whole weeks,
    failing that whole days.
    """
    for lags in (
        [week * _WEEK_MS for week in range(1, WEEKS + 1)],
        [day * _DAY_MS for day in range(1, DAYS + 1)],
    ):
        known = tuple(
            lag
            for lag in lags
            if until_ms - lag <= now_ms and from_ms - lag >= first_ms // HOUR_MS * HOUR_MS
        )
        if known:
            return known
    return ()


def _poisson(dice: random.Random, mean: float) -> int:
    """A draw from the Poisson distribution (Knuth's way; the mean is small)."""
    least, product, count = math.exp(-mean), dice.random(), 0
    while product > least:
        product *= dice.random()
        count += 1
    return count
