"""Explanations in words: one sentence each, amounts in the catalog's currency."""

from datetime import UTC, datetime
from typing import Final

from bopis.domain.duals import DualCharge
from bopis.domain.explanation import (
    Cause,
    Change,
    ChangeKind,
    Lacking,
    RejectedNode,
    Rejection,
    Weighed,
    WhatIf,
)
from bopis.domain.network import Method
from bopis.domain.sourcing import Plan

MICRO: Final = 1_000_000
CENT: Final = 10_000


def amount(micro: int, currency: str) -> str:
    """Money, at least 0, with two digits, rounded half up."""
    cents = (micro + CENT // 2) // CENT
    if micro and not cents:
        return f"less than 0.01 {currency}".rstrip()
    return f"{cents // 100:,}.{cents % 100:02} {currency}".rstrip()


def hour(start_s: int) -> str:
    """The start of an hour, UTC."""
    return datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def plan_words(plan: Plan) -> str:
    """Who does what."""
    words = [
        f"{_lines(group.line_numbers)} {_DONE[group.method]} {group.node_id}"
        for group in plan.groups
    ]
    if plan.unfilled:
        left = _lines(tuple(line.line_number for line in plan.unfilled))
        words.append(f"{left} not filled")
    return "; ".join(words)


_DONE: Final = {Method.PICKUP: "collected at", Method.SHIP: "shipped from"}


def _lines(numbers: tuple[int, ...]) -> str:
    noun = "line" if len(numbers) == 1 else "lines"
    return f"{noun} {', '.join(str(number) for number in numbers)}"


def charge_words(charge: DualCharge, currency: str) -> str:
    """What a dual price says of what was taken."""
    worth = amount(charge.quantity * charge.price_micro, currency)
    if charge.sku is not None:
        noun = "unit" if charge.quantity == 1 else f"{charge.quantity:,} units"
        verb = "is" if charge.quantity == 1 else "are"
        what = f"the last {noun} of {charge.sku} at {charge.node_id} {verb}"
    else:
        start = hour(charge.window_start_s or 0)
        what = f"{charge.quantity:,} s of labor at {charge.node_id} from {start} are"
    return f"{what} worth {worth} to later orders"


def rejection_words(one: RejectedNode, chosen: Weighed, currency: str) -> str:
    """Why a node is not used."""
    if one.plan is not None:
        plan = "the cheapest plan" if one.plan.is_exact else "the best plan found"
        more = one.plan.total_micro - chosen.total_micro
        if one.reason is Rejection.CHEAPER:
            said = f"by now costs {amount(-more, currency)} less"
        elif more:
            said = f"costs {amount(more, currency)} more"
        else:
            said = "costs the same"
        return f"{plan} with it {said}: {plan_words(one.plan.plan)}"
    lacks = "; ".join(
        f"line {lack.line_number}: {lack.units:,} of {lack.needed:,}" for lack in one.lacks
    )
    km = one.meters / 1_000
    return {
        Rejection.SHORT_BEFORE: "a line of the order was short there before",
        Rejection.NO_CONSENT: "nobody collects there, and the customer did not agree to shipping",
        Rejection.TOO_FAR: (
            f"{km:,.1f} km away, and the customer collects within {one.meters_max / 1_000:,.0f} km"
        ),
        Rejection.PIN: "a planner pinned the order elsewhere",
        Rejection.FORBID: "a planner forbids it",
        Rejection.RULE: f"the rule {one.rule!r} forbids it",
        Rejection.NO_STOCK: f"has none of the lines ({lacks})",
        Rejection.CLOSED: "not open between now and the latest time that the policy allows",
        Rejection.NO_LABOR: (
            f"no hour has room: a line takes {one.line_seconds:,} s,"
            f" {one.free_seconds:,} s are free at most"
        ),
        Rejection.NOT_WHOLE: "no plan with it has every line, and the order is all or nothing",
        Rejection.LEAVES_PROMISED: (
            "every plan with it leaves a line that was promised" + (f" ({lacks})" if lacks else "")
        ),
        Rejection.STOPPED: "the search for a plan with it was stopped: the order is too large",
        Rejection.DEARER: "no plan uses it",
        Rejection.CHEAPER: "",
    }[one.reason]


def change_words(change: Change, currency: str) -> str:
    """One thing that might be otherwise."""
    noun = "unit" if change.amount == 1 else "units"
    what = "the way to" if change.method is Method.PICKUP else "shipping from"
    return {
        ChangeKind.UNITS: f"{change.amount:,} {noun} more of {change.sku} at {change.node_id}",
        ChangeKind.SECONDS: (
            f"{change.amount:,} s more of labor at {change.node_id} from"
            f" {hour(change.window_start_s)}"
        ),
        ChangeKind.PRICE: f"{what} {change.node_id} cheaper by {_enough(change.amount, currency)}",
        ChangeKind.PROMISE: f"the promise {change.amount} h later",
        ChangeKind.RULE: f"without the rule {change.rule!r}",
        ChangeKind.OTHER_STORE: f"another store up to {change.amount} km away",
        ChangeKind.SHIP_HOME: "shipped home",
    }[change.kind]


def _enough(micro: int, currency: str) -> str:
    """Rounded up: so much less is enough."""
    return amount(-(-micro // CENT) * CENT, currency)


def what_if_words(one: WhatIf, currency: str) -> str:
    """Changes and what comes of them."""
    changes = " and ".join(change_words(change, currency) for change in one.changes)
    verb = "saves" if one.saving_micro >= 0 else "costs"
    size = amount(abs(one.saving_micro), currency)
    return f"{changes}: {plan_words(one.outcome.plan)}; {verb} {size} (solved anew)"


def lacking_words(one: Lacking) -> str:
    """What is in the way of a line."""
    state = "is late" if one.is_late else "is not filled"
    cause = {
        Cause.NOTHING: "nothing is in its way by now",
        Cause.NO_STOCK: "no node has stock of it",
        Cause.QUANTITY: "no single node has the whole quantity",
        Cause.BEYOND_PROMISE: "the nodes that have it are open only after the promise",
        Cause.LABOR: "no labor is left in time at the nodes that have it",
        Cause.RULE: f"the rule {one.rule!r} forbids it",
        Cause.OUT_OF_REACH: "the nodes that have it are beyond method, distance or consent",
        Cause.UNKNOWN_SKU: "the catalog does not know its SKU",
        Cause.COST: "it could be in time, but costs more than this",
    }[one.cause]
    return f"line {one.line_number} {state}: {cause}"
