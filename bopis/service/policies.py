"""The policy while the service runs: its versions, and what planners pin and forbid.

A change is checked, written down with who made it and why, and in force before it is answered.
Versions and ended overrides are kept. At the start the last version is live again, unless the file
that the service is started with is another one than at the start before: then the file is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec
import structlog

from bopis.domain.commands import (
    EndOverride,
    ForbidNode,
    PinOrder,
    Request,
    SetPolicy,
)
from bopis.domain.errors import (
    FieldInvalid,
    NodeNotFound,
    OverrideNotFound,
    PolicyVersionNotFound,
    RequestIdReused,
)
from bopis.domain.ids import derived_uuid
from bopis.domain.network import Method
from bopis.domain.planner import Override, OverrideKind, PolicyVersion
from bopis.domain.policy import CardLevel, Policy, parse_policy
from bopis.domain.records import StoredResponse, WriteSet
from bopis.failpoints import failpoint
from bopis.service.acts import fingerprint
from bopis.service.deadline import check_deadline
from bopis.service.dependencies import Dependencies
from bopis.service.pages import page_of

OVERRIDES_MAX: Final = 10_000
"""Pins and forbids in force at a time."""
VERSIONS_MAX: Final = 10_000
COMMAND_LINE: Final = "command line"

_LOCK: Final = "\x00policy"
_log = structlog.get_logger(__name__)
_Asked = TypeVar("_Asked", bound=Request)
_Answer = TypeVar("_Answer")


async def load_policy(deps: Dependencies, *, text: str, level: CardLevel) -> None:
    """At the start: versions and overrides of the store; the live version goes to the sourcer.

    `text` is the file that the service was started with; `deps` was assembled with its policy.
    """
    board = deps.board
    versions = await deps.store.policy_versions()
    board.versions.update((one.version, one) for one in versions)
    given = _digest(text, level)
    from_file = [one for one in versions if one.planner_id == COMMAND_LINE]
    if not from_file or _digest(from_file[-1].text, from_file[-1].level) != given:
        version = _version(deps, text, level.value, planner_id=COMMAND_LINE, why="at the start")
        await deps.store.put_policy_version(version)
        board.versions[version.version] = version
    board.put_overrides(await deps.store.overrides(), now_ms=deps.clock.wall_ms())
    board.put_live(_policy(live_version(deps)))
    deps.sourcer.load_policy(deps.policy)


def live_version(deps: Dependencies) -> PolicyVersion:
    """The version that is live."""
    return max(deps.board.versions.values(), key=lambda one: one.number)


def get_policy(deps: Dependencies, version: str = "") -> PolicyVersion:
    """One version; empty: the live one. Raises PolicyVersionNotFound."""
    if not version:
        return live_version(deps)
    found = deps.board.versions.get(version)
    if found is None:
        raise PolicyVersionNotFound(f"no policy version {version}")
    return found


def list_policy_versions(
    deps: Dependencies, *, page_size: int = 0, page_token: str = ""
) -> tuple[tuple[PolicyVersion, ...], str]:
    """A page of versions, the live one first. Raises TokenInvalid."""
    ordered = sorted(deps.board.versions.values(), key=lambda one: -one.number)
    return page_of(ordered, [str(one.number) for one in ordered], page_size, page_token)


async def set_policy(deps: Dependencies, command: SetPolicy) -> PolicyVersion:
    """Makes a policy the live one; with `validate_only` it is only checked. Where its text is live
    already at that level nothing changes: the version is the live one, of another request.

    Raises FieldsInvalid with every mistake, FieldInvalid, RequestIdReused.
    """

    async def run() -> PolicyVersion:
        policy = parse_policy(command.text, level=CardLevel(command.level))
        if policy.code_digits != deps.policy.code_digits:
            raise FieldInvalid(
                "codes of another length need a restart: some are with customers",
                field="pickup.code_digits",
            )
        version = _version(
            deps,
            command.text,
            command.level,
            planner_id=command.planner_id,
            why=command.why,
            request_id=command.request_id,
        )
        if command.validate_only:
            return version
        if len(deps.board.versions) >= VERSIONS_MAX:
            raise FieldInvalid(f"there are {VERSIONS_MAX:,} versions", field="policy")
        await deps.store.put_policy_version(version)
        failpoint("set_policy.after_version")
        deps.board.versions[version.version] = version
        deps.board.put_live(_policy(version))
        deps.sourcer.load_policy(deps.policy)
        _log.info("policy.set", version=version.version, by=command.planner_id, why=command.why)
        return version

    return await _once(deps, command, PolicyVersion, run)


async def pin_order(deps: Dependencies, command: PinOrder) -> Override:
    """Binds an order, placed or to come, to a node, a method, or both; in place of its last pin.

    Raises FieldInvalid, NodeNotFound, RequestIdReused.
    """

    async def run() -> Override:
        if not command.node_id and command.method is None:
            raise FieldInvalid("a pin names a node, a method, or both", field="node_id")
        _check_node(deps, command.node_id)
        _check_end(deps, command.until_ms)
        for one in deps.board.of_order(command.order_id):
            if one.kind is OverrideKind.PIN:
                await _end(deps, one, planner_id=command.planner_id)
        return await _make(deps, command, OverrideKind.PIN, command.method)

    return await _once(deps, command, Override, run)


async def forbid_node(deps: Dependencies, command: ForbidNode) -> Override:
    """Keeps an order, or a SKU whoever orders it, from a node.

    Raises FieldInvalid, NodeNotFound, RequestIdReused.
    """

    async def run() -> Override:
        if bool(command.order_id) == bool(command.sku):
            raise FieldInvalid("a forbid names one of order and SKU", field="order_id")
        _check_node(deps, command.node_id)
        _check_end(deps, command.until_ms)
        return await _make(deps, command, OverrideKind.FORBID, None)

    return await _once(deps, command, Override, run)


async def end_override(deps: Dependencies, command: EndOverride) -> Override:
    """Ends a pin or a forbid. Raises OverrideNotFound (none, or it ended), RequestIdReused."""

    async def run() -> Override:
        found = deps.board.overrides.get(command.override_id)
        if found is None:
            raise OverrideNotFound(f"no override {command.override_id} is in force")
        return await _end(deps, found, planner_id=command.planner_id)

    return await _once(deps, command, Override, run)


async def list_overrides(
    deps: Dependencies,
    *,
    order_id: str = "",
    with_ended: bool = False,
    page_size: int = 0,
    page_token: str = "",
) -> tuple[tuple[Override, ...], str]:
    """A page of overrides by id; ended and expired ones only if asked for. Raises TokenInvalid."""
    now_ms = deps.clock.wall_ms()
    found = await deps.store.overrides() if with_ended else deps.board.overrides.values()
    chosen = sorted(
        (
            one
            for one in found
            if (not order_id or one.order_id == order_id) and (with_ended or one.holds(now_ms))
        ),
        key=lambda one: one.override_id,
    )
    return page_of(chosen, [one.override_id for one in chosen], page_size, page_token)


def _version(
    deps: Dependencies, text: str, level: str, *, planner_id: str, why: str, request_id: str = ""
) -> PolicyVersion:
    """The version of a text: the live one, if that is the same; else a new name for it."""
    versions = deps.board.versions
    if versions:
        live = live_version(deps)
        if (live.text, live.level) == (text, level):
            return live
    name = parse_policy(text, level=CardLevel(level)).version
    number = 1 + max((one.number for one in versions.values()), default=0)
    return PolicyVersion(
        version=name if name not in versions else f"{name}+{number}",
        number=number,
        text=text,
        level=level,
        set_ms=deps.clock.wall_ms(),
        planner_id=planner_id,
        why=why,
        request_id=request_id,
    )


def _policy(version: PolicyVersion) -> Policy:
    """The policy of a version, under the name that decisions are stored with."""
    parsed = parse_policy(version.text, level=CardLevel(version.level))
    return replace(parsed, version=version.version)


def _digest(text: str, level: str) -> str:
    return blake2b(f"{level}\n{text}".encode(), digest_size=16).hexdigest()


def _check_node(deps: Dependencies, node_id: str) -> None:
    if node_id and node_id not in deps.directory.nodes:
        raise NodeNotFound(f"no node {node_id}", field="node_id")


def _check_end(deps: Dependencies, until_ms: int) -> None:
    if until_ms and until_ms <= deps.clock.wall_ms():
        raise FieldInvalid("the end has passed", field="expire_time")
    if len(deps.board.overrides) >= OVERRIDES_MAX:
        raise FieldInvalid(f"{OVERRIDES_MAX:,} overrides are in force", field="node_id")


async def _make(
    deps: Dependencies,
    command: PinOrder | ForbidNode,
    kind: OverrideKind,
    method: Method | None,
) -> Override:
    key = command.key
    override = Override(
        override_id=derived_uuid("override", key.tenant, key.rpc, key.request_id),
        kind=kind,
        planner_id=command.planner_id,
        why=command.why,
        set_ms=deps.clock.wall_ms(),
        set_sequence=deps.board.sequence + 1,
        node_id=command.node_id,
        order_id=command.order_id,
        sku=command.sku if isinstance(command, ForbidNode) else "",
        method=method,
        until_ms=command.until_ms,
    )
    await _put(deps, override)
    return override


async def _end(deps: Dependencies, override: Override, *, planner_id: str) -> Override:
    ended = replace(
        override,
        ended_ms=deps.clock.wall_ms(),
        ended_sequence=deps.board.sequence + 1,
        ended_by=planner_id,
    )
    await _put(deps, ended)
    return ended


async def _put(deps: Dependencies, override: Override) -> None:
    """Writes it down, then it is in force, or no longer."""
    await deps.store.put_override(override)
    failpoint("override.after_store")
    _log.info("override.ended" if override.ended_ms else "override.made", **asdict(override))
    deps.board.put_overrides([override], now_ms=deps.clock.wall_ms())
    if override.sku:
        deps.sourcer.load_policy(deps.policy)


async def _once(
    deps: Dependencies,
    command: _Asked,
    answer: type[_Answer],
    run: Callable[[], Awaitable[_Answer]],
) -> _Answer:
    """One effect per request. A crash before the answer is stored lets the repeat do it again, to
    the same end.
    """
    digest = fingerprint(command)
    async with deps.locks.hold(_LOCK):
        check_deadline()
        stored = await deps.store.response(command.key)
        if stored is not None:
            if stored.fingerprint != digest:
                raise RequestIdReused(
                    "the request_id was used with another body", field="request_id"
                )
            return msgspec.json.decode(stored.body, type=answer)
        result = await run()
        body = msgspec.json.encode(result)
        response = StoredResponse(command.key, digest, body, deps.clock.wall_ms())
        await deps.store.commit(WriteSet(response=response))
        return result
