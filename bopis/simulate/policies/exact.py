"""B3: the exact kernel, order by order; with prices on what is scarce it is the policy `duals`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bopis.demo.plans import HOUR_S, Group, PlannedOrder, Receipt
from bopis.domain.network import Method as DomainMethod
from bopis.domain.network import Place
from bopis.domain.sourcing import Ask, AskLine, LaborShare, PlannedGroup
from bopis.domain.sourcing import Receipt as DomainReceipt
from bopis.scenario.model import Method
from bopis.simulate.day import Day, seconds_of
from bopis.simulate.ports import LaborRow, Pricer, StockRow
from bopis.simulate.setting import Setting


class Prices(Protocol):
    """What a unit and a second are worth to others, in micro-units; 0 where nothing is scarce."""

    @property
    def version(self) -> int:
        """Grows when prices change."""

    def unit(self, node_id: str, sku: str) -> int:
        """Of a unit."""

    def second(self, node_id: str, hour_s: int) -> int:
        """Of a second of labor."""


class Exact:
    """The cheapest plan of each order, of all there are, under the prices if there are any."""

    def __init__(self, pricer: Pricer, setting: Setting, *, prices: Prices | None = None) -> None:
        self._pricer = pricer
        self._carriers = setting.carriers
        self._prices = prices

    def choose(self, day: Day, order: PlannedOrder) -> tuple[Group, ...]:
        """See `bopis.simulate.ports.Chooser`."""
        ask = ask_of(order, day.setting)
        first_s, last_s = hours_of(order, day)
        stock: list[StockRow] = [
            (node_id, sku, day.stock[node_id, sku])
            for sku in sorted({line.sku for line in order.lines})
            for node_id in self._carriers.get(sku, ())
        ]
        labor: list[LaborRow] = [
            (node_id, hour, seconds)
            for node_id, hours in day.labor.items()
            for hour, seconds in hours.items()
            if first_s <= hour <= last_s
        ]
        prices: list[int] = []
        if self._prices is not None:
            prices = [self._prices.unit(node_id, sku) for node_id, sku, _ in stock]
            prices += [self._prices.second(node_id, hour) for node_id, hour, _ in labor]
        batch = self._pricer.open(
            [ask], hours=(first_s, last_s), stock=stock, labor=labor, now_ms=day.now_s * 1000
        )
        [best] = batch.price([0], prices=prices)
        return groups_of(best.groups)


def hours_of(order: PlannedOrder, day: Day) -> tuple[int, int]:
    """The first and the last hour in which the order may be picked, from now on."""
    last_s = day.setting.promise_s(order) + day.setting.card.late_windows_max_h * HOUR_S
    return day.now_s // HOUR_S * HOUR_S, last_s


def ask_of(order: PlannedOrder, setting: Setting, *, customer_node_id: str | None = None) -> Ask:
    """The order as the kernel takes it. `customer_node_id`: as it was found when it was placed."""
    return Ask(
        order_id=order.order_id,
        method=DomainMethod(order.method.value),
        place=Place(order.latitude, order.longitude),
        lines=tuple(
            AskLine(line.line_number, line.sku, line.quantity, line.unit_price_micro)
            for line in order.lines
        ),
        now_ms=order.placed_s * 1000,
        promise_ms=setting.promise_s(order) * 1000,
        consent=setting.policy.consent,
        customer_node_id=customer_node_id,
    )


def groups_of(groups: Sequence[PlannedGroup]) -> tuple[Group, ...]:
    """A plan's groups as the day and the judge take them."""
    return tuple(
        Group(
            node_id=group.node_id,
            method=Method(group.method.value),
            window_start_s=group.window_start_ms // 1000,
            ready_s=group.ready_by_ms // 1000,
            line_numbers=group.line_numbers,
            receipt=_receipt_of(group),
        )
        for group in groups
    )


def _receipt_of(group: PlannedGroup) -> Receipt | None:
    if group.receipt is None:
        return None
    picked_s = group.window_start_ms // 1000 + HOUR_S * len(group.labor)
    return Receipt(group.receipt.node_id, group.receipt.window_start_s, picked_s)


def domain_groups_of(order: PlannedOrder, setting: Setting) -> tuple[PlannedGroup, ...]:
    """The order's groups as the kernel and the optimizer take them."""
    return tuple(
        PlannedGroup(
            node_id=group.node_id,
            method=DomainMethod(group.method.value),
            line_numbers=group.line_numbers,
            labor=tuple(
                LaborShare(hour, seconds)
                for node_id, hour, seconds in seconds_of(replace(order, groups=(group,)), setting)
                if node_id == group.node_id
            ),
            window_start_ms=group.window_start_s * 1000,
            ready_by_ms=group.ready_s * 1000,
            receipt=_domain_receipt_of(group, setting),
        )
        for group in order.groups
    )


def _domain_receipt_of(group: Group, setting: Setting) -> DomainReceipt | None:
    if group.receipt is None or setting.card.transfers is None:
        return None
    seconds = setting.card.transfers.receive_line_s * len(group.line_numbers)
    return DomainReceipt(group.receipt.node_id, group.receipt.window_start_s, seconds)
