"""One viewer's link loses packets. It goes on seeing, and nobody else notices."""

from __future__ import annotations

import asyncio
import time

from quality import camera, views
from quality.figures import Result
from quality.impair import Impairment
from quality.stage import WIDTH, Format, Stage, collect, playing

LINK = Impairment(loss=0.1, delay_s=0.03)
"""Each way."""
LONG_S, QUICK_S = 60.0, 12.0
FREEZE_S = 0.5
FREEZE_OF_OTHERS_S = 0.3
FRAMES_SHARE = 0.95
SEED = 7


async def run(quick: bool) -> Result:
    result = Result("10 % random loss each way, 60 ms RTT, VP8 simulcast 1280x720")
    async with Stage.open() as stage:
        publisher = await stage.publisher(Format("VP8", "simulcast"))
        unlucky = await stage.viewer(
            publisher.producer, name="unlucky", up=LINK, down=LINK, seed=SEED, watch_picture=True
        )
        other = await stage.viewer(publisher.producer, name="other")
        await playing(unlucky, other, width=WIDTH)
        await collect(publisher, unlucky, other)
        start = time.time()
        await asyncio.sleep(QUICK_S if quick else LONG_S)
        end = time.time()
        await collect(publisher, unlucky, other)
        failures = stage.decode_failures(unlucky)
        assert unlucky.path is not None
        down = unlucky.path.down
    sent = publisher.peer.timeline.between(start, end).encoding("f")
    seen, clean = unlucky.timeline.between(start, end), other.timeline.between(start, end)
    frozen = [each for each in seen.freezes() if each.length_s > FREEZE_S]
    result.at_most(len(frozen), f"freezes over {FREEZE_S * 1000:.0f} ms", 0)
    result.at_most(round(seen.longest_gap_s() * 1000), "ms between two pictures at most", FREEZE_S * 1000)
    share = len(seen.frames) / (sent.grown("framesSent") or 1)
    result.at_least(round(min(share, 1), 3), "of the chosen layer's frames", FRAMES_SHARE)
    result.at_most(failures, "decode errors", 0)
    result.at_most(sum(camera.is_strange(each.colour) for each in seen.frames), "spoilt pictures", 0)
    result.at_most(
        round(clean.longest_gap_s() * 1000),
        "ms between two pictures at most, for another viewer",
        FREEZE_OF_OTHERS_S * 1000,
    )
    result.notes.append(
        f"Of {down.lost + down.passed} datagrams to the viewer {down.lost} were lost (seed {SEED})."
        f" It asked {seen.grown('nackCount'):.0f} times for packets, {seen.grown('pliCount'):.0f} for key"
        f" frames; the other viewer {clean.grown('nackCount'):.0f} and {clean.grown('pliCount'):.0f} times."
    )
    result.charts += [
        views.pictures(seen, start, end, []),
        views.frames(start, end, unlucky=seen, other=clean),
        views.gaps(seen, start, end, FREEZE_S),
        views.bitrate(start, end, unlucky=seen, other=clean),
        views.repairs(seen, start, end),
    ]
    return result
