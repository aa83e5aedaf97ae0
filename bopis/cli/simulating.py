"""`bopis simulate`: a scenario's day under policies, and how they differ."""

import asyncio
import json
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bopis.cli.complaints import BAD_OPTION, FAILED, INTERRUPTED, refuse, said_by
from bopis.cli.interrupting import whole
from bopis.cli.outputs import check_output, refuse_unwritten
from bopis.domain.policy import CardLevel

if TYPE_CHECKING:
    from bopis.domain.reallocation import ReallocationProblem, ReallocationProposal
    from bopis.scenario.model import Scenario
    from bopis.simulate.catalog import Tools
    from bopis.simulate.run import Record, Run

SEEDS_MAX: Final = 1_000
SAMPLES_MAX: Final = 1_000
FACTOR_MAX: Final = 100.0
_BOUNDS: Final = f", above 0, at most {FACTOR_MAX:g}."
COMPARED_LEAST: Final = 2
TIME_LIMIT_MAX_S: Final = 3_600.0
SLACK_S: Final = 120.0
"""How much longer than asked the optimizer may take: a machine may be busy, and days are not to be
played in vain."""


def simulate(
    directory: Annotated[Path, typer.Argument(help="Folder of a scenario.")],
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="B1, B2, B3, service, B4, duals, duals+reevaluation or hindsight, most of them "
            "also with +transfers. Give several: the first is what others are compared with."
        ),
    ] = None,
    labor: Annotated[float, typer.Option(help=f"Factor of the hours' labor{_BOUNDS}")] = 1.0,
    stock: Annotated[float, typer.Option(help=f"Factor of the morning's stock{_BOUNDS}")] = 1.0,
    seeds: Annotated[
        int, typer.Option(min=1, max=SEEDS_MAX, help="So many days; the first is the recorded one.")
    ] = 1,
    first_seed: Annotated[int, typer.Option(min=0, help="1 leaves the recorded day out.")] = 0,
    card: Annotated[CardLevel, typer.Option(help="Level of the cost card.")] = CardLevel.BASE,
    refresh: Annotated[
        int, typer.Option(min=1, max=1440, help="Minutes between refreshes of prices.")
    ] = 5,
    samples: Annotated[
        int, typer.Option(min=1, max=SAMPLES_MAX, help="Sampled days that prices are the mean of.")
    ] = 24,
    reevaluate: Annotated[
        int, typer.Option(min=1, max=1440, help="Minutes between rounds of re-evaluation.")
    ] = 15,
    freeze: Annotated[
        int, typer.Option(min=0, max=1440, help="Minutes before picking in which none moves.")
    ] = 5,
    moves: Annotated[int, typer.Option(min=1, help="Orders that a round moves at most.")] = 500,
    round_limit: Annotated[
        float,
        typer.Option(min=0.1, max=TIME_LIMIT_MAX_S, help="Seconds for a round of re-evaluation."),
    ] = 1.0,
    time_limit: Annotated[
        float, typer.Option(min=0.1, max=TIME_LIMIT_MAX_S, help="Seconds for a whole day's plan.")
    ] = 30.0,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the differences into this file (SVG).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, no progress.")] = False,
) -> None:
    """Plays a day under policies, in memory, and prints what came of it and how they differ."""
    from bopis.simulate.catalog import POLICIES, Options
    from bopis.simulate.policies.reevaluation import Rules
    from bopis.simulate.run import Run
    from bopis.simulate.setting import Variant

    names = tuple(dict.fromkeys(policy or ("B1", "B2", "B3")))
    for name in names:
        if name not in POLICIES:
            refuse(f"--policy: {name} is none of {', '.join(POLICIES)}", code=BAD_OPTION)
    if plot is not None and len(names) < COMPARED_LEAST:
        refuse("--plot: it compares two policies or more", code=BAD_OPTION)
    check_output("--plot", plot, suffixes=(".svg",))
    factors = {"labor": _factor("--labor", labor), "stock": _factor("--stock", stock)}
    run = Run(
        policies=names,
        seeds=tuple(range(first_seed, first_seed + seeds)),
        variant=Variant(**factors, card=card),
        options=Options(
            refresh_s=60 * refresh,
            samples=samples,
            rules=Rules(every_s=60 * reevaluate, freeze_s=60 * freeze, moves_max=moves),
            round_limit_ms=round(1_000 * round_limit),
            time_limit_ms=round(1_000 * time_limit),
        ),
    )
    _play(directory, run, plot=plot, as_json=as_json)


def _play(directory: Path, run: "Run", *, plot: Path | None, as_json: bool) -> None:
    from bopis.scenario.loader import load_scenario
    from bopis.scenario.rows import ScenarioError
    from bopis.simulate.plot import draw
    from bopis.simulate.show import compare, show, title_of
    from bopis.telemetry import configure_logs

    configure_logs("warning")
    try:
        scenario = load_scenario(directory)
    except (ScenarioError, ValueError, OSError) as error:
        refuse(said_by(error), code=BAD_OPTION)
    records, broken = _days(scenario, run, as_json=as_json)
    played = len(records) // len(run.policies)
    days = f"{played} of {len(run.seeds)} days were played"
    run = replace(run, seeds=run.seeds[:played])
    if plot is not None and records:
        compared = compare(records, run.policies)
        try:
            plot.write_text(draw(title_of(scenario.name, run), run.policies[0], compared))
        except OSError as error:
            refuse_unwritten(plot, error)
    if records and not as_json:
        show(scenario.name, run, records)
    if broken is not None:
        refuse(f"{broken.words}; {days}", code=broken.code)
    if any(record.verdict.violations for record in records):
        raise typer.Exit(FAILED)


@dataclass(frozen=True, slots=True)
class _Broken:
    """Why a run ended before its last day."""

    words: str
    code: int


def _days(
    scenario: "Scenario", run: "Run", *, as_json: bool
) -> "tuple[list[Record], _Broken | None]":
    """The days that were played; as JSON each is printed when it ends, and the list is whole even
    if not all were.
    """
    from bopis.domain.errors import NotServing
    from bopis.scenario.rows import ScenarioError
    from bopis.simulate.day import DayError
    from bopis.simulate.run import as_json as json_of
    from bopis.simulate.run import simulate as play
    from bopis.simulate.show import Bar

    records: list[Record] = []
    broken = None
    is_open = False
    try:
        with Bar(days=len(run.seeds) * len(run.policies), quiet=as_json) as bar:
            for day in play(scenario, run, _tools(), notice=bar.notice):
                with whole():
                    if as_json:
                        texts = ",\n".join(json.dumps(json_of(record)) for record in day)
                        typer.echo(f"{',' if is_open else '['}{texts}")
                        is_open = True
                    records += day
    except (ScenarioError, ValueError) as error:
        broken = _Broken(str(error), BAD_OPTION)
    except (OSError, DayError) as error:
        broken = _Broken(said_by(error), FAILED)
    except NotServing as error:
        broken = _Broken(error.message, FAILED)
    except KeyboardInterrupt:
        broken = _Broken("interrupted", INTERRUPTED)
    if as_json and (is_open or broken is None or broken.code != BAD_OPTION):
        typer.echo("]" if is_open else "[]")
    return records, broken


def _factor(option: str, value: float) -> Fraction:
    """The factor as it was written: 0.35 is 7/20."""
    if not 0 < value <= FACTOR_MAX:
        refuse(f"{option}: above 0, at most {FACTOR_MAX:g}", code=BAD_OPTION)
    return Fraction(str(value))


def _tools() -> "Tools":
    """What policies need from outside: the kernel in this process, the optimizer in its own."""
    from bopis.adapters.placing_native import NativePlacing
    from bopis.adapters.pricing_native import NativePricer
    from bopis.adapters.solver_process import FOREGROUND_WORKER, ProcessGone, ProcessSolver
    from bopis.simulate.catalog import Tools

    solver = ProcessSolver(slack_s=SLACK_S, command=FOREGROUND_WORKER)

    def solve(problem: "ReallocationProblem", **world: Any) -> "ReallocationProposal":
        try:
            return asyncio.run(solver.solve(problem, **world))
        except ProcessGone as error:
            # Hours of days are not to be lost by that.
            typer.echo(f"bopis: {error.message}; another process is asked once more", err=True)
            return asyncio.run(solver.solve(problem, **world))

    return Tools(
        solver=solve,
        engine=lambda setting: NativePlacing(
            nodes=setting.nodes, items=setting.items, policy=setting.policy, stock=setting.stock
        ),
        pricer=lambda setting: NativePricer(
            nodes=setting.nodes, items=setting.items, policy=setting.policy
        ),
    )
