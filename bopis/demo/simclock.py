"""The day's clock as a client process sees it: set by the controller, stopped while it pauses."""

from __future__ import annotations

import asyncio
import time


class SimClock:
    """Simulated time: an anchor (simulated second, monotonic second) and a scale.

    It stands still until the first `set` and after `pause`; sleepers wait on.
    """

    def __init__(self) -> None:
        self._anchor_s = 0.0
        self._anchor_real = 0.0
        self._scale = 1.0
        self._running = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def scale(self) -> float:
        """Simulated seconds per real second."""
        return self._scale

    def set(self, *, sim_s: float, real_s: float, scale: float) -> None:
        """Runs on from `sim_s`, which it was at the monotonic second `real_s`."""
        self._anchor_s, self._anchor_real, self._scale = sim_s, real_s, scale
        self._running.set()
        self._wake()

    def pause(self) -> None:
        """Stands still at the present instant."""
        self._anchor_s = self.now_s()
        self._running.clear()
        self._wake()

    def now_s(self) -> float:
        """Simulated seconds since 1970-01-01T00:00Z."""
        if not self._running.is_set():
            return self._anchor_s
        return self._anchor_s + (time.monotonic() - self._anchor_real) * self._scale

    async def running(self) -> None:
        """Returns once the clock runs."""
        await self._running.wait()

    async def sleep_until(self, sim_s: float) -> None:
        """Returns once the clock runs and shows at least `sim_s`."""
        while True:
            await self._running.wait()
            wait_s = (sim_s - self.now_s()) / self._scale
            if wait_s <= 0:
                return
            changed = self._changed
            try:
                async with asyncio.timeout(wait_s):
                    await changed.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
