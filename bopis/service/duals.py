"""Dual prices: publishing them to the hot path, and reading those in force.

Whoever makes prices (a refresh job, a re-allocation) calls `publish_duals`; all else follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import Final

from bopis.domain.duals import DUAL_PRICE_MICRO_MAX, Dual, Duals, StockDual
from bopis.domain.errors import FieldInvalid, NodeNotFound, TokenInvalid
from bopis.service.dependencies import Dependencies

PAGE_DEFAULT: Final = 100
RESOLVED_MAX: Final = 10
"""Prices of a page that is solved anew."""


@dataclass(frozen=True, slots=True)
class DualPage:
    """Some of the prices in force, and how old they are; `version` 0: there are none."""

    prices: tuple[Dual, ...] = ()
    next_page_token: str = ""
    version: int = 0
    as_of_ms: int = 0
    age_ms: int = 0


def publish_duals(deps: Dependencies, duals: Duals) -> bool:
    """Puts a version of all dual prices into force, for every choice made from now on.

    False: a later one, or this one, is in force already. Raises FieldInvalid for a version below 1
    and a price out of range; nothing is changed then.
    """
    if duals.version < 1:
        raise FieldInvalid("versions of dual prices begin at 1", field="version")
    for one in duals:
        if not 0 <= one.price_micro <= DUAL_PRICE_MICRO_MAX:
            raise FieldInvalid(f"no price is {one.price_micro}", field=one.node_id)
    known = deps.duals.current()
    if known is not None and known.version >= duals.version:
        return False
    in_order = replace(
        duals,
        stock=tuple(sorted(duals.stock, key=_rank)),
        labor=tuple(sorted(duals.labor, key=_rank)),
    )
    deps.sourcer.load_duals(in_order)
    deps.duals.replace(in_order)
    return True


def load_duals(deps: Dependencies) -> None:
    """At the start: those that were in force, if the store remembers them."""
    known = deps.duals.current()
    if known is not None:
        deps.sourcer.load_duals(known)


def read_duals(
    deps: Dependencies,
    *,
    node_ids: Sequence[str] = (),
    skus: Sequence[str] = (),
    page_size: int = 0,
    page_token: str = "",
    resolve: bool = False,
) -> DualPage:
    """A page of the prices in force, by node; its SKUs, then its hours. SKUs named leave out labor.
    To be solved anew: a few only; where nodes and SKUs are named, also those without a price.

    Raises NodeNotFound, TokenInvalid (also for a page of prices that were replaced meanwhile).
    """
    for index, node_id in enumerate(node_ids):
        if node_id not in deps.directory.nodes:
            raise NodeNotFound(
                f"no node {node_id}", metadata={"node_id": node_id}, field=f"node_ids[{index}]"
            )
    duals = deps.duals.current()
    if duals is None and not resolve:
        if page_token:
            raise _not_ours()
        return DualPage()
    duals = duals or Duals(0, 0)
    first = _first(page_token, duals)
    nodes, wanted = frozenset(node_ids), frozenset(skus)
    stock: Sequence[Dual] = duals.stock
    if resolve and nodes and wanted:
        stock = _with_unpriced(duals, nodes, wanted)
    labor: Sequence[Dual] = () if wanted else duals.labor
    found = (
        one
        for one in merge(stock, labor, key=_rank)
        if (not nodes or one.node_id in nodes)
        and (not wanted or (isinstance(one, StockDual) and one.sku in wanted))
    )
    limit = page_size or PAGE_DEFAULT
    if resolve:
        limit = min(limit, RESOLVED_MAX)
    page = tuple(islice(found, first, first + limit + 1))
    return DualPage(
        prices=page[:limit],
        next_page_token=f"{duals.version}.{first + limit}" if len(page) > limit else "",
        version=duals.version,
        as_of_ms=duals.as_of_ms,
        age_ms=max(0, deps.clock.wall_ms() - duals.as_of_ms) if duals.version else 0,
    )


def _with_unpriced(
    duals: Duals, nodes: frozenset[str], skus: frozenset[str]
) -> Sequence[StockDual]:
    """The stock prices of some nodes and SKUs, those without a price at 0, in order."""
    known = {(one.node_id, one.sku): one for one in duals.stock if one.sku in skus}
    cells = sorted((node_id, sku) for node_id in nodes for sku in skus)
    return [known.get(cell) or StockDual(*cell, price_micro=0) for cell in cells]


def _rank(one: Dual) -> tuple[str, int, str]:
    if isinstance(one, StockDual):
        return (one.node_id, 0, one.sku)
    return (one.node_id, 1, f"{one.window_start_s:020}")


def _first(page_token: str, duals: Duals) -> int:
    """Where the page begins."""
    if not page_token:
        return 0
    version, _, first = page_token.partition(".")
    if version != str(duals.version) or not (first.isascii() and first.isdigit()):
        raise _not_ours()
    return int(first)


def _not_ours() -> TokenInvalid:
    return TokenInvalid("the page token is not one of the prices in force", field="page_token")
