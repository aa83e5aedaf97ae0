"""`bopis verify` and `bopis notifications`: looking into a data folder."""

import json
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from bopis.cli.complaints import BAD_OPTION, refuse

FOLLOW_S: Final = 0.2


def verify(
    directory: Annotated[Path, typer.Argument(help="Data folder of a service that is stopped.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Decides the whole journal again and compares; exit code 1 and where, if it is damaged or
    disagrees, 2 if it cannot be read now (a service runs on the folder).
    """
    from bopis._allocator_rs import DivergenceError, NativeError
    from bopis.bootstrap import verify_folder

    try:
        report = verify_folder(directory)
    except FileNotFoundError as error:
        refuse(str(error), code=BAD_OPTION)
    except DivergenceError as error:
        refuse(str(error))
    except NativeError as error:
        refuse(f"{error}; stop the service first", code=BAD_OPTION)
    if as_json:
        typer.echo(json.dumps(report))
        return
    for name, value in report.items():
        typer.echo(f"{name}: {value}")


def notifications(
    directory: Annotated[Path, typer.Argument(help="Data folder.")],
    follow: Annotated[bool, typer.Option(help="Go on as more are sent.")] = False,
) -> None:
    """Shows what customers were told, pickup codes included."""
    from bopis.bootstrap import NOTIFICATIONS_FILE

    path = directory / NOTIFICATIONS_FILE
    if not path.is_file():
        refuse(f"there is no {path}", code=BAD_OPTION)
    with path.open(encoding="utf-8") as file:
        rest = ""
        while True:
            rest += file.readline()
            if rest.endswith("\n"):
                typer.echo(_sentence(json.loads(rest)))
                rest = ""
            elif not follow:
                return
            else:
                time.sleep(FOLLOW_S)


def _sentence(line: dict[str, object]) -> str:
    words = [
        _utc(line.get("time_ms", 0)),
        str(line["kind"]).lower().replace("_", " "),
        f"order {line['order_id']}",
    ]
    for name, label in (
        ("customer_id", "customer"),
        ("node_id", "at"),
        ("staging_location", "staged in"),
        ("pickup_code", "code"),
    ):
        if name in line:
            words.append(f"{label} {line[name]}")
    for name, label in (("ready_by_ms", "ready by"), ("pickup_expire_ms", "kept until")):
        if name in line:
            words.append(f"{label} {_utc(line[name])}")
    return "  ".join(words)


def _utc(time_ms: object) -> str:
    seconds = float(str(time_ms)) / 1_000
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
