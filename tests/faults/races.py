"""Rows: many clients at one last unit, and lines of one order that name the same cell."""

import grpc

from bopis.testing.client import Client, new_uuid
from bopis.testing.server import serving
from bopis.v1 import inventory_service_pb2 as inventory
from tests.e2e import small_town
from tests.e2e.small_town import CALL_S
from tests.faults.row import Seen, Trial

CLIENTS = 64


def last_unit(trial: Trial) -> Seen:
    """64 connections ask for the one unit at the same time, again and again."""
    rounds = trial.choose(quick=40, full=1_000)
    with serving(trial.folder, options=small_town.CLOCK) as server:
        channels = [server.channel() for _ in range(CLIENTS)]
        clients = [Client(channel) for channel in channels]
        small_town.bring_in(clients[0], on_hand={("east", "apple"): 1})
        for number in range(rounds):
            won = _race(clients)
            assert len(won) == 1, f"round {number}: {len(won)} of {CLIENTS} have the one unit"
            cell = small_town.cell(clients[0], "east", "apple")
            assert (cell.atp, cell.held) == (0, 1), cell
            release = inventory.ReleaseReservationRequest(
                request_id=new_uuid(), reservation_id=won[0]
            )
            clients[number % CLIENTS].inventory.ReleaseReservation(release, timeout=CALL_S)
        for channel in channels:
            channel.close()
        assert server.terminate() == 0
    return Seen(rounds, f"{rounds} rounds of {CLIENTS} clients, one winner each")


def _race(clients: list[Client]) -> list[str]:
    """The reservations that were granted."""
    pending: list[grpc.Future] = []
    for client in clients:
        request = inventory.ReserveRequest(request_id=new_uuid())
        request.lines.add(node_id="east", sku="apple", quantity=1)
        pending.append(client.inventory.Reserve.future(request, timeout=CALL_S))
    answers = [one.result() for one in pending]
    assert all(answer.WhichOneof("outcome") for answer in answers)
    granted = [answer for answer in answers if answer.WhichOneof("outcome") == "reservation"]
    return [answer.reservation.reservation_id for answer in granted]


def summed_lines(trial: Trial) -> Seen:
    """Lines that name the same cell take together what is there, or nothing."""
    dice = trial.dice()
    rounds = trial.choose(quick=30, full=300)
    granted = 0
    with serving(trial.folder, options=small_town.CLOCK) as server:
        with server.channel() as channel:
            client = Client(channel)
            small_town.bring_in(client, on_hand={("east", "apple"): 10, ("east", "bread"): 10})
            for _ in range(rounds):
                parts = [dice.randint(1, 5) for _ in range(dice.randint(2, 5))]
                granted += _hold_in_parts(client, parts)
        assert server.terminate() == 0
    assert 0 < granted < rounds, f"{granted} of {rounds} granted"
    return Seen(rounds, f"{granted} granted as one line, {rounds - granted} refused by their sum")


def _hold_in_parts(client: Client, parts: list[int]) -> bool:
    """Asks for apples in so many lines, bread between them; gives back what it gets."""
    request = inventory.ReserveRequest(request_id=new_uuid())
    for quantity in parts:
        request.lines.add(node_id="east", sku="apple", quantity=quantity)
        request.lines.add(node_id="east", sku="bread", quantity=1)
    answer = client.inventory.Reserve(request, timeout=CALL_S)
    if sum(parts) > 10:
        [shortage] = answer.insufficient.shortages
        assert (shortage.line_index, shortage.sku) == (0, "apple")
        assert shortage.requested_quantity == sum(parts)
        assert shortage.available_quantity == 10
        return False
    lines = {line.sku: line.quantity for line in answer.reservation.lines}
    assert lines == {"apple": sum(parts), "bread": len(parts)}
    assert len(answer.reservation.lines) == len(lines)
    assert small_town.cell(client, "east", "apple").held == sum(parts)
    release = inventory.ReleaseReservationRequest(
        request_id=new_uuid(), reservation_id=answer.reservation.reservation_id
    )
    client.inventory.ReleaseReservation(release, timeout=CALL_S)
    return True
