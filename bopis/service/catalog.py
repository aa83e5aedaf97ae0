"""The catalog: importing and reading items."""

from collections.abc import Iterable, Sequence
from typing import Final

from bopis.domain.errors import FieldInvalid, SkuNotFound
from bopis.domain.ledger import RegisterItems
from bopis.domain.network import Item
from bopis.service.dependencies import Dependencies

REGISTER_MAX: Final = 1_000
"""SKUs registered by one ledger act."""


async def import_items(deps: Dependencies, items: Sequence[Item]) -> int:
    """Creates or replaces items; how many. Idempotent by content.

    Raises FieldInvalid for a price in another currency than the catalog's.
    """
    _check_currency(deps, items)
    await deps.store.put_items(items)
    skus = tuple(item.sku for item in items)
    for first in range(0, len(skus), REGISTER_MAX):
        part = RegisterItems(skus[first : first + REGISTER_MAX])
        await deps.ledger.act([part], request_id=deps.ids.new_uuid())
    deps.sourcer.load_items(items)
    deps.directory.put_items(items)
    return len(items)


def _check_currency(deps: Dependencies, items: Sequence[Item]) -> None:
    currency = deps.directory.currency
    for index, item in enumerate(items):
        currency = currency or item.currency
        if item.currency not in ("", currency):
            raise FieldInvalid(
                f"the catalog's prices are in {currency}",
                field=f"items[{index}].unit_price.currency_code",
            )


async def load_catalog(deps: Dependencies) -> None:
    """At the start: every item of the store, to the directory and the sourcer."""
    items = await deps.store.items()
    deps.directory.put_items(items)
    deps.sourcer.load_items(items)


def get_item(deps: Dependencies, sku: str) -> Item:
    """One item. Raises SkuNotFound."""
    item = deps.directory.items.get(sku)
    if item is None:
        raise SkuNotFound(f"no SKU {sku}")
    return item


def check_skus(deps: Dependencies, skus: Iterable[str]) -> None:
    """Raises SkuNotFound for the first that the catalog does not list."""
    for index, sku in enumerate(skus):
        if sku not in deps.directory.items:
            raise SkuNotFound(f"no SKU {sku}", metadata={"sku": sku}, field=f"skus[{index}]")
