"""The sourcer port over the native promiser."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from bopis._allocator_rs import Engine, Promiser
from bopis.adapters.native_calls import NativeCalls, NativeFaultError
from bopis.adapters.sourcer_settings import Settings
from bopis.domain.duals import DualCharges, Duals
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
    quote_lost: QuoteLost | None
    planned_at: int | None
    world_number: int


_placed_decoder = msgspec.msgpack.Decoder(_Placed)
_plans_decoder = msgspec.msgpack.Decoder(list[Plan])


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
        labor = [one for one in own if one.window_start_s is not None]
        payload = _encode(
            {
                "ask": ask,
                "k": k,
                "policy": policy,
                "own_stock": [(o.node_id, o.sku, o.quantity) for o in own if o.sku is not None],
                "own_labor": [(one.node_id, one.window_start_s, one.quantity) for one in labor],
            }
        )
        return _plans_decoder.decode(await asyncio.to_thread(self._promiser.plan, payload))

    def stop(self) -> None:
        """Finishes what was accepted and joins the thread. Blocks until then."""
        self._promiser.stop()
