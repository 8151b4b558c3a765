"""How busy this machine was meanwhile: a browser that gets no time shows freezes that no network made."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from quality.plot import Chart, Series

STAT = Path("/proc/stat")
MEASURABLE = STAT.exists()
EVERY_S = 0.5
BUSY, BUSY_SHARE = 0.95, 0.05
"""A machine is overloaded that was so busy for such a share of the time."""


class Machine:
    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        """Seconds since the epoch, and the share of all processors' time that was used until then."""

    @classmethod
    @contextlib.asynccontextmanager
    async def watched(cls) -> AsyncIterator[Machine]:
        machine = cls()
        task = asyncio.create_task(machine._watch())
        try:
            yield machine
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def overloaded(self) -> bool:
        busy = sum(share > BUSY for _, share in self.points)
        return busy > BUSY_SHARE * len(self.points)

    def chart(self) -> Chart:
        start, end = (self.points[0][0], self.points[-1][0]) if self.points else (0.0, 0.0)
        points = [(at, share * 100) for at, share in self.points]
        return Chart(
            "Processors busy, from the row's beginning", "%", [Series("busy", points)], start, end, [], 100
        )

    async def _watch(self) -> None:
        if not MEASURABLE:
            return
        before = _times()
        while True:
            await asyncio.sleep(EVERY_S)
            now = _times()
            total, idle = now[0] - before[0], now[1] - before[1]
            if total > 0:
                self.points.append((time.time(), 1 - idle / total))
            before = now


def _times() -> tuple[int, int]:
    """All processors' time and the idle part of it, in ticks."""
    fields = [int(each) for each in STAT.read_text().splitlines()[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]
