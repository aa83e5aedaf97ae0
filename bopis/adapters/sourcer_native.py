"""The sourcer port over the native promiser."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from bopis._allocator_rs import Engine, Promiser
from bopis.adapters.native_calls import NativeCalls, NativeFaultError
from bopis.adapters.sourcer_settings import Settings
from bopis.domain.duals import DualCharge, DualCharges, Duals
from bopis.domain.explanation import Explained, PlannedOrder, Resource, Wanted, Worth
from bopis.domain.ledger import Reservation, ReservationLine
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.quote import QuoteLost
from bopis.domain.sourcing import Ask, PlaceAsk, Placement, Plan

_encode: Final = msgspec.msgpack.Encoder().encode


class _Placed(msgspec.Struct, frozen=True, tag="placed"):
    plan: Plan
    reservation: Reservation | None
    attempts: int
    duals: DualCharges | None
    dual_rows: tuple[DualCharge, ...]
    quote_lost: QuoteLost | None
    planned_at: int | None
    world_number: int


_placed_decoder = msgspec.msgpack.Decoder(_Placed)
_plans_decoder = msgspec.msgpack.Decoder(list[Plan])
_explained_decoder = msgspec.msgpack.Decoder(Explained)
_worths_decoder = msgspec.msgpack.Decoder(list[Worth | None])


class NativeSourcer:
    """`bopis.ports.Sourcer` over the promiser's thread. `stop` it before the engine drains."""

    def __init__(self, engine: Engine, calls: NativeCalls) -> None:
        self._promiser = Promiser(engine)
        self._calls = calls
        self._settings = Settings(engine.journal_id())

    @property
    def promiser(self) -> Promiser:
        """What the door plans with."""
        return self._promiser

    def load_network(self, nodes: Sequence[NetworkNode], *, version: int) -> None:
        """See the port."""
        content = _encode({"version": version, "nodes": nodes})
        self._settings.put_network(self._promiser.load_network(content), content)

    def load_items(self, items: Sequence[Item]) -> None:
        """See the port."""
        self._settings.put_items(self._promiser.load_items(_encode(items)), items)

    def load_policy(self, policy: Policy) -> None:
        """See the port."""
        content = _encode(policy)
        self._settings.put_policy(self._promiser.load_policy(content), content)

    def load_duals(self, duals: Duals) -> None:
        """See the port."""
        content = _encode(duals)
        self._promiser.load_duals(content)
        self._settings.put_duals(duals.version, content)

    async def place(self, place_ask: PlaceAsk) -> Placement:
        """See the port."""
        payload = {
            "ask": place_ask.ask,
            "reservation_id": place_ask.reservation_id,
            "request_id": place_ask.request_id,
            "hold_ttl_ms": place_ask.hold_ttl_ms,
            "priority": place_ask.priority,
            "quote": place_ask.quote,
        }
        completion = await self._calls.call(self._promiser.place, payload)
        try:
            placed = _placed_decoder.decode(completion.result)
        except msgspec.ValidationError as error:
            raise NativeFaultError(str(error)) from error
        return Placement(
            plan=placed.plan,
            reservation=placed.reservation,
            sequence=completion.sequence,
            attempts=placed.attempts,
            duals=placed.duals,
            quote_lost=placed.quote_lost,
            made_of=self._settings.made_of(
                place_ask.ask,
                sequence=placed.planned_at,
                world=placed.world_number,
                duals=placed.duals,
            ),
            dual_rows=placed.dual_rows,
        )

    async def plan(
        self,
        ask: Ask,
        *,
        k: int,
        policy: Policy | None = None,
        own: Sequence[ReservationLine] = (),
    ) -> Sequence[Plan]:
        """See the port."""
        # Milliseconds of work outside the interpreter's lock: other calls go on meanwhile.
        payload = _encode({"ask": ask, "k": k, "policy": policy, **_held(own)})
        return _plans_decoder.decode(await asyncio.to_thread(self._promiser.plan, payload))

    async def explain(self, order: PlannedOrder, wanted: Wanted) -> Explained:
        """See the port."""
        asked = {
            "order": _order(order),
            "plans_max": wanted.plans,
            "nodes_max": wanted.nodes,
            "flips_max": wanted.flips,
            "relaxations_max": wanted.relaxations,
            "opportunity": wanted.opportunity,
        }
        found = await asyncio.to_thread(self._promiser.explain, _encode(asked))
        return _explained_decoder.decode(found)

    async def worth(
        self, orders: Sequence[PlannedOrder], resources: Sequence[Resource]
    ) -> Sequence[Worth | None]:
        """See the port."""
        asked = {"orders": [_order(order) for order in orders], "resources": resources}
        found = await asyncio.to_thread(self._promiser.worth, _encode(asked))
        return _worths_decoder.decode(found)

    def stop(self) -> None:
        """Finishes what was accepted and joins the thread. Blocks until then."""
        self._promiser.stop()


def _order(order: PlannedOrder) -> dict[str, object]:
    return {"ask": order.ask, "in_force": order.in_force, **_held(order.own)}


def _held(own: Sequence[ReservationLine]) -> dict[str, object]:
    """What an order holds, units and seconds apart."""
    labor = [one for one in own if one.window_start_s is not None]
    return {
        "own_stock": [(o.node_id, o.sku, o.quantity) for o in own if o.sku is not None],
        "own_labor": [(one.node_id, one.window_start_s, one.quantity) for one in labor],
    }
