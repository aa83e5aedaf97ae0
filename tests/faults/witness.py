"""The journal as witness: are the replies of a concurrent run those of one order of acts?

| checked | |
| --- | --- |
| every acknowledged act | is in the journal once, where it was told, with that outcome |
| every act of a client in the journal | was asked for |
| real time | an act stands behind all that was answered before it was asked; a read has it |
| a repeat | has the first answer, at a position no earlier than the act |
| replay by an independent model | decides each record the same, and each read's counters |

In O(n log n): one sort by time, one pass over the journal. A thread that died within a call is no
excuse: what it asked stays in flight, and may be in the journal or not.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.journal_model import Model, ModelError
from tests.faults.journal_words import COUNTERS, Words, cell_of

COMPLAINTS_MAX: Final = 20
OWN_SCOPES: Final = 100
"""Scopes from here on are acts of our own services."""


@dataclass(slots=True)
class Verdict:
    """What was looked at, and what is wrong."""

    records: int = 0
    writes: int = 0
    reads: int = 0
    repeats: int = 0
    refusals: int = 0
    complaints: list[str] = field(default_factory=list)

    def complain(self, words: str) -> None:
        """Notes a violation; the first few are enough."""
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(words)


def judge(records: Sequence[Words], calls: Iterable[Words], *, asked_from: int) -> Verdict:
    """Checks a run. `records` is the whole journal; up to `asked_from` nobody kept a log."""
    verdict = Verdict(records=len(records))
    calls = _with_repeats(calls)
    for expected, record in enumerate(records, start=1):
        if record["sequence"] != expected:
            verdict.complain(f"record {record['sequence']} stands where {expected} belongs")
            return verdict
    by_id = _by_request(records, verdict)
    _check_asked(by_id, calls, asked_from, verdict)
    for call in calls:
        if call["request_id"] is not None:
            _check_write(call, by_id.get(call["request_id"]), verdict)
        else:
            verdict.reads += 1
            at = call["sequence"]
            if at is None or not 0 <= at <= len(records):
                verdict.complain(f"a read at {at}, which was never assigned: {call['reply']}")
                return verdict
    _check_real_time(calls, by_id, verdict)
    _replay(records, calls, verdict)
    return verdict


def _with_repeats(calls: Iterable[Words]) -> list[Words]:
    """In the order asked. `is_first`: nobody asked the same before. `is_repeat`: the answer may be
    that of an earlier call or try.
    """
    ordered = sorted(calls, key=lambda call: call["invoked_ns"])
    asked: set[str] = set()
    for call in ordered:
        call["is_first"] = call["request_id"] not in asked
        call["is_repeat"] = not call["is_first"] or call["attempts"] > 1
        if call["request_id"] is not None:
            asked.add(call["request_id"])
    return ordered


def _by_request(records: Sequence[Words], verdict: Verdict) -> dict[str, Words]:
    by_id: dict[str, Words] = {}
    for record in records:
        if record["type"] == "act" and record["scope"] < OWN_SCOPES:
            first = by_id.setdefault(record["request_id"], record)
            if first is not record:
                verdict.complain(
                    f"{record['request_id']} took effect at {first['sequence']}"
                    f" and at {record['sequence']}"
                )
    return by_id


def _check_asked(
    by_id: dict[str, Words], calls: Sequence[Words], asked_from: int, verdict: Verdict
) -> None:
    asked = {call["request_id"] for call in calls}
    for request_id, record in by_id.items():
        if record["sequence"] > asked_from and request_id not in asked:
            verdict.complain(f"record {record['sequence']} was asked for by nobody")


def _check_write(call: Words, record: Words | None, verdict: Verdict) -> None:
    if call["reply"] is None:
        return
    verdict.writes += 1
    if record is None:
        verdict.complain(f"{call['rpc']} {call['request_id']} was acknowledged and is lost")
        return
    told, at = call["sequence"], record["sequence"]
    if told is None:
        verdict.refusals += 1
    elif not call["is_repeat"] and told != at:
        verdict.complain(f"{call['request_id']} was told {told} and stands at {at}")
    elif told < at:
        verdict.complain(f"a repeat of {call['request_id']} was told {told}, before {at}")
    verdict.repeats += call["is_repeat"]
    [outcome] = record["outcomes"]
    if not _fits(call["reply"], outcome):
        verdict.complain(f"{call['request_id']} was told {call['reply']}, recorded is {outcome}")


def _fits(told: Any, recorded: Any) -> bool:
    """Whether a reply, which leaves some things out, is what was recorded."""
    if isinstance(told, dict):
        return isinstance(recorded, dict) and all(
            key in recorded and _fits(value, recorded[key]) for key, value in told.items()
        )
    if isinstance(told, list):
        return len(told) == len(recorded) and all(map(_fits, told, recorded))
    return bool(told == recorded)


def _check_real_time(calls: Sequence[Words], by_id: dict[str, Words], verdict: Verdict) -> None:
    moments: list[tuple[int, int, Words]] = []
    for call in calls:
        moments.append((call["invoked_ns"], 0, call))
        if call["reply"] is not None:
            moments.append((call["answered_ns"], 1, call))
    moments.sort(key=lambda moment: moment[:2])
    seen = 0
    for _, is_answer, call in moments:
        record = by_id.get(call["request_id"])
        if is_answer:
            at = call["sequence"]
            seen = max(seen, at if at is not None else record["sequence"] if record else 0)
        elif call["request_id"] is None:
            if call["sequence"] < seen:
                verdict.complain(f"a read at {call['sequence']} after {seen} had been shown")
        elif record is not None and call["is_first"] and record["sequence"] <= seen:
            verdict.complain(
                f"{call['request_id']} stands at {record['sequence']}"
                f" and was asked after {seen} had been shown"
            )


def _replay(records: Sequence[Words], calls: Sequence[Words], verdict: Verdict) -> None:
    reads: dict[int, list[Words]] = defaultdict(list)
    for call in calls:
        if call["request_id"] is None:
            reads[call["sequence"]].append(call)
    model = Model()
    for record in records:
        try:
            decided = model.take(_known(record))
        except (ModelError, LookupError, AttributeError) as error:
            verdict.complain(f"record {record['sequence']}: {error!r}")
            return
        recorded = _known(record).get("outcomes", [])
        if decided != recorded:
            verdict.complain(f"record {record['sequence']} is {recorded}, the model says {decided}")
            return
        for read in reads[record["sequence"]]:
            _check_read(read, model, verdict)


def _known(record: Words) -> Words:
    """Without names that get their integers: the model knows cells by name."""
    if record["type"] != "act":
        return record
    both = zip(record["commands"], record["outcomes"], strict=True)
    kept = [one for one in both if not one[0]["type"].startswith("register_")]
    return record | {"commands": [one[0] for one in kept], "outcomes": [one[1] for one in kept]}


def _check_read(read: Words, model: Model, verdict: Verdict) -> None:
    at, reply = read["sequence"], read["reply"]
    if isinstance(reply, dict):
        known = model.reservations.get(reply.get("reservation_id", ""))
        if known is None or not _fits(reply, model.view(reply["reservation_id"])):
            verdict.complain(f"a read at {at} was told {reply}")
        return
    for told in reply:
        cell = cell_of(told)
        counters = {name: model.cells[cell][name] for name in COUNTERS}
        expected = counters | {"atp": model.atp(cell)}
        if not _fits(expected, told):
            verdict.complain(f"a read of {cell} at {at} was told {told}, there was {expected}")
