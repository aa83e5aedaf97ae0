"""Long native work on the command line: a bar on a terminal, nothing anywhere else."""

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from bopis._allocator_rs import Progress

Result = TypeVar("Result")

QUIET_S: Final = 1.0
"""Work that ends within it shows nothing."""

EVERY_S: Final = 0.2


def watched(work: Callable[["Progress"], Result], *, doing: str) -> Result:
    """Does the work on a thread and shows how many records it has read. Raises what it raises."""
    from bopis._allocator_rs import Progress

    progress = Progress()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = work(progress)
        except BaseException as error:  # noqa: BLE001 (raised again below)
            outcome["error"] = error

    # A daemon: Ctrl-C ends the command at once, and nothing is half-written.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(QUIET_S)
    if thread.is_alive() and sys.stderr.isatty():
        _show(thread, progress, doing)
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    result: Result = outcome["result"]
    return result


def _show(thread: threading.Thread, progress: "Progress", doing: str) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        while thread.is_alive():
            done, about = progress.get()
            bar.update(task, completed=done, total=max(about, done) or None)
            thread.join(EVERY_S)
