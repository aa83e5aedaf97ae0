"""A small town for simulated days: generated, with little stock and labor so that they bind."""

import asyncio
from fractions import Fraction
from typing import Any

from bopis.adapters.placing_native import NativePlacing
from bopis.adapters.pricing_native import NativePricer
from bopis.adapters.solver_process import FOREGROUND_WORKER, ProcessSolver
from bopis.demo.plans import PlannedOrder
from bopis.domain.reallocation import ReallocationProblem, ReallocationProposal
from bopis.scenario.generator import GeneratorParameters, generate_scenario
from bopis.scenario.model import Scenario
from bopis.simulate.catalog import Tools
from bopis.simulate.ports import BatchSolver
from bopis.simulate.setting import Setting, Variant, make_setting, placed_order

SCARCE = Variant(labor=Fraction(1, 5), stock=Fraction(2, 5))


def small_town(*, orders: int = 60, seed: int = 3) -> Scenario:
    return generate_scenario(GeneratorParameters(nodes=8, skus=25, orders=orders, seed=seed))


def setting_of(scenario: Scenario, variant: Variant = SCARCE) -> Setting:
    return make_setting(scenario, variant)


def orders_of(scenario: Scenario) -> list[PlannedOrder]:
    return [placed_order(order) for order in scenario.orders]


def pricer_of(setting: Setting) -> NativePricer:
    return NativePricer(nodes=setting.nodes, items=setting.items, policy=setting.policy)


def no_solver(problem: Any, **world: Any) -> Any:
    raise AssertionError("nobody asked for the optimizer")


def optimizer() -> BatchSolver:
    """The optimizer in a process of its own."""
    solver = ProcessSolver(command=FOREGROUND_WORKER)

    def solve(problem: ReallocationProblem, **world: Any) -> ReallocationProposal:
        return asyncio.run(solver.solve(problem, **world))

    return solve


def tools_of_town() -> Tools:
    """The kernel and the engine; no optimizer."""
    return Tools(pricer=pricer_of, solver=no_solver, engine=engine_of)


def engine_of(setting: Setting) -> NativePlacing:
    return NativePlacing(
        nodes=setting.nodes, items=setting.items, policy=setting.policy, stock=setting.stock
    )


def ignore(done: int) -> None:
    del done
