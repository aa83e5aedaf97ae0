"""A solve done again from its record: the same to the byte, however much time there is."""

import threading
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from solver import pool, steps
from solver.allocation import Allocation, Columns, GoOn
from solver.course import Course
from solver.master import Choice
from solver.pace import Record, RecordError
from solver.problem import Request
from solver.solve import Result, solve
from tests.unit.solver.small_batches import small_request


def batch(seed: int, *, orders: int, time_limit_ms: int) -> Request:
    request = small_request(seed, orders=orders)
    problem = replace(request.problem, time_limit_ms=time_limit_ms, seed=seed)
    return replace(request, problem=problem)


def as_bytes(result: Result) -> bytes:
    """All of a result but how long it took."""
    return msgspec.msgpack.encode(replace(result, solve_time_ms=0))


def again(request: Request, result: Result, *, time_limit_ms: int = 100) -> Result:
    """Done again, with another time limit, from a record that went through bytes."""
    other = replace(request, problem=replace(request.problem, time_limit_ms=time_limit_ms))
    record = msgspec.msgpack.decode(msgspec.msgpack.encode(result.record), type=Record)
    return solve(other, record=record)


@pytest.mark.parametrize("time_limit_ms", [100, 400, 2_000])
@pytest.mark.parametrize("orders", [3, 12, 40])
def test_a_solve_done_again_from_its_record_is_the_same_to_the_byte(
    orders: int, time_limit_ms: int
) -> None:
    request = batch(orders, orders=orders, time_limit_ms=time_limit_ms)
    first = solve(request)
    assert first.record.work
    for other_ms in (100, 5_000):
        assert as_bytes(again(request, first, time_limit_ms=other_ms)) == as_bytes(first)


@pytest.mark.parametrize("orders", [12, 40])
def test_where_a_look_at_all_ways_is_dear_orders_get_no_more_and_a_replay_does_not_either(
    orders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = batch(orders, orders=orders, time_limit_ms=400)
    with monkeypatch.context() as patched:
        patched.setattr(steps, "WIDE_SHARE", 0.0)
        first = solve(request)
    assert ("WIDENING", 0, 0) in first.record.work
    assert first.bound_micro <= first.cost_planned_micro
    assert as_bytes(again(request, first)) == as_bytes(first)


def test_a_third_search_uses_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "polish", lambda _: None)
    monkeypatch.setattr(steps, "POOL_ORDERS_MAX", 0)
    # Planned as if the machine were slow: there is much time left.
    monkeypatch.setattr(steps, "ROUNDS_MIN", 1)
    real = steps._search
    monkeypatch.setattr(
        steps, "_search", lambda course, step, moves, **named: real(course, step, 500, **named)
    )
    request = batch(40, orders=40, time_limit_ms=2_000)
    first = solve(request)
    searches = [made for step, _, made in first.record.work if step == "SEARCH"]
    assert len(searches) == steps.SEARCHES_MAX or first.cost_planned_micro == first.bound_micro
    assert as_bytes(again(request, first)) == as_bytes(first)


@pytest.mark.parametrize("seed", [0, 6, 14, 16])
def test_an_lp_that_fails_is_not_tried_again_and_what_was_looked_for_is_known(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = pool.relax, 0

    def fails_once(*args: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        return None if calls == 2 else real(*args, **named)  # type: ignore[arg-type]

    request = batch(seed, orders=30, time_limit_ms=500)
    with monkeypatch.context() as patched:
        patched.setattr(pool, "relax", fails_once)
        first = solve(request)
    assert as_bytes(again(request, first)) == as_bytes(first)


@pytest.mark.parametrize("name", ["choose", "choose_of_many"])
def test_what_a_mip_found_when_time_stopped_it_is_in_the_record(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(pool, name)

    def stopped(*args: object, **named: object) -> Choice:
        chosen, _ = real(*args, **named)
        return chosen, False

    monkeypatch.setattr(pool, name, stopped)
    tried = (batch(seed, orders=30, time_limit_ms=600) for seed in range(100))
    request, first = next((one, had) for one in tried if (had := solve(one)).record.chosen)

    def never(*_: object, **__: object) -> Choice:
        raise AssertionError("it was recorded")

    monkeypatch.setattr(pool, name, never)
    assert as_bytes(again(request, first)) == as_bytes(first)


@pytest.mark.parametrize("is_best", [True, False])
def test_descents_beside_the_whole_pool_are_done_again_as_often(
    *, is_best: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, descend = pool.choose_of_many, Allocation.relink
    descended = threading.Event()

    def told(*args: Any, go_on: GoOn, **named: Any) -> int:
        def counted(descents: int, cost: int) -> bool:
            if descents > 1_000:
                descended.set()
            return go_on(descents, cost)

        return descend(*args, go_on=counted, **named)

    def slow(*args: Any, **named: Any) -> Choice:
        descended.wait(timeout=5)
        chosen, _ = real(*args, **named)
        return chosen, is_best

    def beside(had: Result) -> int:
        made = [one[2] for one in had.record.work if one[0] == "RELINK"]
        return made[0] if made else 0

    tried = (batch(seed, orders=40, time_limit_ms=800) for seed in range(60))
    with monkeypatch.context() as patched:
        patched.setattr(Allocation, "relink", told)
        patched.setattr(pool, "choose_of_many", slow)
        request, first = next((one, had) for one in tried if beside(had := solve(one)) > 1_000)
    assert as_bytes(again(request, first)) == as_bytes(first)


def test_descents_that_found_the_best_go_on_and_are_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing_found(columns: Columns, **_: Any) -> Choice:
        return columns.assigned.tolist(), False

    def no_parts(course: Course, **_: Any) -> None:
        course.pace.close(course.pace.turn("PARTS", 0), 0)

    # Nobody else improves anything.
    monkeypatch.setattr(steps, "_improve", lambda *_: None)
    monkeypatch.setattr(pool, "solve_parts", no_parts)
    monkeypatch.setattr(pool, "choose_of_many", nothing_found)
    tried = (batch(seed, orders=40, time_limit_ms=400) for seed in range(60))

    def turns(had: Result) -> int:
        return sum(step == "RELINK" and made > 0 for step, _, made in had.record.work)

    request, first = next((one, had) for one in tried if turns(had := solve(one)) == 2)
    assert first.stage == "RELINK"
    threads = first.record.threads + 1
    other = solve(request, record=replace(first.record, threads=threads))
    assert as_bytes(again(request, other)) == as_bytes(other)
    assert as_bytes(again(request, first)) == as_bytes(first)


def test_another_number_of_threads_in_the_record_is_obeyed() -> None:
    request = batch(5, orders=40, time_limit_ms=300)
    first = solve(request)
    one = replace(first.record, threads=first.record.threads + 1)
    second = solve(request, record=one)
    assert second.record.threads == first.record.threads + 1
    assert as_bytes(again(request, second)) == as_bytes(second)


def test_a_record_of_another_solve_is_refused() -> None:
    request = batch(1, orders=12, time_limit_ms=200)
    record = solve(request).record
    for work in ((), record.work[:1], (("SEARCH", 1, 1), *record.work)):
        with pytest.raises(RecordError, match="the record has"):
            solve(request, record=replace(record, work=work))
