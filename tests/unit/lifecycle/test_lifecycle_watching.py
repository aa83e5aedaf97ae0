"""The feed of pick tasks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bopis.domain.errors import NodeNotFound, TokenInvalid, TooManyStreams
from bopis.service import feed, watching
from bopis.service.watching import FeedKind, FeedMessage, watch_pick_tasks
from bopis.testing.counter import Counter

DEADLINE_S = 5.0


async def take(messages: AsyncIterator[FeedMessage], count: int) -> list[FeedMessage]:
    async with asyncio.timeout(DEADLINE_S):
        return [await anext(messages) for _ in range(count)]


def states(messages: list[FeedMessage]) -> list[tuple[str, str]]:
    return [
        (one.task.pick_task_id, one.task.state.value) for one in messages if one.task is not None
    ]


async def test_a_feed_begins_with_every_open_task_and_goes_on_with_changes(
    counter: Counter,
) -> None:
    await counter.create(("apple", 1), order_id="one")
    await counter.create(("apple", 1), order_id="two")
    messages = watch_pick_tasks(counter.shop.deps, "east")
    begun = await take(messages, 3)
    assert states(begun) == [("one/1/pick", "OPEN"), ("two/1/pick", "OPEN")]
    assert begun[2].kind is FeedKind.SNAPSHOT_COMPLETE
    await counter.claim("two/1")
    assert states(await take(messages, 1)) == [("two/1/pick", "CLAIMED")]
    await counter.create(("apple", 1), order_id="three")
    assert states(await take(messages, 1)) == [("three/1/pick", "OPEN")]


async def test_a_feed_goes_on_from_its_token_without_missing_or_repeating(
    counter: Counter,
) -> None:
    messages = watch_pick_tasks(counter.shop.deps, "east")
    (complete,) = await take(messages, 1)
    await counter.create(("apple", 1), order_id="one")
    (first,) = await take(messages, 1)
    await counter.create(("apple", 1), order_id="two")
    await counter.claim("one/1")
    resumed = watch_pick_tasks(counter.shop.deps, "east", resume_token=first.resume_token)
    assert states(await take(resumed, 2)) == [("two/1/pick", "OPEN"), ("one/1/pick", "CLAIMED")]
    again = watch_pick_tasks(counter.shop.deps, "east", resume_token=complete.resume_token)
    assert states(await take(again, 2)) == [("two/1/pick", "OPEN"), ("one/1/pick", "CLAIMED")]


async def test_a_token_outlives_the_process(counter: Counter) -> None:
    messages = watch_pick_tasks(counter.shop.deps, "east")
    (complete,) = await take(messages, 1)
    await counter.create(("apple", 1), order_id="one")
    await counter.cancel("one")
    # A new process has an empty feed: what it lacks is read from the store.
    counter.shop.deps.feed._nodes.clear()
    resumed = watch_pick_tasks(counter.shop.deps, "east", resume_token=complete.resume_token)
    assert states(await take(resumed, 1)) == [("one/1/pick", "WITHDRAWN")]


async def test_a_reader_that_was_away_gets_each_task_once_as_it_is_now(counter: Counter) -> None:
    messages = watch_pick_tasks(counter.shop.deps, "east")
    await take(messages, 1)
    for number in range(feed.RECENT_MAX // 2):
        await counter.create(("apple", 1), order_id=f"order-{number}")
        await counter.cancel(f"order-{number}")
        await counter.create(("bread", 1), order_id=f"bread-{number}")
        await counter.cancel(f"bread-{number}")
    seen = states(await take(messages, feed.RECENT_MAX))
    assert len({task for task, _ in seen}) == feed.RECENT_MAX
    assert {state for _, state in seen} == {"WITHDRAWN"}


async def test_a_reader_that_lags_too_far_is_told_to_begin_again(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LAG_MAX", 3)
    messages = watch_pick_tasks(counter.shop.deps, "east")
    await take(messages, 1)
    for number in range(4):
        await counter.create(("apple", 1), order_id=f"order-{number}")
    (told,) = await take(messages, 1)
    assert told == FeedMessage(FeedKind.RESYNC, "")
    with pytest.raises(StopAsyncIteration):
        await anext(messages)


async def test_a_quiet_feed_beats(counter: Counter) -> None:
    messages = watch_pick_tasks(counter.shop.deps, "east", heartbeat_s=0.01)
    complete, beat = await take(messages, 2)
    assert beat == FeedMessage(FeedKind.HEARTBEAT, complete.resume_token)


async def test_changes_of_other_nodes_are_not_told(counter: Counter) -> None:
    messages = watch_pick_tasks(counter.shop.deps, "west", heartbeat_s=0.05)
    await take(messages, 1)
    await counter.create(("apple", 1))
    (beat,) = await take(messages, 1)
    assert beat.kind is FeedKind.HEARTBEAT


@pytest.mark.parametrize("token", ["x", "1", "1.x", "-1.0", "999999.{hash}", "é", "1.{other}"])
async def test_a_resume_token_that_is_not_ours_is_refused(counter: Counter, token: str) -> None:
    filled = token.replace("{hash}", watching._node_hash("east")).replace(
        "{other}", watching._node_hash("west")
    )
    with pytest.raises(TokenInvalid):
        await anext(watch_pick_tasks(counter.shop.deps, "east", resume_token=filled))
    with pytest.raises(NodeNotFound):
        await anext(watch_pick_tasks(counter.shop.deps, "nowhere"))


async def test_streams_are_counted_and_limited(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WATCHERS_MAX", 1)
    first = watch_pick_tasks(counter.shop.deps, "east")
    await take(first, 1)
    with pytest.raises(TooManyStreams):
        await anext(watch_pick_tasks(counter.shop.deps, "east"))
    await first.aclose()  # type: ignore[attr-defined]
    second = watch_pick_tasks(counter.shop.deps, "east")
    await take(second, 1)
