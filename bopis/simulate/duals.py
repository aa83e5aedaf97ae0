"""What stock and labor are worth to the orders still to come: dual prices, refreshed as time goes.

For each sampled rest of the day a vector of prices is kept, one per unit of a SKU at a node and one
per second of a node's hour. A pass prices all orders of the sample and moves each price up where
they want more than is left, down where they want less (dual ascent with a step per row as in Adam,
Kingma and Ba 2015); the prices that count are the mean over the samples. The first refresh of a day
makes many passes over the first sample and goes on from its prices with the others; each later one
makes a pass over a few of the samples in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bopis.demo.plans import PlannedOrder
from bopis.demo.score import line_seconds
from bopis.simulate.day import Day
from bopis.simulate.forecast import Forecaster, Sample
from bopis.simulate.policies.exact import ask_of
from bopis.simulate.ports import Batch, LaborRow, Pricer, StockRow
from bopis.simulate.setting import Setting

FIRST_PASSES: Final = 40
"""Over the first sample."""
OTHER_PASSES: Final = 12
"""Over each other one."""
LATER_SAMPLES: Final = 2
"""Samples that a later refresh goes over, one pass each."""
FIRST_STEP_UNIT: Final = 2_000_000.0
"""Micro-units a unit."""
FIRST_STEP_LINE: Final = 1_000_000.0
"""Micro-units for the labor of a line."""
LEAST_STEP: Final = 0.005
OTHER_STEP: Final = 0.2
LATER_STEP: Final = 0.05
"""Shares of the first step: at the end; at the start of the other samples; at later refreshes."""
MEAN_DECAY: Final = 0.9
SQUARE_DECAY: Final = 0.95
GONE_UNIT: Final = 1_000_000_000
GONE_SECOND: Final = 10_000_000
"""Micro-units for what is gone: nobody takes it."""

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Vector:
    """Prices of one sample and the moments of their steps; `batch` prices `index`ed orders."""

    prices: Floats
    mean: Floats
    square: Floats
    steps: int = 0
    batch: Batch | None = None
    index: dict[str, int] | None = None


class DualPrices:
    """Implements `exact.Prices`, and `ports.Timer`, which refreshes them."""

    def __init__(
        self, pricer: Pricer, setting: Setting, forecaster: Forecaster, *, every_s: int
    ) -> None:
        self._pricer = pricer
        self._setting = setting
        self._forecaster = forecaster
        self._every_s = every_s
        self._stock: list[StockRow] = [(*cell, units) for cell, units in setting.stock.items()]
        self._labor: list[LaborRow] = [
            (node_id, hour, seconds)
            for node_id, hours in setting.network.windows.items()
            for hour, seconds in hours.items()
        ]
        self._row_of_unit = {(node, sku): row for row, (node, sku, _) in enumerate(self._stock)}
        self._row_of_second = {
            (node, hour): len(self._stock) + row for row, (node, hour, _) in enumerate(self._labor)
        }
        line_s = {node_id: line_seconds(node) for node_id, node in setting.network.nodes.items()}
        self._first_step = np.array(
            [FIRST_STEP_UNIT] * len(self._stock)
            + [FIRST_STEP_LINE / line_s[node_id] for node_id, _, _ in self._labor]
        )
        self._gone = np.array(
            [GONE_UNIT] * len(self._stock) + [GONE_SECOND] * len(self._labor), dtype=np.int64
        )
        self._vectors: list[_Vector] = []
        self._next = 0
        self._published: list[int] = [0] * len(self._gone)
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
            self._publish([0] * len(self._gone))  # Nobody is to come, nothing is kept for them.
            return
        limits = self._limits(day)
        if not self._vectors:
            for sample in samples:
                self._vectors.append(self._first_vector(sample, limits))
        else:
            for _ in range(min(LATER_SAMPLES, len(samples))):
                place = self._next % len(samples)
                self._next += 1
                self._pass(self._vectors[place], samples[place], limits, share=LATER_STEP)
        if self._vectors:
            mean = sum(vector.prices for vector in self._vectors) / len(self._vectors)
            self._publish(np.rint(mean).astype(np.int64).tolist())

    def _publish(self, prices: list[int]) -> None:
        self._version += prices != self._published
        self._published = prices

    def _first_vector(self, sample: Sample, limits: Floats) -> _Vector:
        zeros = np.zeros(len(self._gone))
        vector = _Vector(zeros, zeros.copy(), zeros.copy())
        passes, first = FIRST_PASSES, 1.0
        if self._vectors:
            vector.prices = self._vectors[0].prices.copy()
            passes, first = OTHER_PASSES, OTHER_STEP
        for step in range(passes):
            share = LEAST_STEP + (first - LEAST_STEP) * (1 - step / passes) ** 2
            self._pass(vector, sample, limits, share=share)
        return vector

    def _limits(self, day: Day) -> Floats:
        units = [day.stock[node_id, sku] for node_id, sku, _ in self._stock]
        seconds = [day.labor[node_id].get(hour, 0) for node_id, hour, _ in self._labor]
        return np.array(units + seconds, dtype=np.float64)

    def _pass(self, vector: _Vector, sample: Sample, limits: Floats, *, share: float) -> None:
        usage = self._usage(vector, sample.orders, limits) * sample.weight
        slope = usage - limits
        vector.steps += 1
        vector.mean = MEAN_DECAY * vector.mean + (1 - MEAN_DECAY) * slope
        vector.square = SQUARE_DECAY * vector.square + (1 - SQUARE_DECAY) * slope * slope
        mean = vector.mean / (1 - MEAN_DECAY**vector.steps)
        scale = np.sqrt(vector.square / (1 - SQUARE_DECAY**vector.steps)) + 1e-9
        vector.prices = np.maximum(0.0, vector.prices + self._first_step * share * mean / scale)

    def _usage(self, vector: _Vector, orders: Sequence[PlannedOrder], limits: Floats) -> Floats:
        """What these orders would take of each row under the vector's prices."""
        usage = np.zeros(len(limits))
        if not orders:
            return usage
        batch, index = self._batch(vector, orders)
        prices = np.where(limits > 0, np.rint(vector.prices).astype(np.int64), self._gone)
        answers = batch.price([index[order.order_id] for order in orders], prices=prices.tolist())
        for answer in answers:
            for row, amount in zip(answer.rows, answer.amounts, strict=True):
                usage[row] += amount
        return usage

    def _batch(
        self, vector: _Vector, orders: Sequence[PlannedOrder]
    ) -> tuple[Batch, dict[str, int]]:
        """The batch with all of these orders: opened anew only when some are new."""
        if (
            vector.batch is None
            or vector.index is None
            or any(order.order_id not in vector.index for order in orders)
        ):
            hours = [hour for _, hour, _ in self._labor]
            vector.index = {order.order_id: place for place, order in enumerate(orders)}
            vector.batch = self._pricer.open(
                [ask_of(order, self._setting) for order in orders],
                hours=(min(hours, default=0), max(hours, default=0)),
                stock=self._stock,
                labor=self._labor,
                now_ms=0,
            )
        return vector.batch, vector.index
