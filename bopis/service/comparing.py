"""Two policies over the open orders: what a change would do, before it is made."""

from dataclasses import replace
from typing import Final

from bopis.domain.comparison import Comparison
from bopis.domain.planner import with_forbids
from bopis.domain.policy import CardLevel, Policy, parse_policy
from bopis.domain.sourcing import Plan
from bopis.service.allocation import held_by
from bopis.service.deadline import check_deadline
from bopis.service.dependencies import Dependencies
from bopis.service.moving import movable
from bopis.service.policies import get_policy, live_version
from bopis.service.shadow import ask_under, compare
from bopis.service.sourcing import ask_of

ORDERS_DEFAULT: Final = 1_000


def named_policy(deps: Dependencies, *, version: str, text: str, level: str) -> Policy:
    """A policy by its text, else by the name of its version; with neither the live one.

    Raises FieldsInvalid, PolicyVersionNotFound.
    """
    if text:
        return parse_policy(text, level=CardLevel(level or live_version(deps).level))
    found = get_policy(deps, version)
    parsed = parse_policy(found.text, level=CardLevel(found.level))
    return replace(parsed, version=found.version)


async def compare_policies(
    deps: Dependencies, before: Policy, after: Policy, *, max_orders: int = 0, tenant: str
) -> Comparison:
    """How open orders that nobody picks yet would be planned now under two policies, each order by
    itself; what it holds is free to it. Changes nothing. Raises DeadlinePassed.
    """
    comparison = compare(before, after)
    policies = [with_forbids(one, deps.board.overrides.values()) for one in (before, after)]
    now_ms = deps.clock.wall_ms()
    for order_id in await deps.store.open_allocations(max_orders or ORDERS_DEFAULT):
        check_deadline()
        order = await deps.store.order(order_id)
        if order is None or order.tenant != tenant or not movable(order):
            continue
        ask = ask_of(deps, order, order.lines, now_ms=now_ms)
        plans: list[Plan] = []
        for policy in policies:
            under = await ask_under(deps, policy, ask, order, without=order)
            plans += await deps.sourcer.plan(under, k=1, policy=policy, own=held_by(order))
        comparison.add(order_id, plans[0], plans[1], currency=order.currency)
    return comparison
