from dataclasses import replace

import pytest

from bopis.domain.duals import DUAL_PRICE_MICRO_MAX, Dual, Duals, LaborDual, StockDual
from bopis.domain.errors import FieldInvalid, NodeNotFound, TokenInvalid
from bopis.server import encode
from bopis.service.duals import DualPage, load_duals, publish_duals, read_duals
from bopis.testing.shop import MONDAY_10_UTC_MS, Shop
from bopis.testing.sourcer_naive import NaiveSourcer
from bopis.v1 import allocation_service_pb2 as pb

HOUR_S = MONDAY_10_UTC_MS // 1_000
IN_ORDER: tuple[Dual, ...] = (
    StockDual("east", "apple", 4_000_000),
    StockDual("east", "bread", 0),
    LaborDual("east", HOUR_S, 700),
    LaborDual("east", HOUR_S + 3_600, 300),
    StockDual("west", "apple", 1),
    LaborDual("west", HOUR_S, 20),
)
DUALS = Duals(
    7,
    MONDAY_10_UTC_MS,
    stock=tuple(one for one in reversed(IN_ORDER) if isinstance(one, StockDual)),
    labor=tuple(one for one in reversed(IN_ORDER) if isinstance(one, LaborDual)),
)


def loaded(shop: Shop) -> Duals | None:
    assert isinstance(shop.deps.sourcer, NaiveSourcer)
    return shop.deps.sourcer.duals


async def test_what_is_published_is_in_force_on_the_hot_path_and_can_be_read(shop: Shop) -> None:
    assert read_duals(shop.deps) == DualPage()
    assert publish_duals(shop.deps, DUALS)
    found = loaded(shop)
    assert found is not None
    assert set(found) == set(IN_ORDER)
    shop.clock.advance(5_000)
    page = read_duals(shop.deps)
    assert page.prices == IN_ORDER
    assert (page.version, page.as_of_ms, page.age_ms) == (7, MONDAY_10_UTC_MS, 5_000)


async def test_without_prices_what_is_solved_anew_has_pages_too(shop: Shop) -> None:
    skus = [f"sku-{number:02}" for number in range(15)]
    first = read_duals(shop.deps, node_ids=["east"], skus=skus, resolve=True)
    second = read_duals(
        shop.deps,
        node_ids=["east"],
        skus=skus,
        resolve=True,
        page_token=first.next_page_token,
    )
    read = [one.sku for one in (*first.prices, *second.prices) if isinstance(one, StockDual)]
    assert (read, second.next_page_token) == (skus, "")
    with pytest.raises(TokenInvalid):
        read_duals(shop.deps, page_token=first.next_page_token)


async def test_an_older_version_changes_nothing(shop: Shop) -> None:
    publish_duals(shop.deps, DUALS)
    assert not publish_duals(shop.deps, replace(DUALS, stock=()))
    assert not publish_duals(shop.deps, Duals(6, MONDAY_10_UTC_MS))
    assert read_duals(shop.deps).prices == IN_ORDER
    assert publish_duals(shop.deps, Duals(8, MONDAY_10_UTC_MS))
    assert read_duals(shop.deps).prices == ()
    assert loaded(shop) == Duals(8, MONDAY_10_UTC_MS)


@pytest.mark.parametrize("price", [-1, DUAL_PRICE_MICRO_MAX + 1])
async def test_a_price_out_of_range_is_refused_with_all_the_others(shop: Shop, price: int) -> None:
    bad = Duals(1, MONDAY_10_UTC_MS, labor=(LaborDual("east", HOUR_S, price),))
    with pytest.raises(FieldInvalid):
        publish_duals(shop.deps, bad)
    with pytest.raises(FieldInvalid):
        publish_duals(shop.deps, replace(DUALS, version=0))
    assert (loaded(shop), shop.deps.duals.current()) == (None, None)


async def test_prices_are_found_by_node_and_sku_page_by_page(shop: Shop) -> None:
    publish_duals(shop.deps, DUALS)
    assert read_duals(shop.deps, node_ids=["west"]).prices == IN_ORDER[4:]
    assert read_duals(shop.deps, skus=["apple"]).prices == (IN_ORDER[0], IN_ORDER[4])
    assert read_duals(shop.deps, node_ids=["east"], skus=["pear"]).prices == ()
    pages: list[Dual] = []
    token = ""
    for _ in range(3):
        page = read_duals(shop.deps, page_size=2, page_token=token)
        pages += page.prices
        token = page.next_page_token
    assert (tuple(pages), token) == (IN_ORDER, "")
    with pytest.raises(NodeNotFound):
        read_duals(shop.deps, node_ids=["east", "nowhere"])


async def test_a_page_of_prices_that_were_replaced_is_not_continued(shop: Shop) -> None:
    with pytest.raises(TokenInvalid):
        read_duals(shop.deps, page_token="7.2")
    publish_duals(shop.deps, DUALS)
    token = read_duals(shop.deps, page_size=2).next_page_token
    for bad in ("7", "7.", "7.-1", "x.2", "7.²"):
        with pytest.raises(TokenInvalid):
            read_duals(shop.deps, page_token=bad)
    publish_duals(shop.deps, replace(DUALS, version=8))
    with pytest.raises(TokenInvalid):
        read_duals(shop.deps, page_token=token)


async def test_what_the_store_remembers_is_loaded_at_a_start(shop: Shop) -> None:
    shop.deps.duals.replace(DUALS)
    load_duals(shop.deps)
    assert loaded(shop) == DUALS


async def test_prices_are_told_as_estimates_with_their_age(shop: Shop) -> None:
    publish_duals(shop.deps, DUALS)
    message = encode.dual_prices(read_duals(shop.deps), "USD")
    assert message.basis == pb.GetDualPricesResponse.BASIS_ESTIMATE
    assert message.HasField("age")
    assert (message.version, message.as_of_time.seconds) == (7, HOUR_S)
    first, second, third = message.prices[:3]
    assert (first.sku, first.price.units, first.price.currency_code) == ("apple", 4, "USD")
    assert (second.sku, second.price.nanos) == ("bread", 0)
    assert (third.labor_window_start_time.seconds, third.price.nanos) == (HOUR_S, 700_000)
