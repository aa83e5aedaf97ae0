"""Explanations in words."""

from bopis.domain.cost import CostBreakdown, CostTerm
from bopis.domain.duals import DualCharge
from bopis.domain.explanation import (
    Cause,
    Change,
    ChangeKind,
    Lack,
    Lacking,
    RejectedNode,
    Rejection,
    Weighed,
    WhatIf,
)
from bopis.domain.explanation_words import (
    amount,
    charge_words,
    lacking_words,
    rejection_words,
    what_if_words,
)
from bopis.domain.network import Method
from bopis.domain.sourcing import Plan, PlannedGroup

TEN_S = 1_780_308_000


def weighed(node_id: str, cost_micro: int) -> Weighed:
    group = PlannedGroup(node_id, Method.SHIP, (1, 3), (), 0, 0)
    plan = Plan((group,), (), CostBreakdown((CostTerm("pick", cost_micro),)))
    return Weighed(plan, 0, 0, cost_micro, is_exact=True)


def rejected(reason: Rejection, plan: Weighed | None = None) -> RejectedNode:
    return RejectedNode(
        node_id="west",
        meters=52_340,
        reason=reason,
        rule="no wine",
        meters_max=40_000,
        line_seconds=60,
        free_seconds=7,
        lacks=(Lack(1, 0, 2), Lack(3, 1, 1_200)),
        plan=plan,
    )


def test_money_is_rounded_and_never_to_nothing() -> None:
    assert amount(1_234_567_890_000, "USD") == "1,234,567.89 USD"
    assert amount(5_000, "USD") == "0.01 USD"
    assert amount(4_999, "USD") == "less than 0.01 USD"
    assert amount(0, "") == "0.00"


def test_dual_charges_say_what_the_last_ones_are_worth() -> None:
    two = DualCharge("east", "sku-7", None, 2, 2_000_000)
    words = "the last 2 units of sku-7 at east are worth 4.00 USD to later orders"
    assert charge_words(two, "USD") == words
    one = DualCharge("east", "sku-7", None, 1, 2_000_000)
    assert charge_words(one, "USD").startswith("the last unit of sku-7 at east is worth 2.00 USD")
    labor = DualCharge("east", None, TEN_S, 120, 10_000)
    words = "120 s of labor at east from 2026-06-01 10:00 UTC are worth 1.20 USD to later orders"
    assert charge_words(labor, "USD") == words


def test_each_reason_says_its_numbers() -> None:
    chosen = weighed("east", 3_000_000)
    assert rejection_words(
        rejected(Rejection.DEARER, weighed("west", 5_500_000)), chosen, "USD"
    ) == ("the cheapest plan with it costs 2.50 USD more: lines 1, 3 shipped from west")
    said = rejection_words(rejected(Rejection.CHEAPER, weighed("west", 2_000_000)), chosen, "USD")
    assert "by now costs 1.00 USD less" in said
    said = rejection_words(rejected(Rejection.DEARER, weighed("west", 3_000_000)), chosen, "USD")
    assert "costs the same" in said
    lacks = "line 1: 0 of 2; line 3: 1 of 1,200"
    leaves = f"every plan with it leaves a line that was promised ({lacks})"
    for reason, words in (
        (Rejection.TOO_FAR, "52.3 km away, and the customer collects within 40 km"),
        (Rejection.RULE, "the rule 'no wine' forbids it"),
        (Rejection.NO_STOCK, f"has none of the lines ({lacks})"),
        (Rejection.LEAVES_PROMISED, leaves),
        (Rejection.NO_LABOR, "no hour has room: a line takes 60 s, 7 s are free at most"),
    ):
        assert rejection_words(rejected(reason), chosen, "USD") == words
    assert len({rejection_words(rejected(reason), chosen, "USD") for reason in Rejection}) == 14


def test_every_kind_of_change_and_every_cause_has_words_of_its_own() -> None:
    def change(kind: ChangeKind) -> str:
        one = Change(kind, 7, "west", "sku-7", TEN_S, Method.SHIP, "no wine")
        return what_if_words(WhatIf((one,), weighed("west", 1), 2_000_000), "USD")

    assert change(ChangeKind.UNITS) == (
        "7 units more of sku-7 at west: lines 1, 3 shipped from west; saves 2.00 USD (solved anew)"
    )
    # So much less is enough: rounded up.
    assert change(ChangeKind.PRICE).startswith("shipping from west cheaper by 0.01 USD: ")
    assert len({change(kind) for kind in ChangeKind}) == len(ChangeKind)
    lacking = {lacking_words(Lacking(2, True, cause, "no wine", ())) for cause in Cause}
    assert len(lacking) == len(Cause)
    assert all(words.startswith("line 2 is late: ") for words in lacking)
