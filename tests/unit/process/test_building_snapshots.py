"""When the job builds a snapshot, and that it never has two builders or leaves one behind."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from bopis.jobs import build_snapshots

EVERY = 3


class Builders:
    """Snapshots as the job sees them; counts builders at work."""

    def __init__(self, work: Callable[[], Awaitable[bool]], *, backlog: int) -> None:
        self.segments = backlog
        self.started = 0
        self.running = 0
        self.most = 0
        self._work = work

    def backlog(self) -> int:
        return self.segments

    async def build(self) -> bool:
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self._work()
        finally:
            self.running -= 1


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


async def _run_until(builders: Builders, condition: Callable[[], object]) -> None:
    stop = asyncio.Event()
    job = asyncio.create_task(
        build_snapshots.run(builders, every_segments=EVERY, stop=stop, every_s=0.001)
    )
    await _until(condition)
    stop.set()
    async with asyncio.timeout(10):
        await job
    assert builders.running == 0


async def _for_ever() -> bool:
    await asyncio.Event().wait()
    return True


def test_a_builder_starts_when_enough_segments_are_full_and_again_later() -> None:
    async def main() -> None:
        async def work() -> bool:
            builders.segments = 0
            return True

        builders = Builders(work, backlog=EVERY - 1)
        looked = 0

        def backlog() -> int:
            nonlocal looked
            looked += 1
            return builders.segments

        builders.backlog = backlog  # type: ignore[method-assign]
        await _run_until(builders, lambda: looked >= 3)
        assert builders.started == 0
        builders.segments = EVERY
        await _run_until(builders, lambda: builders.started == 1)
        builders.segments = EVERY + 1
        await _run_until(builders, lambda: builders.started == 2)
        assert builders.most == 1

    asyncio.run(main())


def test_a_builder_at_work_is_ended_when_the_service_stops() -> None:
    builders = Builders(_for_ever, backlog=EVERY)
    asyncio.run(_run_until(builders, lambda: builders.running))
    assert (builders.started, builders.most) == (1, 1)


@pytest.mark.parametrize("failure", [False, OSError("no process can be started")])
def test_a_builder_that_fails_does_not_end_the_job(failure: bool | Exception) -> None:
    async def work() -> bool:
        if isinstance(failure, Exception):
            raise failure
        return failure

    builders = Builders(work, backlog=EVERY)
    with capture_logs() as logs:
        asyncio.run(_run_until(builders, lambda: builders.started))
    failed = [line for line in logs if line["event"] == "job.failed"]
    assert bool(failed) == isinstance(failure, Exception)
