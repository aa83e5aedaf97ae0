"""The plans of single orders, and the dual prices that steer them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bopis.domain.duals import Duals
from bopis.domain.explanation import Explained, PlannedOrder, Resource, Wanted, Worth
from bopis.domain.greedy import GreedyRequest
from bopis.domain.ledger import ReservationLine
from bopis.domain.network import Item, NetworkNode
from bopis.domain.policy import Policy
from bopis.domain.sourcing import Ask, PlaceAsk, Placement, Plan


class Sourcer(Protocol):
    """Chooses who fulfills what: the kernel under current stock and dual prices."""

    def load_network(self, nodes: Sequence[NetworkNode], *, version: int) -> None:
        """Replaces the network and its windows. Later calls see it; versions ascend."""
        ...

    def load_items(self, items: Sequence[Item]) -> None:
        """Adds or replaces items."""
        ...

    def load_policy(self, policy: Policy) -> None:
        """Replaces the policy."""
        ...

    def load_duals(self, duals: Duals) -> None:
        """Replaces all dual prices at once, unless a later version is loaded."""
        ...

    async def place(self, place_ask: PlaceAsk) -> Placement:
        """Chooses the best plan and holds it, as one native call that retries a lost race with
        fresh stock. Lines without any plan, unknown SKUs among them, come back as unfilled with
        their reason. The reservation is HELD; its lines are those of the plan's groups: units
        summed per node and SKU, labor per node and hour. A quote is kept while it is possible; if
        it is not, the answer says why. Raises ReservationTakenError.
        """
        ...

    async def plan(
        self,
        ask: Ask,
        *,
        k: int,
        policy: Policy | None = None,
        own: Sequence[ReservationLine] = (),
    ) -> Sequence[Plan]:
        """The best k plans (at least one) under the stock of now, cheapest first; holds nothing.

        `policy`: another one than is loaded. `own`: what the order holds itself, free to it.
        """
        ...

    async def explain(self, order: PlannedOrder, wanted: Wanted) -> Explained:
        """Why an order is planned as it is, on one reading of the stock, with what it holds free to
        it; every plan is the kernel's. Holds nothing.
        """
        ...

    async def worth(
        self, orders: Sequence[PlannedOrder], resources: Sequence[Resource]
    ) -> Sequence[Worth | None]:
        """What one more, or one fewer, of each resource is worth to orders that nobody picks yet,
        by solving them anew one after the other. None: the work that one call may take did not
        suffice. Holds nothing.
        """
        ...


class StillSourcers(Protocol):
    """Makes sourcers whose stock and labor stand still: those that a request says are free."""

    def __call__(self, request: GreedyRequest) -> AbstractAsyncContextManager[Sourcer]:
        """One with the request's network, items, policy and dual prices, gone at the end."""
        ...


class DualStore(Protocol):
    """The dual prices in force."""

    def current(self) -> Duals | None:
        """The last ones; None: there are none."""
        ...

    def replace(self, duals: Duals) -> None:
        """Keeps these instead."""
        ...
