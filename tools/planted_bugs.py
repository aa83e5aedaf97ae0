"""Plants one bug at a time into a copy of the crates and asks the simulator to find it.

`make planted-bugs` runs it; the bugs are in allocator_rs/simulator/planted.toml. Exits 0 only if
every one is caught by a check that its entry names. ARGS: words that a bug's name must contain, or
--list: the table for docs/simulation.md.
"""

from __future__ import annotations

import fcntl
import re
import resource
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "allocator_rs" / "simulator" / "planted.toml"
SCRATCH = ROOT / "target" / "planted"
TREE = SCRATCH / "tree"
FOLDERS = ("allocator_rs", "bench/load_generator", "protos")
FILES = ("Cargo.toml", "Cargo.lock")
SEED = 7
OPERATIONS = 600_000
FUZZ_S = 15
TIMEOUT_S = 300
MEMORY_BYTES = 4 << 30
"""A bug may well fill the memory; it is then caught by an abort."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One replacement, and what may be the first to notice."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one bug: the check or test that saw it, or the reason that none did."""

    caught_by: str
    problem: str
    seconds: float


def load() -> list[Bug]:
    """All bugs of the table."""
    table = tomllib.loads(TABLE.read_text())
    return [
        Bug(
            name=entry["name"],
            file=entry["file"],
            old=entry["old"],
            new=entry["new"],
            caught_by=tuple(entry["caught_by"]),
        )
        for entry in table["bug"]
    ]


def copy_tree() -> None:
    """Makes the copy what the sources are now; what is equal is left alone, for cargo's sake."""
    wanted = {Path(name) for name in FILES}
    for folder in FOLDERS:
        found = (ROOT / folder).rglob("*")
        wanted |= {path.relative_to(ROOT) for path in found if path.is_file()}
    for path in wanted:
        target, text = TREE / path, (ROOT / path).read_bytes()
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
    for path in [path for path in TREE.rglob("*") if path.is_file()]:
        if path.relative_to(TREE) not in wanted:
            path.unlink()


def cargo(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs cargo in the copy."""
    return subprocess.run(
        ["cargo", *words, "--quiet", "--locked", "--target-dir", str(SCRATCH / "build")],
        cwd=TREE,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def run_built(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Builds the simulator's programs and runs one of them."""
    built = cargo("build", "--profile", "simulation", "-p", "bopis-simulator")
    if built.returncode:
        raise RuntimeError(f"it does not build:\n{built.stderr}")
    path = SCRATCH / "build" / "simulation" / program
    return subprocess.run(
        [str(path), *words],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )


def ending(ran: subprocess.CompletedProcess[str]) -> str:
    """How a program ended that reported no finding."""
    return "abort" if ran.returncode < 0 else f"exit code {ran.returncode}"


def simulate() -> str:
    """The check that a simulation finds violated; empty: none."""
    words = ["--seed", str(SEED), "--ops", str(OPERATIONS), "--no-shrink"]
    ran = run_built("bopis-simulator", *words)
    if ran.returncode == 0:
        return ""
    found = re.search(r"^VIOLATION ([^:\n]+):", ran.stdout, re.MULTILINE)
    return found[1] if found else ending(ran)


def fuzz() -> str:
    """The target that finds something, as `fuzz target`; empty: none."""
    ran = run_built("bopis-fuzz", "--seed", str(SEED), "--seconds", str(FUZZ_S))
    if ran.returncode == 0:
        return ""
    found = re.search(r"^FOUND ([^:\n]+):", ran.stdout, re.MULTILINE)
    return f"fuzz {found[1]}" if found else ending(ran)


def hunt(bug: Bug) -> tuple[str, str]:
    """Who caught it, or why nobody did."""
    test = next((one for one in bug.caught_by if one.startswith("cargo ")), None)
    if test is None:
        found = fuzz() if bug.caught_by[0].startswith("fuzz ") else simulate()
        if not found:
            return "", "survived"
        return (found, "") if found in bug.caught_by else ("", f"caught by {found} instead")
    ran = cargo(*test.split()[1:])
    if ran.returncode == 0:
        return "", "survived"
    # A test that fails, or whose process aborts: a writer that panics ends it.
    if "test result: FAILED" not in ran.stdout and "SIGABRT" not in ran.stderr:
        return "", f"the test did not run: {ran.stderr[-400:]}"
    return test, ""


def plant(bug: Bug) -> Result:
    """Plants a bug, hunts it, and takes it out again."""
    path = TREE / bug.file
    text = path.read_text()
    count = text.count(bug.old)
    if count != 1:
        return Result("", f"its text is {count} times in {bug.file}: mend the table", 0)
    started = time.monotonic()
    path.write_text(text.replace(bug.old, bug.new))
    try:
        caught_by, problem = hunt(bug)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        caught_by, problem = "", str(error)
    finally:
        path.write_text(text)
    return Result(caught_by, problem, time.monotonic() - started)


def listed() -> str:
    """The bugs as a table for people."""
    rows = ["| planted in | bug | caught by |", "| --- | --- | --- |"]
    for bug in load():
        crate = bug.file.split("/")[1]
        test = bug.caught_by[0].removeprefix("cargo test -p bopis-")
        caught_by = test if test != bug.caught_by[0] else ", ".join(bug.caught_by)
        rows.append(f"| {crate} | {bug.name} | {caught_by} |")
    return "\n".join(rows)


def chosen(words: list[str]) -> list[Bug]:
    """The bugs whose name has all the words; with `--part=k/n` every n-th from the k-th on."""
    parts = [word.removeprefix("--part=") for word in words if word.startswith("--part=")]
    wanted = [word for word in words if not word.startswith("--part=")]
    bugs = [bug for bug in load() if all(word in bug.name for word in wanted)]
    for part in parts:
        first, step = (int(number) for number in part.split("/"))
        bugs = bugs[first - 1 :: step]
    return bugs


def main(words: list[str]) -> int:
    """Hunts the chosen bugs: all, without any words."""
    if words == ["--list"]:
        print(listed())
        return 0
    SCRATCH.mkdir(parents=True, exist_ok=True)
    lock = (SCRATCH / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another hunt is on in this folder")
        return 1
    bugs = chosen(words)
    copy_tree()
    if found := simulate() or fuzz():
        print(f"{found} without any bug planted")
        return 1
    survived = 0
    for number, bug in enumerate(bugs, start=1):
        result = plant(bug)
        survived += bool(result.problem)
        verdict = result.problem or f"caught by {result.caught_by}"
        print(f"{number:3} {result.seconds:5.1f} s  {bug.name}: {verdict}", flush=True)
    print(f"\n{len(bugs) - survived} of {len(bugs)} planted bugs were caught")
    return 1 if survived or not bugs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
