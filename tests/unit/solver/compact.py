"""A batch as one compact model: groups and lines as binaries, solved by CP-SAT.

Written from the checker's rules, which share nothing with the plan kernel. Without hard rules.
"""

import itertools
import random
from collections import defaultdict
from dataclasses import replace

from ortools.sat.python import cp_model

from solver import check
from solver.problem import (
    HOUR_S,
    Ask,
    AskLine,
    Consent,
    Group,
    Item,
    LaborShare,
    OpenOrder,
    Plan,
    Request,
    StockLimit,
    UnfilledLine,
)
from solver.sending import Receipt, Transfers
from tests.unit.solver.small_batches import (
    DAYS,
    NOON_S,
    limits_of,
    of_day,
    shipped,
    small_request,
)

MANY_SKUS = tuple(f"m{number}" for number in range(8))


def mixed_request(seed: int, *, orders: int = 4) -> Request:
    """A small batch; in every second one an order of 9 to 12 lines, which nobody does so far, and
    in every third one few groups of days and little that may be shipped.
    """
    request = small_request(seed, orders=orders, limited=seed % 3 == 0)
    if seed % 2:
        return request
    dice = random.Random(f"mixed {seed}")
    items = tuple(
        Item(sku, dice.randint(1, 40) * 1_000_000, dice.choice([0, 300])) for sku in MANY_SKUS
    )
    stock = tuple(
        StockLimit(entry.node.node_id, sku, units)
        for entry in request.nodes
        for sku in MANY_SKUS
        if (units := dice.randint(0, 3))
    )
    problem = request.problem
    request = replace(
        request,
        items=(*request.items, *items),
        problem=replace(problem, stock=(*problem.stock, *stock)),
    )
    order = long_order(request, dice)
    problem = replace(request.problem, orders=(*request.problem.orders, order))
    return replace(request, problem=problem)


def transfer_request(seed: int, *, orders: int) -> Request:
    """A small batch whose policy moves lines to the store where they are collected."""
    dice = random.Random(f"transfers {seed}")
    request = mixed_request(seed, orders=orders)
    transfers = Transfers(
        from_kinds=("STORE", "DARK_STORE", "WAREHOUSE"),
        reach_km=dice.choice([40, 100]),
        handling_s=dice.choice([0, 300]),
        km_per_h=dice.choice([100, 400]),
        receive_line_s=dice.choice([30, 200]),
        source_micro=dice.choice([100_000, 2_500_000]),
        km_micro=2_000,
    )
    orders_open = tuple(
        replace(order, ask=replace(order.ask, consent=Consent(40, ship_home=dice.random() < 0.1)))
        if not order.groups or all(group.method == "PICKUP" for group in order.groups)
        else order
        for order in request.problem.orders
    )
    return replace(
        request,
        policy=replace(request.policy, transfers=transfers),
        problem=replace(request.problem, orders=orders_open),
    )


def long_order(request: Request, dice: random.Random) -> OpenOrder:
    """An order of 9 to 12 lines that is left so far."""
    lines = tuple(
        AskLine(index + 1, dice.choice(MANY_SKUS), dice.randint(1, 2), dice.randint(1, 40) * 10**6)
        for index in range(dice.randint(9, 12))
    )
    ask = Ask(
        order_id="long",
        method=dice.choice(["PICKUP", "SHIP"]),
        place=request.nodes[0].node.place,
        lines=lines,
        now_ms=NOON_S * 1000,
        promise_ms=(NOON_S + dice.randint(1, 3) * HOUR_S) * 1000,
        consent=Consent(dice.choice([0, 40]), ship_home=True),
    )
    left = tuple(UnfilledLine(line.line_number, "TOO_COSTLY") for line in lines)
    return OpenOrder(ask, (), left, check.cost_of(check.World.of(request), ask, ()))


def single_groups(request: Request, ask: Ask) -> list[tuple[Group, tuple[int, ...]]]:
    """Every node, method and hours with the lines that it may do."""
    world = check.World.of(request)
    one = replace(ask, all_or_nothing=False)
    found = []
    for entry in request.nodes:
        starts = {window.start_s for window in entry.windows}
        spans = range(1, request.policy.span_windows_max + 1)
        for method, first, span in itertools.product(("PICKUP", "SHIP"), sorted(starts), spans):
            hours = [first + HOUR_S * index for index in range(span)]
            if not starts >= set(hours):
                continue
            each, rest = divmod(entry.node.line_seconds, span)
            group = Group(
                entry.node.node_id,
                method,  # type: ignore[arg-type]
                (),
                tuple(LaborShare(hour, each + (i < rest)) for i, hour in enumerate(hours)),
                first * 1000,
                (first + span * HOUR_S) * 1000,
            )
            for way in (group, *received(request, group)):
                may = tuple(n for n in range(len(ask.lines)) if _may(world, one, way, n))
                if may:
                    found.append((way, may))
    return found


def received(request: Request, group: Group) -> list[Group]:
    """A shipped group as a transfer to every node, received in every hour; most break some rule."""
    transfers = request.policy.transfers
    if transfers is None or group.method != "SHIP":
        return []
    return [
        replace(
            group,
            method="PICKUP",
            receipt=Receipt(store.node.node_id, hour.start_s, transfers.receive_line_s),
            ready_by_ms=(hour.start_s + HOUR_S) * 1000,
        )
        for store in request.nodes
        for hour in store.windows
    ]


def _may(world: check.World, ask: Ask, group: Group, line: int) -> bool:
    number = ask.lines[line].line_number
    if group.receipt is not None and group.receipt.node_id == group.node_id:
        return False
    alone = (replace(group, line_numbers=(number,)),)
    others = tuple(
        UnfilledLine(other.line_number, "TOO_COSTLY")
        for other in ask.lines
        if other.line_number != number
    )
    plan = Plan(alone, others, check.cost_of(world, ask, alone))
    return not check.plan_problems(world, ask, plan)


def line_micro(request: Request, ask: Ask, group: Group, line: int) -> int:
    """What a line costs in a group."""
    number = ask.lines[line].line_number
    world = check.World.of(request)
    cost = check.cost_of(world, ask, (replace(group, line_numbers=(number,)),))
    return sum(t.amount_micro for t in cost.terms if t.name in {"pick", "ship_kg"})


def opening_micro(request: Request, ask: Ask, group: Group) -> int:
    """What a group costs before it does a line."""
    cost = check.cost_of(check.World.of(request), ask, (group,))
    aside = {"unfilled", "late", "promise_broken", "other_store_km"}
    return sum(term.amount_micro for term in cost.terms if term.name not in aside)


def visit_micro(request: Request, ask: Ask, group: Group) -> int:
    """What the way to the store where a group is collected costs beyond that to the customer's."""
    cost = check.cost_of(check.World.of(request), ask, (group,))
    return sum(term.amount_micro for term in cost.terms if term.name == "other_store_km")


class Compact:
    """The model of a batch."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.model = cp_model.CpModel()
        self.taken: dict[tuple[str, str | int], list[cp_model.LinearExpr]] = defaultdict(list)
        self.costs: list[cp_model.LinearExpr | int] = []
        for order in request.problem.orders:
            self._add(order)
        limits = limits_of(request)
        for cell, amounts in self.taken.items():
            self.model.add(sum(amounts) <= limits[cell])
        self.model.minimize(sum(self.costs))

    def optimum(self) -> int:
        """The least cost that leaves no promised line."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = 60
        assert solver.solve(self.model) == cp_model.OPTIMAL
        return round(solver.objective_value)

    def _add(self, order: OpenOrder) -> None:
        request, model, ask = self.request, self.model, order.ask
        world, card = check.World.of(request), request.policy.card
        promised = {number for group in order.groups for number in group.line_numbers}
        done: list[list[cp_model.IntVar]] = [[] for _ in ask.lines]
        open_at: dict[str, list[cp_model.IntVar]] = defaultdict(list)
        every: list[cp_model.IntVar] = []
        visits: dict[str, cp_model.IntVar] = {}
        any_group = model.new_bool_var("")
        late = [model.new_bool_var("") for _ in range(request.policy.late_windows_max_h + 1)]
        for group, may in single_groups(request, ask):
            is_open = model.new_bool_var("")
            every.append(is_open)
            open_at[group.node_id].append(is_open)
            if group.store is not None:
                if group.store not in visits:
                    visits[group.store] = model.new_bool_var("")
                    self.costs.append(visit_micro(request, ask, group) * visits[group.store])
                model.add(is_open <= visits[group.store])
            self.costs.append(opening_micro(request, ask, group) * is_open)
            picked_s = group.labor[-1].window_start_s + HOUR_S
            counted = [(group.node_id, group.method, picked_s)]
            if group.receipt is not None:
                received_s = group.receipt.window_start_s + HOUR_S
                counted = [
                    (group.node_id, "SHIP", picked_s),
                    (group.receipt.node_id, "PICKUP", received_s),
                ]
            for node_id, as_method, done_s in counted:
                for day, (method, after_s, until_s) in enumerate(DAYS):
                    if method in (None, as_method) and after_s < done_s <= until_s:
                        self.taken[of_day(node_id, day)].append(is_open)
            late_h = -(-(group.ready_by_ms - ask.promise_ms) // 3_600_000)
            for hour in range(max(0, late_h)):
                model.add(late[hour] >= is_open)
            for line in may:
                does = model.new_bool_var("")
                model.add(does <= is_open)
                done[line].append(does)
                self.costs.append(line_micro(request, ask, group, line) * does)
                asked = ask.lines[line]
                self.taken[group.node_id, asked.sku].append(asked.quantity * does)
                if group.method == "SHIP" or group.receipt is not None:
                    cell = shipped(group.node_id, asked.sku)
                    self.taken[cell].append(asked.quantity * does)
                for node_id, start_s, seconds in group.all_labor():
                    self.taken[node_id, start_s].append(seconds * does)
        for at_most_one in [*open_at.values(), list(visits.values())]:
            model.add(sum(at_most_one) <= 1)
        model.add(any_group <= sum(every))
        self.costs.append(card.extra_group_micro * (sum(every) - any_group))
        self.costs.append(card.promise_broken_micro * late[0] + card.late_hour_micro * sum(late))
        for asked, does_any in zip(ask.lines, done, strict=True):
            left = 1 - sum(does_any)
            model.add(left >= 0)
            if asked.line_number in promised:
                model.add(left == 0)
            if ask.all_or_nothing:
                model.add(sum(does_any) == any_group)
            unfilled = world.unfilled_micro(asked.quantity, asked.unit_price_micro, percent=100)
            self.costs.append(unfilled * left)
