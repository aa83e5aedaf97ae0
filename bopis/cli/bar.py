"""A bar on standard error that shows how far a re-allocation is."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from google.type.money_pb2 import Money

    from bopis.v1 import allocation_service_pb2 as pb


class Bar:
    """Shows the step, what is found and what is proven. `quiet`: shows nothing."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (BarColumn(bar_width=20), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, console=Console(stderr=True), disable=quiet)
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def show(self, metadata: "pb.ReallocateMetadata") -> None:
        """At a service."""
        if metadata.move_count:
            words = f"moving: {metadata.done_move_count:,} of {metadata.move_count:,} moves"
            self.update(words, metadata.done_move_count, metadata.move_count)
            return
        words = f"{metadata.considered_count:,} orders"
        if metadata.step:
            words += f", {metadata.step.lower()}"
        if metadata.HasField("best_cost"):
            words += f", cost {_amount(metadata.best_cost):,.2f}"
        if metadata.HasField("bound"):
            words += f", at least {_amount(metadata.bound):,.2f}"
        limit_ms = metadata.time_limit.ToMilliseconds()
        self.update(words, min(metadata.elapsed.ToMilliseconds(), limit_ms), limit_ms)

    def update(self, words: str, done: int, total: int) -> None:
        """Some of all; 0: how much is not known."""
        self._progress.update(self._task, description=words, completed=done, total=total or None)


def _amount(money: "Money") -> float:
    return float(money.units) + float(money.nanos) / 1e9
