"""The instruments tell good from bad, and the quick rows of scripts/quality are met."""

import json
import random
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from quality import clips
from quality.figures import Figure, Result
from quality.impair import Impairment, Lossy, Outages
from quality.plot import Chart, Series, Span
from quality.report import html
from quality.sender import Sender
from quality.stage import Stage, playing, until
from quality.timeline import Shown, Timeline

ROOT = Path(__file__).parents[1]
ROWS = ["joins", "loss", "late-joiner-vp8", "layers-vp8-simulcast", "layers-av1-l3t3", "slots"]


# Measuring


def test_freezes_are_read_from_what_chromium_counts() -> None:
    counted = [(0, 0.0), (0, 0.0), (2, 0.8), (2, 0.8), (3, 1.4)]
    samples = [
        {"at": at / 5, "freezeCount": count, "totalFreezesDuration": length}
        for at, (count, length) in enumerate(counted)
    ]
    freezes = Timeline(samples).freezes()
    assert [round(each.length_s, 3) for each in freezes] == [0.4, 0.4, 0.6]


def test_gaps_are_the_times_between_pictures() -> None:
    timeline = Timeline(frames=[Shown(at, 1280, 720) for at in (1.0, 1.05, 1.55, 1.6)])
    assert round(timeline.longest_gap_s(), 3) == 0.5
    assert timeline.between(1.5, 2).longest_gap_s() < 0.06
    assert Timeline().longest_gap_s() == float("inf")


def test_a_rate_is_what_a_counter_grows_by() -> None:
    timeline = Timeline([{"at": at / 5, "bytesReceived": 1000 * at} for at in range(4)])
    assert [round(rate) for _, rate in timeline.rate("bytesReceived", 8)] == [40_000] * 3
    assert timeline.grown("bytesReceived") == 3000


# Links


def test_random_loss_and_delay_are_as_wanted() -> None:
    lossy = Lossy(Impairment(loss=0.1, delay_s=0.03, jitter_s=0.01), random.Random(1))
    arrivals = [lossy.arrival(number / 1000) for number in range(10_000)]
    assert abs(lossy.lost / 10_000 - 0.1) < 0.01
    came = [each for each in arrivals if each is not None]
    assert came == sorted(came)
    assert all(0.03 <= at - number / 1000 < 0.05 for number, at in enumerate(arrivals) if at is not None)


def test_outages_take_their_share_of_the_time() -> None:
    outages = Outages(share=0.02, length_s=0.2)
    lossy = Lossy(Impairment(), random.Random(1))
    lossy.outages = outages.draw(5.0, 6, random.Random(1))
    lost = [number / 100 for number in range(6500) if lossy.arrival(number / 100) is None]
    assert 115 <= len(lost) <= 125  # 6 times 0.2 s, one datagram every 10 ms
    assert all(any(start <= at < end for start, end in lossy.outages) for at in lost)


# Clips


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_clip_has_one_key_frame_and_fits_into_packets(codec: clips.Codec) -> None:
    clip = clips.encode(codec, 3, seconds=2, fps=10, width=320, height=180)
    assert clip.seconds == 2
    sent = [list(clips.payloads(codec, frame, number)) for number, frame in enumerate(clip.frames)]
    assert all(1 <= len(payload) <= 1200 for frame in sent for payload in frame)
    if codec == "VP8":
        assert [frame[0][4] & 1 for frame in sent] == [0] + [1] * 19  # RFC 7741 §4.3: P
        assert all(payload[0] & 0x10 == (n == 0) << 4 for frame in sent for n, payload in enumerate(frame))
    else:
        kinds = [{payload[0] & 31, payload[1] & 31} & {5, 7} for frame in sent for payload in frame[:1]]
        assert kinds[0]
        assert not any(kinds[1:])


def test_colours_tell_sources_apart() -> None:
    for source in range(25):
        u, v = clips.chroma_of(source)
        assert clips.source_of((90, u + 4, v - 4)) == source
    assert clips.source_of((90, 68, 48)) is None


# The report


def test_charts_are_well_formed_whatever_they_are_given() -> None:
    some = [
        Series("a & b", [(1.0, 3.0), (2.0, 7.5)]),
        Series("c", [(1.5, 2.0)], "dots"),
        Series("d", [], "step"),
    ]
    charts = [
        Chart("x < y", "ms", some, 1.0, 2.0, [Span(1.2, 1.3, "freeze")], 300),
        Chart("empty", "", [], 0.0, 0.0),
        Chart("zero", "kbit/s", [Series("z", [(5.0, 0.0)], "step")], 0.0, 1e9),
        Chart("far", "s", [Series("z", [(5.0, 1e12)])], 4.0, 6.0),
    ]
    for chart in charts:
        text = chart.svg()
        assert "nan" not in text
        assert len(text) < 10_000
        ElementTree.fromstring(text)


def test_the_report_says_which_limits_are_missed_and_loads_nothing() -> None:
    result = Result("a row", notes=["seen <once>"])
    result.at_most(12, "ms", 10)
    result.at_least(0.97, "of the frames", 0.95)
    result.at_most(None, "decode errors", 0)
    text = html([result])
    assert text.count(">missed") == 4  # in both tables
    assert "seen &lt;once&gt;" in text
    assert "http" not in text.replace("http-equiv", "")
    assert [each.as_json()["ok"] for each in result.figures] == [False, True, False]
    assert Figure("a", 1, "x", 1).as_json() == {"row": "a", "figure": 1, "unit": "x", "limit": 1, "ok": True}


# With Chromium


@pytest.mark.parametrize("spoilt", [False, True])
async def test_what_a_decoder_refuses_is_counted(spoilt: bool) -> None:
    clip = clips.encode("VP8", 7, seconds=1, fps=20, width=320, height=180)
    frames = list(clip.frames)
    if spoilt:
        # RFC 6386 §9.1: a first partition that would be longer than the frame
        frames[10] = bytes([frames[10][0] | 0xE0, 0xFF, 0xFF]) + frames[10][3:]
    async with Stage.open() as stage:
        sender = Sender(stage.router, replace(clip, frames=frames))
        viewer = await stage.viewer(sender.producer, watch_picture=True)
        await playing(viewer, width=320)
        await until(viewer, lambda seen: seen.samples[-1]["framesReceived"] >= 2 * len(frames))
        failures = stage.decode_failures(viewer)
        await sender.close()
    assert (failures > 0) == spoilt
    assert {clips.source_of(each.colour) for each in viewer.timeline.frames if each.colour} == {7}


def test_quick_rows_are_met() -> None:
    only = [f"--only={row}" for row in ROWS]
    finished = subprocess.run(
        [sys.executable, "-m", "quality", "--quick", "--json", *only],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    figures = json.loads(finished.stdout)
    assert {tuple(each) for each in figures} == {("row", "figure", "unit", "limit", "ok")}
    assert len({each["row"] for each in figures}) == len(ROWS)
    assert [each for each in figures if not each["ok"]] == [], finished.stderr
    assert finished.returncode == 0
    assert "<svg" in (ROOT / "build/quality/report.html").read_text()
