"""What a choice of a plan was made of, so that it can be made again (`bopis replay`)."""

from dataclasses import dataclass

from bopis.domain.duals import DualCharges
from bopis.domain.network import Item
from bopis.domain.quote import QuoteAsk, QuoteLost
from bopis.domain.sourcing import Ask, MadeOf, Plan, Setting


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: plan, charges of dual prices, and why a quote was not kept."""

    plan: Plan
    duals: DualCharges | None
    quote_lost: QuoteLost | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice of a sourcing attempt of an order, with what it was made of. Times are Unix ms."""

    order_id: str
    attempt: int
    made_ms: int
    ask: Ask
    quote: QuoteAsk | None
    made_of: MadeOf
    choice: Choice


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision as it is kept: settings by their digests only."""

    made_ms: int
    journal_id: str
    sequence: int | None
    network: str
    policy: str
    duals: str
    items: tuple[Item, ...]
    ask: Ask
    quote: QuoteAsk | None
    choice: Choice


def record_of(decision: Decision) -> DecisionRecord:
    """As it is kept."""
    made_of = decision.made_of
    return DecisionRecord(
        made_ms=decision.made_ms,
        journal_id=made_of.journal_id,
        sequence=made_of.sequence,
        network=made_of.network.digest,
        policy=made_of.policy.digest,
        duals="" if made_of.duals is None else made_of.duals.digest,
        items=made_of.items,
        ask=decision.ask,
        quote=decision.quote,
        choice=decision.choice,
    )


def settings_of(decision: Decision) -> tuple[Setting, ...]:
    """What it shares with others."""
    made_of = decision.made_of
    shared = (made_of.network, made_of.policy, made_of.duals)
    return tuple(one for one in shared if one is not None)
