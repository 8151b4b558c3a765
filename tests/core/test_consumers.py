"""Layers, scores and orientation as an integrator sees them, as properties and events."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from vpaas_core import (
    Config,
    ConsumerLayers,
    Engine,
    InvalidParameters,
    InvalidState,
    PlainTransport,
    Router,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
    Unsupported,
    VideoOrientation,
)
from vpaas_core._fastpath import rtcp
from vpaas_core.codecs import URI_VIDEO_ORIENTATION

ORIENTATION_ID = 5
WAIT_S = 8


def video(codec: str, *ssrcs: int) -> RtpParameters:
    return RtpParameters(
        codecs=[RtpCodecParameters(f"video/{codec}", 96, 90000)],
        header_extensions=[RtpHeaderExtensionParameters(URI_VIDEO_ORIENTATION, ORIENTATION_ID)],
        encodings=[RtpEncodingParameters(ssrc=ssrc) for ssrc in ssrcs],
    )


def key_frame(ssrc: int, number: int, orientation: int | None = None) -> bytes:
    first, extension = 0x80, b""
    if orientation is not None:
        first, extension = 0x90, b"\xbe\xde\x00\x01" + bytes([ORIENTATION_ID << 4, orientation, 0, 0])
    header = bytes([first, 0x80 | 96]) + number.to_bytes(2) + (3000 * number).to_bytes(4) + ssrc.to_bytes(4)
    return header + extension + b"\x10\x00key frame"


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    async with Engine(Config(listen_ip="127.0.0.1")) as engine:
        yield engine.create_router()


@pytest.fixture
def udp() -> Iterator[Callable[[], socket.socket]]:
    sockets: list[socket.socket] = []

    def make() -> socket.socket:
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind(("127.0.0.1", 0))
        return sockets[-1]

    yield make
    for each in sockets:
        each.close()


async def until(what: str, condition: Callable[[], Any], step: Callable[[], None] = lambda: None) -> None:
    """Takes `step` every 20 ms until the condition holds."""
    for _ in range(round(WAIT_S / 0.02)):
        if condition():
            return
        step()
        await asyncio.sleep(0.02)
    raise AssertionError(f"not {what} within {WAIT_S} s")


def viewer_of(router: Router, ear: socket.socket) -> PlainTransport:
    transport = router.create_plain_transport()
    transport.connect("127.0.0.1", ear.getsockname()[1])
    return transport


async def test_wishes_and_what_comes_of_them(router: Router, udp: Callable[[], socket.socket]) -> None:
    camera, ear = udp(), udp()
    ingress = router.create_plain_transport(comedia=True)
    producer = ingress.produce(kind="video", rtp_parameters=video("VP8", 1, 2, 3))
    consumer = viewer_of(router, ear).consume(
        producer_id=producer.id,
        rtp_capabilities=router.rtp_capabilities,
        preferred_layers=ConsumerLayers(1),
    )
    told: list[Any] = []
    wanted: list[list[int]] = []
    consumer.on("layerschange", told.append)
    producer.on("wantedlayers", wanted.append)
    numbers = iter(range(1, 10_000))

    def frame() -> None:
        number = next(numbers)
        for ssrc in (1, 2, 3):
            camera.sendto(key_frame(ssrc, number), ingress.listen_address)

    assert consumer.type == producer.type == "simulcast"
    assert consumer.current_layers is None
    assert producer.wanted_layers == [0, 1, 2]
    await until("the middle", lambda: consumer.current_layers == ConsumerLayers(1, 0), frame)
    await until("told what nobody wants", lambda: producer.wanted_layers == [1], frame)
    consumer.set_preferred_layers(5, 3)
    await until("the largest", lambda: consumer.current_layers == ConsumerLayers(2, 0), frame)
    consumer.pause()
    await until("nothing", lambda: consumer.current_layers is None, frame)
    await until("told that nobody watches", lambda: producer.wanted_layers == [], frame)
    consumer.resume()
    await until("the largest again", lambda: consumer.current_layers == ConsumerLayers(2, 0), frame)
    assert told[-1] == ConsumerLayers(2, 0)
    assert wanted[-1] == producer.wanted_layers
    with pytest.raises(InvalidParameters, match="temporalLayer"):
        consumer.set_preferred_layers(1, -1)
    consumer.close()
    with pytest.raises(InvalidState):
        consumer.set_preferred_layers(1)


async def test_scores(router: Router, udp: Callable[[], socket.socket]) -> None:
    camera, ear = udp(), udp()
    ingress = router.create_plain_transport(comedia=True)
    producer = ingress.produce(kind="video", rtp_parameters=video("VP8", 1))
    egress = viewer_of(router, ear)
    consumer = egress.consume(producer_id=producer.id, rtp_capabilities=router.rtp_capabilities)
    numbers = iter(range(1, 30_000, 2))  # every other one is lost
    assert [each.score for each in producer.score] == [10]
    assert consumer.score.score == consumer.score.producer_score == 10

    def lossy_frame() -> None:
        camera.sendto(key_frame(1, next(numbers)), ingress.listen_address)

    def report() -> None:
        lossy_frame()
        ssrc = consumer.rtp_parameters.encodings[0].ssrc
        block = dict.fromkeys(("cumulative_lost", "extended_seq", "jitter", "lsr", "dlsr"), 0)
        ear.sendto(rtcp.build_rr(7, [{"ssrc": ssrc, "fraction_lost": 200, **block}]), egress.listen_address)

    await until("a bad score", lambda: producer.score[0].score < 8, lossy_frame)
    assert consumer.score.producer_scores == [producer.score[0].score]
    await until("a bad score of the viewer's", lambda: consumer.score.score < 5, report)
    await until("no score", lambda: producer.score[0].score == 0)


async def test_orientation(router: Router, udp: Callable[[], socket.socket]) -> None:
    camera = udp()
    ingress = router.create_plain_transport(comedia=True)
    producer = ingress.produce(kind="video", rtp_parameters=video("VP8", 1))
    told: list[VideoOrientation] = []
    producer.on("videoorientationchange", told.append)
    for number, orientation in enumerate([0, 0, None, 0b0001, 0b1110, 0b1110], 1):
        camera.sendto(key_frame(1, number, orientation), ingress.listen_address)
    await until("told", lambda: len(told) == 3)
    assert told == [
        VideoOrientation(False, False, 0),
        VideoOrientation(False, False, 90),
        VideoOrientation(True, True, 180),
    ]


async def test_who_may_take_whose_place(router: Router, udp: Callable[[], socket.socket]) -> None:
    ingress = router.create_plain_transport(comedia=True)
    vp8, other = (ingress.produce(kind="video", rtp_parameters=video("VP8", ssrc)) for ssrc in (1, 2))
    vp9 = ingress.produce(kind="video", rtp_parameters=video("VP9", 3))
    egress = viewer_of(router, udp())
    consumer = egress.consume(producer_id=vp8.id, rtp_capabilities=router.rtp_capabilities)
    slot = egress.consume_slot(kind="video", rtp_capabilities=router.rtp_capabilities)
    changes: list[Any] = []
    slot.on("producerchange", changes.append)
    assert slot.type == "slot"
    assert slot.producer_id is None
    for producer in (vp8, vp9, None, other):
        slot.switch_to(producer)
        assert slot.producer_id == (producer and producer.id)
    consumer.switch_to(other)
    with pytest.raises(Unsupported):
        consumer.switch_to(vp9)
    audio = ingress.produce(
        kind="audio",
        rtp_parameters=RtpParameters([RtpCodecParameters("audio/opus", 111, 48000, 2)]),
    )
    with pytest.raises(InvalidParameters):
        slot.switch_to(audio)
    other.close()
    assert consumer.closed
    assert not slot.closed
    assert slot.producer_id is None
    assert changes == [vp8, vp9, None, other, None]
    with pytest.raises(InvalidState):
        slot.switch_to(other)
