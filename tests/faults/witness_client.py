"""One process of clients that write down what they asked, when, and what they were told.

`python -m tests.faults.witness_client ADDRESS LOG SEED THREADS` works until its standard input
closes. Each line of the log is one call: `rpc`, `request_id`, `invoked_ns` and `answered_ns` (the
machine's monotonic clock), `attempts`, `sequence` (the position in the reply), and `reply` in the
words of a journal dump. A call that is not answered is sent again, unchanged.
"""

import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import grpc
from google.protobuf.message import Message

from bopis.testing.client import Client, error_of, new_uuid
from bopis.v1 import inventory_service_pb2 as inventory
from bopis.v1 import stock_service_pb2 as stock
from tests.faults.journal_words import COUNTERS, Words, refused

NODES: Final = ("east", "west")
SKUS: Final = ("apple", "bread")
CALL_S: Final = 5.0
PAUSE_S: Final = 0.02
"""Between two tries."""
KEPT: Final = 12
"""Own reservations that a client goes back to."""

UNKNOWN: Final = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
WHY: Final = {
    "RESERVATION_NOT_FOUND": "reservation_not_found",
    "RESERVATION_EXPIRED": "reservation_expired",
    "RESERVATION_ENDED": "reservation_ended",
    "RESERVATION_ALREADY_COMMITTED": "already_committed",
    "STOCK_CHANGED": "not_as_expected",
    "QUANTITY_OUT_OF_RANGE": "quantity_out_of_range",
}


@dataclass(slots=True)
class Log:
    """Written by all threads; a line is whole or not there."""

    file: IO[str]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, entry: Words) -> None:
        """Appends one call."""
        line = json.dumps(entry) + "\n"
        with self.lock:
            self.file.write(line)


@dataclass(slots=True)
class Caller:
    """One client: its channel, its dice, the reservations it knows."""

    address: str
    log: Log
    dice: random.Random
    done: threading.Event
    mine: list[str] = field(default_factory=list)
    on_hand: dict[tuple[str, str], int] = field(default_factory=dict)
    channel: grpc.Channel | None = None

    def call(self, rpc: str, request: Message) -> Words:
        """Sends a call until it is answered; what was written down."""
        entry: Words = {
            "rpc": rpc,
            "request_id": getattr(request, "request_id", None),
            "invoked_ns": time.monotonic_ns(),
            "attempts": 0,
        }
        while True:
            entry["attempts"] += 1
            if entry["request_id"] is None:
                # Each try of a read is a read of its own.
                entry["invoked_ns"], entry["attempts"] = time.monotonic_ns(), 1
            try:
                answer = self._send(rpc, request)
            except grpc.RpcError as error:
                if error.code() in UNKNOWN:
                    self.close()
                    time.sleep(PAUSE_S)
                    continue
                entry["answered_ns"] = time.monotonic_ns()
                entry["sequence"] = None
                entry["reply"] = refused(WHY[error_of(error).reason])
                break
            entry["answered_ns"] = time.monotonic_ns()
            entry["sequence"], entry["reply"] = answer
            break
        self.log.write(entry)
        return entry

    def close(self) -> None:
        """The next call opens a new channel."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def _send(self, rpc: str, request: Message) -> tuple[int, Any]:
        if self.channel is None:
            options = (("grpc.use_local_subchannel_pool", 1),)
            self.channel = grpc.insecure_channel(self.address, options=options)
        service, name = rpc.split(".")
        answer = getattr(getattr(Client(self.channel), service), name)(request, timeout=CALL_S)
        if name == "BatchGetAvailability":
            [answer] = answer
        return answer.position.sequence, WORDS[name](answer)


def counters(cell: inventory.Availability) -> Words:
    """As a dump words them."""
    return {name: getattr(cell, name) for name in COUNTERS}


def place(cell: inventory.Availability) -> Words:
    """A cell that was read, with what can be promised of it."""
    return {"node_id": cell.node_id, "sku": cell.sku, "atp": cell.atp} | counters(cell)


def reservation(one: inventory.Reservation) -> Words:
    """As a dump words it, deadline and priority aside."""
    lines = [
        {"node_id": line.node_id, "sku": line.sku, "quantity": line.quantity} for line in one.lines
    ]
    state = inventory.Reservation.State.Name(one.state).removeprefix("STATE_")
    return {"reservation_id": one.reservation_id, "state": state, "lines": lines}


def insufficient(one: inventory.Insufficient) -> Words:
    """As a dump words it."""
    shortages = [
        {
            "node_id": lack.node_id,
            "sku": lack.sku,
            "line_index": lack.line_index,
            "requested": lack.requested_quantity,
            "available": lack.available_quantity,
        }
        for lack in one.shortages
    ]
    return {"type": "insufficient", "shortages": shortages}


def granted(answer: Any) -> Words:
    """A hold, or why there is none."""
    if answer.WhichOneof("outcome") == "insufficient":
        return insufficient(answer.insufficient)
    return {"type": "reservation"} | reservation(answer.reservation)


def moved(answer: Any) -> Words:
    """The moved reservations, or why they are not."""
    if answer.WhichOneof("outcome") == "insufficient":
        return insufficient(answer.insufficient)
    views = [reservation(one) for one in answer.moved.reservations]
    return {"type": "moved", "reservations": views}


def changed(answer: Any) -> Words:
    """A cell after a fact."""
    return {"type": "cell"} | counters(answer.availability)


def transferred(answer: Any) -> Words:
    """Both cells of a transfer."""
    left, come = counters(answer.from_availability), counters(answer.to_availability)
    return {"type": "transferred", "from": left, "to": come}


WORDS: Final = {
    "Reserve": granted,
    "CommitReservation": lambda answer: {"type": "reservation"} | reservation(answer.reservation),
    "ReleaseReservation": lambda answer: {"type": "reservation"} | reservation(answer.reservation),
    "ExtendReservation": lambda answer: {"type": "reservation"} | reservation(answer.reservation),
    "MoveReservation": moved,
    "GetReservation": lambda answer: reservation(answer.reservation),
    "AdjustStock": changed,
    "SetStock": changed,
    "SetSafetyStock": changed,
    "TransferStock": transferred,
    "GetAvailability": lambda answer: [place(answer.availability)],
    "BatchGetAvailability": lambda answer: [place(one) for one in answer.availabilities],
}


def reserve(caller: Caller) -> None:
    """Up to three lines, now and then the same cell twice; a third of the holds are short."""
    dice = caller.dice
    request = inventory.ReserveRequest(request_id=new_uuid())
    request.ttl.FromMilliseconds(dice.randint(100, 800) if dice.random() < 0.35 else 60_000)
    for _ in range(dice.choice((1, 1, 2, 3))):
        request.lines.add(
            node_id=dice.choice(NODES), sku=dice.choice(SKUS), quantity=dice.randint(1, 3)
        )
    entry = caller.call("inventory.Reserve", request)
    if entry["reply"]["type"] == "reservation":
        caller.mine = [*caller.mine[1 - KEPT :], entry["reply"]["reservation_id"]]
    if dice.random() < 0.1:
        caller.call("inventory.Reserve", request)


def act_on_one(caller: Caller) -> None:
    """Commits, extends, releases, moves or looks at an own reservation, in whatever state."""
    dice = caller.dice
    if not caller.mine:
        return
    one = {"request_id": new_uuid(), "reservation_id": dice.choice(caller.mine)}
    way = dice.random()
    if way < 0.3:
        caller.call("inventory.CommitReservation", inventory.CommitReservationRequest(**one))
    elif way < 0.65:
        caller.call("inventory.ReleaseReservation", inventory.ReleaseReservationRequest(**one))
    elif way < 0.75:
        extend = inventory.ExtendReservationRequest(**one)
        extend.ttl.FromMilliseconds(dice.randint(100, 5_000))
        caller.call("inventory.ExtendReservation", extend)
    elif way < 0.9:
        del one["request_id"]
        caller.call("inventory.GetReservation", inventory.GetReservationRequest(**one))
    else:
        move(caller)


def move(caller: Caller) -> None:
    """One or two own reservations get other lines in one act."""
    dice = caller.dice
    request = inventory.MoveReservationRequest(request_id=new_uuid())
    for reservation_id in dice.sample(caller.mine, min(len(caller.mine), dice.choice((1, 2)))):
        lines = request.moves.add(reservation_id=reservation_id).lines
        for _ in range(dice.choice((1, 2))):
            lines.add(
                node_id=dice.choice(NODES), sku=dice.choice(SKUS), quantity=dice.randint(1, 3)
            )
    caller.call("inventory.MoveReservation", request)


def tell_a_fact(caller: Caller) -> None:
    """Adjusts, sets, transfers, or changes the safety stock."""
    dice = caller.dice
    node_id, sku = dice.choice(NODES), dice.choice(SKUS)
    cell = {"request_id": new_uuid(), "node_id": node_id, "sku": sku}
    way = dice.random()
    if way < 0.5:
        reason = stock.AdjustStockRequest.REASON_CORRECTION
        delta = dice.choice((-2, -1, 1, 1, 2))
        request = stock.AdjustStockRequest(**cell, on_hand_delta=delta, reason=reason)
        caller.call("stock.AdjustStock", request)
    elif way < 0.7:
        expected = caller.on_hand.get((node_id, sku), 0)
        on_hand = max(20, expected + dice.randint(-2, 2))
        set_stock = stock.SetStockRequest(**cell, expected_on_hand=expected, on_hand=on_hand)
        caller.call("stock.SetStock", set_stock)
    elif way < 0.9:
        transfer = stock.TransferStockRequest(
            request_id=new_uuid(), from_node_id=node_id, sku=sku, quantity=dice.randint(1, 3)
        )
        transfer.to_node_id = NODES[1 - NODES.index(node_id)]
        caller.call("stock.TransferStock", transfer)
    else:
        buffer = stock.SetSafetyStockRequest(**cell, safety_stock=dice.randint(0, 3))
        caller.call("stock.SetSafetyStock", buffer)


def look(caller: Caller) -> None:
    """Reads one cell, or all at one position."""
    if caller.dice.random() < 0.5:
        cell = {"node_id": caller.dice.choice(NODES), "sku": caller.dice.choice(SKUS)}
        entry = caller.call("inventory.GetAvailability", inventory.GetAvailabilityRequest(**cell))
    else:
        request = inventory.BatchGetAvailabilityRequest(node_ids=NODES, skus=SKUS)
        entry = caller.call("inventory.BatchGetAvailability", request)
    for one in entry["reply"]:
        caller.on_hand[one["node_id"], one["sku"]] = one["on_hand"]


def work(caller: Caller) -> None:
    """Calls until it is done."""
    acts = (reserve, act_on_one, tell_a_fact, look)
    while not caller.done.is_set():
        [act] = caller.dice.choices(acts, weights=(4, 4, 1, 2))
        act(caller)
    caller.close()


def main() -> None:
    """See the module."""
    address, path, seed, threads = sys.argv[1:]
    done = threading.Event()
    with Path(path).open("w", encoding="utf-8") as file:
        log = Log(file)
        callers = [
            Caller(address, log, random.Random(f"{seed}/{number}"), done)
            for number in range(int(threads))
        ]
        workers = [threading.Thread(target=work, args=(caller,)) for caller in callers]
        for worker in workers:
            worker.start()
        sys.stdin.read()
        done.set()
        for worker in workers:
            worker.join()


if __name__ == "__main__":
    main()
