"""The planted bugs fit the sources as they are, and the page that lists them lists all."""

from collections import Counter
from pathlib import Path

import pytest

from tools import planted_bugs
from tools.planted_bugs import Bug

PAGE = planted_bugs.ROOT / "docs" / "simulation.md"


@pytest.mark.parametrize("bug", planted_bugs.load(), ids=lambda bug: bug.name)
def test_a_planted_bug_fits_its_file_in_exactly_one_place(bug: Bug) -> None:
    text = (planted_bugs.ROOT / bug.file).read_text()
    assert text.count(bug.old) == 1, "the code changed: mend allocator_rs/simulator/planted.toml"
    assert bug.new != bug.old
    assert bug.caught_by


def test_there_are_planted_bugs_in_ledger_engine_and_journal_each_under_its_own_name() -> None:
    bugs = planted_bugs.load()
    folders = Counter(Path(bug.file).parts[1] for bug in bugs)
    assert min(folders[crate] for crate in ("ledger", "engine", "journal")) >= 10
    assert len({bug.name for bug in bugs}) == len(bugs)


def test_the_page_lists_every_planted_bug() -> None:
    assert planted_bugs.listed() in PAGE.read_text(), "tools/planted_bugs.py --list"
