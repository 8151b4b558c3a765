"""FFmpeg's `whip` muxer (H264 and Opus, AES_CM_128_HMAC_SHA1_80) publishes; aiortc plays.

Seen with FFmpeg 8.1: it is DTLS client, offers RTX and NACK but neither PLI nor FIR, and makes key frames on
its own schedule only. As long as nobody keeps what came since the last one, late joiners wait up to a GOP.
"""

import datetime
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.interop.conftest import EMPTY, holds
from tests.interop.ffmpeg_publisher import GOP
from tests.support.child import ROOT, Child
from tests.support.http_peer import player
from tests.support.live import LiveNode
from tests.support.pictures import FPS, assert_bar_moves, assert_tone, eventually

SCRIPT = str(ROOT / "tests/interop/ffmpeg_publisher.py")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with cert.pem and key.pem: without them FFmpeg makes a key that DTLS peers refuse."""
    directory = tmp_path_factory.mktemp("ffmpeg")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "FFmpeg")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return directory


async def test_a_broadcast_is_seen_and_heard(live: LiveNode, certificate: Path) -> None:
    room = await live.room()
    command = (SCRIPT, f"{live.url}/vpaas/whip", await live.token(room), str(certificate))
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    async with Child.running(sys.executable, *command, environ=environ) as ffmpeg:
        await eventually(lambda: holds(live)["producers"] == 2, 20)
        async with player(live.client, await live.token(room)) as early:
            await early.open()
            assert_bar_moves(await early.receivers["video"].next_pictures(40))
            assert_tone(await early.receivers["audio"].next_second())
            async with player(live.client, await live.token(room)) as late:
                await late.open()
                assert_bar_moves(await late.receivers["video"].next_pictures(20))
                assert late.first_picture_s() < GOP / FPS + 4
                print(f"first picture {early.first_picture_s():.2f} s, {late.first_picture_s():.2f} s")
            video = video_of(live)
            assert video["keyFrames"] > 1
            assert video["pliCount"] == 0, "its offer knows no PLI"
            assert await ffmpeg.end() == 0
            await early.state("closed")
            await eventually(lambda: holds(live) == EMPTY)
            early.location = None


def video_of(live: LiveNode) -> dict[str, Any]:
    [router] = live.node.engine.workers[0].routers.values()
    [producer] = [each for each in router.producers.values() if each.kind == "video"]
    [encoding] = producer.get_stats()
    return encoding
