"""Dual prices made in the background, through the door of a service in another process."""

from collections.abc import Iterator

import pytest

from bopis.testing.client import Client, eventually
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import allocation_service_pb2 as allocation
from bopis.v1 import common_pb2 as common
from bopis.v1 import order_service_pb2 as orders
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S, PICKUP, order_request, place

pytestmark = pytest.mark.needs_services()

FAST = {
    "BOPIS_DUALS_EVERY_S": "0.5",
    # Nobody refreshes for so long in these tests unless its process is gone.
    "BOPIS_DUALS_AGE_MAX_S": "30",
}
ON_HAND = {("east", "bread"): 14, ("west", "bread"): 60, ("hub", "bread"): 60}
ORDERS = 10
KM_MICRO = 250_000
"""What a km to another store costs more, by the card."""
PRICES_S = 60.0


@pytest.fixture(scope="module")
def scarce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Ten customers at the door of the east store took bread; four are left there for as many as
    may come again.
    """
    with serving(
        tmp_path_factory.mktemp("server"), options=small_town.CLOCK, environment=FAST
    ) as running:
        with running.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client, on_hand=ON_HAND)
            for number in range(ORDERS):
                order = place(client, bread(f"past-{number}"))
                assert order.fulfillment_orders[0].node_id == "east"
        yield running


def bread(order_id: str, *, longitude: float = -74.0, km: int = 40) -> orders.CreateOrderRequest:
    request = order_request(order_id, sku="bread", method=PICKUP)
    request.place.CopyFrom(common.Place(latitude=40.0, longitude=longitude))
    request.consent.other_store_km = km
    return request


def prices(client: Client) -> allocation.GetDualPricesResponse:
    request = allocation.GetDualPricesRequest(page_size=1_000)
    return client.allocation.GetDualPrices(request, timeout=CALL_S)


def micro(money: object) -> int:
    return money.units * 1_000_000 + money.nanos // 1_000  # type: ignore[attr-defined, no-any-return]


def price_of_bread(client: Client) -> tuple[int, int] | None:
    """(version, price of a unit in the east) once it is more than nothing."""
    found = prices(client)
    for one in found.prices:
        if (one.node_id, one.sku) == ("east", "bread") and micro(one.price):
            return found.version, micro(one.price)
    return None


def test_what_later_orders_will_want_gets_a_price_and_versions_ascend(
    scarce: ServerProcess,
) -> None:
    with scarce.channel() as channel:
        client = Client(channel)
        first, price = eventually(lambda: price_of_bread(client), within_s=PRICES_S)
        # Who comes later must go to the west, 8.5 km away; no unit is worth more than that.
        assert KM_MICRO < price <= 9 * KM_MICRO
        later = eventually(
            lambda: found if (found := prices(client)).version > first else None, within_s=PRICES_S
        )
        assert later.age.ToTimedelta().total_seconds() < 30
        assert not [one for one in later.prices if one.node_id == "hub" and micro(one.price)]


def test_an_order_is_charged_and_goes_where_nobody_else_will_want_it(
    scarce: ServerProcess,
) -> None:
    with scarce.channel() as channel:
        client = Client(channel)
        eventually(lambda: price_of_bread(client), within_s=PRICES_S)
        # Between the stores, a little nearer to the east: the way to the west is 0.7 km longer.
        between = place(client, bread("between", longitude=-74.046))
        assert between.customer_node_id == "east"
        assert [one.node_id for one in between.fulfillment_orders] == ["west"]
        [charged] = between.dual_charges
        assert micro(charged.stock) == 0
        # Who agrees to nothing else gets it in the east, and is charged for it.
        before, _ = eventually(lambda: price_of_bread(client), within_s=PRICES_S)
        only_here = place(client, bread("only-here", km=0))
        assert [one.node_id for one in only_here.fulfillment_orders] == ["east"]
        [charged] = only_here.dual_charges
        assert charged.version >= before
        assert KM_MICRO < micro(charged.stock) <= 9 * KM_MICRO
        # Charges steer; they are no cost.
        assert {term.name for term in only_here.cost.terms} <= {"pick", "opportunity"}


def test_a_service_that_was_killed_makes_its_prices_anew_and_uses_no_version_twice(
    scarce: ServerProcess,
) -> None:
    with scarce.channel() as channel:
        before, _ = eventually(lambda: price_of_bread(Client(channel)), within_s=PRICES_S)
    scarce.kill()
    scarce.start()
    with scarce.channel() as channel:
        client = Client(channel)
        after, _ = eventually(lambda: price_of_bread(client), within_s=PRICES_S)
    assert after > before


def test_prices_go_out_of_force_when_nobody_refreshes_them(scarce: ServerProcess) -> None:
    scarce.terminate()
    scarce.environment = {"BOPIS_DUALS_EVERY_S": "5", "BOPIS_DUALS_AGE_MAX_S": "0.5"}
    scarce.start()
    with scarce.channel() as channel:
        client = Client(channel)
        made = eventually(
            lambda: found if (found := prices(client)).version else None, within_s=PRICES_S
        )
        gone = eventually(
            lambda: found if not (found := prices(client)).prices else None, within_s=PRICES_S
        )
        assert gone.version >= made.version
    assert scarce.terminate() == 0
