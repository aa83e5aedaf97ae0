"""A naive sourcer: the customer's store first, then the nearest nodes, line by line.

It obeys the rules of methods, reach and consent, takes whole lines, and knows a few cost terms. It
chooses badly on purpose: it is there so that the services can be tested without the kernel.
"""

from collections.abc import Sequence

from bopis.domain.cost import CostBreakdown, CostTerm, breakdown
from bopis.domain.duals import Duals
from bopis.domain.explanation import (
    Explained,
    Part,
    PlannedOrder,
    Resource,
    Wanted,
    Weighed,
    Worth,
)
from bopis.domain.ledger import (
    CellKey,
    Hold,
    Insufficient,
    Reservation,
    ReservationLine,
    ReservationNow,
    ReservationState,
)
from bopis.domain.network import Item, Method, NetworkNode
from bopis.domain.policy import HOUR_MS, Policy
from bopis.domain.promise import customer_store, distance_m, usable
from bopis.domain.quote import QuoteAsk, QuoteFault, QuoteLost
from bopis.domain.sourcing import (
    Ask,
    AskLine,
    LaborShare,
    PlaceAsk,
    Placement,
    Plan,
    PlannedGroup,
    ReservationTakenError,
    UnfilledLine,
    UnfilledReason,
)
from bopis.testing.ledger_memory import MemoryLedger

HOUR_S = 3_600


class NaiveSourcer:
    """Implements `bopis.ports.Sourcer` over a `MemoryLedger`."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self._nodes: dict[str, NetworkNode] = {}
        self._items: dict[str, Item] = {}
        self._policy: Policy | None = None
        self.duals: Duals | None = None

    def load_network(self, nodes: Sequence[NetworkNode], *, version: int) -> None:
        """See the port."""
        del version
        self._nodes = {one.node.node_id: one for one in nodes}

    def load_items(self, items: Sequence[Item]) -> None:
        """See the port."""
        self._items.update((item.sku, item) for item in items)

    def load_policy(self, policy: Policy) -> None:
        """See the port."""
        self._policy = policy

    def load_duals(self, duals: Duals) -> None:
        """See the port; kept for tests to look at, and not used."""
        self.duals = duals

    async def place(self, place_ask: PlaceAsk) -> Placement:
        """See the port."""
        ask = place_ask.ask
        [plan] = await self.plan(ask, k=1)
        lost: QuoteLost | None = None
        if place_ask.quote is not None:
            kept = self._quoted(ask, place_ask.quote)
            if isinstance(kept, Plan):
                plan = kept
            else:
                lost = kept
                plan = Plan((), (), CostBreakdown()) if place_ask.quote.required else plan
        if not plan.groups:
            return Placement(plan, None, quote_lost=lost)
        hold = Hold(
            place_ask.reservation_id,
            ask.order_id,
            reservation_lines(ask, plan),
            place_ask.hold_ttl_ms,
            place_ask.priority,
        )
        done = await self._ledger.act([hold], request_id=place_ask.request_id)
        outcome = done.outcomes[0]
        held: Reservation | None = None
        if isinstance(outcome, ReservationNow):
            held = outcome.reservation
        elif not isinstance(outcome, Insufficient):
            raise AssertionError(f"a hold came to {outcome}")
        if held is None:
            raise AssertionError("the naive sourcer has no competitor")
        if held.state is not ReservationState.HELD or set(held.lines) != set(hold.lines):
            raise ReservationTakenError(f"{held.reservation_id} is there already")
        return Placement(plan, held, done.sequence, quote_lost=lost)

    async def plan(
        self,
        ask: Ask,
        *,
        k: int,
        policy: Policy | None = None,
        own: Sequence[ReservationLine] = (),
    ) -> Sequence[Plan]:
        """See the port; always one plan, of the loaded policy."""
        del k, own
        policy = policy or self._loaded_policy()
        customer_node = ""
        if ask.method is Method.PICKUP:
            customer_node = ask.customer_node_id or customer_store(
                [
                    one
                    for node_id, one in self._nodes.items()
                    if node_id not in ask.excluded_node_ids
                ],
                ask.place,
                now_ms=ask.now_ms,
                promise_ms=ask.promise_ms,
                policy=policy,
            )
        groups: list[PlannedGroup] = []
        left = [line for line in ask.lines if line.sku in self._items]
        for node_id, method in self._candidates(ask, customer_node):
            taken = [line for line in left if self._has(node_id, line)]
            group = self._group(ask, node_id, method, taken) if taken else None
            if group is not None:
                groups.append(group)
                left = [line for line in left if line.line_number not in group.line_numbers]
        done = {number for group in groups for number in group.line_numbers}
        unfilled = tuple(
            UnfilledLine(line.line_number, self._reason(line))
            for line in ask.lines
            if line.line_number not in done
        )
        if unfilled and ask.all_or_nothing:
            groups = []
        return [Plan(tuple(groups), unfilled, self._cost(groups, unfilled), customer_node)]

    def _loaded_policy(self) -> Policy:
        if self._policy is None:
            raise AssertionError("load_policy comes first")
        return self._policy

    def _candidates(self, ask: Ask, customer_node: str) -> list[tuple[str, Method]]:
        """Where to look, in order: the pickup store, then by distance for shipping."""
        candidates: list[tuple[str, Method]] = []
        store = ask.pickup_only_at or customer_node
        ships = ask.method is Method.SHIP or ask.consent.ship_home
        if ask.method is Method.PICKUP and store:
            candidates.append((store, Method.PICKUP))
        elif ask.method is Method.PICKUP:
            ships = self._loaded_policy().ship_when_out_of_reach
        if ships:
            by_distance = sorted(
                (distance_m(ask.place, one.node.place), node_id)
                for node_id, one in self._nodes.items()
            )
            candidates += [(node_id, Method.SHIP) for _, node_id in by_distance if node_id != store]
        return [one for one in candidates if one[0] not in ask.excluded_node_ids]

    async def explain(self, order: PlannedOrder, wanted: Wanted) -> Explained:
        """See the port; the plan in force and its own, nothing else whatever is wanted."""
        del wanted
        [best] = await self.plan(order.ask, k=1)
        chosen = Plan(order.in_force, (), self._cost(list(order.in_force), ()))
        now, other = (
            Weighed(one, 0, 0, one.cost.total_micro, is_exact=False) for one in (chosen, best)
        )
        return Explained(
            chosen=now,
            best=other,
            others=(),
            rejected=(),
            rejected_count=0,
            flips=(),
            lacking=(),
            incomplete=tuple(Part),
            sequence=0,
            duals_version=0,
            policy_version=self._loaded_policy().version,
        )

    async def worth(
        self, orders: Sequence[PlannedOrder], resources: Sequence[Resource]
    ) -> Sequence[Worth | None]:
        """See the port; orders are planned as badly as before, so nothing is worth anything."""
        del orders
        return [Worth(0, None, 1) for _ in resources]

    def _quoted(self, ask: Ask, quote: QuoteAsk) -> Plan | QuoteLost:
        """The quoted plan, of windows of one hour, or why it cannot be kept."""
        lines = {line.line_number: line for line in ask.lines}
        groups: list[PlannedGroup] = []
        for one in quote.groups:
            node = self._nodes.get(one.node_id)
            if node is None:
                return QuoteLost(QuoteFault.NODE_NOT_ALLOWED, one.node_id)
            if one.window_start_ms < ask.now_ms:
                return QuoteLost(QuoteFault.WINDOW_PAST, one.node_id)
            if not all(self._has(one.node_id, lines[number]) for number in one.line_numbers):
                return QuoteLost(QuoteFault.NO_STOCK, one.node_id)
            start_s = one.window_start_ms // 1_000
            seconds = -(-HOUR_S // node.node.pick_lines_per_hour) * len(one.line_numbers)
            if self._ledger.atp(CellKey(one.node_id, None, start_s)) < seconds:
                return QuoteLost(QuoteFault.NO_LABOR, one.node_id)
            groups.append(
                PlannedGroup(
                    one.node_id,
                    one.method,
                    one.line_numbers,
                    (LaborShare(start_s, seconds),),
                    one.window_start_ms,
                    one.ready_by_ms,
                )
            )
        return Plan(tuple(groups), (), self._cost(groups, ()), ask.customer_node_id or "")

    def _has(self, node_id: str, line: AskLine) -> bool:
        return self._ledger.atp(CellKey(node_id, line.sku)) >= line.quantity

    def _group(
        self, ask: Ask, node_id: str, method: Method, lines: list[AskLine]
    ) -> PlannedGroup | None:
        """As many of the lines as the first window with labor for one of them takes."""
        node = self._nodes[node_id]
        per_line = -(-HOUR_S // node.node.pick_lines_per_hour)
        policy = self._loaded_policy()
        for window in node.windows:
            if not usable(window, now_ms=ask.now_ms, lead_time_ms=policy.lead_time_ms):
                continue
            room = self._ledger.atp(CellKey(node_id, None, window.start_s)) // per_line
            fitting: list[AskLine] = []
            units: dict[str, int] = {}
            for line in lines[: max(0, room)]:
                units[line.sku] = units.get(line.sku, 0) + line.quantity
                if units[line.sku] <= self._ledger.atp(CellKey(node_id, line.sku)):
                    fitting.append(line)
                else:
                    units[line.sku] -= line.quantity
            if fitting:
                start_ms = window.start_s * 1_000
                return PlannedGroup(
                    node_id=node_id,
                    method=method,
                    line_numbers=tuple(line.line_number for line in fitting),
                    labor=(LaborShare(window.start_s, per_line * len(fitting)),),
                    window_start_ms=start_ms,
                    ready_by_ms=start_ms + HOUR_MS,
                )
        return None

    def _reason(self, line: AskLine) -> UnfilledReason:
        if line.sku not in self._items:
            return UnfilledReason.UNKNOWN_SKU
        if not any(self._has(node_id, line) for node_id in self._nodes):
            return UnfilledReason.NO_STOCK
        return UnfilledReason.OUT_OF_REACH

    def _cost(
        self, groups: list[PlannedGroup], unfilled: tuple[UnfilledLine, ...]
    ) -> CostBreakdown:
        card = self._loaded_policy().card
        shipped = sum(1 for group in groups if group.method is Method.SHIP)
        lines = sum(len(group.line_numbers) for group in groups)
        return breakdown(
            [
                CostTerm("ship_package", card.ship_package_micro * shipped),
                CostTerm("pick", card.pick_line_micro * lines),
                CostTerm("extra_group", card.extra_group_micro * max(0, len(groups) - 1)),
                CostTerm("unfilled", card.unfilled_goodwill_micro * len(unfilled)),
            ]
        )


def reservation_lines(ask: Ask, plan: Plan) -> tuple[ReservationLine, ...]:
    """What a plan takes: units summed per node and SKU, labor per node and hour."""
    lines = {line.line_number: line for line in ask.lines}
    taken: list[ReservationLine] = []
    for group in plan.groups:
        units: dict[str, int] = {}
        for number in group.line_numbers:
            units[lines[number].sku] = units.get(lines[number].sku, 0) + lines[number].quantity
        taken += [
            ReservationLine(group.node_id, quantity, sku=sku) for sku, quantity in units.items()
        ]
        taken += [
            ReservationLine(group.node_id, share.seconds, window_start_s=share.window_start_s)
            for share in group.labor
        ]
    return tuple(taken)
