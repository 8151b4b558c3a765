"""One slot, twenty publishers, another one every second."""

from __future__ import annotations

import asyncio
import random
import time

from quality import clips, views
from quality.figures import Result
from quality.plot import Chart, Series
from quality.sender import Sender
from quality.stage import Stage, Viewer, collect, playing

PUBLISHERS = 20
WIDTH, HEIGHT = 640, 360
FPS = 15
GOP_S = 3.0
EVERY_S = 1.0
LONG_S, QUICK_S = 60.0, 12.0
SHOWN_S = 0.3
SEED = 3


async def run(quick: bool) -> Result:
    result = Result(f"slot switched every second among {PUBLISHERS} publishers, VP8")
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    streams = [
        clips.encode("VP8", source, seconds=GOP_S, fps=FPS, width=WIDTH, height=HEIGHT)
        for source in range(PUBLISHERS)
    ]
    async with Stage.open() as stage:
        senders = [Sender(stage.router, clip, first=chance.randrange(len(clip.frames))) for clip in streams]
        await asyncio.sleep(GOP_S)  # each has sent a key frame
        viewer = await stage.viewer(None, watch_picture=True)
        viewer.consumer.switch_to(senders[0].producer)
        await playing(viewer, width=WIDTH)
        start = time.time()
        asked = await _switch(viewer, senders, QUICK_S if quick else LONG_S, chance)
        end = time.time()
        await collect(viewer)
        failures = stage.decode_failures(viewer)
        requests = sum(sender.key_frame_requests for sender in senders)
        for sender in senders:
            await sender.close()
    seen = viewer.timeline.between(start, end)
    shown = [(each.at, clips.source_of(each.colour)) for each in seen.frames if each.colour is not None]
    delays = [_shown_after_s(shown, at, source) for at, source in asked]
    result.at_most(failures, "decode errors", 0)
    result.at_most(round(max(delays) * 1000), "ms to the new source's picture", SHOWN_S * 1000)
    result.at_most(sum(source is None for _, source in shown), "pictures of no source", 0)
    result.notes.append(
        f"{len(asked)} switches, {sorted(delays)[len(delays) // 2] * 1000:.0f} ms in the median;"
        f" {requests} key frames were asked for; the viewer asked {seen.grown('pliCount'):.0f} times,"
        f" its decoder dropped {seen.grown('framesDropped'):.0f} frames."
    )
    drawn = [
        Series("shown", [(at, float(-1 if source is None else source)) for at, source in shown], "dots"),
        Series("asked for", [(at, float(source)) for at, source in asked], "step"),
    ]
    result.charts += [
        Chart("Source", "number", drawn, start, end),
        views.frames(start, end, viewer=seen),
        views.gaps(seen, start, end, SHOWN_S),
        views.bitrate(start, end, viewer=seen),
    ]
    return result


async def _switch(
    viewer: Viewer, senders: list[Sender], seconds: float, chance: random.Random
) -> list[tuple[float, int]]:
    asked: list[tuple[float, int]] = []
    current = 0
    for _ in range(int(seconds / EVERY_S)):
        current = chance.choice([each for each in range(PUBLISHERS) if each != current])
        asked.append((time.time(), current))
        viewer.consumer.switch_to(senders[current].producer)
        await asyncio.sleep(EVERY_S)
    return asked


def _shown_after_s(shown: list[tuple[float, int | None]], asked_at: float, wanted: int) -> float:
    return next((at - asked_at for at, source in shown if at >= asked_at and source == wanted), float("inf"))
