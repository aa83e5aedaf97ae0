"""Open orders re-evaluated every so often."""

import asyncio
from typing import Final

from bopis.jobs.polling import poll, until_stopped
from bopis.service.dependencies import Dependencies
from bopis.service.reevaluation import Care, carry_out, propose

TIME_LIMIT_MS: Final = 20_000
"""For the optimizer; less where runs follow each other sooner."""


async def run(deps: Dependencies, *, every_s: float, care: Care, stop: asyncio.Event) -> None:
    """Re-evaluates every so many real seconds until told to stop; 0: never. While a planner's
    re-allocation runs, a turn is left out.
    """
    if every_s <= 0:
        return
    limit_ms = min(TIME_LIMIT_MS, max(1, round(every_s * 500)))

    async def once() -> int:
        if deps.operations.running_id:
            return 0
        proposed = await until_stopped(propose(deps, care, time_limit_ms=limit_ms), stop)
        if proposed is None or stop.is_set():
            return 0
        # From here on it is a mutation like others: a stop lets it end.
        moving = asyncio.ensure_future(carry_out(deps, proposed, care, run_id=deps.ids.new_uuid()))
        deps.running.add(moving)
        moving.add_done_callback(deps.running.discard)
        await until_stopped(asyncio.shield(moving), stop)
        return 0

    await poll("reevaluate", once, every_s=every_s, stop=stop, first_s=every_s)
