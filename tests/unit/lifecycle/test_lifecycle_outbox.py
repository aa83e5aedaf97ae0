"""The outbox and its relay."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bopis.domain.events import Envelope, envelope
from bopis.domain.order import OrderState
from bopis.jobs import relay_outbox
from bopis.service.notifying import notifying_handler
from bopis.testing.counter import Counter
from bopis.testing.shop import CODE_KEY, default_policy

HOUR_S = 3_600


class Consumer:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.failing: set[str] = set()

    async def __call__(self, events: Sequence[Envelope]) -> Sequence[Exception | None]:
        results: list[Exception | None] = []
        for event in events:
            failed = event.type.removeprefix("bopis.v1.") in self.failing
            if not failed:
                self.seen.append((event.subject, event.type.removeprefix("bopis.v1.")))
            results.append(ValueError("poison") if failed else None)
        return results


async def relay_all(counter: Counter) -> None:
    while await relay_outbox.relay(counter.shop.store, counter.shop.bus):
        pass


async def test_events_of_an_order_come_in_order(counter: Counter) -> None:
    consumer = Consumer()
    counter.shop.bus.subscribe("consumer", consumer)
    orders = [(await counter.ready(("apple", 1))).order_id for _ in range(3)]
    await relay_all(counter)
    for order_id in orders:
        assert [kind for one, kind in consumer.seen if one == order_id] == [
            "order.created",
            "order.allocated",
            "fulfillment.allocated",
            "pick.claimed",
            "pick.completed",
            "order.ready",
        ]
    assert await counter.shop.store.outbox(10, now_ms=10**15) == ()


async def test_an_event_that_fails_holds_back_only_its_own_order_and_ends_as_a_dead_letter(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = Consumer()
    consumer.failing = {"order.created"}
    counter.shop.bus.subscribe("consumer", consumer)
    now_ms = [1_000]
    monkeypatch.setattr(relay_outbox, "_real_ms", lambda: now_ms[0])
    await counter.create(("apple", 1), order_id="poisoned")
    await relay_all(counter)
    consumer.failing = set()
    await counter.create(("apple", 1), order_id="well")
    consumer.failing = {"order.created"}
    await relay_all(counter)
    assert consumer.seen == []
    for _ in range(relay_outbox.TRIES_MAX):
        now_ms[0] += 60_000
        await relay_all(counter)
    assert {one for one, _ in consumer.seen} == {"poisoned", "well"}
    assert next(kind for one, kind in consumer.seen if one == "well") == "order.allocated"
    assert await counter.shop.store.outbox(10, now_ms=10**15) == ()


async def test_what_cannot_be_sent_for_a_long_time_is_sent_in_the_end(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = [1_000]
    monkeypatch.setattr(relay_outbox, "_real_ms", lambda: now_ms[0])
    counter.shop.notifier.failures = 3 * relay_outbox.TRIES_MAX
    await counter.ready(("apple", 1))
    for _ in range(4 * relay_outbox.TRIES_MAX):
        await relay_all(counter)
        now_ms[0] += relay_outbox.BACKOFF_MAX_MS
    kinds = [one.kind.value for one in counter.shop.notifier.sent.values()]
    assert kinds == ["CONFIRMED", "READY"]
    assert await counter.shop.store.outbox(10, now_ms=10**15) == ()


async def test_an_event_that_cannot_be_read_fails_alone(counter: Counter) -> None:
    handle = notifying_handler(counter.shop.notifier, code_key=CODE_KEY, policy=default_policy())
    await counter.create(("apple", 1))
    rows = await counter.shop.store.outbox(100, now_ms=10**15)
    told = [envelope(row.event, row.data) for row in rows if row.event.type == "order.allocated"]
    poison = replace(told[0], id="poison", data=b"[]")
    results = await handle([poison, *told])
    assert [type(one).__name__ for one in results] == ["ValidationError", "NoneType"]
    assert len(counter.shop.notifier.sent) == 1


async def test_a_notification_is_sent_once_however_often_its_event_comes(counter: Counter) -> None:
    order = await counter.ready(("apple", 1))
    counter.shop.notifier.failures = 1
    rows = await counter.shop.store.outbox(100, now_ms=10**15)
    assert rows
    await relay_outbox.relay(counter.shop.store, counter.shop.bus)
    failed = await counter.shop.store.outbox(100, now_ms=10**15)
    assert failed
    await counter.shop.store.outbox_done([], failed=[(one.sequence, 0, "") for one in failed])
    await relay_all(counter)
    kinds = [one.kind.value for one in counter.shop.notifier.sent.values()]
    assert kinds == ["CONFIRMED", "READY"]
    assert order.state is OrderState.READY
