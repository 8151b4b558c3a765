"""Observers as an integrator uses them. What they tell of speech is tested where no time has to pass."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.sim.packets import Rtp
from tests.support.webrtc_peer import OPUS, vp8
from vpaas_core import (
    ActiveSpeakerObserver,
    AudioLevelObserver,
    Engine,
    InvalidParameters,
    InvalidState,
    PlainTransport,
    Producer,
    Router,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpObserver,
    RtpParameters,
    Volume,
)
from vpaas_core._fastpath.events import EventKind

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
LEVEL_ID = 3
PACKET_S = 0.02


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    async with Engine() as engine:
        yield engine.create_router()


def microphone(transport: PlainTransport, ssrc: int) -> Producer:
    return transport.produce(
        kind="audio",
        rtp_parameters=RtpParameters(
            [OPUS],
            mid=str(ssrc),
            encodings=[RtpEncodingParameters(ssrc=ssrc)],
            header_extensions=[RtpHeaderExtensionParameters(AUDIO_LEVEL, LEVEL_ID)],
        ),
    )


@pytest.fixture
def transport(router: Router) -> PlainTransport:
    return router.create_plain_transport(comedia=True)


def ids(*producers: Producer) -> bytes:
    return struct.pack(f"{len(producers)}I", *(producer.native_id for producer in producers))


class Talker:
    """Sends packets of these levels every 20 ms from a socket of its own."""

    def __init__(self, transport: PlainTransport, levels: dict[int, int]) -> None:
        self.levels, self.sent = levels, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(transport.listen_address)
        self._next()

    def _next(self) -> None:
        self.sent += 1
        for ssrc, level in self.levels.items():
            packet = Rtp(
                111, self.sent, self.sent * 960, ssrc, b"\xfc", extensions={LEVEL_ID: bytes([level])}
            )
            self.socket.send(packet.pack())
        self.timer = asyncio.get_running_loop().call_later(PACKET_S, self._next)

    def stop(self) -> None:
        self.timer.cancel()
        self.socket.close()


def first(observer: RtpObserver, event: str) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def told(*arguments: Any) -> None:
        if not future.done():
            future.set_result(arguments)

    observer.on(event, told)
    return future


async def test_levels_and_speakers_of_real_packets(router: Router, transport: PlainTransport) -> None:
    quiet, loud = microphone(transport, 1), microphone(transport, 2)
    levels = router.create_audio_level_observer(max_entries=2, threshold=-60, interval_ms=200)
    speakers = router.create_active_speaker_observer()
    for producer in (quiet, loud):
        levels.add_producer(producer)
        speakers.add_producer(producer)
    told = [first(levels, "volumes"), first(speakers, "ranking"), first(speakers, "dominantspeaker")]
    talker = Talker(transport, {1: 70, 2: 0x80 | 25})
    (volumes,), (ranking,), (dominant,) = await asyncio.wait_for(asyncio.gather(*told), 10)
    silence = first(levels, "silence")
    talker.stop()
    await asyncio.wait_for(silence, 10)
    assert volumes == [Volume(loud, -25)]
    assert ranking == speakers.ranking == [loud]
    assert dominant is speakers.dominant is loud


async def test_what_the_worker_tells(router: Router, transport: PlainTransport) -> None:
    producers = [microphone(transport, ssrc) for ssrc in (1, 2, 3)]
    speakers, levels = router.create_active_speaker_observer(), router.create_audio_level_observer()
    for producer in producers[:2]:
        speakers.add_producer(producer)
        levels.add_producer(producer)
    events: list[Any] = []
    for name in ("ranking", "dominantspeaker"):
        speakers.on(name, lambda told, name=name: events.append((name, told)))
    for name in ("volumes", "silence"):
        levels.on(name, lambda *told, name=name: events.append((name, *told)))
    one, two, stranger = producers
    speakers.on_event(EventKind.EVENT_RANKING, ids(two, stranger, one))  # written before somebody left
    speakers.on_event(EventKind.EVENT_DOMINANT, ids(stranger))
    speakers.on_event(EventKind.EVENT_DOMINANT, ids(two))
    levels.on_event(EventKind.EVENT_VOLUMES, struct.pack("IiIi", two.native_id, -20, stranger.native_id, -30))
    levels.on_event(EventKind.EVENT_VOLUMES, struct.pack("Ii", stranger.native_id, -30))
    levels.on_event(EventKind.EVENT_SILENCE, b"")
    assert events == [
        ("ranking", [two, one]),
        ("dominantspeaker", two),
        ("volumes", [Volume(two, -20)]),
        ("silence",),
    ]
    two.close()
    assert speakers.ranking == [one]
    assert speakers.dominant is None


@pytest.mark.parametrize("make", [Router.create_active_speaker_observer, Router.create_audio_level_observer])
async def test_life(router: Router, transport: PlainTransport, make: Callable[[Router], RtpObserver]) -> None:
    observer, producer = make(router), microphone(transport, 1)
    closed: list[None] = []
    observer.on("close", lambda: closed.append(None))
    observer.add_producer(producer)
    observer.add_producer(producer)
    observer.pause()
    observer.pause()
    assert observer.paused
    observer.resume()
    assert not observer.paused
    observer.remove_producer(producer)
    observer.remove_producer(producer)
    observer.add_producer(producer)
    assert producer.observers == {observer}
    observer.close()
    observer.close()
    assert closed == [None]
    assert producer.observers == set()
    assert router.observers == {}
    for call in (
        lambda: observer.add_producer(producer),
        lambda: observer.remove_producer(producer),
        observer.pause,
        observer.resume,
    ):
        with pytest.raises(InvalidState):
            call()


async def test_it_closes_with_its_router_and_forgets_producers_that_close(
    router: Router, transport: PlainTransport
) -> None:
    observer, producer, other = (
        router.create_active_speaker_observer(),
        microphone(transport, 1),
        microphone(transport, 2),
    )
    observer.add_producer(producer)
    observer.add_producer(other)
    producer.close()
    observer.remove_producer(producer)  # nothing to do
    with pytest.raises(InvalidParameters, match="producer"):
        observer.add_producer(producer)
    closed: list[str] = []
    observer.on("close", lambda: closed.append("observer"))
    router.on("close", lambda: closed.append("router"))
    transport.close()
    router.close()
    assert closed == ["observer", "router"]
    assert router.worker.observers == {}
    for make in (router.create_active_speaker_observer, router.create_audio_level_observer):
        with pytest.raises(InvalidState):
            make()


async def test_only_audio_of_its_own_router(router: Router, transport: PlainTransport) -> None:
    observer = router.create_audio_level_observer()
    video = transport.produce(kind="video", rtp_parameters=vp8(5))
    elsewhere = router.worker.create_router(router.rtp_capabilities.codecs[:1]).create_plain_transport()
    for producer in (video, microphone(elsewhere, 1)):
        with pytest.raises(InvalidParameters, match="producer"):
            observer.add_producer(producer)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (AudioLevelObserver, "max_entries", 0),
        (AudioLevelObserver, "max_entries", 129),
        (AudioLevelObserver, "threshold", -128),
        (AudioLevelObserver, "threshold", 1),
        (AudioLevelObserver, "interval_ms", 99),
        (AudioLevelObserver, "interval_ms", 10_001),
        (ActiveSpeakerObserver, "interval_ms", 0),
        (ActiveSpeakerObserver, "ranked", 0),
        (ActiveSpeakerObserver, "ranked", 33),
    ],
)
async def test_bad_parameters(router: Router, kind: type, field: str, value: int) -> None:
    make: Callable[..., RtpObserver] = (
        router.create_audio_level_observer
        if kind is AudioLevelObserver
        else router.create_active_speaker_observer
    )
    with pytest.raises(InvalidParameters) as raised:
        make(**{field: value})
    assert raised.value.field.lower() == field.replace("_", "")
    assert router.observers == {}
