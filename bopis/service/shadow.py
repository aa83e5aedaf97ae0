"""Shadow mode: another policy plans each new order beside the live one, and is never acted on.

The other plan is made on the same stock, just before the live one is made and held, so that the
two differ by their policies alone. What fails there is logged and harms nobody. It ends with the
process.
"""

from dataclasses import replace
from typing import Final

import structlog

from bopis.domain.commands import SetShadowPolicy
from bopis.domain.comparison import Comparison
from bopis.domain.errors import RequestIdReused
from bopis.domain.order import Order
from bopis.domain.planner import tier_of, with_forbids
from bopis.domain.policy import CardLevel, Policy, parse_policy
from bopis.domain.sourcing import Ask, Plan
from bopis.service.acts import fingerprint
from bopis.service.dependencies import Dependencies, Shadow
from bopis.service.limits import used_up

FORBID: Final = "forbid"
"""The rule name of a closure that a planner made: it holds under every policy."""

_log = structlog.get_logger(__name__)


async def set_shadow_policy(deps: Dependencies, command: SetShadowPolicy) -> Shadow | None:
    """Begins to compare, in place of what was compared before; with an empty text it ends: then the
    answer is what was found. A repeat of the request that began it changes nothing.

    Raises FieldsInvalid, RequestIdReused.
    """
    running = deps.board.shadow
    if not command.text:
        deps.board.shadow = None
        return running
    digest = fingerprint(command)
    if running is not None and running.request_id == command.key.request_id:
        if running.fingerprint != digest:
            raise RequestIdReused("the request_id was used with another body", field="request_id")
        return running
    policy = parse_policy(command.text, level=CardLevel(command.level))
    deps.board.shadow = Shadow(
        policy=policy,
        request_id=command.key.request_id,
        fingerprint=digest,
        planner_id=command.planner_id,
        why=command.why,
        since_ms=deps.clock.wall_ms(),
        comparison=compare(deps.policy, policy),
    )
    return deps.board.shadow


def compare(before: Policy, after: Policy) -> Comparison:
    """An empty comparison of two policies."""
    return Comparison(before.version, after.version, same_card=before.card == after.card)


async def plan_in_shadow(deps: Dependencies, order: Order | None, ask: Ask) -> Plan | None:
    """What the other policy would do; None: there is none, or it failed."""
    shadow = deps.board.shadow
    if shadow is None or order is None:
        return None
    try:
        policy = with_forbids(shadow.policy, deps.board.overrides.values())
        other = await ask_under(deps, policy, ask, order)
        [plan] = await deps.sourcer.plan(other, k=1, policy=policy)
    except Exception:  # noqa: BLE001 (nothing of it may harm the order)
        _log.exception("shadow.failed", order_id=ask.order_id)
        return None
    return plan


def note_in_shadow(deps: Dependencies, order: Order | None, live: Plan, other: Plan | None) -> None:
    """Takes an order into the comparison, and logs it if the two plans differ."""
    shadow = deps.board.shadow
    if shadow is None or order is None or other is None:
        return
    found = shadow.comparison
    before = found.different
    found.add(order.order_id, live, other, currency=order.currency)
    if found.different > before:
        _log.info(
            "shadow.differs",
            order_id=order.order_id,
            live=[group.node_id for group in live.groups],
            other=[group.node_id for group in other.groups],
            live_micro=live.cost.total_micro,
            other_micro=other.cost.total_micro,
        )


async def ask_under(
    deps: Dependencies, policy: Policy, ask: Ask, order: Order, *, without: Order | None = None
) -> Ask:
    """The ask of an order as another policy has it: its tiers, its full days. `without`: an order
    that does not count in those.
    """
    tier = tier_of(policy, order)
    planners = tuple(one for one in ask.closed if one.rule == FORBID)
    full = await used_up(
        deps, now_ms=ask.now_ms, promise_ms=ask.promise_ms, policy=policy, without=without
    )
    return replace(
        ask,
        closed=planners + full,
        weight_percent=100 if tier is None else tier.weight_percent,
    )
