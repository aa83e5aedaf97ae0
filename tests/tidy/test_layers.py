"""Who may import whom is a rule of the code, not of a document."""

import pytest

from tools.tidy import layers
from tools.tidy.files import our_files, text_of


def test_python_modules_import_only_what_their_layer_allows() -> None:
    problems = []
    for path in our_files(".py"):
        if path.startswith(("bopis/", "solver/")):
            problems += layers.import_problems(path, source=text_of(path) or "")
    assert not problems, "\n".join(problems)


def test_crates_depend_only_on_the_crates_below_them() -> None:
    manifests = [path for path in our_files("Cargo.toml") if path != "Cargo.toml"]
    assert len(manifests) >= len(layers.CRATES)
    problems = []
    for path in manifests:
        problems += layers.crate_problems(path, manifest=text_of(path) or "")
    assert not problems, "\n".join(problems)


def test_pure_crates_reach_for_no_io_clock_thread_or_hash_order() -> None:
    sources = [path for path in our_files(".rs") if path.startswith(layers.PURE_FOLDERS)]
    assert sources
    problems = []
    for path in sources:
        problems += layers.purity_problems(path, source=text_of(path) or "")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("path", "source", "imported"),
    [
        ("bopis/domain/order.py", "import numpy", "numpy"),
        ("bopis/domain/order.py", "from bopis import ports", "bopis.ports"),
        ("bopis/domain/order.py", "from ..ports import Ledger", "bopis.ports.Ledger"),
        ("bopis/ports/store.py", "from bopis.service import ordering", "bopis.service.ordering"),
        (
            "bopis/service/ordering.py",
            "import bopis.adapters.bus_local",
            "bopis.adapters.bus_local",
        ),
        ("bopis/service/ordering.py", "from bopis.v1 import common_pb2", "bopis.v1.common_pb2"),
        ("bopis/service/ordering.py", "import sqlalchemy as sql", "sqlalchemy"),
        ("bopis/server/orders.py", "from bopis.jobs.relay import run", "bopis.jobs.relay.run"),
        ("bopis/jobs/relay.py", "def f():\n    import bopis.server", "bopis.server"),
        ("bopis/adapters/store_sql.py", "from bopis.server import status", "bopis.server.status"),
        ("bopis/service/sourcing.py", "import bopis._allocator_rs", "bopis._allocator_rs"),
        ("bopis/demo/score.py", "from bopis import _allocator_rs", "bopis._allocator_rs"),
        ("bopis/jobs/reallocate.py", "import solver.master", "solver.master"),
        ("solver/master.py", "import pandas", "pandas"),
        ("solver/master.py", "from bopis.domain import order", "bopis.domain.order"),
        ("bopis/config.py", "from bopis.bootstrap import start", "bopis.bootstrap.start"),
    ],
)
def test_a_forbidden_import_is_found(path: str, source: str, imported: str) -> None:
    problems = layers.import_problems(path, source=source)
    assert len(problems) == 1
    assert problems[0].endswith(f"may not import {imported}")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "bopis/domain/order.py",
            "import dataclasses\nfrom bopis.domain import cost\nfrom . import ids",
        ),
        (
            "bopis/service/ordering.py",
            "from bopis.domain.order import Order\nfrom bopis import ports",
        ),
        ("bopis/adapters/ledger_native.py", "from bopis import _allocator_rs"),
        ("bopis/bootstrap.py", "from bopis import server, jobs, adapters"),
        ("solver/allocation.py", "from bopis._allocator_rs import solve_batch"),
    ],
)
def test_an_allowed_import_passes(path: str, source: str) -> None:
    assert layers.import_problems(path, source=source) == []


def test_a_module_without_a_layer_is_found() -> None:
    assert layers.import_problems("bopis/odds_and_ends.py", source="")


def test_a_forbidden_dependency_of_a_crate_is_found() -> None:
    manifest = """
        [package]
        name = "bopis-ledger"
        [target.'cfg(unix)'.dependencies]
        bopis-journal.workspace = true
    """
    assert layers.crate_problems("allocator_rs/ledger/Cargo.toml", manifest=manifest) == [
        "allocator_rs/ledger/Cargo.toml: bopis-ledger may not depend on bopis-journal"
    ]
    unknown = '[package]\nname = "bopis-extra"'
    assert layers.crate_problems("allocator_rs/extra/Cargo.toml", manifest=unknown)


@pytest.mark.parametrize(
    "line", ["use std::fs::File;", "let now = SystemTime::now();", "let x = quantity as f64;"]
)
def test_an_impure_line_in_the_ledger_is_found(line: str) -> None:
    assert layers.purity_problems("allocator_rs/ledger/src/cells.rs", source=line)
    assert not layers.purity_problems("allocator_rs/ledger/src/cells.rs", source=f"// {line}")
    assert not layers.purity_problems("allocator_rs/engine/src/writer.rs", source=line)
