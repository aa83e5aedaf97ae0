"""The network: importing and reading nodes, and their labor windows in the ledger.

Windows are opened from the hours, for the policy's horizon, and extended by a job. A window once
open is changed only by SetCapacity, or by other hours; one that was closed there stays closed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import structlog

from bopis.domain.commands import SetCapacity as SetCapacityRequest
from bopis.domain.errors import Exhausted, FieldInvalid, NodeNotFound, RequestIdReused, TokenInvalid
from bopis.domain.ids import derived_uuid
from bopis.domain.ledger import (
    CLOSED_BUFFER,
    CapacityWindow,
    CellsSet,
    CellView,
    Command,
    RegisterNodes,
    SetCapacity,
)
from bopis.domain.network import NetworkNode, Node
from bopis.domain.promise import HOUR_S, compile_windows
from bopis.domain.records import LaborHorizon, StoredResponse, WriteSet
from bopis.domain.results import CapacitySet, WindowCapacity
from bopis.failpoints import failpoint
from bopis.service.acts import LedgerDisagrees, fingerprint
from bopis.service.deadline import check_deadline
from bopis.service.dependencies import Dependencies

PAGE_DEFAULT: Final = 100
NODES_PER_ACT: Final = 10
"""Nodes whose windows one ledger act opens: about a thousand windows."""

_DAY_S: Final = 86_400
_log = structlog.get_logger(__name__)
_NETWORK: Final = "\x00network"
"""The lock of whatever changes nodes and their windows."""


@dataclass(frozen=True, slots=True)
class _Opening:
    node: Node
    windows: tuple[CapacityWindow, ...]
    horizon: LaborHorizon


async def import_stores(deps: Dependencies, nodes: Sequence[Node]) -> int:
    """Creates or replaces nodes and opens their labor windows; how many nodes.

    Idempotent by content: a node with the same hours keeps its windows as they are. Raises
    FieldInvalid with the path "stores[i].field".
    """
    for index, node in enumerate(nodes):
        _check_node(node, index)
    async with deps.locks.hold(_NETWORK):
        await deps.store.put_nodes(nodes)
        await _register(deps, nodes)
        await _open(deps, nodes)
        # Only now, when their horizons are known: others look at nodes and horizons together.
        deps.directory.nodes.update((node.node_id, node) for node in nodes)
        _load_sourcer(deps)
    return len(nodes)


def _check_node(node: Node, index: int) -> None:
    try:
        ZoneInfo(node.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FieldInvalid(
            f"no time zone {node.time_zone}", field=f"stores[{index}].time_zone"
        ) from error
    if node.close_minute <= node.open_minute:
        raise FieldInvalid(
            "a node closes later than it opens", field=f"stores[{index}].close_minute"
        )


async def load_network(deps: Dependencies) -> None:
    """At the start: every node of the store, to the directory, the ledger and the sourcer."""
    nodes = await deps.store.nodes()
    horizons = await deps.store.horizons()
    deps.directory.nodes.update((node.node_id, node) for node in nodes)
    deps.directory.horizons.update((one.node_id, one) for one in horizons)
    try:
        # A crash between the store's write and the ledger's leaves names that the ledger lacks.
        await _register(deps, nodes)
        await _open(deps, nodes)
    except Exhausted as error:
        # No room for another act: it goes on with what is known; the job opens later hours. A node
        # that never was opened is left out: its import was not acknowledged.
        _log.warning("network.not_opened", reason=error.reason, message=error.message)
        for node in nodes:
            if node.node_id not in deps.directory.horizons:
                del deps.directory.nodes[node.node_id]
    _load_sourcer(deps)


async def extend_windows(deps: Dependencies) -> int:
    """Opens what has come inside the horizon by a day or more; how many nodes it concerned."""
    due = _horizon_s(deps) - _DAY_S
    async with deps.locks.hold(_NETWORK):
        nodes = [
            node
            for node in deps.directory.nodes.values()
            if deps.directory.horizons[node.node_id].opened_until_s <= due
        ]
        if nodes:
            await _open(deps, nodes)
            _load_sourcer(deps)
    return len(nodes)


async def _register(deps: Dependencies, nodes: Sequence[Node]) -> None:
    if nodes:
        command = RegisterNodes(tuple(node.node_id for node in nodes))
        await deps.ledger.act([command], request_id=deps.ids.new_uuid())


def _this_hour_s(deps: Dependencies) -> int:
    now_s = deps.clock.wall_ms() // 1_000
    return now_s - now_s % HOUR_S


def _horizon_s(deps: Dependencies) -> int:
    return _this_hour_s(deps) + deps.policy.labor_horizon_days * _DAY_S


async def _open(deps: Dependencies, nodes: Iterable[Node]) -> None:
    """Opens windows in the ledger up to the horizon, then notes how far they are open.

    In that order: after a crash between them the same windows are set to the same seconds again.
    """
    openings = [one for node in nodes if (one := _opening(deps, node)) is not None]
    for first in range(0, len(openings), NODES_PER_ACT):
        part = openings[first : first + NODES_PER_ACT]
        commands: list[Command] = [
            SetCapacity(one.node.node_id, one.windows) for one in part if one.windows
        ]
        if commands:
            await deps.ledger.act(commands, request_id=deps.ids.new_uuid())
    horizons = [one.horizon for one in openings]
    if horizons:
        await deps.store.put_horizons(horizons)
        deps.directory.horizons.update((one.node_id, one) for one in horizons)


def _opening(deps: Dependencies, node: Node) -> _Opening | None:
    """The windows to set for a node; None if all is open as it should be."""
    hours = f"{node.time_zone} {node.open_minute} {node.close_minute}"
    this_hour, until = _this_hour_s(deps), _horizon_s(deps)
    known = deps.directory.horizons.get(node.node_id)
    if known is not None and known.hours == hours:
        start = max(known.opened_until_s, this_hour)
        if start >= until:
            return None
        compiled = compile_windows(node, from_s=start, until_s=until)
        windows = tuple(CapacityWindow(one.start_s, one.seconds) for one in compiled)
    else:
        end = until if known is None else max(until, known.opened_until_s)
        compiled = compile_windows(node, from_s=this_hour, until_s=end)
        seconds = dict.fromkeys(_hours_open_before(known, this_hour), 0)
        seconds.update((one.start_s, one.seconds) for one in compiled)
        windows = tuple(CapacityWindow(start, seconds[start]) for start in sorted(seconds))
        until = end
    return _Opening(node, windows, LaborHorizon(node.node_id, hours, until))


def _hours_open_before(known: LaborHorizon | None, this_hour: int) -> range:
    """Every hour that the old hours may have opened: those the new ones leave out are closed."""
    if known is None:
        return range(0)
    return range(this_hour, known.opened_until_s, HOUR_S)


def network_nodes(deps: Dependencies) -> tuple[NetworkNode, ...]:
    """The network as the sourcer holds it: nodes by id, with windows from this hour on."""
    this_hour = _this_hour_s(deps)
    return tuple(
        NetworkNode(
            node,
            compile_windows(
                node,
                from_s=this_hour,
                until_s=deps.directory.horizons[node_id].opened_until_s,
            ),
        )
        for node_id, node in sorted(deps.directory.nodes.items())
    )


def _load_sourcer(deps: Dependencies) -> None:
    deps.directory.network_version += 1
    deps.sourcer.load_network(network_nodes(deps), version=deps.directory.network_version)


def list_stores(
    deps: Dependencies, *, page_size: int = 0, page_token: str = ""
) -> tuple[tuple[Node, ...], str]:
    """A page of nodes by id, and the token of the next. Raises TokenInvalid."""
    limit = page_size or PAGE_DEFAULT
    if page_token and page_token not in deps.directory.nodes:
        raise TokenInvalid("the page token is not one of ours", field="page_token")
    following = sorted(one for one in deps.directory.nodes if one > page_token)
    page = tuple(deps.directory.nodes[one] for one in following[:limit])
    return page, page[-1].node_id if len(following) > limit else ""


def get_store(deps: Dependencies, node_id: str) -> Node:
    """One node. Raises NodeNotFound."""
    node = deps.directory.nodes.get(node_id)
    if node is None:
        raise NodeNotFound(f"no node {node_id}")
    return node


async def set_capacity(deps: Dependencies, command: SetCapacityRequest) -> CapacitySet:
    """Sets labor seconds of windows inside the horizon, closes and opens them; what is promised
    stays promised.

    One ledger act whose id follows from the request: a retry after a crash finds its outcome.
    Raises NodeNotFound, FieldInvalid, RequestIdReused, DeadlinePassed.
    """
    get_store(deps, command.node_id)
    digest = fingerprint(command)
    async with deps.locks.hold(f"\x00capacity/{command.node_id}"):
        check_deadline()
        stored = await deps.store.response(command.key)
        if stored is not None:
            if stored.fingerprint != digest:
                raise RequestIdReused("the request_id was used with another body")
            return msgspec.json.decode(stored.body, type=CapacitySet)
        _check_windows(deps, command)
        done = await deps.ledger.act(
            [SetCapacity(command.node_id, command.windows)],
            request_id=derived_uuid("capacity", command.tenant, command.key.request_id),
        )
        failpoint("set_capacity.after_ledger")
        outcome = done.outcomes[0]
        if not isinstance(outcome, CellsSet):
            raise LedgerDisagrees(f"{command} came to {outcome}")
        result = CapacitySet(
            tuple(
                _capacity(window.start_s, cell)
                for window, cell in zip(command.windows, outcome.cells, strict=True)
            )
        )
        response = StoredResponse(
            command.key, digest, msgspec.json.encode(result), deps.clock.wall_ms()
        )
        await deps.store.commit(WriteSet(response=response))
        failpoint("set_capacity.after_result")
        return result


def _capacity(start_s: int, cell: CellView) -> WindowCapacity:
    closed = cell.safety_stock >= CLOSED_BUFFER
    available = min(0, cell.atp + cell.safety_stock) if closed else cell.atp
    return WindowCapacity(start_s, cell.on_hand, available, closed)


def _check_windows(deps: Dependencies, command: SetCapacityRequest) -> None:
    opened_until = deps.directory.horizons[command.node_id].opened_until_s
    seen: set[int] = set()
    for index, window in enumerate(command.windows):
        path = f"windows[{index}].start_time"
        if window.start_s % HOUR_S:
            raise FieldInvalid("a window starts on a full hour UTC", field=path)
        if window.start_s in seen:
            raise FieldInvalid("a window is named twice", field=path)
        if not _this_hour_s(deps) <= window.start_s < opened_until:
            raise FieldInvalid("the window is past, or not open yet", field=path)
        seen.add(window.start_s)
