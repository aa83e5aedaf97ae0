"""`python -m tests.faults`: injects faults into real processes and prints what came of each.

Exit code 1 if any row fails. A row that this machine does not allow is skipped, with its reason.
"""

import argparse
import json
import random
import sys

from rich.console import Console
from rich.table import Table

from tests.faults.row import Result, run_row
from tests.faults.rows import ROWS


def main(words: list[str]) -> int:
    """Runs the chosen rows; the exit code."""
    options = _options(words)
    known = [row.name for row in ROWS]
    unknown = [name for name in options.row if name not in known]
    if unknown:
        print(f"there is no row {unknown[0]}; there are {' '.join(known)}", file=sys.stderr)
        return 2
    results = []
    for row in ROWS:
        if options.row and row.name not in options.row:
            continue
        print(f"==> {row.name}: {row.fault}", file=sys.stderr, flush=True)
        result = run_row(row, quick=options.quick, seed=options.seed, keep=options.keep)
        results.append(result)
        print(f"    {result.status}, {result.seconds} s", file=sys.stderr, flush=True)
        if options.json:
            print(json.dumps(result.as_words()), flush=True)
    if not options.json:
        _show(results, options.seed)
    return 1 if any(result.status == "FAILED" for result in results) else 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("row", nargs="*", help="only these rows")
    parser.add_argument("--quick", action="store_true", help="a minute in all")
    parser.add_argument("--json", action="store_true", help="one JSON line per row, no table")
    parser.add_argument("--keep", action="store_true", help="leave the folders of failed rows")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    return parser.parse_args(words)


def _show(results: list[Result], seed: int) -> None:
    table = Table("fault", "injected", "expected", "seen", "s", title=f"faults, seed {seed}")
    for one in results:
        style = {"ok": "", "FAILED": "bold red", "skipped": "dim"}[one.status]
        seen = one.seen if one.status == "ok" else f"{one.status}: {one.seen}"
        table.add_row(
            one.fault, f"{one.injections:,}", one.expected, seen, f"{one.seconds:.1f}", style=style
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
