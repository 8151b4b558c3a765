"""A link with a long way and short outages: what was lost comes again, and without a key frame."""

from __future__ import annotations

import asyncio
import time

from quality import camera, views
from quality.figures import Result
from quality.impair import Impairment, Outages
from quality.plot import Span
from quality.stage import WIDTH, Format, Stage, collect, playing
from quality.timeline import Timeline

RTT_S = 0.2
LINK = Impairment(delay_s=RTT_S / 2)
OUTAGES = Outages(share=0.02, length_s=0.2)
LONG_S, QUICK_S = 60.0, 10.0
AFTER_S = 2.0
RECOVERED_S = RTT_S + 0.2
FREEZE_OF_OTHERS_S = 0.3
SEED = 11


async def run(quick: bool) -> Result:
    result = Result("2 % loss in bursts of 200 ms, RTT 200 ms, VP8 simulcast 1280x720")
    async with Stage.open() as stage:
        publisher = await stage.publisher(Format("VP8", "simulcast"))
        unlucky = await stage.viewer(
            publisher.producer, name="unlucky", up=LINK, down=LINK, seed=SEED, watch_picture=True
        )
        other = await stage.viewer(publisher.producer, name="other")
        await playing(unlucky, other, width=WIDTH)
        await asyncio.sleep(AFTER_S)  # for the round trip to be known at both ends
        await collect(publisher, unlucky, other)
        assert unlucky.path is not None
        start = time.time()
        seconds = QUICK_S if quick else LONG_S
        outages = unlucky.path.break_down(OUTAGES, seconds)
        await asyncio.sleep(seconds + AFTER_S)
        end = time.time()
        await collect(publisher, unlucky, other)
        failures = stage.decode_failures(unlucky)
    seen, clean = unlucky.timeline.between(start, end), other.timeline.between(start, end)
    pauses = [_recovered_s(seen, outage_end + LINK.delay_s) for _, outage_end in outages]
    result.at_most(seen.grown("keyFramesDecoded"), "key frames needed", 0)
    result.at_most(round(max(pauses) * 1000), "ms from a burst's end to the next picture", RECOVERED_S * 1000)
    result.at_most(failures, "decode errors", 0)
    result.at_most(sum(camera.is_strange(each.colour) for each in seen.frames), "spoilt pictures", 0)
    result.at_most(
        round(clean.longest_gap_s() * 1000),
        "ms between two pictures at most, for another viewer",
        FREEZE_OF_OTHERS_S * 1000,
    )
    result.notes.append(
        f"{len(outages)} bursts took {unlucky.path.down.lost} datagrams."
        f" The viewer asked {seen.grown('nackCount'):.0f} times for packets, {seen.grown('pliCount'):.0f}"
        " times for key frames. From when the first packet after a burst could arrive to the next picture:"
        f" {', '.join(f'{each * 1000:.0f}' for each in pauses)} ms."
    )
    marks = [Span(left, right, "nothing gets through") for left, right in outages]
    result.charts += [
        views.frames(start, end, unlucky=seen, other=clean),
        views.gaps(seen, start, end, OUTAGES.length_s + RECOVERED_S, marks),
        views.bitrate(start, end, unlucky=seen, other=clean),
        views.repairs(seen, start, end, marks),
    ]
    return result


def _recovered_s(seen: Timeline, since: float) -> float:
    return next((each.at - since for each in seen.frames if each.at >= since), float("inf"))
