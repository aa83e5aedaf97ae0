"""The witness check passes a real run, and rejects the same run with one thing changed."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.concurrent_run import Run, run_clients
from tests.faults.journal_words import Words
from tests.faults.witness import judge

pytestmark = pytest.mark.needs_services()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    return run_clients(folder, seconds=2.5, seed=7, kills=1, processes=2, threads=6)


def complaints(run: Run) -> str:
    return "; ".join(judge(run.records, run.calls, asked_from=run.asked_from).complaints)


def test_a_real_run_with_a_kill_is_found_sound(run: Run) -> None:
    verdict = judge(copy.deepcopy(run.records), run.calls, asked_from=run.asked_from)
    assert not verdict.complaints
    assert min(verdict.writes, verdict.reads, verdict.refusals, verdict.repeats) > 0


def first_call(run: Run, rpc: str, kind: str) -> Words:
    """A call that was made, and answered, once."""
    asked = [call["request_id"] for call in run.calls]
    return next(
        call
        for call in run.calls
        if call["rpc"].endswith(rpc)
        and call["reply"]["type"] == kind
        and call["attempts"] == 1
        and asked.count(call["request_id"]) == 1
    )


def record_of(run: Run, call: Words) -> Words:
    return next(one for one in run.records if one.get("request_id") == call["request_id"])


def lose_an_act(run: Run) -> None:
    record_of(run, first_call(run, "Reserve", "reservation"))["request_id"] = "another"


def tell_another_position(run: Run) -> None:
    first_call(run, "AdjustStock", "cell")["sequence"] += 1


def tell_other_counters(run: Run) -> None:
    first_call(run, "AdjustStock", "cell")["reply"]["on_hand"] += 1


def tell_another_state(run: Run) -> None:
    first_call(run, "CommitReservation", "reservation")["reply"]["state"] = "HELD"


def refuse_what_was_granted(run: Run) -> None:
    call = first_call(run, "Reserve", "reservation")
    call["reply"] = {"type": "insufficient", "shortages": []}


def take_effect_twice(run: Run) -> None:
    again = copy.deepcopy(record_of(run, first_call(run, "AdjustStock", "cell")))
    again["sequence"] = len(run.records) + 1
    run.records.append(again)


def lose_a_record_number(run: Run) -> None:
    for record in run.records[len(run.records) // 2 :]:
        record["sequence"] += 1


def read_before_what_was_shown(run: Run) -> None:
    read = max(
        (call for call in run.calls if call["rpc"].endswith("GetAvailability")),
        key=lambda call: call["invoked_ns"],
    )
    read["sequence"], read["reply"] = run.asked_from, []


def read_other_counters(run: Run) -> None:
    read = next(call for call in run.calls if call["rpc"].endswith("GetAvailability"))
    read["reply"][0]["atp"] += 1


def read_what_was_never_written(run: Run) -> None:
    read = next(call for call in run.calls if call["rpc"].endswith("GetAvailability"))
    read["sequence"] = len(run.records) + 1


def read_another_state_of_a_reservation(run: Run) -> None:
    read = next(call for call in run.calls if call["rpc"].endswith("GetReservation"))
    read["reply"]["state"] = "CONSUMED"


def answer_before_earlier_acts_are_asked(run: Run) -> None:
    last = max(
        (call for call in run.calls if call["request_id"] and call["sequence"]),
        key=lambda call: call["sequence"],
    )
    last["invoked_ns"] = last["answered_ns"] = 0


def oversell_and_say_so(run: Run) -> None:
    call = first_call(run, "Reserve", "insufficient")
    record = record_of(run, call)
    [command] = record["commands"]
    granted = {
        "type": "reservation",
        "reservation_id": command["reservation_id"],
        "state": "HELD",
        "deadline_ms": record["now_ms"] + command["ttl_ms"],
        "priority": command["priority"],
        "lines": command["lines"],
    }
    record["outcomes"], call["reply"] = [granted], copy.deepcopy(granted)


def expire_too_early(run: Run) -> None:
    index = next(at for at, one in enumerate(run.records) if one["type"] == "expire")
    expired = run.records[index]["reservation_id"]
    for record in run.records[:index]:
        for command, outcome in zip(
            record.get("commands", ()), record.get("outcomes", ()), strict=True
        ):
            if command.get("reservation_id") == expired and "deadline_ms" in outcome:
                command["ttl_ms"] = command.get("ttl_ms", 0) + 3_600_000
                outcome["deadline_ms"] += 3_600_000


def split_lines_of_one_cell(run: Run) -> None:
    for record in run.records:
        for command, outcome in zip(
            record.get("commands", ()), record.get("outcomes", ()), strict=True
        ):
            lines = command.get("lines", ())
            if outcome["type"] == "reservation" and len(lines) > len(outcome["lines"]) > 0:
                outcome["lines"] = lines
                return
    raise AssertionError("no hold named a cell twice")


def act_unasked(run: Run) -> None:
    gone = first_call(run, "AdjustStock", "cell")
    run.calls.remove(gone)


PLANTED: list[tuple[Callable[[Run], Any], str]] = [
    (lose_an_act, "is lost"),
    (tell_another_position, "and stands at"),
    (tell_other_counters, "recorded is"),
    (tell_another_state, "recorded is"),
    (refuse_what_was_granted, "recorded is"),
    (take_effect_twice, "took effect at"),
    (lose_a_record_number, "stands where"),
    (read_before_what_was_shown, "had been shown"),
    (read_other_counters, "was told"),
    (read_what_was_never_written, "never assigned"),
    (read_another_state_of_a_reservation, "was told"),
    (answer_before_earlier_acts_are_asked, "was asked after"),
    (oversell_and_say_so, "the model says"),
    (expire_too_early, "was not due"),
    (split_lines_of_one_cell, "the model says"),
    (act_unasked, "asked for by nobody"),
]


@pytest.mark.parametrize(("plant", "words"), PLANTED, ids=lambda one: getattr(one, "__name__", ""))
def test_a_run_with_a_planted_fault_is_rejected(
    run: Run, plant: Callable[[Run], Any], words: str
) -> None:
    changed = copy.deepcopy(run)
    plant(changed)
    found = complaints(changed)
    assert words in found, found or "nothing was found"
