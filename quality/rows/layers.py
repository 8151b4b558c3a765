"""Another layer every two seconds: nothing breaks, nothing stops."""

from __future__ import annotations

import asyncio
import time
from itertools import cycle, islice

from quality import camera, views
from quality.figures import Result
from quality.stage import HEIGHT, WIDTH, Format, Stage, Viewer, collect, playing
from quality.timeline import Timeline

FORMATS = [
    Format("VP8", "simulcast"),
    Format("H264", "simulcast"),
    Format("VP9", "simulcast"),
    Format("AV1", "simulcast"),
    Format("VP9", "L3T3"),
    Format("VP9", "L3T3_KEY"),
    Format("AV1", "L3T3"),
]

EVERY_S = 2.0
LONG_S, QUICK_S = 60.0, 12.0
FREEZE_S = 0.3

WALK = [(0, 2), (2, 2), (1, 2), (0, 1), (1, 1), (2, 1), (0, 2), (1, 1), (2, 2), (1, 2)]
"""Spatial and temporal layers: up and down, by one and by two. No T0: its pictures are 200 ms apart."""


async def run(wanted: Format, quick: bool) -> Result:
    result = Result(f"layers switched every {EVERY_S:g} s, {wanted.name}")
    async with Stage.open() as stage:
        publisher = await stage.publisher(wanted)
        viewer = await stage.viewer(publisher.producer, watch_picture=True)
        await playing(viewer, width=WIDTH)
        start = time.time()
        requests = publisher.key_frame_requests
        asked = await _walk(viewer, QUICK_S if quick else LONG_S)
        end = time.time()
        await collect(viewer, publisher)
        requests = publisher.key_frame_requests - requests
        failures = stage.decode_failures(viewer)
    seen = viewer.timeline.between(start, end)
    result.at_most(failures, "decode errors", 0)
    result.at_most(sum(camera.is_strange(each.colour) for each in seen.frames), "spoilt pictures", 0)
    frozen = [each for each in seen.freezes() if each.length_s > FREEZE_S]
    result.at_most(len(frozen), f"freezes over {FREEZE_S * 1000:.0f} ms", 0)
    result.at_most(round(seen.longest_gap_s() * 1000), "ms between two pictures at most", FREEZE_S * 1000)
    delays = _switch_delays(seen, asked)
    result.at_least(len(delays) / (len(asked) or 1), "of the switches done", 1)
    if delays:
        median_s = sorted(delays)[len(delays) // 2]
        result.notes.append(
            f"A switch takes {median_s * 1000:.0f} ms in the median, {max(delays) * 1000:.0f} ms at most;"
            f" the publisher was asked for {requests} key frames, {seen.grown('pliCount'):.0f} of them by the"
            f" viewer; {seen.grown('framesDropped'):.0f} frames were dropped by its decoder."
        )
    heights = [(at, float(_height(spatial))) for at, spatial, _ in asked]
    result.charts += [
        views.pictures(seen, start, end, heights),
        views.sent(publisher.peer.timeline.between(start, end), start, end),
        views.frames(start, end, viewer=seen),
        views.gaps(seen, start, end, FREEZE_S),
        views.bitrate(start, end, viewer=seen),
        views.repairs(seen, start, end),
    ]
    return result


async def _walk(viewer: Viewer, seconds: float) -> list[tuple[float, int, int]]:
    asked = []
    for spatial, temporal in islice(cycle(WALK), int(seconds / EVERY_S)):
        asked.append((time.time(), spatial, temporal))
        viewer.consumer.set_preferred_layers(spatial, temporal)
        await asyncio.sleep(EVERY_S)
    return asked


def _switch_delays(seen: Timeline, asked: list[tuple[float, int, int]]) -> list[float]:
    """Seconds from each request to the first picture of that size, where one came before the next request."""
    delays = []
    for at, spatial, _ in asked:
        shown = next(
            (f.at for f in seen.frames if at <= f.at <= at + EVERY_S and f.height == _height(spatial)), None
        )
        if shown is not None:
            delays.append(shown - at)
    return delays


def _height(spatial: int) -> int:
    return HEIGHT >> (2 - spatial)
