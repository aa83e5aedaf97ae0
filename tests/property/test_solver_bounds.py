"""Whatever the batch: bound <= best allocation <= proposal <= what is in force."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver import check
from solver.solve import solve
from tests.unit.solver.small_batches import optimum, small_request


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), orders=st.integers(0, 4))
def test_a_solve_is_bracketed_by_its_bound_and_the_cost_before(seed: int, orders: int) -> None:
    request = small_request(seed, orders=orders)
    result = solve(request)
    assert result.bound_micro <= optimum(request)
    assert optimum(request) <= result.cost_planned_micro <= result.cost_before_micro


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), ruled=st.booleans())
def test_every_moved_order_keeps_its_promised_lines_and_all_rules(seed: int, ruled: bool) -> None:
    request = small_request(seed, ruled=ruled)
    world = check.World.of(request)
    orders = {order.ask.order_id: order for order in request.problem.orders}
    for component in solve(request).components:
        for move in component:
            order = orders[move.order_id]
            assert check.plan_problems(world, order.ask, move.plan) == []
            assert check.promise_problems(order, move.plan) == []
