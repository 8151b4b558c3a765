"""What one end of a connection has measured, and what follows from it. Times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Sample = dict[str, Any]
"""A getStats entry of video, with `at`."""


@dataclass(frozen=True)
class Shown:
    """A picture that left the decoder."""

    at: float
    width: int
    height: int
    colour: tuple[int, int, int] | None = None
    """Y, U and V in its middle, where wanted."""


@dataclass(frozen=True)
class Freeze:
    at: float
    """When it ended."""
    length_s: float


@dataclass
class Timeline:
    samples: list[Sample] = field(default_factory=list)
    frames: list[Shown] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    """Connection states."""

    def add(self, taken: dict[str, list[Any]]) -> None:
        """What page.js has handed over."""
        self.samples += taken["samples"]
        self.frames += [
            Shown(
                each["at"], each["width"], each["height"], tuple(each["colour"]) if "colour" in each else None
            )
            for each in taken["frames"]
        ]
        self.events += [(at, state) for at, state in taken["events"]]

    def between(self, start: float, end: float) -> Timeline:
        return Timeline(
            [each for each in self.samples if start <= each["at"] <= end],
            [each for each in self.frames if start <= each.at <= end],
            [each for each in self.events if start <= each[0] <= end],
        )

    def grown(self, counter: str) -> float:
        """By how much a counter of the only stream has grown."""
        values = [each[counter] for each in self.samples if counter in each]
        return values[-1] - values[0] if values else 0

    def gaps(self) -> list[Freeze]:
        """The time before each picture but the first."""
        return [Freeze(right.at, right.at - left.at) for left, right in pairwise(self.frames)]

    def longest_gap_s(self) -> float:
        return max((each.length_s for each in self.gaps()), default=float("inf"))

    def freezes(self) -> list[Freeze]:
        """Chromium's own: a gap of three times the average, and at least 150 ms over it."""
        found = []
        for before, after in pairwise(self.samples):
            count = after.get("freezeCount", 0) - before.get("freezeCount", 0)
            length_s = after.get("totalFreezesDuration", 0) - before.get("totalFreezesDuration", 0)
            found += [Freeze(after["at"], length_s / count) for _ in range(count)]
        return found

    def rate(self, counter: str, scale: float = 1) -> list[tuple[float, float]]:
        """How fast a counter grows, a second, from sample to sample."""
        points = []
        for before, after in pairwise(each for each in self.samples if counter in each):
            span_s = after["at"] - before["at"]
            if span_s > 0:
                points.append((after["at"], (after[counter] - before[counter]) * scale / span_s))
        return points

    def values(self, name: str) -> list[tuple[float, float]]:
        return [(each["at"], each[name]) for each in self.samples if name in each]

    def frames_per_second(self, window_s: float = 0.5) -> list[tuple[float, float]]:
        return list(_binned((each.at for each in self.frames), window_s))

    def encoding(self, rid: str) -> Timeline:
        """The samples of one simulcast encoding."""
        return Timeline([each for each in self.samples if each["rid"] == rid])


def _binned(times: Iterable[float], window_s: float) -> Iterator[tuple[float, float]]:
    start, count = None, 0
    for at in times:
        if start is None:
            start = at
        while at >= start + window_s:
            start += window_s
            yield start, count / window_s
            count = 0
        count += 1
