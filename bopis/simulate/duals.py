"""What stock and labor are worth to the orders still to come: dual prices, refreshed as time goes.

For each sampled rest of the day prices are kept, one per unit of a SKU at a node and one per second
of a node's hour, found by the dual ascent of the batch optimizer; those that count are the mean
over the samples. The first refresh of a day makes many passes over the first sample and goes on
from its prices with the others; each later one makes a few passes over some samples in turn. Many
samples with rough prices do better than few with exact ones: decision 0014.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from bopis.demo.plans import PlannedOrder
from bopis.domain.sourcing import Ask
from bopis.simulate.day import Day
from bopis.simulate.forecast import Forecaster, Sample
from bopis.simulate.policies.exact import ask_of
from bopis.simulate.ports import LaborRow, Pricer, StockRow
from bopis.simulate.setting import Setting

FIRST_PASSES: Final = 60
"""Over the first sample."""
OTHER_PASSES: Final = 15
"""Over each other one."""
LATER_PASSES: Final = 5
ROUND_S: Final = 5_400
"""In about this time refreshes go over all samples; each goes over one at least."""
OTHER_SOFTNESS: Final = 0.2
LATER_SOFTNESS: Final = 0.1
"""First softness from prices that are nearly right, as shares of the usual one."""

Ints = npt.NDArray[np.int64]


class DualPrices:
    """Implements `exact.Prices`, and `ports.Timer`, which refreshes them."""

    def __init__(
        self, pricer: Pricer, setting: Setting, forecaster: Forecaster, *, every_s: int
    ) -> None:
        self._pricer = pricer
        self._setting = setting
        self._forecaster = forecaster
        self._every_s = every_s
        self._row_of_unit = {cell: row for row, cell in enumerate(setting.stock)}
        hours = [
            (node_id, hour) for node_id, hours in setting.network.windows.items() for hour in hours
        ]
        self._row_of_second = {cell: len(setting.stock) + row for row, cell in enumerate(hours)}
        self._span = (
            min((hour for _, hour in hours), default=0),
            max((hour for _, hour in hours), default=0),
        )
        self._vectors: list[Ints] = []
        self._asks: dict[str, Ask] = {}
        self._next = 0
        self._published: list[int] = [0] * (len(self._row_of_unit) + len(hours))
        self._version = 0

    @property
    def version(self) -> int:
        """See `exact.Prices`."""
        return self._version

    @property
    def every_s(self) -> int:
        """See `ports.Timer`."""
        return self._every_s

    def unit(self, node_id: str, sku: str) -> int:
        """See `exact.Prices`."""
        row = self._row_of_unit.get((node_id, sku))
        return 0 if row is None else self._published[row]

    def second(self, node_id: str, hour_s: int) -> int:
        """See `exact.Prices`."""
        row = self._row_of_second.get((node_id, hour_s))
        return 0 if row is None else self._published[row]

    def act(self, day: Day) -> None:
        """Refreshes the prices from what is left of the day and the samples of its rest."""
        samples = self._forecaster.samples(now_s=day.now_s, seen=len(day.plans))
        if not any(sample.orders for sample in samples):
            self._publish([0] * len(self._published))  # Nobody to come: nothing is kept for them.
            return
        if not self._vectors:
            nothing = np.zeros(len(self._published), dtype=np.int64)
            first = self._ascend(day, samples, 0, nothing, passes=FIRST_PASSES, softness=1.0)
            self._vectors.append(first)
            for number in range(1, len(samples)):
                self._vectors.append(
                    self._ascend(
                        day, samples, number, first, passes=OTHER_PASSES, softness=OTHER_SOFTNESS
                    )
                )
        else:
            for _ in range(min(len(samples), max(1, len(samples) * self._every_s // ROUND_S))):
                number = self._next % len(samples)
                self._next += 1
                self._vectors[number] = self._ascend(
                    day,
                    samples,
                    number,
                    self._vectors[number],
                    passes=LATER_PASSES,
                    softness=LATER_SOFTNESS,
                )
        self._publish(np.rint(np.mean(self._vectors, axis=0)).astype(np.int64).tolist())

    def _publish(self, prices: list[int]) -> None:
        self._version += prices != self._published
        self._published = prices

    def _ascend(
        self,
        day: Day,
        samples: Sequence[Sample],
        number: int,
        start: Ints,
        *,
        passes: int,
        softness: float,
    ) -> Ints:
        """Prices for one sample, from others on. What nobody asks for, or can take, has none."""
        orders = _as_many(samples[number], key=str(number))
        if not orders:
            return np.zeros_like(start)
        skus = {line.sku for order in orders for line in order.lines}
        stock: list[StockRow] = [
            (node_id, sku, units)
            for sku in sorted(skus)
            for node_id in self._setting.carriers.get(sku, ())
            if (units := day.stock[node_id, sku]) > 0
        ]
        labor: list[LaborRow] = [
            (node_id, hour, seconds)
            for node_id, hour in self._row_of_second
            if (seconds := day.labor[node_id].get(hour, 0)) > 0
        ]
        rows = [self._row_of_unit[node_id, sku] for node_id, sku, _ in stock]
        rows += [self._row_of_second[node_id, hour] for node_id, hour, _ in labor]
        found = self._pricer.ascend(
            [self._ask_of(order) for order in orders],
            hours=self._span,
            stock=stock,
            labor=labor,
            now_ms=day.now_s * 1000,
            start=start[rows].tolist(),
            passes=passes,
            softness=softness,
        )
        prices = np.zeros_like(start)
        prices[rows] = found
        return prices

    def _ask_of(self, order: PlannedOrder) -> Ask:
        """The order as the kernel takes it; samples name the same ones again and again."""
        ask = self._asks.get(order.order_id)
        if ask is None:
            ask = self._asks[order.order_id] = ask_of(order, self._setting)
        return ask


def _as_many(sample: Sample, *, key: str) -> list[PlannedOrder]:
    """As many orders as the sample stands for: each so many times, the rest of it by lot."""
    whole = int(sample.weight)
    orders: list[PlannedOrder] = []
    for order in sample.orders:
        lot = random.Random(f"{key}/{order.order_id}").random()
        orders += [order] * (whole + (lot < sample.weight - whole))
    return orders
