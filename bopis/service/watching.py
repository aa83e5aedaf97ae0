"""The feed of pick tasks: a snapshot of what is open, then every change, resumable.

Readers pull: a change is read when the reader has room for it, and a task that changed several
times meanwhile comes once, as it is now. So memory stays flat; a reader that lags by more than
LAG_MAX changes is told to begin again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bopis.domain.errors import NodeNotFound, TokenInvalid
from bopis.domain.pick_task import PickTask
from bopis.domain.records import TaskChange
from bopis.service.dependencies import Dependencies

PAGE: Final = 100
LAG_MAX: Final = 10_000
HEARTBEAT_S: Final = 10.0
_TOKEN_HASH_LENGTH: Final = 12


class FeedKind(StrEnum):
    """What a message of the feed is."""

    TASK = "TASK"
    SNAPSHOT_COMPLETE = "SNAPSHOT_COMPLETE"
    HEARTBEAT = "HEARTBEAT"
    RESYNC = "RESYNC"


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """One message; `task` is set for TASK. `resume_token` empty: begin anew after a disconnect."""

    kind: FeedKind
    resume_token: str
    task: PickTask | None = None


async def watch_pick_tasks(
    deps: Dependencies, node_id: str, *, resume_token: str = "", heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[FeedMessage]:
    """A node's feed, until the caller stops reading; heartbeats count real seconds.

    Raises NodeNotFound, TokenInvalid, TooManyStreams.
    """
    if node_id not in deps.directory.nodes:
        raise NodeNotFound(f"no node {node_id}")
    newest = await deps.store.task_sequence(node_id)
    deps.feed.enter()
    try:
        sent: dict[str, PickTask] = {}
        if resume_token:
            sequence = _sequence_of(node_id, resume_token)
            if sequence > newest:
                raise TokenInvalid("the resume token is not one of ours", field="resume_token")
        else:
            sequence = newest
            async for task in _snapshot(deps, node_id):
                sent[task.pick_task_id] = task
                yield FeedMessage(FeedKind.TASK, "", task)
            yield FeedMessage(FeedKind.SNAPSHOT_COMPLETE, _token(node_id, sequence))
        async for message in _changes(deps, node_id, sequence, sent, heartbeat_s):
            yield message
    finally:
        deps.feed.leave()


async def _snapshot(deps: Dependencies, node_id: str) -> AsyncIterator[PickTask]:
    after = ""
    while True:
        tasks, after = await deps.store.open_tasks(node_id, after=after, limit=PAGE)
        for task in tasks:
            yield task
        if not after:
            return


async def _changes(
    deps: Dependencies,
    node_id: str,
    sequence: int,
    sent: dict[str, PickTask],
    heartbeat_s: float,
) -> AsyncIterator[FeedMessage]:
    """Changes after a sequence. `sent` has tasks that the snapshot showed: a change that it showed
    already is not repeated.
    """
    while True:
        newest = deps.feed.newest(node_id)
        if newest is not None and newest - sequence > LAG_MAX:
            yield FeedMessage(FeedKind.RESYNC, "")
            return
        changes = await _page(deps, node_id, sequence)
        if not changes:
            # All that the snapshot could have shown early has come by.
            sent.clear()
            if not await deps.feed.wait(node_id, sequence, heartbeat_s):
                yield FeedMessage(FeedKind.HEARTBEAT, _token(node_id, sequence))
            continue
        for change in changes:
            sequence = change.sequence
            if sent.get(change.task.pick_task_id) != change.task:
                yield FeedMessage(FeedKind.TASK, _token(node_id, sequence), change.task)


async def _page(deps: Dependencies, node_id: str, sequence: int) -> list[TaskChange]:
    recent = deps.feed.after(node_id, sequence, PAGE)
    if recent is not None:
        return recent
    return list(await deps.store.task_changes(node_id, after_sequence=sequence, limit=PAGE))


def _token(node_id: str, sequence: int) -> str:
    return f"{sequence}.{_node_hash(node_id)}"


def _sequence_of(node_id: str, token: str) -> int:
    """The sequence of a token of this node. Raises TokenInvalid."""
    number, _, node_hash = token.partition(".")
    well_formed = number.isascii() and number.isdigit() and len(number) <= 18
    if not well_formed or node_hash != _node_hash(node_id):
        raise TokenInvalid("the resume token is not one of ours", field="resume_token")
    return int(number)


def _node_hash(node_id: str) -> str:
    return sha256(node_id.encode()).hexdigest()[:_TOKEN_HASH_LENGTH]
