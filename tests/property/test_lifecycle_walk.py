"""A seeded walk through every verb, with a ledger that loses calls and answers on the way.

After every step the ledger holds what the orders say, or the order in between has its intent open;
at the end everything is finished and on hand is what was imported, less what left.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from bopis.domain import commands
from bopis.domain.errors import BopisError, NotServing
from bopis.domain.fulfillment import DELIVERED, FulfillmentOrder, FulfillmentState
from bopis.domain.ledger import ActDone, Command, Consume, Release
from bopis.domain.network import Method
from bopis.domain.order import FINAL, Order
from bopis.domain.pick_task import PickTaskState, ShortPickReason
from bopis.domain.pickup import pickup_code
from bopis.service import ordering, picking, pickup, shortpick
from bopis.service.noshow import expire_due
from bopis.service.reconcile import reconcile_unfinished
from bopis.testing.audit import all_orders
from bopis.testing.counter import Counter, request_id
from bopis.testing.ledger_memory import MemoryLedger
from bopis.testing.shop import CODE_KEY, ITEMS, ON_HAND, open_shop, stock_shop

STEPS = 150
LOSS = 0.05
LOSS_OF_ENDS = 0.4
"""Acts that release or consume are rarer than holds, and worth losing more often."""


class LossyLedger:
    """Fails some acts before their effect, and loses the answers of some others."""

    def __init__(self, ledger: MemoryLedger, chance: random.Random) -> None:
        self.ledger = ledger
        self.chance = chance
        self.losing = False
        self.lost = 0

    async def act(self, acts: Sequence[Command], *, request_id: str) -> ActDone:
        fate, loss = self.chance.random(), 0.0
        if self.losing:
            ends = any(isinstance(one, Consume | Release) for one in acts)
            loss = LOSS_OF_ENDS if ends else LOSS
        if fate < loss / 2:
            self.lost += 1
            raise NotServing("the call was lost")
        done = await type(self.ledger).act(self.ledger, acts, request_id=request_id)
        if fate < loss:
            self.lost += 1
            raise NotServing("the answer was lost")
        return done


def open_groups(orders: Sequence[Order]) -> list[FulfillmentOrder]:
    return [group for order in orders for group in order.fulfillment_orders]


async def take_step(counter: Counter, chance: random.Random) -> None:
    """One verb on something that may or may not accept it."""
    deps = counter.shop.deps
    orders = await all_orders(counter.shop.store)
    groups = open_groups(orders)
    verb = chance.choice(
        ["create", "create", "claim", "claim", "confirm", "confirm", "confirm", "short",
         "stage", "ship", "hand_over", "hand_over", "cancel", "later", "restock", "restock"]
    )  # fmt: skip
    if verb == "create" or not groups:
        lines = [
            (chance.choice(ITEMS).sku, chance.randint(1, 3)) for _ in range(chance.randint(1, 4))
        ]
        await counter.create(*lines, method=chance.choice(list(Method)))
        return
    wanted = {
        "claim": (FulfillmentState.ALLOCATED,),
        "confirm": (FulfillmentState.PICKING,),
        "short": (FulfillmentState.PICKING,),
        "stage": (FulfillmentState.PICKED,),
        "ship": (FulfillmentState.PICKED,),
        "hand_over": (FulfillmentState.READY_FOR_PICKUP,),
    }.get(verb, tuple(FulfillmentState))
    fitting = [group for group in groups if group.state in wanted] or groups
    group = chance.choice(fitting)
    group_id = group.fulfillment_order_id
    match verb:
        case "claim":
            await counter.claim(group_id)
        case "confirm" | "short":
            await pick_or_short(counter, chance, group_id, short=verb == "short")
        case "stage":
            await counter.stage(group_id)
        case "ship":
            await counter.ship(group_id)
        case "hand_over":
            code = pickup_code(CODE_KEY, group_id, max(1, group.staging_attempt), 6)
            command = commands.HandOver(
                request_id=request_id(),
                order_id=group.order_id,
                node_id=group.node_id,
                pickup_code=code if chance.random() < 0.8 else "1",
            )
            await pickup.hand_over(deps, command)
        case "cancel":
            await counter.cancel(group.order_id)
        case "later":
            counter.shop.clock.advance(chance.randint(1, 20) * 3_600_000)
            await expire_due(deps)
        case _:
            await restock(counter, group_id)


async def pick_or_short(
    counter: Counter, chance: random.Random, group_id: str, *, short: bool
) -> None:
    task = await counter.shop.store.pick_task(f"{group_id}/pick")
    left = [] if task is None else [line for line in task.lines if not line.done]
    if not left:
        return
    line = chance.choice(left)
    if short:
        await shortpick.report_short_pick(
            counter.shop.deps,
            commands.ReportShortPick(
                request_id=request_id(),
                pick_task_id=f"{group_id}/pick",
                line_number=line.line_number,
                found_quantity=chance.randrange(line.quantity),
                reason=ShortPickReason.WRONG_LOCATION,
            ),
        )
        return
    await picking.confirm_pick(
        counter.shop.deps,
        commands.ConfirmPick(
            request_id=request_id(),
            pick_task_id=f"{group_id}/pick",
            lines=(commands.PickedLine(line.line_number, line.quantity),),
        ),
    )


async def restock(counter: Counter, group_id: str) -> None:
    task = await counter.shop.store.pick_task(f"{group_id}/restock")
    if task is None or task.state is PickTaskState.DONE:
        return
    await picking.claim_pick_task(
        counter.shop.deps,
        commands.ClaimPickTask(
            request_id=request_id(), pick_task_id=task.pick_task_id, associate_id="bob"
        ),
    )
    await counter.confirm(task.pick_task_id)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_the_ledger_holds_what_the_orders_say(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    shop = await open_shop(tmp_path)
    await stock_shop(shop)
    counter = Counter(shop)
    lossy = LossyLedger(shop.ledger, chance)
    monkeypatch.setattr(shop.ledger, "act", lossy.act)
    done = 0
    for _ in range(STEPS):
        lossy.losing = True
        try:
            await take_step(counter, chance)
            done += 1
        except BopisError:
            # Refused, or half done: the next steps and the job must cope with either.
            pass
        lossy.losing = False
        if not shop.deps.unfinished:
            await counter.assert_books_agree()
        if chance.random() < 0.1:
            assert (await reconcile_unfinished(shop.deps)).failed == 0
    assert (await reconcile_unfinished(shop.deps)).failed == 0
    assert await shop.store.open_intents() == ()
    await counter.assert_books_agree()
    assert done > STEPS // 3
    assert lossy.lost > 0
    orders = await all_orders(shop.store)
    assert any(order.state in FINAL for order in orders)
    left: dict[str, int] = {}
    for group in open_groups(orders):
        if group.state in DELIVERED:
            for line in group.lines:
                left[line.sku] = left.get(line.sku, 0) + line.quantity
    for item in ITEMS:
        imported = sum(units for (_, sku), units in ON_HAND.items() if sku == item.sku)
        there = sum(counter.on_hand(node_id, item.sku) for node_id in shop.deps.directory.nodes)
        assert there == imported - left.get(item.sku, 0)
    for order in orders:
        assert await ordering.get_order(shop.deps, order.order_id) == order
    shop.close()
