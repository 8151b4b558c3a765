"""GStreamer's webrtcbin (RSA certificate, DTLS client) publishes over WHIP to aiortc, and plays it over WHEP.

Seen with GStreamer 1.22: it offers sendrecv for what it only sends, makes a key frame when asked, sends no
checks once it is connected, and reaches a loopback address only when told to use one itself, because libnice
leaves them out.
"""

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.interop.conftest import EMPTY, holds
from tests.support.child import ROOT, Child
from tests.support.http_peer import player, publisher
from tests.support.live import LiveNode
from tests.support.pictures import PLACES, WIDTH, Bar, Picture, Tone, assert_tone, eventually

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = str(ROOT / "tests/interop/gst_peer.py")
BALL_STEP_MAX = 6
"""Pixels: the ball of videotestsrc goes once around in 200 pictures."""


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip(f"no {SYSTEM_PYTHON}, whose packages GStreamer's bindings are among")
    check = subprocess.run([SYSTEM_PYTHON, SCRIPT, "--check"], capture_output=True, text=True, timeout=60)
    if check.returncode:
        pytest.skip(check.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_broadcast_is_seen_and_heard(live: LiveNode, codec: str) -> None:
    room = await live.room()
    token = await live.token(room)
    async with Child.running(
        SYSTEM_PYTHON, SCRIPT, "publish", f"{live.url}/vpaas/whip", token, codec
    ) as gstreamer:
        await eventually(lambda: holds(live)["producers"] == 2, 20)
        async with player(live.client, await live.token(room)) as early:
            await early.open()
            assert_ball_moves(await early.receivers["video"].next_pictures(40))
            assert_tone(await early.receivers["audio"].next_second())
            async with player(live.client, await live.token(room)) as late:
                await late.open()
                assert_ball_moves(await late.receivers["video"].next_pictures(20))
                assert late.first_picture_s() < 5, "a key frame is asked for when somebody comes"
                print(
                    f"{codec}: first picture {early.first_picture_s():.2f} s, {late.first_picture_s():.2f} s"
                )
            assert await gstreamer.end() == 0
            await early.state("closed")
            await eventually(lambda: holds(live) == EMPTY)
            early.location = None


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_it_plays_what_others_publish(live: LiveNode, codec: str) -> None:
    room = await live.room()
    async with publisher(live.client, await live.token(room), [Tone(), Bar()], codec) as sending:
        await sending.open()
        await sending.connected()
        token = await live.token(room)
        async with Child.running(
            SYSTEM_PYTHON, SCRIPT, "play", f"{live.url}/vpaas/whep", token, codec
        ) as gstreamer:
            seen = await gstreamer.says(lambda said: said["pictures"] >= 60 and said["samples"] > 48_000, 20)
            assert seen["width"] == WIDTH
            assert seen["places"] > PLACES / 2
            assert await gstreamer.end() == 0
        assert holds(live) == {"transports": 1, "producers": 2, "consumers": 0, "sessions": 1}


def assert_ball_moves(pictures: list[Picture]) -> None:
    assert {picture.size for picture in pictures} == {(320, 240)}
    for before, after in pairwise(pictures):
        steps = round((after.pts - before.pts) * 20 / 90_000)
        moved = max(abs(after.x - before.x), abs(after.y - before.y))
        assert moved <= BALL_STEP_MAX * steps, f"{moved} pixels in {steps} pictures"
    assert len({(round(picture.x), round(picture.y)) for picture in pictures}) > len(pictures) / 2
