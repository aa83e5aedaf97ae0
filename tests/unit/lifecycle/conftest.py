import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from bopis.domain import commands
from bopis.domain.ledger import CellKey
from bopis.domain.network import Method, Place
from bopis.domain.order import Order, OrderLine
from bopis.domain.sourcing import Consent
from bopis.jobs.relay_outbox import relay
from bopis.service import ordering, picking, pickup, shipping, staging
from bopis.testing.audit import all_orders, committed_by_orders
from bopis.testing.shop import AT_EAST, PRICE_MICRO, Shop, open_shop, stock_shop


def request_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Counter:
    """Drives a shop as customers and associates do, with as few words as tests need."""

    shop: Shop
    asked: list[str] = field(default_factory=list)

    async def create(
        self,
        *lines: tuple[str, int],
        method: Method = Method.PICKUP,
        place: Place = AT_EAST,
        order_id: str = "",
        **more: object,
    ) -> Order:
        command = self.create_command(*lines, method=method, place=place, order_id=order_id, **more)
        return await ordering.create_order(self.shop.deps, command)

    @staticmethod
    def create_command(
        *lines: tuple[str, int],
        method: Method = Method.PICKUP,
        place: Place = AT_EAST,
        order_id: str = "",
        **more: object,
    ) -> commands.CreateOrder:
        fields: dict[str, object] = {"consent": Consent(40, ship_home=True), **more}
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
            **fields,  # type: ignore[arg-type]
        )

    async def claim(self, group_id: str, associate: str = "ann") -> None:
        await picking.claim_pick_task(
            self.shop.deps,
            commands.ClaimPickTask(
                request_id=request_id(), pick_task_id=f"{group_id}/pick", associate_id=associate
            ),
        )

    async def confirm(self, task_id: str) -> None:
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
        await self.claim(group_id)
        await self.confirm(f"{group_id}/pick")

    async def stage(self, group_id: str) -> None:
        await staging.stage_order(
            self.shop.deps,
            commands.StageOrder(
                request_id=request_id(), fulfillment_order_id=group_id, staging_location="A1"
            ),
        )

    async def ship(self, group_id: str) -> None:
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
        while await relay(self.shop.store, self.shop.bus):
            pass
        codes = [
            one.pickup_code
            for one in self.shop.notifier.sent.values()
            if one.order_id == order_id and one.pickup_code
        ]
        return codes[-1]

    async def hand_over(self, order_id: str, node_id: str, code: str) -> Order:
        return await pickup.hand_over(
            self.shop.deps,
            commands.HandOver(
                request_id=request_id(), order_id=order_id, node_id=node_id, pickup_code=code
            ),
        )

    async def cancel(self, order_id: str) -> Order:
        return await ordering.cancel_order(
            self.shop.deps, commands.CancelOrder(request_id=request_id(), order_id=order_id)
        )

    async def order(self, order_id: str) -> Order:
        return await ordering.get_order(self.shop.deps, order_id)

    def on_hand(self, node_id: str, sku: str) -> int:
        return self.shop.ledger.view(CellKey(node_id, sku)).on_hand

    def atp(self, node_id: str, sku: str) -> int:
        return self.shop.ledger.atp(CellKey(node_id, sku))

    async def assert_books_agree(self) -> None:
        """The ledger holds exactly what the orders say, and no hold is left over."""
        cells = self.shop.ledger.cells()
        committed = {key: cell.committed for key, cell in cells.items() if cell.committed}
        assert committed == committed_by_orders(await all_orders(self.shop.store))
        assert all(cell.held == 0 for cell in cells.values())


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    opened = await open_shop(tmp_path)
    await stock_shop(opened)
    yield opened
    opened.close()


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return Counter(shop)


Drive = Callable[[Counter], Awaitable[None]]
