"""Who may import whom, in Python and among the crates.

`cli -> bootstrap -> {server, jobs, adapters} -> service -> ports -> domain -> standard library`;
server, jobs and adapters do not import each other. docs/concepts.md shows the picture; the tables
below are the rule.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from dataclasses import dataclass

NATIVE = "bopis._allocator_rs"


@dataclass(frozen=True, slots=True)
class Layer:
    """What the modules under one name may import besides themselves and the standard library."""

    ours: frozenset[str]
    others: frozenset[str]


def layer(ours: str = "", *, others: str = "") -> Layer:
    """A layer from two lists of names separated by spaces; `*` allows everything."""
    return Layer(frozenset(ours.split()), frozenset(others.split()))


# The longest name that fits a module decides. A module that fits none is a problem.
LAYERS: dict[str, Layer] = {
    "bopis": layer(),
    "bopis.v1": layer("*", others="*"),
    "bopis.policy": layer(),
    "bopis.failpoints": layer(),
    "bopis.domain": layer(),
    "bopis.ports": layer("bopis.domain"),
    # msgspec: intents and stored responses are bytes that the use cases make and read.
    "bopis.service": layer("bopis.ports bopis.domain bopis.failpoints", others="structlog msgspec"),
    "bopis.server": layer(
        "bopis.service bopis.ports bopis.domain bopis.failpoints bopis.telemetry bopis.v1",
        others="grpc google structlog",
    ),
    "bopis.jobs": layer(
        "bopis.service bopis.ports bopis.domain bopis.failpoints bopis.telemetry",
        others="structlog",
    ),
    "bopis.adapters": layer(
        "bopis.service bopis.ports bopis.domain bopis.failpoints bopis.policy bopis.telemetry",
        others="sqlalchemy msgspec numpy structlog",
    ),
    "bopis.config": layer("bopis.domain bopis.policy", others="pydantic pydantic_settings"),
    "bopis.telemetry": layer("bopis.domain", others="structlog prometheus_client"),
    "bopis.bootstrap": layer(
        "bopis.server bopis.jobs bopis.adapters bopis.service bopis.ports bopis.domain bopis.config"
        " bopis.telemetry bopis.policy bopis.failpoints bopis._allocator_rs",
        others="grpc structlog uvloop sqlalchemy msgspec",
    ),
    "bopis.cli": layer("*", others="typer rich click structlog uvloop grpc google"),
    "bopis.scenario": layer(others="numpy duckdb"),
    # A client: it sees the server through the API only, and judges it with code of its own.
    "bopis.demo": layer(
        "bopis.scenario bopis.v1 bopis.policy", others="grpc google rich numpy msgspec uvloop"
    ),
    # A day in this process: rules and judge of the demo, the kernel and the optimizer as ports.
    "bopis.simulate": layer(
        "bopis.scenario bopis.demo bopis.domain bopis.policy", others="rich numpy"
    ),
    "bopis.testing": layer("*", others="*"),
    "solver": layer(others="numpy ortools"),
    "solver.allocation": layer("solver bopis._allocator_rs", others="numpy msgspec"),
    # The process that solves; the only door between the library and what the service sends it.
    "solver.worker": layer("solver", others="numpy ortools msgspec"),
    # The process that does again what another did.
    "solver.replay": layer("solver", others="msgspec"),
    # The process that checks what another claims.
    "solver.certificate": layer("solver", others="msgspec"),
}
# The native module has few faces: the adapters named after it, the kernel, the composition root.
NATIVE_FACES = (
    "bopis.adapters.",
    "bopis.bootstrap",
    "solver.allocation",
    "bopis.testing",
    "bopis.cli",
)


def module_name(path: str) -> str:
    """The dotted name of a file: `bopis/domain/order.py` is `bopis.domain.order`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_within(name: str, package: str) -> bool:
    """Is `name` that package or something in it?"""
    return name == package or name.startswith(package + ".")


def imported_names(source: str, *, module: str, is_package: bool) -> list[tuple[int, str]]:
    """Every imported module with its line, relative imports resolved, also inside functions."""
    names: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:kept], *([base] if base else [])])
            # `from bopis import domain` imports bopis.domain: the longer name decides.
            names += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return names


def layer_of(module: str) -> str | None:
    """The name of the layer that `module` is in: the longest that fits."""
    # `bopis` itself is a layer for its own file only.
    fitting = [name for name in LAYERS if is_within(module, name) and (name != "bopis")]
    if module == "bopis":
        return "bopis"
    return max(fitting, key=len, default=None)


def may_import(module: str, *, imported: str, own: str) -> bool:
    """May `module` of the layer `own` import `imported`?"""
    rule = LAYERS[own]
    if is_within(imported, NATIVE) and not module.startswith(NATIVE_FACES):
        return False
    if is_within(imported, NATIVE):
        return own.startswith("bopis.adapters") or "*" in rule.ours or NATIVE in rule.ours
    top = imported.split(".", maxsplit=1)[0]
    if top in {"bopis", "solver"}:
        if "*" in rule.ours or is_within(imported, own):
            return True
        if imported in {"bopis", "bopis.__version__"}:
            return True
        return any(is_within(imported, allowed) for allowed in rule.ours)
    if top in sys.stdlib_module_names:
        return True
    return "*" in rule.others or top in rule.others


def import_problems(path: str, *, source: str) -> list[str]:
    """One sentence per import in `source` that the layer of `path` does not allow."""
    module = module_name(path)
    own = layer_of(module)
    if own is None:
        return [f"{path}: {module} is in no layer; give it one in tools/tidy/layers.py"]
    is_package = path.endswith("/__init__.py")
    found = imported_names(source, module=module, is_package=is_package)
    return [
        f"{path}:{line}: {own} may not import {imported}"
        for line, imported in sorted(set(found))
        if not may_import(module, imported=imported, own=own)
    ]


# What each crate may depend on among ours. Development dependencies are free.
CRATES: dict[str, frozenset[str]] = {
    "bopis-ledger": frozenset(),
    "bopis-journal": frozenset(),
    "bopis-sourcing": frozenset(),
    "bopis-engine": frozenset({"bopis-ledger", "bopis-journal"}),
    "bopis-allocation": frozenset({"bopis-sourcing"}),
    "bopis-promise": frozenset(
        {"bopis-engine", "bopis-ledger", "bopis-sourcing", "bopis-allocation"}
    ),
    "bopis-door": frozenset({"bopis-engine", "bopis-ledger", "bopis-sourcing", "bopis-promise"}),
    "bopis-allocator": frozenset(
        {
            "bopis-engine",
            "bopis-ledger",
            "bopis-sourcing",
            "bopis-allocation",
            "bopis-promise",
            "bopis-door",
        }
    ),
}
# Programs that measure or test, which nothing may depend on: they may use every crate.
FREE_CRATE_FOLDERS = (
    "bench/",
    "allocator_rs/naive/",
    "allocator_rs/simulator/",
    "allocator_rs/ledger_bench/",
)


def crate_problems(path: str, *, manifest: str) -> list[str]:
    """One sentence per dependency in the Cargo.toml at `path` that its crate may not have."""
    if path.startswith(FREE_CRATE_FOLDERS):
        return []
    table = tomllib.loads(manifest)
    name = table["package"]["name"]
    if name not in CRATES:
        return [f"{path}: {name} has no place in tools/tidy/layers.py"]
    targets = [table, *table.get("target", {}).values()]
    wanted = {
        dependency
        for target in targets
        for section in ("dependencies", "build-dependencies")
        for dependency in target.get(section, {})
        if dependency.startswith("bopis-")
    }
    return [
        f"{path}: {name} may not depend on {dependency}"
        for dependency in sorted(wanted - CRATES[name])
    ]


# What would make a pure crate depend on more than its arguments.
IMPURE = (
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "std::process",
    "std::env",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "SystemTime",
    "Instant::now",
)
PURE_FOLDERS = ("allocator_rs/ledger/src/", "allocator_rs/sourcing/src/")


def purity_problems(path: str, *, source: str) -> list[str]:
    """One sentence per line of a pure crate that reaches for IO, clocks, threads or hash order."""
    if not path.startswith(PURE_FOLDERS):
        return []
    words = IMPURE + ((" f64", " f32", "f64::", "f32::") if "/ledger/" in path else ())
    problems = []
    for number, line in enumerate(source.splitlines(), start=1):
        code = line.split("//", maxsplit=1)[0]
        problems += [f"{path}:{number}: {word} in a pure crate" for word in words if word in code]
    return problems
