"""Rows: replies that are lost after the commit, and many copies of the same request at once."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from bopis.testing.client import Client, eventually, new_uuid
from bopis.testing.server import ServerProcess, serving
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import order_service_pb2 as orders
from bopis.v1 import stock_service_pb2 as stock
from tests.e2e import small_town
from tests.e2e.command_line import dumped
from tests.e2e.small_town import CALL_S
from tests.faults.cutting_proxy import HOST, CuttingProxy
from tests.faults.row import Seen, Trial

COPIES: Final = 5
"""Connections that send the same request at the same time."""
SHORT_S: Final = (0.002, 0.01, 0.05, CALL_S)
"""Deadlines of one try after the other."""
STORM_PARTS: Final = 10
PATIENT_S: Final = (CALL_S,)
GOODPUT: Final = 0.8
"""What must be left of the requests per second that as many patient clients get answered: of the
parts of a storm the middle one, for other work on the machine is not part of it.
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request and where it is sent."""

    service: str
    rpc: str
    request: Any

    def to(self, client: Client, timeout_s: float = CALL_S) -> Any:
        """Sends it."""
        method = getattr(getattr(client, self.service), self.rpc)
        return method(self.request, timeout=timeout_s)


def lost_replies(trial: Trial) -> Seen:
    """Each mutating rpc: its answer is cut off after the commit, and it is sent again."""
    rounds = trial.choose(quick=1, full=20)
    lost: Counter[str] = Counter()
    with serving(trial.folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client, on_hand=dict.fromkeys(small_town.ON_HAND, 100_000))
            with CuttingProxy(server.port) as proxy:
                for _ in range(rounds):
                    for sent in _every_mutation(client):
                        first = _lose_reply(server, proxy, sent)
                        again = sent.to(client)
                        assert _body(again) == _body(first), f"{sent.rpc}: another answer"
                        lost[sent.rpc] += 1
            effects = small_town.cell(client, "west", "apple").on_hand
        assert effects == 100_000 + rounds, f"{rounds} adjustments made {effects - 100_000}"
        assert server.terminate() == 0
        ids = Counter(record.get("request_id") for record in dumped(server.data))
        del ids[None]
        assert set(ids.values()) == {1}, "a request is in the journal twice"
    return Seen(lost.total(), f"{len(lost)} rpcs: the same answer on retry, one record each")


def _lose_reply(server: ServerProcess, proxy: CuttingProxy, sent: Sent) -> Any:
    """Sends it through the proxy, which keeps the answer; then asks what the answer was."""
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
    with (
        grpc.insecure_channel(f"{HOST}:{proxy.port}", options=options) as cut_off,
        server.channel() as channel,
    ):
        client = Client(channel)
        before = _position(Client(cut_off))
        proxy.cut()
        lost_before = proxy.cut_answers
        method = getattr(getattr(Client(cut_off), sent.service), sent.rpc)
        pending = method.future(sent.request, timeout=CALL_S)
        committed = eventually(lambda: _later_position(client, before))
        eventually(lambda: proxy.cut_answers > lost_before or None)
        assert not pending.done(), "the answer came through"
        proxy.break_off()
        assert pending.exception().code() == grpc.StatusCode.UNAVAILABLE
        answer = sent.to(client)
        # An order goes on to commit after its hold, whoever waits for it.
        is_order = sent.service == "orders"
        assert is_order or _position(client) == committed, f"{sent.rpc}: the retry had an effect"
        return answer


def _later_position(client: Client, before: int) -> int | None:
    found = _position(client)
    return found if found > before else None


def _position(client: Client) -> int:
    """The journal's last record, as a read shows it."""
    request = inventory.GetAvailabilityRequest(node_id="east", sku="apple")
    return int(client.inventory.GetAvailability(request, timeout=CALL_S).position.sequence)


def _every_mutation(client: Client) -> Iterator[Sent]:
    """One request of each mutating rpc, on things that were just made for it."""
    for quantity in (1, 10**9):
        yield Sent("inventory", "Reserve", _reserve(quantity))
    batch = inventory.BatchReserveRequest(request_id=new_uuid())
    batch.items.add(reservation_id=new_uuid()).lines.add(node_id="east", sku="apple", quantity=1)
    yield Sent("inventory", "BatchReserve", batch)
    for rpc in ("CommitReservation", "ReleaseReservation", "ExtendReservation"):
        held = client.inventory.Reserve(_reserve(1), timeout=CALL_S).reservation
        request = getattr(inventory, f"{rpc}Request")(
            request_id=new_uuid(), reservation_id=held.reservation_id
        )
        if rpc == "ExtendReservation":
            request.ttl.seconds = 60
        yield Sent("inventory", rpc, request)
    held = client.inventory.Reserve(_reserve(1), timeout=CALL_S).reservation
    move = inventory.MoveReservationRequest(request_id=new_uuid())
    lines = move.moves.add(reservation_id=held.reservation_id).lines
    lines.add(node_id="west", sku="bread", quantity=1)
    yield Sent("inventory", "MoveReservation", move)
    yield from _facts(client)
    placed = small_town.order_request(f"lost-{new_uuid()}")
    yield Sent("orders", "CreateOrder", placed)
    cancel = orders.CancelOrderRequest(request_id=new_uuid(), order_id=placed.order_id)
    yield Sent("orders", "CancelOrder", cancel)


def _facts(client: Client) -> Iterator[Sent]:
    apple = {"node_id": "west", "sku": "apple"}
    reason = stock.AdjustStockRequest.REASON_RECEIVED
    adjust = stock.AdjustStockRequest(
        request_id=new_uuid(), **apple, on_hand_delta=1, reason=reason
    )
    yield Sent("stock", "AdjustStock", adjust)
    on_hand = small_town.cell(client, "hub", "candle").on_hand
    set_stock = stock.SetStockRequest(
        request_id=new_uuid(), node_id="hub", sku="candle", expected_on_hand=on_hand
    )
    set_stock.on_hand = on_hand + 1
    yield Sent("stock", "SetStock", set_stock)
    transfer = stock.TransferStockRequest(request_id=new_uuid(), sku="bread", quantity=1)
    transfer.from_node_id, transfer.to_node_id = "east", "west"
    yield Sent("stock", "TransferStock", transfer)
    buffer = stock.SetSafetyStockRequest(request_id=new_uuid(), **apple, safety_stock=3)
    yield Sent("stock", "SetSafetyStock", buffer)
    sales = stock.RecordSalesRequest(request_id=new_uuid())
    sales.sales.add(source_id=new_uuid(), node_id="east", sku="bread", quantity=1)
    yield Sent("stock", "RecordSales", sales)


def _reserve(quantity: int, *, sku: str = "apple") -> inventory.ReserveRequest:
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.ttl.seconds = 3_600
    request.lines.add(node_id="east", sku=sku, quantity=quantity)
    return request


def _body(answer: Message) -> Message:
    """Without the position, which tells how far the journal was at the answer."""
    body = type(answer)()
    body.CopyFrom(answer)
    if "position" in body.DESCRIPTOR.fields_by_name:
        body.ClearField("position")
    return body


def retry_storm(trial: Trial) -> Seen:
    """Impatient clients: every request in five copies at once, deadlines far too short. Before each
    part of the storm as many patient clients send as much: what they get is the measure.
    """
    count = trial.choose(quick=STORM_PARTS * 60, full=STORM_PARTS * 300)
    requests = [_reserve(1) for _ in range(count)]
    calls, ratios = 0, []
    with serving(trial.folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            on_hand = {("east", "apple"): count // 2, ("east", "bread"): 2 * count}
            small_town.bring_in(Client(channel), on_hand=on_hand)
        _all_at_once(server, [_reserve(1, sku="bread") for _ in range(60)], PATIENT_S)
        granted = 0
        for part in _parts(requests, count // STORM_PARTS):
            calm = [_reserve(1, sku="bread") for _ in part]
            _, _, calm_s = _all_at_once(server, calm, PATIENT_S)
            answers, tries, storm_s = _all_at_once(server, part, SHORT_S)
            for copies in zip(*answers, strict=True):
                assert all(copy == copies[0] for copy in copies), "copies got different answers"
            granted += sum(one.WhichOneof("outcome") == "reservation" for one in answers[0])
            calls += tries
            ratios.append(calm_s / storm_s)
        with server.channel() as channel:
            held = small_town.cell(Client(channel), "east", "apple").held
        assert held == granted == count // 2, f"{held} held, {granted} granted of {count // 2}"
        assert server.terminate() == 0
        ids = Counter(record.get("request_id") for record in dumped(server.data))
        assert all(ids[request.request_id] == 1 for request in requests)
    goodput = median(ratios)
    assert goodput >= GOODPUT, f"{goodput:.0%} of what patient clients get answered: {ratios}"
    return Seen(
        calls,
        f"{count} requests in {calls} calls: one record each, all copies answered alike, {granted}"
        f" units held of {count // 2}; {goodput:.0%} of what as many patient clients get answered",
    )


def _all_at_once(
    server: ServerProcess, requests: Sequence[inventory.ReserveRequest], patience: Sequence[float]
) -> tuple[list[list[Message]], int, float]:
    """All of them over each connection: the answers, the number of tries, the seconds."""
    answers: list[list[Message]] = [[] for _ in range(COPIES)]
    tries = [0] * COPIES
    threads = [
        threading.Thread(target=_storm, args=(server, requests, patience, answers[one], tries, one))
        for one in range(COPIES)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, sum(tries), time.monotonic() - started


def _parts(
    requests: Sequence[inventory.ReserveRequest], size: int
) -> Iterator[Sequence[inventory.ReserveRequest]]:
    """Parts of so many."""
    for start in range(0, len(requests), size):
        yield requests[start : start + size]


def _storm(
    server: ServerProcess,
    requests: Sequence[inventory.ReserveRequest],
    patience: Sequence[float],
    answers: list[Message],
    tries: list[int],
    one: int,
) -> None:
    with server.channel() as channel:
        client = Client(channel)
        for request in requests:
            for timeout_s in patience:
                tries[one] += 1
                try:
                    answers.append(_body(client.inventory.Reserve(request, timeout=timeout_s)))
                    break
                except grpc.RpcError as error:
                    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
