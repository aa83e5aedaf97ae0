"""What other systems document about stock and promises, asked of a served ledger.

Read in place: peers/d365_atp.json and peers/peer_vectors.json. Vectors that are not a ledger's:

| vector | why not here |
| --- | --- |
| magento ranked_allocation; saleor spill over, sort order, pickup point | which node: sourcing |
| magento pickup_within_radius_km | geography: sourcing |
| saleor, d365: giving back more than is held gives back what is held | refused here, see below |

Quantities are scaled by 1,000: some are fractions of a unit.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bopis.testing.client import Client, eventually, new_uuid, refused
from bopis.testing.server import serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from tests.conftest import data_folder
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S

pytestmark = [pytest.mark.needs_services(), pytest.mark.needs_data]

SCALE: Final = 1000
NODES: Final = ("east", "west", "hub")
FAST: Final = ("--time-origin", small_town.TIME_ORIGIN, "--time-scale", "300")


def peers(name: str) -> Any:
    path = data_folder() / "peers" / name
    if not path.is_file():
        pytest.skip(f"there is no {name}")
    return json.loads(path.read_text(encoding="utf-8"))


class Shop:
    """A served town without stock, whose SKUs tests stock as they like."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.skus = iter(f"sku-{number}" for number in range(SKUS))

    def fresh(self, *on_hand: float) -> str:
        """A SKU that nobody used, with so much at the first nodes."""
        sku = next(self.skus)
        feed = stock.ImportStockRequest(request_id=new_uuid())
        for node_id, units in zip(NODES, on_hand, strict=False):
            feed.levels.add(node_id=node_id, sku=sku, on_hand=round(units * SCALE))
        if feed.levels:
            self.client.stock.ImportStock(iter([feed]), timeout=CALL_S)
        return sku

    def cells(self, sku: str) -> list[inventory.Availability]:
        asked = [inventory.GetAvailabilityRequest(node_id=node_id, sku=sku) for node_id in NODES]
        reads = [self.client.inventory.GetAvailability(one, timeout=CALL_S) for one in asked]
        return [read.availability for read in reads]

    def atp(self, sku: str) -> float:
        """Over all nodes."""
        return sum(max(0, cell.atp) for cell in self.cells(sku)) / SCALE

    def reserve(
        self, *lines: tuple[str, str, float], day: int = 0, ttl_minutes: float = 60
    ) -> inventory.ReserveResponse:
        request = inventory.ReserveRequest(request_id=new_uuid(), day=day)
        request.ttl.FromTimedelta(timedelta(minutes=ttl_minutes))
        for node_id, sku, units in lines:
            request.lines.add(node_id=node_id, sku=sku, quantity=round(units * SCALE))
        return self.client.inventory.Reserve(request, timeout=CALL_S)

    def commit(self, reservation_id: str) -> None:
        request = inventory.CommitReservationRequest(
            request_id=new_uuid(), reservation_id=reservation_id
        )
        self.client.inventory.CommitReservation(request, timeout=CALL_S)

    def release(self, reservation_id: str, *lines: tuple[str, str, float]) -> inventory.Reservation:
        request = inventory.ReleaseReservationRequest(
            request_id=new_uuid(), reservation_id=reservation_id
        )
        for node_id, sku, units in lines:
            request.lines.add(node_id=node_id, sku=sku, quantity=round(units * SCALE))
        return self.client.inventory.ReleaseReservation(request, timeout=CALL_S).reservation

    def keep(self, node_id: str, sku: str, units: float) -> None:
        request = stock.SetSafetyStockRequest(
            request_id=new_uuid(), node_id=node_id, sku=sku, safety_stock=round(units * SCALE)
        )
        self.client.stock.SetSafetyStock(request, timeout=CALL_S)

    def expect(self, sku: str, day: int, units: float) -> None:
        request = stock.SetInboundRequest(
            request_id=new_uuid(), node_id="east", sku=sku, day=day, quantity=round(units * SCALE)
        )
        self.client.stock.SetInbound(request, timeout=CALL_S)

    def atp_of_days(self, sku: str, days: range) -> list[float]:
        """At the first node: each day has the ATP of the last one listed before or at it."""
        request = inventory.GetAvailabilityRequest(node_id="east", sku=sku, with_days=True)
        read = self.client.inventory.GetAvailability(request, timeout=CALL_S)
        known = {listed.day: listed.atp for listed in read.days}

        def of(day: int) -> float:
            before = [listed for listed in known if listed <= day]
            return (known[max(before)] if before else read.availability.atp) / SCALE

        return [of(day) for day in days]


SKUS: Final = 40


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("peers")
    nothing = {("east", f"sku-{number}"): 0 for number in range(SKUS)}
    with serving(folder, options=FAST) as running, running.channel() as channel:
        client = Client(channel)
        small_town.bring_in(client, on_hand=nothing)
        yield Shop(client)


def granted(answer: inventory.ReserveResponse) -> inventory.Reservation:
    assert answer.WhichOneof("outcome") == "reservation", answer
    return answer.reservation


def test_atp_by_day_is_as_dynamics_documents_it(shop: Shop) -> None:
    said = peers("d365_atp.json")
    sku = shop.fresh(said["on_hand_day1"])
    for day, units in said["supply"].items():
        shop.expect(sku, int(day), units)
    held = {
        int(day): granted(shop.reserve(("east", sku, units), day=int(day), ttl_minutes=1440))
        for day, units in said["demand"].items()
    }
    days = range(1, said["horizon_days"] + 1)
    assert shop.atp_of_days(sku, days) == said["atp"]
    # The units of day 1 left, those due on day 3 did not come.
    shop.commit(held[1].reservation_id)
    sale = stock.RecordSalesRequest(request_id=new_uuid())
    sale.sales.add(
        source_id=new_uuid(),
        node_id="east",
        sku=sku,
        quantity=round(said["demand"]["1"] * SCALE),
        reservation_id=held[1].reservation_id,
    )
    shop.client.stock.RecordSales(sale, timeout=CALL_S)
    shop.expect(sku, 3, 0)
    late = said["late_supply_variant"]["atp_from_day_4"]
    assert shop.atp_of_days(sku, range(4, days.stop)) == late


def test_more_is_given_back_than_is_held_only_by_naming_no_lines(shop: Shop) -> None:
    """Dynamics gives back 10 and calls 2 invalid; here a wrong number changes nothing."""
    said = peers("d365_atp.json")["over_release"]
    sku = shop.fresh(said["reserved"])
    held = granted(shop.reserve(("east", sku, said["reserved"])))
    with refused() as errors:
        shop.release(held.reservation_id, ("east", sku, said["release"]))
    assert errors[0].reason == "LINE_NOT_FOUND"
    assert shop.atp(sku) == 0
    shop.release(held.reservation_id)
    assert shop.atp(sku) == said["reserved"]


def test_safety_stock_withholds_as_sterling_documents_it(shop: Shop) -> None:
    said = peers("d365_atp.json")["safety_stock"]
    sku = shop.fresh(said["on_hand"])
    granted(shop.reserve(("east", sku, said["demand"])))
    without = shop.atp(sku)
    shop.keep("east", sku, said["safety_stock"])
    assert shop.atp(sku) == said["available"]
    assert without - shop.atp(sku) == said["withheld_by_safety_stock"]


def test_a_hold_expires_as_sterling_documents_it(shop: Shop) -> None:
    said = peers("d365_atp.json")["expiry"]
    sku = shop.fresh(said["on_hand"])
    granted(shop.reserve(("east", sku, said["hold"]), ttl_minutes=said["ttl_minutes"]))
    assert shop.atp(sku) == said["available_during"]
    eventually(lambda: shop.atp(sku) == said["available_after"] or None)


def channel_stock(shop: Shop, said: Any, name: str, channel: str) -> tuple[str, list[float]]:
    """A SKU with the stock that a channel of Magento's sees, and how much that is by node."""
    nodes = [node for node in said["channels"][channel] if said["nodes"][node]["enabled"]]
    rows = {row["node"]: row for row in said["on_hand"] if row["sku"] == name}
    kept = [rows[node] for node in nodes if node in rows]
    sku = shop.fresh(*(row["qty"] for row in kept))
    for node_id, row in zip(NODES, kept, strict=False):
        if not row["in_stock"]:
            request = stock.AdjustStockRequest(
                request_id=new_uuid(),
                node_id=node_id,
                sku=sku,
                unavailable_delta=round(row["qty"] * SCALE),
                reason=stock.AdjustStockRequest.REASON_CORRECTION,
            )
            shop.client.stock.AdjustStock(request, timeout=CALL_S)
    return sku, [row["qty"] if row["in_stock"] else 0 for row in kept]


def test_atp_by_channel_is_as_in_magento(shop: Shop) -> None:
    said = peers("peer_vectors.json")["magento"]
    for name, channel, expected in said["atp_by_channel"]:
        sku, _ = channel_stock(shop, said, name, str(channel))
        assert shop.atp(sku) == expected, (name, channel)


def test_atp_after_reservations_is_as_in_magento(shop: Shop) -> None:
    said = peers("peer_vectors.json")["magento"]
    case = said["atp_after_reservations"]
    sku, _ = channel_stock(shop, said, case["sku"], str(case["channel"]))
    taken, given_back = case["reservations"]
    held = granted(shop.reserve(("east", sku, -taken)))
    left = shop.release(held.reservation_id, ("east", sku, given_back))
    assert left.lines[0].quantity == round((-taken - given_back) * SCALE)
    assert shop.atp(sku) == case["expect_atp"]


def test_promises_under_safety_stock_are_as_in_magento(shop: Shop) -> None:
    said = peers("peer_vectors.json")["magento"]
    for name, channel, asked, expected in said["promise_with_safety_stock_5"]:
        sku, units = channel_stock(shop, said, name, str(channel))
        if any(units):
            # Magento keeps 5 of the channel; a ledger keeps them where most lies.
            shop.keep(NODES[units.index(max(units))], sku, 5)
        assert (shop.atp(sku) >= asked) is expected, (name, channel, asked)


def saleor(name: str) -> Any:
    [found] = [one for one in peers("peer_vectors.json")["saleor"] if one["name"] == name]
    return found


def test_an_allocation_never_changes_on_hand_as_in_saleor(shop: Shop) -> None:
    said = saleor("single node")
    sku = shop.fresh(*said["on_hand"])
    shop.commit(granted(shop.reserve(("east", sku, said["order"]))).reservation_id)
    cell = shop.cells(sku)[0]
    assert cell.committed == said["expect"][0] * SCALE
    assert cell.on_hand == said["on_hand_after"][0] * SCALE


def test_not_enough_leaves_no_allocation_behind_as_in_saleor(shop: Shop) -> None:
    said = saleor("not enough: all or nothing, no allocation left behind")
    sku = shop.fresh(*said["on_hand"])
    rest = said["order"] - said["on_hand"][0]
    answer = shop.reserve(("east", sku, said["on_hand"][0]), ("west", sku, rest))
    assert answer.WhichOneof("outcome") == "insufficient"
    assert shop.atp(sku) == sum(said["on_hand"])
    several = saleor("multi line, one short: nothing allocated for either line")["lines"]
    skus = [shop.fresh(*line["on_hand"]) for line in several]
    lines = [("east", sku, line["order"]) for sku, line in zip(skus, several, strict=True)]
    answer = shop.reserve(*lines)
    assert answer.WhichOneof("outcome") == "insufficient"
    assert len(answer.insufficient.shortages) == len(several)
    assert [shop.atp(sku) for sku in skus] == [sum(line["on_hand"]) for line in several]


def test_an_allocation_is_decreased_as_in_saleor_but_never_below_nothing(shop: Shop) -> None:
    said = saleor("decrease after allocation")
    sku = shop.fresh(said["on_hand"])
    held = granted(shop.reserve(("east", sku, said["allocated"])))
    shop.commit(held.reservation_id)
    left = shop.release(held.reservation_id, ("east", sku, said["decrease_allocation"]))
    assert left.lines[0].quantity == said["expect_allocated"] * SCALE
    # Saleor floors at zero; here more than is left is refused, and all that is left is named by
    # naming nothing.
    more = saleor("decrease allocation more than allocated floors at zero")
    with refused() as errors:
        shop.release(held.reservation_id, ("east", sku, more["decrease_allocation"]))
    assert errors[0].reason == "LINE_NOT_FOUND"
    shop.release(held.reservation_id)
    assert shop.cells(sku)[0].committed == more["expect_allocated"]


def test_atp_and_allocations_by_location_are_as_in_vendure(shop: Shop) -> None:
    total, requested = peers("peer_vectors.json")["vendure"]
    sku = shop.fresh(*total["on_hand"])
    assert shop.atp(sku) == total["expect_total"]
    by_node = [cell.atp / SCALE for cell in shop.cells(sku)]
    assert by_node[: len(total["expect_by_node"])] == total["expect_by_node"]
    skus = {name: shop.fresh(100, 100) for name, _, _ in requested["lines"]}
    nodes = {"loc1": "east", "loc2": "west"}
    lines = [(nodes[place], skus[name], units) for name, units, place in requested["lines"]]
    shop.commit(granted(shop.reserve(*lines)).reservation_id)
    for name, expected in requested["expect_allocated"].items():
        committed = [cell.committed / SCALE for cell in shop.cells(skus[name])]
        assert committed[: len(expected)] == expected
