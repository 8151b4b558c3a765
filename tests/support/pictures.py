"""Media that can be recognised after any codec: a bar that moves, a tone; and what a receiver got of them."""

from __future__ import annotations

import asyncio
import fractions
import math
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

WIDTH, HEIGHT, FPS = 320, 240, 20
BAR, STEP = 40, 8
PLACES = (WIDTH - BAR) // STEP
VIDEO_CLOCK = 90_000
SAMPLE_RATE = 48_000
SAMPLES = 960
TONE_HZ = 440
WITHIN_S = 10.0


def bar_picture(number: int) -> av.VideoFrame:
    """Picture `number`: white on grey, a step further to the right each time."""
    x = number % PLACES * STEP
    row = bytearray(b"\x30" * WIDTH)
    row[x : x + BAR] = b"\xd8" * BAR
    picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    picture.planes[0].update(bytes(row) * HEIGHT)
    for plane in picture.planes[1:]:
        plane.update(b"\x80" * plane.buffer_size)
    return picture


def tone(start: int) -> av.AudioFrame:
    """20 ms of a tone, from sample number `start`."""
    samples = array("h")
    for at in range(start, start + SAMPLES):
        samples.extend([int(8000 * math.sin(2 * math.pi * TONE_HZ * at / SAMPLE_RATE))] * 2)
    frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = SAMPLE_RATE
    frame.pts = start
    frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
    return frame


class Bar(MediaStreamTrack):
    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(1 / FPS)

    async def recv(self) -> av.VideoFrame:
        number = await self._pace.next()
        picture = bar_picture(number)
        picture.pts = number * VIDEO_CLOCK // FPS
        picture.time_base = fractions.Fraction(1, VIDEO_CLOCK)
        return picture


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(SAMPLES / SAMPLE_RATE)

    async def recv(self) -> av.AudioFrame:
        return tone(await self._pace.next() * SAMPLES)


class Pace:
    """Numbers from 0, one each interval."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._started_s: float | None = None
        self._number = -1

    async def next(self) -> int:
        now_s = time.monotonic()
        self._started_s = self._started_s or now_s
        self._number += 1
        await asyncio.sleep(max(0.0, self._started_s + self._number * self._interval_s - now_s))
        return self._number


PRESENT_GAP = VIDEO_CLOCK // 60
PRESENT_AFTER = 4
"""Pictures are of the present when so many in a row were at least so far apart."""


@dataclass(frozen=True)
class Picture:
    at_s: float
    pts: int
    size: tuple[int, int]
    x: float
    """Centre of what is bright; -1 if nothing is."""
    y: float


@dataclass
class Receiver:
    """Reads a track to its end. `next_*` wait for what is still to come, and fail when it does not."""

    track: MediaStreamTrack
    pictures: list[Picture] = field(default_factory=list)
    samples: array[int] = field(default_factory=lambda: array("h"))

    def __post_init__(self) -> None:
        self.ended = False
        self.first_at_s: float | None = None
        self._steady, self._last_pts = 0, 0
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def next_pictures(self, count: int, within_s: float = WITHIN_S) -> list[Picture]:
        start = len(self.pictures)
        await self._until(lambda: len(self.pictures) >= start + count, within_s)
        return self.pictures[start : start + count]

    async def next_second(self, within_s: float = WITHIN_S) -> array[int]:
        """One second of the left channel."""
        start = len(self.samples)
        await self._until(lambda: len(self.samples) >= start + SAMPLE_RATE, within_s)
        return self.samples[start : start + SAMPLE_RATE]

    async def end(self, within_s: float = WITHIN_S) -> None:
        await asyncio.wait_for(asyncio.shield(self._reader), within_s)

    async def _until(self, condition: Callable[[], bool], within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s), self._arrived:
                await self._arrived.wait_for(lambda: condition() or self.ended)
        except TimeoutError:
            pass
        assert condition(), (
            f"{self.track.kind}: {len(self.pictures)} pictures, {len(self.samples)} samples,"
            f" {'ended' if self.ended else 'waiting'} after {within_s} s"
        )

    async def _read(self) -> None:
        while not self.ended:
            try:
                frame = await self.track.recv()
                if isinstance(frame, av.VideoFrame):
                    self._take(seen(frame))
                else:
                    self.samples.extend(array("h", bytes(frame.planes[0])[: frame.samples * 4])[::2])
            except MediaStreamError:
                self.ended = True
            async with self._arrived:
                self._arrived.notify_all()

    def _take(self, picture: Picture) -> None:
        """What a late joiner has missed comes in fast motion, stamped as of now: no place for the bar."""
        if self.first_at_s is None:
            self.first_at_s = picture.at_s
        self._steady = self._steady + 1 if picture.pts - self._last_pts >= PRESENT_GAP else 0
        self._last_pts = picture.pts
        if self._steady < PRESENT_AFTER:
            self.pictures.clear()
        else:
            self.pictures.append(picture)


def seen(frame: av.VideoFrame) -> Picture:
    plane = frame.planes[0]
    luma, stride = bytes(plane), plane.line_size
    bright = [
        (x, y)
        for y in range(0, frame.height, 8)
        for x, level in enumerate(luma[y * stride : y * stride + frame.width])
        if level > 0x84
    ]
    x = sum(x for x, _ in bright) / len(bright) if bright else -1
    y = sum(y for _, y in bright) / len(bright) if bright else -1
    return Picture(time.monotonic(), frame.pts, (frame.width, frame.height), x, y)


def assert_bar_moves(pictures: list[Picture]) -> None:
    """Each picture shows the bar where its own timestamp says: the right pictures, in order."""
    assert {picture.size for picture in pictures} == {(WIDTH, HEIGHT)}
    first = pictures[0]
    for picture in pictures:
        steps = (picture.pts - first.pts) * FPS / VIDEO_CLOCK
        place = (picture.x - first.x) / STEP
        off = (place - steps + PLACES / 2) % PLACES - PLACES / 2
        assert abs(off) < 0.5, f"the bar is {off} steps off after {steps} steps"
    assert len({round(picture.x / STEP) for picture in pictures}) >= min(len(pictures), PLACES) * 3 // 4


def assert_tone(second: array[int]) -> None:
    loudness = math.sqrt(sum(sample * sample for sample in second) / len(second))
    assert loudness > 2000, f"loudness {loudness}"
    risen = sum(before < 0 <= after for before, after in pairwise(second))
    assert abs(risen - TONE_HZ) < 20, f"{risen} Hz"


async def eventually(condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s"
        await asyncio.sleep(0.02)
