"""Who comes late sees at once, though key frames come every ten seconds and none on request."""

from __future__ import annotations

import asyncio
import time

from quality import clips, views
from quality.clips import Codec
from quality.figures import Result
from quality.plot import Chart, Series
from quality.sender import Sender
from quality.stage import HEIGHT, WIDTH, Stage, Viewer, collect, playing

CODECS: list[Codec] = ["VP8", "H264"]
GOP_S = 10.0
FPS = 20
FIRST_PICTURE_S = 0.3
LONG, QUICK = 6, 2
"""Joins, each a bit later in a group of pictures than the one before."""
STAY_S = 3.0


async def run(codec: Codec, quick: bool) -> Result:
    result = Result(f"late joiner, GOP {GOP_S:g} s, {codec}")
    clip = clips.encode(codec, 0, seconds=GOP_S, fps=FPS, width=WIDTH, height=HEIGHT)
    waits_s = []
    async with Stage.open() as stage:
        sender = Sender(stage.router, clip)
        await asyncio.sleep(2)
        seen = None
        failures = 0
        for _ in range(QUICK if quick else LONG):
            joined = time.time()
            seen = viewer = await stage.viewer(sender.producer, watch_picture=True)
            await playing(viewer, width=WIDTH, within_s=2 * GOP_S)
            waits_s.append(_first_picture_s(viewer))
            await asyncio.sleep(max(0, joined + STAY_S - time.time()))
            await collect(viewer)
            failures += stage.decode_failures(viewer)
            await viewer.peer.close()
            viewer.transport.close()
        asked = sender.key_frame_requests
        await sender.close()
    result.at_most(
        round(max(waits_s) * 1000), "ms from connected to the first picture", FIRST_PICTURE_S * 1000
    )
    result.at_most(asked, "PLI to the publisher", 0)
    result.at_most(failures, "decode errors", 0)
    each = ", ".join(f"{wait * 1000:.0f}" for wait in waits_s)
    result.notes.append(
        f"First pictures after {each} ms. The plots show the last of {len(waits_s)} who joined."
    )
    if seen is not None:
        result.charts += _charts(seen, sender)
    return result


def _first_picture_s(viewer: Viewer) -> float:
    assert viewer.connected_s is not None
    return viewer.timeline.frames[0].at - viewer.connected_s


def _charts(viewer: Viewer, sender: Sender) -> list[Chart]:
    """How the last one caught up with what the publisher sends."""
    start = viewer.connected_s or 0
    end = viewer.timeline.frames[-1].at
    behind = []
    for each in viewer.timeline.frames:
        assert each.colour is not None
        count = len(sender.clip.frames)
        pictures = (sender.number_at(each.at) - clips.number_of(each.colour)) % count
        behind.append((each.at, pictures / sender.clip.fps))
    return [
        Chart("Behind the publisher", "s", [Series("picture", behind, "dots")], start, end),
        views.frames(start, end, viewer=viewer.timeline),
        views.bitrate(start, end, viewer=viewer.timeline),
    ]
