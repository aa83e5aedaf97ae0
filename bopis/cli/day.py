"""`bopis demo` and `bopis generate`."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from bopis.cli.complaints import BAD_OPTION, FAILED, refuse, said_by


def demo(
    scenario: Annotated[
        Path | None, typer.Option(help="Folder of a scenario; without it a generated one.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.1, help="Simulated seconds per real second.")
    ] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="At most so many orders.")] = None,
    seed: Annotated[int, typer.Option(help="Of the disturbances and the generator.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Run in this folder and leave it behind.")
    ] = None,
    kills: Annotated[
        int, typer.Option(min=0, help="Kill the service (SIGKILL) so many times during the day.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, no progress.")] = False,
) -> None:
    """Replays a day of orders against a service of its own and prints what came of them."""
    from bopis.demo.options import DemoOptions
    from bopis.demo.report import show_result
    from bopis.demo.run import run_demo
    from bopis.demo.server_process import DemoError
    from bopis.scenario.rows import ScenarioError

    if scenario is not None and not scenario.is_dir():
        refuse(f"--scenario: there is no folder {scenario}", code=BAD_OPTION)
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        refuse(f"--keep: {keep} is there and not empty", code=BAD_OPTION)
    options = DemoOptions(
        scenario=scenario,
        speed=speed,
        orders=orders,
        seed=seed,
        quiet=as_json,
        keep=keep,
        kills=kills,
    )
    try:
        result = run_demo(options)
    except ScenarioError as error:
        refuse(str(error), code=BAD_OPTION)
    except (DemoError, OSError) as error:
        refuse(said_by(error))
    show_result(result, as_json=as_json)
    if result.get("problems"):
        raise typer.Exit(FAILED)


def generate(
    directory: Annotated[Path, typer.Argument(help="Folder to write; made if it is not there.")],
    nodes: Annotated[int, typer.Option(min=2, help="Stores and warehouses.")] = 24,
    skus: Annotated[int, typer.Option(min=1, help="SKUs.")] = 400,
    orders: Annotated[int, typer.Option(min=1, help="Orders of the day.")] = 300,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scenario.")] = 1,
    day: Annotated[str, typer.Option(help="The day, as 2026-03-03.")] = "2026-03-03",
    force: Annotated[bool, typer.Option("--force", help="Write over a scenario.")] = False,
) -> None:
    """Writes a generated scenario in the format that `bopis demo --scenario` reads."""
    from bopis.scenario.generator import GeneratorParameters, generate_scenario
    from bopis.scenario.writer import write_scenario

    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        refuse(f"--day: {error}", code=BAD_OPTION)
    try:
        parameters = GeneratorParameters(nodes=nodes, skus=skus, orders=orders, seed=seed, day=on)
        scenario = generate_scenario(parameters)
    except ValueError as error:
        refuse(str(error), code=BAD_OPTION)
    if not force and (directory / "nodes.csv").exists():
        refuse(f"{directory} holds a scenario; --force writes over it", code=BAD_OPTION)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_scenario(scenario, directory)
    except OSError as error:
        refuse(said_by(error))
    typer.echo(f"{directory}: {nodes} nodes, {skus} SKUs, {len(scenario.orders)} orders")
