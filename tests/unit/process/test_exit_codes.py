"""One meaning for each exit code: docs/reference/exit_codes.md."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bopis import telemetry
from bopis.cli import app

PAGE = Path("docs/reference/exit_codes.md")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs stay as they are: commands would bind them to the runner's streams, which it closes."""
    monkeypatch.setattr(telemetry, "configure_logs", lambda _: None)


@pytest.mark.parametrize("what", ["nowhere", "empty", "file"])
@pytest.mark.parametrize(
    "words",
    [
        ("replay", "order-1", "--data"),
        ("replay", "operations/3f0c", "--data"),
        ("simulate",),
        ("reallocate", "--offline"),
        ("certificate",),
        ("verify",),
        ("rebuild",),
    ],
)
def test_what_is_not_there_or_is_none_of_its_kind_ends_every_command_with_2(
    tmp_path: Path, words: tuple[str, ...], what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"nothing that anybody reads")
    done = CliRunner().invoke(app, [*words, str(tmp_path / what)])
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    # What a process of its own says comes past the runner.
    said = done.stderr + capfd.readouterr().err
    assert len(said.strip().splitlines()) == 1, said


@pytest.mark.parametrize(
    "words",
    [("demo", "--scenario"), ("restore", "--data", "new"), ("backup", "new", "--data")],
)
def test_a_folder_that_is_not_there_ends_them_with_2(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = CliRunner().invoke(app, [*words, str(tmp_path / "nowhere")])
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_store_that_cannot_be_read_ends_replay_with_2(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "orders.sqlite3").write_bytes(b"no database at all " * 1_000)
    for what in ("order-1", "operations/3f0c"):
        done = CliRunner().invoke(app, ["replay", what, "--data", str(tmp_path)])
        assert (done.exit_code, done.stdout) == (2, "")
        assert "orders.sqlite3" in done.stderr


def test_every_command_has_its_exit_codes_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`bopis ([a-z]+)", page))
    commands = {
        one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands
    }
    groups = {one.name for one in app.registered_groups}
    assert commands | groups <= named, (commands | groups) - named
