"""The form of files: sizes, names, words and addresses that do not belong here."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# Files that may be longer, each with its reason.
LONGER_FILES = {
    "protos/bopis/v1/inventory_service.proto": "the layout wants one file per service",
    "protos/bopis/v1/stock_service.proto": "the same",
}
# Functions that may be longer, as `path:name`, each with its reason.
LONGER_FUNCTIONS = {
    "allocator_rs/door/tests/behavior/bad_input.rs:field_cases": "a table, one row per rule",
    "tests/e2e/bad_calls.py:field_cases": "a table, one row per field and rule",
    "tests/e2e/bad_stock_calls.py:cases": "a table, one row per kind of bad call",
    "tests/e2e/bad_calls.py:other_cases": "a table, one row per kind of bad call",
}

FORBIDDEN_NAMES = frozenset(
    {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
)
# The layout names this one: what more than one service speaks of.
ALLOWED_NAMES = frozenset({"protos/bopis/v1/common.proto"})

# Where links may lead. A package index, a registry or a mirror is no such place.
ALLOWED_HOSTS = frozenset(
    {
        "127.0.0.1",
        "localhost",
        "arxiv.org",
        "cloudevents.io",
        "doi.org",
        "example.com",
        "github.com",  # Cargo.lock names the index of crates.io by it
        "opencollective.com",  # package-lock.json says who funds what
        "peps.python.org",
        "rustup.rs",
        "www.apache.org",
        "www.rfc-editor.org",
        "www.w3.org",
    }
)
URL = re.compile(r"(?<![\w.])[a-z+]*https?://([^\s/:\"'`)>\]}{,]+)", re.IGNORECASE)
# Folders of the machines where people work; a clone has none of them.
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:home|root|Users|work|mnt|opt|workspace)/[\w.-]+")
# Not the currency code "XXX".
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|HACK)\b|\bXXX\b(?!\")")

RUST_FUNCTION = re.compile(
    r"^(?P<indent> *)(?:pub(?:\([^)]*\))? +)?(?:(?:const|async|unsafe|extern(?: +\"[^\"]*\")?) +)*"
    r"fn +(?P<name>\w+)"
)


def size_problems(path: str, *, text: str) -> list[str]:
    """A sentence if the file is longer than it may be, or is excused without need."""
    count = len(text.splitlines())
    if path in LONGER_FILES:
        if count <= LINES_MAX:
            return [f"{path}: {count} lines need no exception any more"]
        return []
    if count > LINES_MAX:
        return [f"{path}: {count} lines, at most {LINES_MAX}"]
    return []


def long_python_functions(path: str, *, text: str) -> list[str]:
    """One sentence per Python function longer than it may be."""
    lengths = [
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return too_long(path, lengths=lengths)


def long_rust_functions(path: str, *, text: str) -> list[str]:
    """One sentence per Rust function longer than it may be; relies on rustfmt's layout."""
    lines = text.splitlines()
    lengths = []
    for start, line in enumerate(lines):
        found = RUST_FUNCTION.match(line)
        if not found:
            continue
        indent = found["indent"]
        for end in range(start, len(lines)):
            one_line = end == start and line.rstrip().endswith(("}", ";"))
            # A declaration ends with `;` in the line of its closing parenthesis or where-clause.
            declared = lines[end].rstrip().endswith(";") and lines[end].startswith(indent + ")")
            if one_line or declared or lines[end] == indent + "}":
                lengths.append((found["name"], start + 1, end - start + 1))
                break
    return too_long(path, lengths=lengths)


def too_long(path: str, *, lengths: list[tuple[str, int, int]]) -> list[str]:
    """One sentence per (name, line, length) above the limit, or excused without need."""
    problems = []
    for name, line, length in lengths:
        excused = f"{path}:{name}" in LONGER_FUNCTIONS
        if length > FUNCTION_LINES_MAX and not excused:
            problems.append(
                f"{path}:{line}: {name} has {length} lines, at most {FUNCTION_LINES_MAX}"
            )
        if length <= FUNCTION_LINES_MAX and excused:
            problems.append(f"{path}:{line}: {name} needs no exception any more")
    return problems


def name_problems(path: str) -> list[str]:
    """One sentence per part of the path that says nothing about what is in it."""
    if path in ALLOWED_NAMES:
        return []
    parts = [PurePosixPath(part).stem.lower() for part in PurePosixPath(path).parts]
    return [f"{path}: {part} is no name for a module" for part in parts if part in FORBIDDEN_NAMES]


def place_problems(path: str, *, text: str) -> list[str]:
    """One sentence per address of a host that is not allowed and per path of somebody's machine."""
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        for match in URL.finditer(line):
            host = match[1].lower().rstrip(".")
            if host and host not in ALLOWED_HOSTS and not host.endswith((".invalid", ".test")):
                problems.append(f"{path}:{number}: names the host {host}")
        problems += [
            f"{path}:{number}: names the machine's folder {match[0]}"
            for match in MACHINE_PATH.finditer(line)
        ]
    return problems


def unfinished_problems(path: str, *, text: str) -> list[str]:
    """One sentence per mark of unfinished work: finish it, or write an issue."""
    return [
        f"{path}:{number}: unfinished: {line.strip()}"
        for number, line in enumerate(text.splitlines(), start=1)
        if UNFINISHED.search(line)
    ]


def crate_doc_problems(path: str, *, text: str) -> list[str]:
    """A sentence if a crate does not open by saying what it is."""
    if not path.endswith(("src/lib.rs", "src/main.rs")):
        return []
    opening = next((line for line in text.splitlines() if line.strip()), "")
    if not opening.startswith("//! "):
        return [f"{path}: a crate opens with a module doc (//!)"]
    if "See Cargo.toml" in opening:
        return [f"{path}: the module doc says nothing about the crate"]
    return []


def lock_problems(path: str, *, text: str) -> list[str]:
    """One sentence per requirement without a hash and per line that names an index."""
    problems = []
    for block in re.split(r"\n(?=[A-Za-z0-9-])", text):
        name = block.split("==", maxsplit=1)[0]
        if "==" in block and "--hash=sha256:" not in block:
            problems.append(f"{path}: {name} has no hash")
        problems += [
            f"{path}: {line.split()[0]} belongs into nobody's lock"
            for line in block.splitlines()
            if line.startswith(("--", "-i ", "-f "))
        ]
    return problems
