"""Recomputes from the clients' own log whether more was promised or taken than was ever there.

No ledger code is used: only the imported stock and what the clients wrote down, each with the
instants at which the call was sent and acknowledged. Per cell (node, SKU):

- physical units = imported - sales - losses - units handed over or shipped;
- live promises = units of acknowledged promises that have neither left nor been released;
- a promise oversells by the units that it did not find free when it was acknowledged;
- a fact (sale, loss) may take promised units: the deficit it leaves is no oversell, but nothing may
  be promised on top of it.

Calls overlap, so the order of their effects is known only within [sent, acknowledged]. The checker
never blames what some order of effects allows: a release counts from the moment it was sent, a
promise counts from its acknowledgement, and facts acknowledged while a promise was in flight count
as later than it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Cell = tuple[str, str]
Kind = Literal["promise", "release", "sale", "loss", "left"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One acknowledged act of a client.

    `promise` gives the whole allocation of an order as a verb answered it: line number -> (node,
    SKU, quantity); lines not in it are no longer promised. `release` and `left` name lines that
    ceased to be promised, the latter because the goods went away. `sale` and `loss` name one cell.
    `asked` marks a promise read by a query instead of a verb's answer: when the query was sent. Its
    `sent` is then since when the promise may have become what was read.
    """

    kind: Kind
    sent: float
    acknowledged: float
    order_id: str = ""
    lines: Mapping[int, tuple[str, str, int]] = field(default_factory=dict)
    node_id: str = ""
    sku: str = ""
    quantity: int = 0
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class OversoldReport:
    """Units oversold by cell, and lines that left from where the log had not promised them."""

    units: int
    by_cell: Mapping[Cell, int]
    unpromised_lines: int


@dataclass(frozen=True, slots=True)
class _Step:
    """A change of one cell: `at` is the instant at which it counts."""

    at: float
    kind: Kind
    quantity: int
    sent: float


def find_oversold(imported: Mapping[Cell, int], entries: Iterable[LogEntry]) -> OversoldReport:
    """Replays the log cell by cell. Entries may come in any order."""
    by_order: dict[str, list[LogEntry]] = defaultdict(list)
    steps: dict[Cell, list[_Step]] = defaultdict(list)
    for entry in entries:
        if entry.kind in ("sale", "loss"):
            step = _Step(entry.acknowledged, entry.kind, entry.quantity, entry.sent)
            steps[entry.node_id, entry.sku].append(step)
        else:
            by_order[entry.order_id].append(entry)
    unpromised = 0
    for order_entries in by_order.values():
        unpromised += _order_steps(order_entries, steps)
    oversold = Counter[Cell]()
    for cell, cell_steps in steps.items():
        oversold[cell] = _cell_oversold(imported.get(cell, 0), cell_steps)
    return OversoldReport(
        units=oversold.total(),
        by_cell={cell: units for cell, units in sorted(oversold.items()) if units},
        unpromised_lines=unpromised,
    )


def _order_steps(entries: list[LogEntry], steps: dict[Cell, list[_Step]]) -> int:
    """Turns one order's entries into grants and releases of cells."""
    live: dict[int, tuple[str, str, int]] = {}
    gone: set[int] = set()
    unpromised = 0
    for entry in _in_order(entries):
        if entry.kind == "promise":
            wanted = {n: what for n, what in entry.lines.items() if n not in gone}
            for number in sorted(live.keys() | wanted.keys()):
                _change(steps, entry, live.get(number), wanted.get(number))
            live = wanted
            continue
        for number, what in entry.lines.items():
            held = live.pop(number, None)
            if entry.kind == "left":
                gone.add(number)
                unpromised += held != what
                _change(steps, entry, held, what)
                steps[what[0], what[1]].append(
                    _Step(entry.acknowledged, "left", what[2], entry.sent)
                )
            elif held is not None:
                _change(steps, entry, held, None)
    return unpromised


def _in_order(entries: list[LogEntry]) -> list[LogEntry]:
    """One order's entries in the order of their effects. What a query read is older or newer than a
    verb only if the two did not overlap, else it is left out; it became so after the last verb that
    was answered before. Goods that leave change no allocation: they left from where it was read.
    """
    changing = [entry for entry in entries if entry.asked is None and entry.kind != "left"]
    known = []
    for entry in entries:
        if entry.asked is None:
            known.append(entry)
            continue
        asked, read = entry.asked, entry.acknowledged
        if any(verb.sent < read and verb.acknowledged > asked for verb in changing):
            continue
        before = [verb.acknowledged for verb in changing if verb.acknowledged <= asked]
        known.append(replace(entry, sent=max([entry.sent, *before])))
    return sorted(known, key=lambda entry: entry.sent)


def _change(
    steps: dict[Cell, list[_Step]],
    entry: LogEntry,
    old: tuple[str, str, int] | None,
    new: tuple[str, str, int] | None,
) -> None:
    if old == new:
        return
    if old is not None:
        steps[old[0], old[1]].append(_Step(entry.sent, "release", old[2], entry.sent))
    if new is not None:
        steps[new[0], new[1]].append(_Step(entry.acknowledged, "promise", new[2], entry.sent))


# Of steps at one instant, what frees units comes first.
_ORDER = {"release": 0, "promise": 1, "left": 2, "sale": 3, "loss": 3}


def _cell_oversold(imported: int, steps: list[_Step]) -> int:
    steps.sort(key=lambda step: (step.at, _ORDER[step.kind]))
    physical, live, oversold = imported, 0, 0
    fact_times: list[float] = []
    fact_totals: list[int] = []
    for step in steps:
        if step.kind == "release":
            live -= step.quantity
        elif step.kind == "promise":
            before = bisect_right(fact_times, step.sent)
            total = fact_totals[-1] if fact_totals else 0
            in_flight = total - (fact_totals[before - 1] if before else 0)
            free = max(0, physical + in_flight - live)
            oversold += max(0, step.quantity - free)
            live += step.quantity
        elif step.kind == "left":
            live -= step.quantity
            physical -= step.quantity
        else:
            physical -= step.quantity
            fact_times.append(step.at)
            fact_totals.append((fact_totals[-1] if fact_totals else 0) + step.quantity)
    return oversold + max(0, -physical)
