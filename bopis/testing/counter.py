"""Driving a shop as customers and associates do, with as few words as tests need."""

import uuid
from dataclasses import dataclass
from typing import Any

from bopis.domain import commands
from bopis.domain.ledger import CellKey
from bopis.domain.network import Method, Place
from bopis.domain.order import Order, OrderLine
from bopis.domain.sourcing import Consent
from bopis.jobs.relay_outbox import relay
from bopis.service import ordering, picking, pickup, shipping, staging
from bopis.testing.audit import all_orders, committed_by_orders
from bopis.testing.shop import AT_EAST, PRICE_MICRO, Shop


def request_id() -> str:
    """A new request's id."""
    return str(uuid.uuid4())


@dataclass
class Counter:
    """A counter of a shop: who places orders, picks, stages, hands over."""

    shop: Shop

    async def create(
        self,
        *lines: tuple[str, int],
        method: Method = Method.PICKUP,
        place: Place = AT_EAST,
        order_id: str = "",
        **more: Any,
    ) -> Order:
        """Places an order of (sku, quantity) lines."""
        command = self.create_command(*lines, method=method, place=place, order_id=order_id, **more)
        return await ordering.create_order(self.shop.deps, command)

    @staticmethod
    def create_command(
        *lines: tuple[str, int],
        method: Method = Method.PICKUP,
        place: Place = AT_EAST,
        order_id: str = "",
        **more: Any,
    ) -> commands.CreateOrder:
        """What `create` asks."""
        fields: dict[str, Any] = {"consent": Consent(40, ship_home=True), **more}
        return commands.CreateOrder(
            request_id=request_id(),
            method=method,
            place=place,
            lines=tuple(
                OrderLine(number, sku, quantity, PRICE_MICRO)
                for number, (sku, quantity) in enumerate(lines, start=1)
            ),
            currency="USD",
            order_id=order_id,
            **fields,
        )

    async def claim(self, group_id: str, associate: str = "ann") -> None:
        """Claims the pick task of a group."""
        await picking.claim_pick_task(
            self.shop.deps,
            commands.ClaimPickTask(
                request_id=request_id(), pick_task_id=f"{group_id}/pick", associate_id=associate
            ),
        )

    async def confirm(self, task_id: str) -> None:
        """Confirms every open line of a task."""
        task = await self.shop.store.pick_task(task_id)
        assert task is not None
        open_lines = [line for line in task.lines if not line.done]
        await picking.confirm_pick(
            self.shop.deps,
            commands.ConfirmPick(
                request_id=request_id(),
                pick_task_id=task_id,
                lines=tuple(
                    commands.PickedLine(line.line_number, line.quantity) for line in open_lines
                ),
            ),
        )

    async def pick(self, group_id: str) -> None:
        """Claims and confirms."""
        await self.claim(group_id)
        await self.confirm(f"{group_id}/pick")

    async def stage(self, group_id: str) -> None:
        """Stages a picked group."""
        await staging.stage_order(
            self.shop.deps,
            commands.StageOrder(
                request_id=request_id(), fulfillment_order_id=group_id, staging_location="A1"
            ),
        )

    async def ship(self, group_id: str) -> None:
        """Gives a picked group to the carrier."""
        await shipping.confirm_shipment(
            self.shop.deps,
            commands.ConfirmShipment(
                request_id=request_id(), fulfillment_order_id=group_id, carrier="ups"
            ),
        )

    async def ready(self, *lines: tuple[str, int], order_id: str = "") -> Order:
        """An order that waits at its store for the customer."""
        order = await self.create(*lines, order_id=order_id)
        for group in order.fulfillment_orders:
            await self.pick(group.fulfillment_order_id)
            await self.stage(group.fulfillment_order_id)
        return await ordering.get_order(self.shop.deps, order.order_id)

    async def code_of(self, order_id: str) -> str:
        """The code that the customer was sent last, after a relay of what waits."""
        while await relay(self.shop.store, self.shop.bus):
            pass
        codes = [
            one.pickup_code
            for one in self.shop.notifier.sent.values()
            if one.order_id == order_id and one.pickup_code
        ]
        return codes[-1]

    async def hand_over(self, order_id: str, node_id: str, code: str) -> Order:
        """Hands an order over."""
        return await pickup.hand_over(
            self.shop.deps,
            commands.HandOver(
                request_id=request_id(), order_id=order_id, node_id=node_id, pickup_code=code
            ),
        )

    async def cancel(self, order_id: str) -> Order:
        """Cancels an order."""
        return await ordering.cancel_order(
            self.shop.deps, commands.CancelOrder(request_id=request_id(), order_id=order_id)
        )

    async def order(self, order_id: str) -> Order:
        """One order as it stands."""
        return await ordering.get_order(self.shop.deps, order_id)

    def on_hand(self, node_id: str, sku: str) -> int:
        """On hand in the ledger."""
        return self.shop.ledger.view(CellKey(node_id, sku)).on_hand

    def atp(self, node_id: str, sku: str) -> int:
        """ATP in the ledger."""
        return self.shop.ledger.atp(CellKey(node_id, sku))

    async def assert_books_agree(self) -> None:
        """The ledger holds exactly what the orders say, and no hold is left over."""
        cells = self.shop.ledger.cells()
        committed = {key: cell.committed for key, cell in cells.items() if cell.committed}
        assert committed == committed_by_orders(await all_orders(self.shop.store))
        assert all(cell.held == 0 for cell in cells.values())
