"""What choices were made of, in the order store: shared parts once, and gone when they are old."""

from pathlib import Path

import sqlalchemy as sa

from bopis.adapters.store_sql.decisions import (
    USED_MS,
    forget_decisions,
    put_decisions,
    read_decisions,
    read_setting,
)
from bopis.adapters.store_sql.migrations import migrate
from bopis.domain.cost import CostBreakdown, CostTerm
from bopis.domain.decision import Choice, Decision, record_of
from bopis.domain.network import Item, Method, Place
from bopis.domain.sourcing import Ask, AskLine, Consent, MadeOf, Plan, Setting

DAY_MS = 24 * 3_600_000


def decision(number: int, *, made_ms: int, network: str = "n1") -> Decision:
    ask = Ask(
        order_id=f"order-{number}",
        method=Method.SHIP,
        place=Place(40.0, -74.0),
        lines=(AskLine(1, "apple", 2, 10),),
        now_ms=made_ms,
        promise_ms=made_ms + DAY_MS,
        consent=Consent(),
    )
    plan = Plan((), (), CostBreakdown((CostTerm("pick", number),)))
    made_of = MadeOf(
        journal_id="j",
        sequence=number,
        network=Setting(network, network.encode() * 100),
        policy=Setting("p", b"policy"),
        duals=None,
        items=(Item("apple"),),
    )
    return Decision(ask.order_id, 1, made_ms, ask, None, made_of, Choice(plan, None, None))


def test_decisions_are_read_as_they_were_written_and_old_ones_forgotten(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    with engine.connect() as connection:
        migrate(connection)
        old = [decision(number, made_ms=number, network="old") for number in range(1, 6)]
        new = [decision(10 + day, made_ms=day * DAY_MS) for day in range(1, 6)]
        put_decisions(connection, [*old, *new])
        assert read_decisions(connection, "order-3") == {1: record_of(old[2])}
        assert read_setting(connection, "old") == b"old" * 100
        # A batch at a time, the oldest first.
        assert forget_decisions(connection, 5 * DAY_MS, 3) == 3
        assert read_decisions(connection, "order-3") == {}
        assert read_decisions(connection, "order-4") != {}
        assert forget_decisions(connection, 5 * DAY_MS, 100) == 6
        assert read_setting(connection, "old") is None
        for setting in ("n1", "p"):
            assert read_setting(connection, setting) is not None
        assert read_decisions(connection, "order-15") == {1: record_of(new[-1])}
        assert forget_decisions(connection, 5 * DAY_MS, 100) == 0
        assert forget_decisions(connection, 6 * DAY_MS + USED_MS, 100) == 1
        assert read_setting(connection, "n1") is None


def test_a_decision_written_twice_is_the_last_one(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    with engine.connect() as connection:
        migrate(connection)
        put_decisions(connection, [decision(1, made_ms=1)])
        put_decisions(connection, [decision(1, made_ms=2, network="n2")])
        assert read_decisions(connection, "order-1")[1].made_ms == 2
        assert read_decisions(connection, "order-1")[1].network == "n2"
