"""No Rust test is forgotten: rustc does not mind a file that no `mod` names, nor cargo a filter
that fits nothing."""

import re
from pathlib import Path

import pytest

from tools import planted_bugs
from tools.planted_bugs import ROOT

MAINS = sorted((ROOT / "allocator_rs").glob("*/tests/behavior/main.rs"))
COMMANDS = sorted(
    {one for bug in planted_bugs.load() for one in bug.caught_by if one.startswith("cargo ")}
)
COMMAND = re.compile(r"cargo test -p bopis-(\w+) --test behavior (\w+)::(\w*)")


@pytest.mark.parametrize("main", MAINS, ids=lambda main: main.parts[-4])
def test_every_file_of_the_binary_of_tests_is_a_module_of_it(main: Path) -> None:
    files = {path.stem for path in main.parent.glob("*.rs") if path != main}
    folders = {path.parent.name for path in main.parent.glob("*/mod.rs")}
    assert files | folders <= named_in(main)
    for folder in (path for path in main.parent.rglob("*") if path.is_dir()):
        inside = {path.stem for path in folder.glob("*.rs")} - {"mod"}
        assert not inside or inside <= named_in(folder / "mod.rs"), folder


def named_in(path: Path) -> set[str]:
    return set(re.findall(r"^(?:pub )?mod (\w+);", path.read_text(), re.MULTILINE))


def test_there_are_binaries_of_tests() -> None:
    assert len(MAINS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_a_planted_bug_names_tests_that_there_are(command: str) -> None:
    found = COMMAND.fullmatch(command)
    assert found, "cargo test -p bopis-CRATE --test behavior MODULE::START_OF_A_NAME"
    crate, module, start = found.groups()
    text = (ROOT / "allocator_rs" / crate / "tests" / "behavior" / f"{module}.rs").read_text()
    assert re.search(rf"#\[test\]\n(?: *#.*\n)* *fn {start}\w*\(", text)
