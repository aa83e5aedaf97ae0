"""`bopis serve`."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bopis.cli.complaints import BAD_OPTION, refuse, said_by

if TYPE_CHECKING:
    from bopis.bootstrap import Ready
    from bopis.config import Settings

_OPTIONS = {
    "data_folder": "--data",
    "policy_file": "--policy",
    "policy_level": "--policy-level",
    "drain_s": "--drain-s",
    "segment_mib": "--segment-mib",
    "snapshot_segments": "--snapshot-segments",
    "decision_days": "--decision-days",
    "log_level": "--log-level",
}


def serve(
    data: Annotated[
        Path,
        typer.Option(
            envvar="BOPIS_DATA_FOLDER",
            help="Folder of everything that is kept; made if it is not there.",
        ),
    ],
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1; 0: the system chooses. Default: 7420.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy file in place of the one shipped.")
    ] = None,
    policy_level: Annotated[
        str | None, typer.Option(help="Column of the cost card: low, base or high.")
    ] = None,
    time_origin: Annotated[
        str | None,
        typer.Option(
            help="For demos: time begins here (2026-03-03T08:00:00Z). A folder keeps its time."
        ),
    ] = None,
    time_scale: Annotated[
        float | None, typer.Option(help="For demos: so many times as fast as the machine's time.")
    ] = None,
    drain_s: Annotated[float | None, typer.Option(help="Seconds for calls when stopping.")] = None,
    segment_mib: Annotated[int | None, typer.Option(help="MiB of a new segment (64).")] = None,
    snapshot_segments: Annotated[
        int | None,
        typer.Option(help="A snapshot of the ledger after so many segments. Default: 4; 0: none."),
    ] = None,
    decision_days: Annotated[int | None, typer.Option(help="Days of `bopis replay` (7).")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Also write the announcement to this file.")
    ] = None,
) -> None:
    """Serves until SIGTERM. When it answers, one JSON line on standard output names the port."""
    settings = _settings(
        {
            "data_folder": data,
            "port": port,
            "policy_file": policy,
            "policy_level": policy_level,
            "time_origin": time_origin,
            "time_scale": time_scale,
            "drain_s": drain_s,
            "segment_mib": segment_mib,
            "snapshot_segments": snapshot_segments,
            "decision_days": decision_days,
            "log_level": log_level,
        }
    )

    # The optimizer's process is forked and replaced at once: gRPC need not prepare for it.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # After the options were looked at: it takes a second.
    from bopis.bootstrap import serve as run

    def announce(ready: "Ready") -> None:
        line = json.dumps(asdict(ready))
        if ready_file is not None:
            aside = ready_file.with_name(ready_file.name + ".aside")
            aside.write_text(line + "\n", encoding="utf-8")
            aside.replace(ready_file)
        typer.echo(line)

    raise typer.Exit(_run(lambda: run(settings, announce)))


def _settings(values: dict[str, Any]) -> "Settings":
    from bopis.config import SettingsError, settings_of

    try:
        return settings_of({name: value for name, value in values.items() if value is not None})
    except SettingsError as wrong:
        words = [
            f"{_OPTIONS.get(name, '--' + name.replace('_', '-'))}: {words}" if name else words
            for name, words in wrong.complaints
        ]
        refuse("; ".join(words), code=BAD_OPTION)


def _run(run: Any) -> int:
    from bopis._allocator_rs import NativeError
    from bopis.domain.errors import BopisError, FieldsInvalid

    try:
        return int(run())
    except NativeError as error:
        refuse(str(error))
    except FieldsInvalid as error:
        refuse("; ".join(words for _, words in error.complaints))
    except BopisError as error:
        refuse(f"{error.field}: {error.message}" if error.field else error.message)
    except OSError as error:
        refuse(said_by(error))
